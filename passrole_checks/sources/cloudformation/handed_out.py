"""Collect the policy documents and AWS managed policies that leave a template.

They are passed to a custom resource, to a resource of another provider or of a type that does not attach IAM policies
itself (``MyOrg::IAM::Role``, ``AWS::SSM::Parameter``), or are an output of the template. What happens with a document
there is unknown, but a document shows its kind: a resource-based or a trust policy names a Principal, an identity-based
policy never does (IAM User Guide, "IAM JSON policy elements: Principal"). A document without a Principal is checked as
an identity-based policy, and so are the statements of a list. Sources: AWS CloudFormation Template Reference,
AWS::CloudFormation::CustomResource (its properties are the provider's own); AWS CloudFormation User Guide, "Outputs".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import yaml

from passrole_checks.iam.values.nodes import Node
from passrole_checks.sources.cloudformation.compose_yaml import nodes_below
from passrole_checks.sources.cloudformation.documents import Conditions, PropertyNode, TemplateDocuments
from passrole_checks.sources.cloudformation.template import child, entries, intrinsic_call, scalar
from passrole_checks.sources.collect.handed_out import (
    AWS_MANAGED,
    MAX_DEPTH,
    TOO_DEEP,
    decode_base64,
    document_of,
    documents_in_text,
    infer_policy_kind,
    is_document,
    judged_by_name,
    makes_organization_policies,
    managed_policies_in,
    managed_policy_may_grant,
    names_principal,
    pass_role_statements,
)
from passrole_checks.sources.model.configuration import (
    OUTPUT,
    AttachedPolicy,
    Framework,
    HandedTo,
    ManagedAttachment,
    NoteKind,
    PolicyKind,
    ResourceDefinition,
)

_ELEMENTS = (frozenset({"Effect"}), frozenset({"Action", "NotAction"}), frozenset({"Resource", "NotResource"}))
_MARKS = ('"Statement"', 'Statement\\"', "eyJ", "ewo", "eyA")  # in the text of a document, or of its Base64 form
_WORDS = ("Statement", "Effect", "eyJ", "ewo", "eyA")  # those of _MARKS, and keys of a document or a statement
_SHORTEST_MARK = min(map(len, _MARKS))
_ON_DELETION = "Delete"  # of an AwsCustomResource: the call when the stack is deleted


def is_opaque_consumer(resource_type: str) -> bool:
    """True if a resource is of a type that AWS does not define, so that it may attach what it gets."""
    return not resource_type.startswith("AWS::") or resource_type == "AWS::CloudFormation::CustomResource"


def collect_handed_out(
    documents: TemplateDocuments, resource: ResourceDefinition, properties: yaml.Node, known: Collection[str] = ()
) -> list[AttachedPolicy]:
    """Return the policy documents among the properties of a resource; ``path`` leads from the property to each.

    ``known``: properties that are read otherwise.
    """
    template, opaque = documents.template, is_opaque_consumer(resource.type)
    consumer = HandedTo.RESOURCE if resource.type else HandedTo.POLICY_DOCUMENT
    if not (opaque or template.may_contain(_WORDS)):
        return []
    found = [
        policy
        for key, value in entries(properties)
        if key.value not in known and (opaque or (template.may_contain(_WORDS, value) and _may_contain_document(value)))
        for policy in _documents_at(documents, resource, PropertyNode(key.value, value), consumer)
    ]
    if found and any(
        isinstance(node, yaml.ScalarNode) and makes_organization_policies(node.value)
        for node in nodes_below(properties)
    ):
        return [replace(policy, kind=PolicyKind.SCP) for policy in found]
    named = (scalar(child(properties, key)) or "" for key in ("Name", "PolicyName"))
    names = (resource.address, resource.type, *named)
    return [judged_by_name(policy, names) for policy in found]


def collect_outputs(documents: TemplateDocuments, framework: Framework) -> list[AttachedPolicy]:
    """Return the policy documents in the outputs of a template."""
    found: list[AttachedPolicy] = []
    template = documents.template
    if not template.may_contain(_WORDS):
        return found
    for key, output in entries(child(template.root, "Outputs")):
        value = child(output, "Value")
        if value is None or not _may_contain_document(value):
            continue
        resource = ResourceDefinition(f"Outputs.{key.value}", OUTPUT, framework, template.position(output, start=key))
        condition = scalar(child(output, "Condition"))
        conditions: Conditions = ((condition, True),) if condition is not None else ()
        place = PropertyNode("Value", value, conditions)
        for policy in _documents_at(documents, resource, place, HandedTo.OUTPUT):
            kind = infer_policy_kind(f"{key.value}/{policy.path}", policy.document)
            found.append(judged_by_name(replace(policy, kind=kind), (key.value,)))
    return found


def handed_out_managed_policies(
    documents: TemplateDocuments, resource: ResourceDefinition, properties: yaml.Node
) -> Iterator[ManagedAttachment]:
    """Yield the AWS managed policies among the properties of a resource, except permissions boundaries.

    The resource stands in for the principal that gets them.
    """
    for key, value in entries(properties):
        if key.value == _ON_DELETION or not any(
            isinstance(node, yaml.ScalarNode) and AWS_MANAGED in node.value for node in nodes_below(value)
        ):
            continue
        evaluated = documents.evaluator.guarded(documents.evaluator.node(value))
        for path, when, arn in managed_policies_in(evaluated, key.value):
            yield ManagedAttachment(resource.address, arn, resource, path, arn.at, when, handed_to=HandedTo.RESOURCE)


def grants_held(documents: TemplateDocuments, properties: yaml.Node) -> Iterator[str]:
    """Yield the statements and AWS managed policies among the properties of a resource that may allow PassRole.

    The conditions of the resource are ignored.
    """
    for key, value in entries(properties):
        for node in nodes_below(value):
            if isinstance(node, yaml.ScalarNode) and AWS_MANAGED in node.value:
                name = node.value.partition(AWS_MANAGED)[2]
                if managed_policy_may_grant(f"arn:aws{AWS_MANAGED}{name}"):
                    yield node.value
        if not _may_contain_document(value):
            continue
        for element, _ in _find_candidates(documents, PropertyNode(key.value, value), MAX_DEPTH):
            document = documents.evaluator.node(element.node)
            if is_document(document):
                yield from pass_role_statements(document)


def _documents_at(
    documents: TemplateDocuments, resource: ResourceDefinition, place: PropertyNode, handed_to: HandedTo
) -> Iterator[AttachedPolicy]:
    """Yield the documents at or below a property. The statements of a list are one document."""
    statements: dict[bool, list[Node]] = {}
    for element, is_searchable in _find_candidates(documents, place, MAX_DEPTH):
        if not is_searchable:
            if _may_contain_document(element.node):
                documents.skip(element.node, f"{resource.address}: {element.path}: {TOO_DEEP}", NoteKind.OTHER)
            continue
        value = documents.evaluate_under(element.conditions, element.node)
        if _is_statement(element.node):
            statements.setdefault(names_principal(value), []).append(value)
            continue
        document = documents.evaluator.node(element.node)
        found = (
            [(element.path, value)] if is_document(document) else documents_in_text(decode_base64(value), element.path)
        )
        for path, inner in found:
            documents.note_duplicates_in_document(element.node, f"{resource.address}: ")
            guarded = documents.evaluator.guarded(inner)
            yield AttachedPolicy(resource, path, guarded, infer_policy_kind(path, inner), handed_to=handed_to)
    for group in statements.values():
        document = document_of(group, documents.template.position(place.node))
        kind = infer_policy_kind(place.path, document)
        yield AttachedPolicy(resource, place.path, documents.evaluator.guarded(document), kind, handed_to=handed_to)


def _find_candidates(
    documents: TemplateDocuments, place: PropertyNode, depth: int
) -> Iterator[tuple[PropertyNode, bool]]:
    """Yield the possible documents at or below an element, each with True; with False elements that are too deep to
    search."""
    for element, _ in documents.find_elements(place.node, place.path, place.conditions):
        function = intrinsic_call(element.node)
        if function is not None and function[0] == "Fn::Base64":
            element = element.within(function[0], function[1])
            function = intrinsic_call(element.node)
        keys = entries(element.node) if function is None else []
        if not keys or any(key.value == "Statement" for key, _ in keys) or _is_statement(element.node):
            yield element, True
        elif not depth:
            yield element, False
        else:
            for key, value in keys:
                yield from _find_candidates(documents, element.within(key.value, value), depth - 1)


def _is_statement(node: yaml.Node) -> bool:
    """True if a mapping has the elements of a statement."""
    if not isinstance(node, yaml.MappingNode) or intrinsic_call(node) is not None:
        return False
    keys = {key.value for key, _ in entries(node)}
    return all(keys & names for names in _ELEMENTS)


def _may_contain_document(node: yaml.Node) -> bool:
    """True if a node, or any node below it, looks like a policy document."""
    for current in nodes_below(node):
        value = current.value
        if isinstance(current, yaml.ScalarNode):
            if len(value) >= _SHORTEST_MARK and any(mark in value for mark in _MARKS):
                return True
        elif isinstance(current, yaml.MappingNode):
            keys = [key.value for key, _ in entries(current)]
            if "Statement" in keys or ("Effect" in keys and _is_statement(current)):
                return True
    return False
