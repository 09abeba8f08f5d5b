"""Instances of resources and module calls, with the definition and scope of each."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.model.configuration import MODULE, Framework, ResourceDefinition
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import Block


def block_address(block: Block) -> str:
    """Return the address of a ``resource`` or ``module`` block within its module, without an instance key."""
    return f"module.{block.labels[0]}" if block.type == "module" else f"{block.labels[0]}.{block.labels[1]}"


def resource_instances(
    module: Module, block: Block
) -> Iterator[tuple[ResourceDefinition, EvaluationScope, PathCondition]]:
    """Yield each instance of a ``resource`` or ``module`` block, with the path condition under which it exists."""
    type_ = MODULE if block.type == "module" else block.labels[0]
    for instance in module.instances(block).items:
        scope = module.scope(block.source, instance)
        address = module.full_address(f"{block_address(block)}{instance.suffix}")
        resource = ResourceDefinition(address, type_, Framework.TERRAFORM, block.source.position(block.span))
        yield resource, scope, (*module.when, *instance.when)
