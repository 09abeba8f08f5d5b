"""Attributes, names, paths and ARNs of IAM entities in a configuration.

Forms of ARNs: Service Authorization Reference, "Resource types defined by AWS Identity and Access Management".
"""

from __future__ import annotations

from passrole_checks.iam.partial_values import Node, Part, StringNode, Unresolved, UnresolvedKind, join
from passrole_checks.sources.model.terraform_policy_attributes import ENTITIES, Entity
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import Reference, is_null, limit_size, unresolved
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources.services import service_of

ACCOUNT = Unresolved("account id", UnresolvedKind.ACCOUNT_ID)
PARTITION = Unresolved("partition", UnresolvedKind.PARTITION)


def value_of(block: Block, name: str, scope: EvaluationScope) -> Node | None:
    """Return the value of an attribute; None if the block does not set it, or sets it to null."""
    attribute = block.body.get(name)
    if attribute is None:
        return None
    value = limit_size(evaluate(attribute.value, scope.in_source(attribute.source)), name)
    return None if is_null(value) else value


def entity_name(block: Block, scope: EvaluationScope) -> StringNode | None:
    """Return the name of an IAM entity; None if AWS or Terraform generates it."""
    value = value_of(block, ENTITIES.get(block.labels[0], Entity("")).name, scope)
    if value is not None:
        return value if isinstance(value, StringNode) else None
    prefix = value_of(block, "name_prefix", scope)
    if isinstance(prefix, StringNode):
        return StringNode(
            join((*prefix.parts, Unresolved("generated", UnresolvedKind.NAME))), prefix.at, defaults=prefix.defaults
        )
    return None


def entity_path(block: Block, scope: EvaluationScope) -> StringNode | None:
    """Return the path of an IAM entity; None for the default ``/``."""
    value = value_of(block, "path", scope)
    if isinstance(value, StringNode):
        return value
    return unresolved("path", value.at) if value is not None else None


def iam_arn(kind: str, *rest: Part) -> tuple[Part, ...]:
    """Return the ARN of an IAM entity: ``arn:PARTITION:iam::ACCOUNT:KIND``, followed by ``rest`` (path and name)."""
    return join(["arn:", PARTITION, ":iam::", ACCOUNT, f":{kind}", *rest])


def service_arn(type_: str, expression: str) -> tuple[Part, ...] | None:
    """Return the known prefix of the ARN of a resource type, up to its service; None if the service is unknown."""
    service = service_of(type_.replace("awscc_", "aws_", 1))
    return ("arn:", PARTITION, f":{service}:", Unresolved(expression)) if service is not None else None


def text_of(value: Reference) -> str:
    """Return the source text of a reference: its block, and the attribute if it has one."""
    return value.unresolved_parts[0].expression
