"""Attachments of a plan: principals of its policies, group memberships and permissions boundaries.

An attachment names its policy and principals by ARN and name. The ARN of a resource to be created is unknown; the
references in the configuration show what is meant. :mod:`passrole_checks.sources.collect.terraform_tables`
lists the attributes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from passrole_checks.files.decoded_json import as_items, as_list, as_object, as_text
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import text
from passrole_checks.sources.collect.attachments import BOUNDARY_KEY, AttachmentIndex, demanded_boundaries
from passrole_checks.sources.collect.handed_out import presumed_kind
from passrole_checks.sources.collect.terraform_tables import (
    ENTITIES,
    IDENTITY_POLICIES,
    MANAGED_POLICIES,
    NESTED_POLICIES,
    ORGANIZATION_POLICIES,
    OWN_ATTACHMENTS,
    PERMISSION_SET_ARNS,
    RESOURCE_POLICIES,
    TRUST_POLICIES,
)
from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.model.configuration import AttachedPolicy, Attachments, ManagedAttachment, PolicyKind
from passrole_checks.sources.model.principal_names import kind_and_name, literal_principal
from passrole_checks.sources.terraform_plan.attribute_values import PlanValues
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource
from passrole_checks.sources.terraform_plan.references import PlanReference, PlanReferences, without_index

BOUNDARY = "permissions_boundary"
_CALLER = lazy_regex(r"(?:^|\.)data\.aws_caller_identity\.")
_POLICY_ARN = lazy_regex(r"arn:[\w-]+:iam::\d{12}:policy(/(?:.*/)?)([^/]+)")
# attributes that may name a policy without attaching it: boundaries, documents, ordering
_NOT_USES = frozenset({
    BOUNDARY, "depends_on", "name", "tags", "tags_all",
    *IDENTITY_POLICIES.values(), *(name for name, _ in NESTED_POLICIES.values()), *TRUST_POLICIES.values(),
})  # fmt: skip
_KINDS: dict[str, tuple[str, ...]] = {
    **{
        kind: tuple(type_ for type_, entity in ENTITIES.items() if entity.kind == kind)
        for kind in ("role", "user", "group", "policy")
    },
    "permission-set": tuple(PERMISSION_SET_ARNS),
}


class PlanAttachments:
    """Attachments of one plan.

    ``attached_by_plan``: addresses of managed policies that the plan attaches, whether or not it changes them.
    """

    def __init__(self, plan: PlanFile, references: PlanReferences, values: PlanValues) -> None:
        self.plan, self.references, self.values = plan, references, values
        self.index = AttachmentIndex()
        self.attached_by_plan: set[str] = set()
        self._by_name: dict[tuple[str, str], list[PlannedResource]] = {}  # by kind and name
        self._by_arn: dict[str, str] = {}
        for resource in plan.resources.values():
            self._index_names(resource)

    def finish(self) -> None:
        """Find the uses of managed policies, once the attachments of all resources are read."""
        self.index.boundary_uses.update(self._demanded_boundaries())
        if self.index.boundary_uses or self.index.named_boundaries:
            self.index.other_uses.update(self._other_uses())

    def attached(self, policies: Iterable[AttachedPolicy], checked: Collection[str]) -> Attachments:
        """Return the attachments. ``policies``: boundaries and organization policies; ``checked``: addresses."""
        attached = self.index.build(policies)
        elsewhere = {
            (attachment.holder, str(attachment.policy))
            for attachment in attached.managed_policies
            if attachment.resource.address != attachment.holder
        }
        return replace(
            attached,
            managed_policies=tuple(
                replace(attachment, is_checked=self._is_checked(attachment, checked))
                for attachment in attached.managed_policies
                if attachment.resource.address != attachment.holder
                or (attachment.holder, str(attachment.policy)) not in elsewhere
            ),
        )

    def _is_checked(self, attachment: ManagedAttachment, checked: Collection[str]) -> bool:
        """True unless the plan leaves an attachment unchanged, or shows it in a computed attribute of the principal."""
        address, own = attachment.resource.address, OWN_ATTACHMENTS.get(attachment.resource.type)
        is_computed = attachment.path == own and not self.is_configured(self.plan.resources[address], attachment.path)
        return address in checked and not (is_computed and self.plan.configuration)

    def is_configured(self, resource: PlannedResource, attribute: str) -> bool:
        """True if the configuration sets an attribute."""
        return attribute in self.references.expressions_of(resource)

    def boundary_addresses(self) -> set[str]:
        """Return the policies of the plan that are the permissions boundary of a principal."""
        variants = (variant for each in self.index.boundaries.values() for variant in each)
        return {boundary for _, boundary in variants if isinstance(boundary, str)}

    def _index_names(self, resource: PlannedResource) -> None:
        entity = ENTITIES.get(resource.type)
        if entity is not None:
            name, arn = as_text(resource.values.get(entity.name)), as_text(resource.values.get(entity.arn))
            if name:
                self._by_name.setdefault((entity.kind, name), []).append(resource)
            if arn and resource.type in MANAGED_POLICIES:
                self._by_arn[arn] = resource.address
            if resource.type in MANAGED_POLICIES:
                names, values = (name or "", as_text(resource.values.get("path")) or ""), resource.values
                description = as_text(values.get("description")) or ""
                if presumed_kind((resource.name, *names), (description,)) is PolicyKind.BOUNDARY:
                    self.index.named_boundaries.add(resource.address)
        elif resource.type in PERMISSION_SET_ARNS:
            arn = as_text(resource.values.get(PERMISSION_SET_ARNS[resource.type]))
            if arn:
                self._by_name.setdefault(("permission-set", arn), []).append(resource)

    def _demanded_boundaries(self) -> Iterator[str]:
        """Yield managed policies that documents require as a boundary (condition key ``iam:PermissionsBoundary``)."""
        for resource in self.plan.resources.values():
            for value in resource.values.values():
                documents = (found for found in _texts(value) if "{" in found and BOUNDARY_KEY in found.lower())
                for document in documents:
                    for arn in demanded_boundaries(text(document, resource.at)):
                        yield from self.by_arn(arn.literal)
        for data in self.plan.reads.values():
            written = self.references.expressions(data.module, f"data.{data.type}.{data.name}") or {}
            for statement in map(as_object, as_list(written.get("statement"))):
                for condition in map(as_object, as_list(statement.get("condition"))):
                    variable = as_text(as_object(condition.get("variable")).get("constant_value")) or ""
                    if variable.lower() == BOUNDARY_KEY:
                        yield from self._resources_of(
                            self.references.follow(data.module, condition.get("values")), "policy"
                        )

    def _other_uses(self) -> Iterator[str]:
        """Yield the managed policies that resources name, by reference or ARN, other than as a permissions boundary.

        Any such resource counts, as it may be an attachment of an unknown type. A policy's own arn and id name it
        without attaching it.
        """
        for resource in self.plan.resources.values():
            written = self.references.expressions_of(resource)
            documents = {RESOURCE_POLICIES.get(resource.type, ""), ORGANIZATION_POLICIES.get(resource.type, "")}
            for attribute in {*resource.values, *written} - _NOT_USES - documents:
                values = as_items(resource.values.get(attribute))
                used = {address for value in values for address in self.by_arn(value)}
                yield from used.union(self.referenced(resource, attribute, "policy")) - {resource.address}

    def boundary_policies(self, resource: PlannedResource) -> Iterator[str]:
        """Yield the managed policies in a resource's permissions boundary: an ARN, or a name in a nested block."""
        value = resource.values.get(BOUNDARY)
        for block in as_items(value):
            yield from self.by_arn(block)
            if isinstance(block, dict):
                for inner in (item for item in block.values() if isinstance(item, (dict, list))):
                    for named in map(as_object, as_items(inner)):
                        yield from self.by_name(named.get("name"))
        if _has_unknown(resource, BOUNDARY) or not isinstance(value, str):
            yield from self.referenced(resource, BOUNDARY, "policy")

    def policies_in(self, resource: PlannedResource, attribute: str) -> Iterator[str]:
        """Yield the addresses of this plan's managed policies in an attribute (an ARN or a list of ARNs)."""
        for arn in as_items(resource.values.get(attribute)):
            yield from self.by_arn(arn)
        if _has_unknown(resource, attribute):
            yield from self.referenced(resource, attribute, "policy")

    def by_arn(self, arn: Json) -> Iterator[str]:
        """Yield the managed policy with an ARN; one to be created is identified by its path and name."""
        if not isinstance(arn, str):
            return
        if arn in self._by_arn:
            yield self._by_arn[arn]
        elif named := _POLICY_ARN.fullmatch(arn):
            for policy in self._by_name.get(("policy", named.group(2)), []):
                path = as_text(policy.values.get("path"))
                if as_text(policy.values.get(MANAGED_POLICIES[policy.type])) is None and path in (None, named.group(1)):
                    yield policy.address

    def by_name(self, name: Json) -> Iterator[str]:
        for policy in self._by_name.get(("policy", as_text(name) or ""), []):
            yield policy.address

    def by_names(self, resource: PlannedResource, attribute: str) -> Iterator[str]:
        """Yield the managed policies that a permission set refers to by name."""
        for block in map(as_object, as_items(resource.values.get(attribute))):
            yield from self.by_name(block.get("name"))
        yield from self.referenced(resource, attribute, "policy")

    def principals_in(self, resource: PlannedResource, attributes: Mapping[str, str]) -> Iterator[str]:
        for attribute, kind in attributes.items():
            for name in as_items(resource.values.get(attribute)):
                if isinstance(name, str) and name:
                    yield self._resolve_principal(resource.module, kind, name)
            if _has_unknown(resource, attribute):
                addresses = list(self.referenced(resource, attribute, kind))
                yield from addresses
                if not addresses:
                    written = self.references.follow(
                        resource.module, self.references.expressions_of(resource).get(attribute)
                    )
                    yield from (literal_principal(kind, reference.text) for reference in without_index(written))

    def _resolve_principal(self, module: str, kind: str, name: str) -> str:
        """Return the address of the entity with a name, preferably in the same module; else the literal name."""
        entities = self._by_name.get((kind, name), [])
        nearest = [entity for entity in entities if entity.module == module] or entities
        return nearest[0].address if len(nearest) == 1 else literal_principal(kind, name)

    def resolve_name(self, module: str, principal: str) -> str:
        """Return the address for a literal of :mod:`passrole_checks.sources.model.principal_names`, as seen from a
        resource.

        An address is returned unchanged.
        """
        known = kind_and_name(principal)
        return principal if known is None else self._resolve_principal(module, *known)

    def referenced(self, resource: PlannedResource, attribute: str, kind: str) -> Iterator[str]:
        """Yield the addresses of this plan's resources of a kind that an attribute's expression refers to."""
        expression = self.references.expressions_of(resource).get(attribute)
        owner = self.references.owner_of(resource)
        yield from self._resources_of(self.references.follow(resource.module, expression, owner), kind)

    def _resources_of(self, references: Iterable[PlanReference], kind: str) -> Iterator[str]:
        for reference in references:
            address = reference.resource
            resource = self.plan.find_resource(address, reference.index) if address is not None else None
            if resource is not None and resource.type in _KINDS[kind]:
                yield resource.address


def _texts(value: Json) -> Iterator[str]:
    """Yield the strings in an attribute, nested blocks included."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            yield current
        elif isinstance(current, (list, dict)):
            pending.extend(current.values() if isinstance(current, dict) else current)


def _has_unknown(resource: PlannedResource, attribute: str) -> bool:
    """True if an attribute, or an element of it, is known after apply only, or omitted by the plan."""
    missing = as_object(resource.unknown).get(attribute)
    return (
        resource.is_unknown(attribute)
        or any(item is True for item in as_list(missing))
        or resource.values.get(attribute) is None
    )
