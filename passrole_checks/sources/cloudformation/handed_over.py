"""Policy documents that are handed to a custom resource.

What it makes of a document is not known, but a document says itself what it can be: a resource-based or a
trust policy names a Principal, an identity-based policy never does (IAM User Guide, "IAM JSON policy elements:
Principal"). So one without is judged as what it will be once somebody holds it. Source: AWS CloudFormation Template
Reference, AWS::CloudFormation::CustomResource (its properties are the provider's own).
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.values import Choice, Mapping, Node, Text
from passrole_checks.sources.cloudformation.documents import Documents, Found
from passrole_checks.sources.cloudformation.template import call, entries
from passrole_checks.sources.handed_over import kind_of
from passrole_checks.sources.resource import ResourceDefinition

_DEPTH = 6  # levels of lists and objects below a property


def read_handed_over(documents: Documents, resource: ResourceDefinition, properties: yaml.Node) -> None:
    """Collect the policy documents among the properties of a resource; ``path`` leads from the property to each."""
    for key, value in entries(properties):
        for found in _below(documents, Found(key.value, value), _DEPTH):
            document = documents.evaluator.node(found.node)
            if _is_document(document):
                documents.emit(resource, found, kind_of(found.path, document), ())


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
