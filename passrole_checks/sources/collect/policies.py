"""Collect the policies of a resource: identity-based, trust, resource-based and organization policies.

Its :class:`~passrole_checks.sources.collect.tables.AccessTables` list the attributes.
"""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.sources.collect.attachments import conditional_holders
from passrole_checks.sources.collect.handed_out import organization_policy_kind
from passrole_checks.sources.collect.resource import FoundDocument, Holders, Resource
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind, ResourceDefinition


def policies_of(resource: Resource) -> Iterator[AttachedPolicy]:
    """Yield the policies of a resource; path conditions of the resource itself are not in them."""
    definition, type_, tables = resource.definition, resource.definition.type, resource.tables
    own: Holders = {definition.address: [()]}
    required = type_ not in tables.optional
    if type_ in tables.identity:
        found = list(resource.documents(tables.identity[type_], required=required))
        holders = resource.holders(tables.holders.get(type_, {})) if found else own
        holders = holders or (own if type_ in tables.own_attachments else {})
        for each in found:
            yield _policy(
                definition, each, PolicyKind.IDENTITY, holders or (own if type_ in tables.own_attachments else {})
            )
    if type_ in tables.trust:
        for each in resource.documents(tables.trust[type_], required=required):
            yield _policy(definition, each, PolicyKind.TRUST, own)
    if type_ in tables.organization:
        attribute, stated = tables.organization[type_]
        kind = organization_policy_kind(resource.word(stated))
        if kind is not None:
            for each in resource.documents(attribute, required=required):
                yield _policy(definition, each, kind, {})
    for attribute in tables.resource.get(type_, ()):
        for each in resource.documents(attribute, required=False):
            yield _policy(definition, each, PolicyKind.RESOURCE, {})
    if type_ in tables.nested:
        for each in resource.inline_policies(*tables.nested[type_]):
            yield _policy(definition, each, PolicyKind.IDENTITY, own)


def _policy(definition: ResourceDefinition, found: FoundDocument, kind: PolicyKind, holders: Holders) -> AttachedPolicy:
    conditional = conditional_holders(holders)
    return AttachedPolicy(
        definition,
        found.path,
        found.document,
        kind,
        tuple(holders),
        conditional_principals=conditional,
        name=found.name,
        partial_name=found.partial_name,
    )
