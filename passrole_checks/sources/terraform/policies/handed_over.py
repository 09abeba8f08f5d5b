"""Policy documents that are handed to a module that is not here.

What such a module makes of a document is not known, but a document says itself what it can be: a resource-based or a
trust policy names a Principal, an identity-based policy never does (IAM User Guide, "IAM JSON policy elements:
Principal"). So one without is judged as what it will be once somebody holds it, and so is a statement that is handed
over as an object.
"""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.iam.values import Choice, Items, Mapping, Node, Text
from passrole_checks.sources.handed_over import TOO_DEEP, kind_of, names_principal
from passrole_checks.sources.resource import MODULE, AttachedPolicy, Framework, ResourceDefinition, Unreadable
from passrole_checks.sources.terraform.evaluation.alternatives import under
from passrole_checks.sources.terraform.evaluation.finished import document
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.bearing import Bearing
from passrole_checks.sources.terraform.policies.statement_objects import as_statement, document_of
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references

_NOT_DOCUMENTS = frozenset({"source", "version", "providers", "count", "for_each", "depends_on"})
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
                    yield AttachedPolicy(resource, path, found, kind_of(path, found))
                    continue
                called = f"module.{block.labels[0]}: {attribute.name}"
                module.run.not_evaluated.setdefault(
                    module.prefixed(called),
                    Unreadable(block.source.file, f"{address}: {path}: {TOO_DEEP}", attribute.span.line),
                )


def _documents(value: Node, path: str, depth: int) -> Iterator[tuple[str, Node | None]]:
    """The documents at a path or below it, each with its own path; None for those that lie too deep."""
    if isinstance(value, (Text, Choice)) or (isinstance(value, Mapping) and value.get("Statement") is not None):
        found = document(value)
        if _is_document(found):
            yield path, found
            return
    if not depth:
        if _speaks_of_statements(value):
            yield path, None
    elif isinstance(value, (Items, Mapping)):
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
        if _is_document(document(one) if isinstance(one, Text) else one) or as_statement(one) is not None:
            return True
        if isinstance(one, Items):
            pending.extend(one.items)
        elif isinstance(one, Mapping):
            pending.extend(entry.value for entry in one.entries)
        elif isinstance(one, Choice):
            pending.extend(option for _, option in one.options)
    return False


def _inside(value: Items | Mapping, path: str, depth: int) -> Iterator[tuple[str, Node | None]]:
    """The documents in a list or an object. The statements in it make one; those with a Principal one of their own."""
    alone = as_statement(value)
    if alone is not None:
        yield path, document_of([alone], value.at)
        return
    named = (
        [(f"{path}/{number}", item) for number, item in enumerate(value.items)]
        if isinstance(value, Items)
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
    if isinstance(node, Mapping):
        return node.get("Statement") is not None
    if isinstance(node, Text):
        return any(isinstance(part, str) and '"Statement"' in part for part in node.parts)
    return isinstance(node, Choice) and any(_is_document(option) for _, option in node.options)
