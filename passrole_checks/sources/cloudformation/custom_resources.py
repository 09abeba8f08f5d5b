"""Policy documents that are handed to a custom resource.

What it makes of a document is not known, but a document says itself what it can be: a resource-based or a
trust policy names a Principal, an identity-based policy never does (IAM User Guide, "IAM JSON policy elements:
Principal"). So one without is judged as what it will be once somebody holds it. Source: AWS CloudFormation Template
Reference, AWS::CloudFormation::CustomResource (its properties are the provider's own).
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.partial_values import Choice, ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.cloudformation.documents import PropertyNode, TemplateDocuments
from passrole_checks.sources.cloudformation.template import call, entries
from passrole_checks.sources.model.configuration import AttachedPolicy, ResourceDefinition
from passrole_checks.sources.model.unknown_consumers import TOO_DEEP, infer_policy_kind

_DEPTH = 6  # levels of objects below a property


def read_handed_over(documents: TemplateDocuments, resource: ResourceDefinition, properties: yaml.Node) -> None:
    """Collect the policy documents among the properties of a resource; ``path`` leads from the property to each."""
    for key, value in entries(properties):
        for found, searched in _below(documents, PropertyNode(key.value, value), _DEPTH):
            if not searched:
                if _speaks_of_statements(found.node):
                    documents.skipped(found.node, f"{resource.address}: {found.path}: {TOO_DEEP}")
                continue
            document = documents.evaluator.node(found.node)
            if _is_document(document):
                documents.emit(resource, found, infer_policy_kind(found.path, document), ())
                continue
            for path, inside in _in_text(documents.under(found.conditions, found.node), found.path):
                there = documents.evaluator.there(inside)
                documents.policies.append(AttachedPolicy(resource, path, there, infer_policy_kind(path, inside)))


def _below(documents: TemplateDocuments, place: PropertyNode, depth: int) -> Iterator[tuple[PropertyNode, bool]]:
    """What may be a document at a place or below it; with False what lies too deep to be looked into."""
    for found, _ in documents.elements(place.node, place.path, place.conditions):
        keys = entries(found.node) if call(found.node) is None else []
        if not keys or any(key.value == "Statement" for key, _ in keys):
            yield found, True
        elif not depth:
            yield found, False
        else:
            for key, value in keys:
                yield from _below(documents, found.within(key.value, value), depth - 1)


def _in_text(node: Node, path: str, depth: int = _DEPTH) -> Iterator[tuple[str, Node]]:
    """The documents in a value that is JSON text, or holds some, such as the call of an API that ``AwsCustomResource``
    of the AWS CDK is given; each with its path."""
    if isinstance(node, Choice):
        for outcome, option in node.options:
            for inner, found in _in_text(option, path, depth):
                yield inner, Choice(node.condition, ((outcome, found),), node.at)
    elif (
        isinstance(node, StringNode)
        and depth
        and any(isinstance(part, str) and "Statement" in part for part in node.parts)
    ):
        try:
            yield from _in_json(parse_json(node), path, depth - 1)
        except MalformedDocument:
            return


def _in_json(value: Node, path: str, depth: int) -> Iterator[tuple[str, Node]]:
    if _is_document(value):
        yield path, value
    elif isinstance(value, StringNode):
        yield from _in_text(value, path, depth)
    elif isinstance(value, ListNode):
        for number, item in enumerate(value.items):
            yield from _in_json(item, f"{path}/{number}", depth)
    elif isinstance(value, ObjectNode):
        for entry in value.entries:
            yield from _in_json(entry.value, f"{path}/{entry.key}", depth)


def _speaks_of_statements(node: yaml.Node) -> bool:
    """Whether anything at or below a node looks like a policy document. What has an alias is looked at once."""
    pending, seen = [node], set[int]()
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, yaml.ScalarNode):
            if '"Statement"' in one.value:
                return True
        elif isinstance(one, yaml.SequenceNode):
            pending.extend(one.value)
        else:
            keys = entries(one)
            if any(key.value == "Statement" for key, _ in keys):
                return True
            pending.extend(value for _, value in keys)
    return False


def _is_document(node: Node) -> bool:
    """Whether a value is a policy document in one of its readings, with a statement that can be read."""
    if isinstance(node, Choice):
        return any(_is_document(option) for _, option in node.options)
    if isinstance(node, StringNode):
        if not any(isinstance(part, str) and '"Statement"' in part for part in node.parts):
            return False
    elif not isinstance(node, ObjectNode) or node.get("Statement") is None:
        return False
    return bool(parse_document(node).statements)
