"""Collect policy documents that are passed to a custom resource.

What it does with a document is unknown, but a document shows its kind: a resource-based or a trust policy names a
Principal, an identity-based policy never does (IAM User Guide, "IAM JSON policy elements: Principal"). A document
without a Principal is checked as an identity-based policy. Source: AWS CloudFormation Template Reference,
AWS::CloudFormation::CustomResource (its properties are the provider's own).
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.partial_values import Choice, ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.cloudformation.documents import PropertyNode, TemplateDocuments
from passrole_checks.sources.cloudformation.template import entries, intrinsic_call
from passrole_checks.sources.model.configuration import AttachedPolicy, ResourceDefinition
from passrole_checks.sources.model.unknown_consumers import TOO_DEEP, infer_policy_kind

_DEPTH = 6  # levels of objects below a property


def collect_passed_documents(documents: TemplateDocuments, resource: ResourceDefinition, properties: yaml.Node) -> None:
    """Collect the policy documents among the properties of a resource; ``path`` leads from the property to each."""
    for key, value in entries(properties):
        for element, is_searchable in _find_candidates(documents, PropertyNode(key.value, value), _DEPTH):
            if not is_searchable:
                if _may_contain_document(element.node):
                    documents.skip(element.node, f"{resource.address}: {element.path}: {TOO_DEEP}")
                continue
            document = documents.evaluator.node(element.node)
            if _is_document(document):
                documents.collect(resource, element, infer_policy_kind(element.path, document), ())
                continue
            for path, inner in _documents_in_text(
                documents.evaluate_under(element.conditions, element.node), element.path
            ):
                guarded = documents.evaluator.guarded(inner)
                documents.policies.append(AttachedPolicy(resource, path, guarded, infer_policy_kind(path, inner)))


def _find_candidates(
    documents: TemplateDocuments, place: PropertyNode, depth: int
) -> Iterator[tuple[PropertyNode, bool]]:
    """Yield the possible documents at or below an element, each with True; with False elements that are too deep to
    search."""
    for element, _ in documents.find_elements(place.node, place.path, place.conditions):
        keys = entries(element.node) if intrinsic_call(element.node) is None else []
        if not keys or any(key.value == "Statement" for key, _ in keys):
            yield element, True
        elif not depth:
            yield element, False
        else:
            for key, value in keys:
                yield from _find_candidates(documents, element.within(key.value, value), depth - 1)


def _documents_in_text(node: Node, path: str, depth: int = _DEPTH) -> Iterator[tuple[str, Node]]:
    """Yield the documents in a JSON text, at any depth, each with its path.

    An example is the API call that ``AwsCustomResource`` of the AWS CDK receives.
    """
    if isinstance(node, Choice):
        for outcome, option in node.options:
            for inner, document in _documents_in_text(option, path, depth):
                yield inner, Choice(((outcome, document),), node.at)
    elif (
        isinstance(node, StringNode)
        and depth
        and any(isinstance(part, str) and "Statement" in part for part in node.parts)
    ):
        try:
            yield from _documents_in_value(parse_json(node), path, depth - 1)
        except MalformedDocument:
            return


def _documents_in_value(value: Node, path: str, depth: int) -> Iterator[tuple[str, Node]]:
    """Yield the documents at or below a decoded JSON value, each with its path."""
    if _is_document(value):
        yield path, value
    elif isinstance(value, StringNode):
        yield from _documents_in_text(value, path, depth)
    elif isinstance(value, ListNode):
        for number, item in enumerate(value.items):
            yield from _documents_in_value(item, f"{path}/{number}", depth)
    elif isinstance(value, ObjectNode):
        for entry in value.entries:
            yield from _documents_in_value(entry.value, f"{path}/{entry.key}", depth)


def _may_contain_document(node: yaml.Node) -> bool:
    """True if a node, or any node below it, looks like a policy document. Aliases are visited once."""
    pending, seen = [node], set[int]()
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, yaml.ScalarNode):
            if '"Statement"' in current.value:
                return True
        elif isinstance(current, yaml.SequenceNode):
            pending.extend(current.value)
        else:
            keys = entries(current)
            if any(key.value == "Statement" for key, _ in keys):
                return True
            pending.extend(value for _, value in keys)
    return False


def _is_document(node: Node) -> bool:
    """True if a value, in one of its variants, is a policy document with a readable statement."""
    if isinstance(node, Choice):
        return any(_is_document(option) for _, option in node.options)
    if isinstance(node, StringNode):
        if not any(isinstance(part, str) and '"Statement"' in part for part in node.parts):
            return False
    elif not isinstance(node, ObjectNode) or node.get("Statement") is None:
        return False
    return bool(parse_document(node).statements)
