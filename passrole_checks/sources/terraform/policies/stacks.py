"""CloudFormation stacks and stack sets of a configuration, with the content of their templates.

Source: Terraform documentation, ``aws_cloudformation_stack_set_instance`` and ``aws_cloudformation_stack_instances``:
``parameter_overrides`` replace parameters of the stack set in these instances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Node, ObjectEntry, ObjectNode, StringNode
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.sources.model.configuration import NoteKind, ResourceDefinition, Unreadable
from passrole_checks.sources.model.embedded_template import (
    NOTHING,
    ONE_ACCOUNT,
    TYPES,
    StackContent,
    stack_attributes,
    with_overrides,
)
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import Reference
from passrole_checks.sources.terraform.evaluation.to_plain import to_document
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references

_INSTANCES = frozenset({"aws_cloudformation_stack_set_instance", "aws_cloudformation_stack_instances"})


@dataclass(frozen=True)
class Stack:
    """One instance of a stack; ``when`` is the condition under which it exists."""

    resource: ResourceDefinition
    content: StackContent
    when: PathCondition


def stacks_of(root: Module) -> Iterator[Stack]:
    """Yield the stacks of a root module and its child modules; record those whose template cannot be read."""
    for module, block in root.resources():
        for resource, scope, when in module.definitions(block) if block.labels[0] in TYPES else ():
            stack = Stack(resource, _stack_content(module, block, resource, scope), when)
            if not stack.content.is_read:
                address, at = module.full_address(block.address), resource.at
                reason = f"{address}: {stack.content.unread}"
                note = Unreadable(at.file, reason, at.line, kind=NoteKind.DEFINED_ELSEWHERE)
                module.run.not_evaluated.setdefault(address, note)
            yield stack


def _stack_content(module: Module, block: Block, resource: ResourceDefinition, scope: EvaluationScope) -> StackContent:
    # slow import, rarely needed
    from passrole_checks.sources.cloudformation.read_embedded_template import read_stack_content

    attributes = stack_attributes(resource.type)
    values = {name: references.value_of(block, attribute, scope) for name, attribute in attributes.items()}
    try:
        parts = {name: to_document(value) for name, value in values.items() if value is not None}
        return read_stack_content(resource, {**parts, **_overridden_parameters(module, block, resource, parts)})
    except RecursionError:
        return NOTHING


def _overridden_parameters(
    module: Module, block: Block, resource: ResourceDefinition, parts: Mapping[str, Node]
) -> dict[str, Node]:
    """Return the ``parameters`` of a stack set with the values of its instances; nothing if they override none."""
    parameters = parts.get("parameters")
    if resource.type in ONE_ACCOUNT or not (parameters is None or isinstance(parameters, ObjectNode)):
        return {}
    overrides = dict(_overrides(module, block, parts.get("name")))
    entries = parameters.entries if parameters is not None else ()
    base = {str(entry.key): entry.value for entry in entries}
    changed = with_overrides(base, overrides, f"instance of {resource.address}")
    if not changed:
        return {}
    kept = tuple(entry for entry in entries if str(entry.key) not in changed)
    added = tuple(ObjectEntry(StringNode((name,), value.at), value) for name, value in changed.items())
    return {"parameters": ObjectNode((*kept, *added), resource.at)}


def _overrides(module: Module, stack_set: Block, name: Node | None) -> Iterator[tuple[str, dict[str, Node]]]:
    """Yield the overridden parameters of each resource with instances of a stack set, by its address."""
    for block in module.folder.resources:
        for resource, scope, _ in module.definitions(block) if block.labels[0] in _INSTANCES else ():
            owner = references.value_of(block, "stack_set_name", scope)
            is_named = _literal(owner) is not None and _literal(owner) == _literal(name)
            if not is_named and not (isinstance(owner, Reference) and owner.block is stack_set):
                continue
            values = references.value_of(block, "parameter_overrides", scope)
            document = to_document(values) if values is not None else None
            if isinstance(document, ObjectNode):
                yield resource.address, {str(entry.key): entry.value for entry in document.entries}


def _literal(node: Node | None) -> str | None:
    """Return a value as text if all of it is known."""
    return node.literal if isinstance(node, StringNode) else None
