"""Policy documents that are handed to a custom resource.

What it makes of a document is not known, but a document says itself what it can be: a resource-based or a
trust policy names a Principal, an identity-based policy never does (IAM User Guide, "IAM JSON policy elements:
Principal"). So one without is judged as what it will be once somebody holds it. Source: AWS CloudFormation Template
Reference, AWS::CloudFormation::CustomResource (its properties are the provider's own).
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from passrole_checks.iam.policy import parse_document
from passrole_checks.iam.values import Choice, Items, Mapping, Node, Text
from passrole_checks.sources.cloudformation.documents import Documents, Found
from passrole_checks.sources.cloudformation.template import call, entries
from passrole_checks.sources.resource import PolicyKind, ResourceDefinition

_DEPTH = 6  # levels of lists and objects below a property
_PRINCIPALS = frozenset({"Principal", "NotPrincipal"})


def read_handed_over(documents: Documents, resource: ResourceDefinition, properties: yaml.Node) -> None:
    """Collect the policy documents among the properties of a resource; ``path`` leads from the property to each."""
    for key, value in entries(properties):
        for found in _below(documents, Found(key.value, value), _DEPTH):
            document = documents.evaluator.node(found.node)
            if _is_document(document):
                documents.emit(resource, found, _kind(found.path, document), ())


def _below(documents: Documents, place: Found, depth: int) -> Iterator[Found]:
    """What may be a document at a place or below it."""
    for found, _ in documents.elements(place.node, place.path, place.conditions):
        keys = entries(found.node) if call(found.node) is None else []
        if not keys or any(key.value == "Statement" for key, _ in keys):
            yield found
        elif depth:
            for key, value in keys:
                yield from _below(documents, found.within(key.value, value), depth - 1)


def _is_document(node: Node) -> bool:
    """Whether a value is a policy document in one of its readings, with a statement that can be read."""
    if isinstance(node, Choice):
        return any(_is_document(option) for _, option in node.options)
    if isinstance(node, Text):
        if not any(isinstance(part, str) and '"Statement"' in part for part in node.parts):
            return False
    elif not isinstance(node, Mapping) or node.get("Statement") is None:
        return False
    return bool(parse_document(node).statements)


def _kind(path: str, document: Node) -> PolicyKind:
    if "boundary" in path.lower():
        return PolicyKind.BOUNDARY
    return PolicyKind.RESOURCE if _names_principal(document) else PolicyKind.IDENTITY


def _names_principal(node: Node | None) -> bool:
    """Whether a statement anywhere in a document names a Principal."""
    if isinstance(node, Text):
        return any(isinstance(part, str) and f'"{name}"' in part for part in node.parts for name in _PRINCIPALS)
    if isinstance(node, Choice):
        return any(_names_principal(option) for _, option in node.options)
    if isinstance(node, Items):
        return any(_names_principal(item) for item in node.items)
    if isinstance(node, Mapping):
        named = any(entry.key.literal in _PRINCIPALS for entry in node.entries)
        return named or _names_principal(node.get("Statement"))
    return False
