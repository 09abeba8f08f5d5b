"""Policy documents, and AWS managed policies, that are handed to a module that is not here.

What such a module makes of a document is not known, but a document says itself what it can be: a resource-based or a
trust policy names a Principal, an identity-based policy never does (IAM User Guide, "IAM JSON policy elements:
Principal"). So one without is judged as what it will be once somebody holds it, and so is a statement that is handed
over as an object. An AWS managed policy has no other use than to be attached, or to be a permissions boundary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from passrole_checks.iam.partial_values import Choice, ListNode, Node, ObjectNode, StringNode
from passrole_checks.iam.path_conditions import PathCondition, consistent, extend
from passrole_checks.sources.model.configuration import (
    MODULE,
    AttachedPolicy,
    Framework,
    ManagedAttachment,
    ResourceDefinition,
    Unreadable,
)
from passrole_checks.sources.model.unknown_consumers import TOO_DEEP, infer_policy_kind, names_principal
from passrole_checks.sources.terraform.evaluation.conditional_values import under
from passrole_checks.sources.terraform.evaluation.symbolic_values import known
from passrole_checks.sources.terraform.evaluation.to_plain import document, plain_text
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.may_contain_policy import Bearing
from passrole_checks.sources.terraform.policies.mentions_managed_policy import AWS_MANAGED, Speaking
from passrole_checks.sources.terraform.policies.statement_objects import as_statement, document_of
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references

_NOT_DOCUMENTS = frozenset({"source", "version", "providers", "count", "for_each", "depends_on"})
_AWS_MANAGED = re.compile(rf'[^\s"]*{AWS_MANAGED}[^\s"]+')  # and no document that speaks of one
_DEPTH = 6  # levels of lists and objects below an argument


def policies_handed_over(module: Module, block: Block, bearing: Bearing) -> Iterator[AttachedPolicy]:
    """The policy documents among the arguments of a ``module`` block.

    The module's address stands for the resource; ``path`` leads from the argument to the document.
    """
    arguments = bearing.arguments(module, block, _NOT_DOCUMENTS)
    if not arguments:
        return
    for instance in module.instances(block).items:
        scope = module.scope(block.source, instance)
        address = module.prefixed(f"module.{block.labels[0]}{instance.suffix}")
        resource = ResourceDefinition(address, MODULE, Framework.TERRAFORM, scope.position(block.span))
        for attribute in arguments:
            value = references.written(block, attribute.name, scope)
            for path, found in _documents(value, attribute.name, _DEPTH) if value is not None else ():
                if found is not None:
                    yield AttachedPolicy(resource, path, found, infer_policy_kind(path, found))
                    continue
                called = f"module.{block.labels[0]}: {attribute.name}"
                module.run.not_evaluated.setdefault(
                    module.prefixed(called),
                    Unreadable(block.source.file, f"{address}: {path}: {TOO_DEEP}", attribute.span.line),
                )


def managed_handed_over(module: Module, block: Block, speaking: Speaking) -> Iterator[ManagedAttachment]:
    """The AWS managed policies among the arguments of a ``module`` block, none that are to be a permissions boundary.
    The module stands for whoever gets them."""
    arguments = [
        attribute
        for attribute in block.body.attributes
        if attribute.name not in _NOT_DOCUMENTS and speaking.may(module, block, attribute)
    ]
    for instance in module.instances(block).items if arguments else ():
        scope = module.scope(block.source, instance)
        address = module.prefixed(f"module.{block.labels[0]}{instance.suffix}")
        resource = ResourceDefinition(address, MODULE, Framework.TERRAFORM, scope.position(block.span))
        for attribute in arguments:
            value = references.written(block, attribute.name, scope)
            when = (*module.when, *instance.when)
            for path, facts, found in _texts(value, attribute.name, when, _DEPTH) if value is not None else ():
                if _AWS_MANAGED.fullmatch(str(known(found))) and "boundary" not in path.lower():
                    yield ManagedAttachment(address, plain_text(found), resource, path, found.at, facts)


def _texts(value: Node, path: str, when: PathCondition, depth: int) -> Iterator[tuple[str, PathCondition, StringNode]]:
    if isinstance(value, StringNode):
        yield path, when, value
    elif depth and isinstance(value, Choice):
        for outcome, option in value.options:
            if consistent(when, value.condition, outcome):
                yield from _texts(option, path, extend(when, value.condition, outcome), depth - 1)
    elif depth and isinstance(value, ListNode):
        for number, item in enumerate(value.items):
            yield from _texts(item, f"{path}/{number}", when, depth - 1)
    elif depth and isinstance(value, ObjectNode):
        for entry in value.entries:
            yield from _texts(entry.value, f"{path}/{entry.key}", when, depth - 1)


def _documents(value: Node, path: str, depth: int) -> Iterator[tuple[str, Node | None]]:
    """The documents at a path or below it, each with its own path; None for those that lie too deep."""
    if isinstance(value, (StringNode, Choice)) or (
        isinstance(value, ObjectNode) and value.get("Statement") is not None
    ):
        found = document(value)
        if _is_document(found):
            yield path, found
            return
    if not depth:
        if _speaks_of_statements(value):
            yield path, None
    elif isinstance(value, (ListNode, ObjectNode)):
        yield from _inside(value, path, depth)
    elif isinstance(value, Choice):
        for outcome, option in value.options:
            for inner, below in _documents(option, path, depth - 1):
                yield inner, under(((value.condition, outcome),), below) if below is not None else None


def _speaks_of_statements(value: Node) -> bool:
    """Whether anything at or below a value looks like a statement or a policy document."""
    pending = [value]
    while pending:
        one = pending.pop()
        if _is_document(document(one) if isinstance(one, StringNode) else one) or as_statement(one) is not None:
            return True
        if isinstance(one, ListNode):
            pending.extend(one.items)
        elif isinstance(one, ObjectNode):
            pending.extend(entry.value for entry in one.entries)
        elif isinstance(one, Choice):
            pending.extend(option for _, option in one.options)
    return False


def _inside(value: ListNode | ObjectNode, path: str, depth: int) -> Iterator[tuple[str, Node | None]]:
    """The documents in a list or an object. The statements in it make one; those with a Principal one of their own."""
    alone = as_statement(value)
    if alone is not None:
        yield path, document_of([alone], value.at)
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
    for found in statements.values():
        yield path, document_of(found, value.at)


def _is_document(node: Node) -> bool:
    """Whether a value is a policy document, in one of its readings, of which at least the outline is known."""
    if isinstance(node, ObjectNode):
        return node.get("Statement") is not None
    if isinstance(node, StringNode):
        return any(isinstance(part, str) and '"Statement"' in part for part in node.parts)
    return isinstance(node, Choice) and any(_is_document(option) for _, option in node.options)
