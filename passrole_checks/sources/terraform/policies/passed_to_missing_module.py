"""Policy documents and AWS managed policies that are passed to a module whose source is missing.

The use of such a document is unknown, but the document itself shows what it can be: a resource-based or trust policy
names a Principal, an identity-based policy never does (IAM User Guide, "IAM JSON policy elements: Principal"). A
document without one is therefore checked as an identity-based policy, and so is a statement that is passed as an
object. An AWS managed policy can only be attached, or be a permissions boundary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from passrole_checks.iam.partial_values import Choice, ListNode, Node, ObjectNode, StringNode, nodes_in
from passrole_checks.iam.path_conditions import PathCondition, consistent, extend
from passrole_checks.sources.model.configuration import AttachedPolicy, ManagedAttachment, Unreadable
from passrole_checks.sources.model.unknown_consumers import TOO_DEEP, infer_policy_kind, names_principal
from passrole_checks.sources.terraform.evaluation.conditional_values import guard
from passrole_checks.sources.terraform.evaluation.symbolic_values import fill_known_parts
from passrole_checks.sources.terraform.evaluation.to_plain import to_document, to_plain_string
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.may_contain_policy import PolicyDetector
from passrole_checks.sources.terraform.policies.mentions_managed_policy import AWS_MANAGED, ManagedPolicyDetector
from passrole_checks.sources.terraform.policies.resource_instances import block_address, resource_instances
from passrole_checks.sources.terraform.policies.statement_objects import as_statement, document_of
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references

_META_ARGUMENTS = frozenset({"source", "version", "providers", "count", "for_each", "depends_on"})
_AWS_MANAGED = re.compile(rf'[^\s"]*{AWS_MANAGED}[^\s"]+')  # the ARN alone, not a document that contains it
_MAX_DEPTH = 6  # levels of lists and objects below an argument


def policies_in_arguments(module: Module, block: Block, detector: PolicyDetector) -> Iterator[AttachedPolicy]:
    """Yield the policy documents in the arguments of a ``module`` block.

    The module is their resource; ``path`` leads from the argument to the document.
    """
    arguments = detector.candidate_arguments(module, block, _META_ARGUMENTS)
    if not arguments:
        return
    for resource, scope, _ in resource_instances(module, block):
        for attribute in arguments:
            value = references.value_of(block, attribute.name, scope)
            for path, policy in _documents(value, attribute.name, _MAX_DEPTH) if value is not None else ():
                if policy is not None:
                    yield AttachedPolicy(resource, path, policy, infer_policy_kind(path, policy))
                    continue
                argument = f"{block_address(block)}: {attribute.name}"
                module.run.not_evaluated.setdefault(
                    module.full_address(argument),
                    Unreadable(block.source.file, f"{resource.address}: {path}: {TOO_DEEP}", attribute.span.line),
                )


def managed_policies_in_arguments(
    module: Module, block: Block, detector: ManagedPolicyDetector
) -> Iterator[ManagedAttachment]:
    """Yield the AWS managed policies in the arguments of a ``module`` block, except permissions boundaries.

    The module stands in for the principal that gets them.
    """
    arguments = [
        attribute
        for attribute in block.body.attributes
        if attribute.name not in _META_ARGUMENTS and detector.may_mention(module, block, attribute)
    ]
    for resource, scope, when in resource_instances(module, block) if arguments else ():
        for attribute in arguments:
            value = references.value_of(block, attribute.name, scope)
            for path, facts, arn in (
                _string_variants(value, attribute.name, when, _MAX_DEPTH) if value is not None else ()
            ):
                if _AWS_MANAGED.fullmatch(str(fill_known_parts(arn))) and "boundary" not in path.lower():
                    yield ManagedAttachment(resource.address, to_plain_string(arn), resource, path, arn.at, facts)


def _string_variants(
    value: Node, path: str, when: PathCondition, depth: int
) -> Iterator[tuple[str, PathCondition, StringNode]]:
    if isinstance(value, StringNode):
        yield path, when, value
    elif depth and isinstance(value, Choice):
        for outcome, option in value.options:
            if consistent(when, outcome):
                yield from _string_variants(option, path, extend(when, outcome), depth - 1)
    elif depth and isinstance(value, ListNode):
        for number, item in enumerate(value.items):
            yield from _string_variants(item, f"{path}/{number}", when, depth - 1)
    elif depth and isinstance(value, ObjectNode):
        for entry in value.entries:
            yield from _string_variants(entry.value, f"{path}/{entry.key}", when, depth - 1)


def _documents(value: Node, path: str, depth: int) -> Iterator[tuple[str, Node | None]]:
    """Yield (path, document) for each document at or below a path; None for a document below the maximum depth."""
    if isinstance(value, (StringNode, Choice)) or (
        isinstance(value, ObjectNode) and value.get("Statement") is not None
    ):
        candidate = to_document(value)
        if _is_document(candidate):
            yield path, candidate
            return
    if not depth:
        if _contains_statements(value):
            yield path, None
    elif isinstance(value, (ListNode, ObjectNode)):
        yield from _documents_inside(value, path, depth)
    elif isinstance(value, Choice):
        for outcome, option in value.options:
            for inner, below in _documents(option, path, depth - 1):
                yield inner, guard((outcome,), below) if below is not None else None


def _contains_statements(value: Node) -> bool:
    """True if anything at or below a value looks like a statement or a policy document."""
    return any(
        _is_document(to_document(node) if isinstance(node, StringNode) else node) or as_statement(node) is not None
        for node in nodes_in(value)
    )


def _documents_inside(value: ListNode | ObjectNode, path: str, depth: int) -> Iterator[tuple[str, Node | None]]:
    """Yield the documents in a list or object. Statements in it form one document; those with a Principal another."""
    single = as_statement(value)
    if single is not None:
        yield path, document_of([single], value.at)
        return
    named = (
        [(f"{path}/{number}", item) for number, item in enumerate(value.items)]
        if isinstance(value, ListNode)
        else [(f"{path}/{entry.key}", entry.value) for entry in value.entries]
    )
    statements: dict[bool, list[Node]] = {}
    for inner, item in named:
        statement = as_statement(item)
        if statement is not None:
            statements.setdefault(names_principal(statement), []).append(statement)
        else:
            yield from _documents(item, inner, depth - 1)
    for group in statements.values():
        yield path, document_of(group, value.at)


def _is_document(node: Node) -> bool:
    """True if at least one alternative of a value is a policy document with a known outline."""
    if isinstance(node, ObjectNode):
        return node.get("Statement") is not None
    if isinstance(node, StringNode):
        return any(isinstance(part, str) and '"Statement"' in part for part in node.parts)
    return isinstance(node, Choice) and any(_is_document(option) for _, option in node.options)
