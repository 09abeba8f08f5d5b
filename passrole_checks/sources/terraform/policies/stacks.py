"""CloudFormation stacks and stack sets of a configuration, with what is in their templates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.model.configuration import Framework, ResourceDefinition, Unreadable
from passrole_checks.sources.model.embedded_template import NOTHING, PARTS, TYPES, StackContent
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.to_plain import document
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references


@dataclass(frozen=True)
class Stack:
    """One instance of a stack; ``when``: the conditions under which it exists."""

    resource: ResourceDefinition
    content: StackContent
    when: PathCondition


def stacks_of(root: Module) -> Iterator[Stack]:
    """The stacks of a root module and of the modules that it calls; one whose policies are not read is named there."""
    for module in root.walk():
        for block in module.folder.resources:
            type_, name = block.labels[0], block.labels[1]
            for instance in module.instances(block).items if type_ in TYPES else ():
                scope = module.scope(block.source, instance)
                address = module.prefixed(f"{type_}.{name}{instance.suffix}")
                resource = ResourceDefinition(address, type_, Framework.TERRAFORM, scope.position(block.span))
                stack = Stack(resource, _content(block, resource, scope), (*module.when, *instance.when))
                if not stack.content.is_read:
                    whole = module.prefixed(f"{type_}.{name}")
                    note = Unreadable(resource.at.file, f"{whole}: {stack.content.unread}", resource.at.line)
                    module.run.not_evaluated.setdefault(whole, note)
                yield stack


def _content(block: Block, resource: ResourceDefinition, scope: EvaluationScope) -> StackContent:
    from passrole_checks.sources.cloudformation.read_embedded_template import (
        read_stack_content,  # heavy, and seldom needed
    )

    values = {name: references.written(block, name, scope) for name in PARTS}
    try:
        return read_stack_content(
            resource, {name: document(value) for name, value in values.items() if value is not None}
        )
    except RecursionError:
        return NOTHING
