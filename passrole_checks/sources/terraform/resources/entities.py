"""IAM entities as a configuration writes them: their attributes, names, paths, and the forms of ARNs.

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


def written(block: Block, name: str, scope: EvaluationScope) -> Node | None:
    """An attribute as the configuration sets it, None where it does not, or sets it to null."""
    found = block.body.get(name)
    if found is None:
        return None
    value = limit_size(evaluate(found.value, scope.in_source(found.source)), name)
    return None if is_null(value) else value


def entity_name(block: Block, scope: EvaluationScope) -> StringNode | None:
    """The name of an IAM entity, None where AWS or Terraform generates it."""
    value = written(block, ENTITIES.get(block.labels[0], Entity("")).name, scope)
    if value is not None:
        return value if isinstance(value, StringNode) else None
    prefix = written(block, "name_prefix", scope)
    if isinstance(prefix, StringNode):
        return StringNode(
            join((*prefix.parts, Unresolved("generated", UnresolvedKind.NAME))), prefix.at, defaults=prefix.defaults
        )
    return None


def entity_path(block: Block, scope: EvaluationScope) -> StringNode | None:
    """The path of an IAM entity, None where the default ``/`` holds."""
    value = written(block, "path", scope)
    if isinstance(value, StringNode):
        return value
    return unresolved("path", value.at) if value is not None else None


def iam_arn(kind: str, *rest: Part) -> tuple[Part, ...]:
    """The ARN of an IAM entity: ``arn:PARTITION:iam::ACCOUNT:KIND`` and what follows (path and name)."""
    return join(["arn:", PARTITION, ":iam::", ACCOUNT, f":{kind}", *rest])


def service_arn(type_: str, expression: str) -> tuple[Part, ...] | None:
    """What is known of the ARN of a resource of some type: its service."""
    service = service_of(type_.replace("awscc_", "aws_", 1))
    return ("arn:", PARTITION, f":{service}:", Unresolved(expression)) if service is not None else None


def words_of(value: Reference) -> str:
    """The words of a reference: those that name the block, and the attribute where it has one."""
    return value.holes[0].expression
