"""CloudFormation stacks and stack sets of a configuration, with the content of their templates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.model.configuration import ResourceDefinition, Unreadable
from passrole_checks.sources.model.embedded_template import NOTHING, TYPES, StackContent, stack_attributes
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.to_plain import to_document
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.resource_instances import block_address, resource_instances
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references


@dataclass(frozen=True)
class Stack:
    """One instance of a stack; ``when`` is the condition under which it exists."""

    resource: ResourceDefinition
    content: StackContent
    when: PathCondition


def stacks_of(root: Module) -> Iterator[Stack]:
    """Yield the stacks of a root module and its child modules; record those whose template cannot be read."""
    for module in root.walk():
        for block in module.folder.resources:
            for resource, scope, when in resource_instances(module, block) if block.labels[0] in TYPES else ():
                stack = Stack(resource, _stack_content(block, resource, scope), when)
                if not stack.content.is_read:
                    address = module.full_address(block_address(block))
                    note = Unreadable(resource.at.file, f"{address}: {stack.content.unread}", resource.at.line)
                    module.run.not_evaluated.setdefault(address, note)
                yield stack


def _stack_content(block: Block, resource: ResourceDefinition, scope: EvaluationScope) -> StackContent:
    from passrole_checks.sources.cloudformation.read_embedded_template import (
        read_stack_content,  # slow import, rarely needed
    )

    attributes = stack_attributes(resource.type)
    values = {name: references.value_of(block, attribute, scope) for name, attribute in attributes.items()}
    try:
        return read_stack_content(
            resource, {name: to_document(value) for name, value in values.items() if value is not None}
        )
    except RecursionError:
        return NOTHING
