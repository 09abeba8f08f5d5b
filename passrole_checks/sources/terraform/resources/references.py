"""Attributes of resources, as far as they are known before deployment.

Attributes that the configuration sets are evaluated. Computed ones are unresolved values that carry what is known: the
ARN of this role, an ARN of another service. Attribute references: the resource pages of the providers ``hashicorp/aws``
(IAM) and ``hashicorp/awscc``, where ``id`` is the primary identifier of the CloudFormation type (the name of a role,
user, group or instance profile, the ARN of a managed policy).
"""

from __future__ import annotations

from passrole_checks.iam.partial_values import Node, Part, Position, StringNode, Unresolved, UnresolvedKind, join, text
from passrole_checks.sources.model.terraform_policy_attributes import ENTITIES, TRUST_POLICIES
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import Reference, fill_known_parts, join_values
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import data_sources
from passrole_checks.sources.terraform.resources.entities import (
    PARTITION,
    entity_name,
    entity_path,
    iam_arn,
    service_arn,
    text_of,
    value_of,
)

_ID_IS_ARN = frozenset({
    "aws_iam_policy", "awscc_iam_managed_policy", "aws_iam_service_linked_role", "aws_sns_topic",
    "aws_sfn_state_machine", "aws_secretsmanager_secret", "aws_ecs_cluster", "aws_lb", "aws_alb", "aws_lb_target_group",
    "aws_acm_certificate", "aws_kinesis_stream", "aws_codestarconnections_connection",
})  # fmt: skip
_ID_IS_URL = frozenset({"aws_sqs_queue", "awscc_sqs_queue"})
_IDENTIFIERS = frozenset({"unique_id", "role_id", "policy_id", "key_id", "user_id"})


def attribute(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node:
    """Return the value of attribute ``name`` of the resource or data source that ``value`` refers to."""
    if value.type.startswith("data."):
        return data_sources.attribute(value, block, name, scope, at)
    entity = ENTITIES.get(value.type)
    expression = f"{text_of(value)}.{name}"
    if entity is not None:
        if name == entity.arn or (name == "id" and value.type in _ID_IS_ARN):
            return _entity_arn(value, block, expression, name, scope, at)
        if name in (entity.name, "id"):
            return _entity_name(value, block, expression, name, scope, at)
        if name == "path" and entity_path(block, scope) is None:
            return text("/", at)
    elif value.type == "aws_iam_service_linked_role" and name in ("arn", "id", "path"):
        return _service_linked_role(value, block, expression, name, scope, at)
    elif name == "arn" or (name == "id" and value.type in _ID_IS_ARN):
        return _resource_arn(value, block, expression, name, scope, at)
    # "output" of terraform_data is its "input" (Terraform documentation, "The terraform_data managed resource type")
    result = value_of(block, "input" if (value.type, name) == ("terraform_data", "output") else name, scope)
    if result is None and name == "id" and not value.type.startswith("awscc_"):
        result = next(
            (item for key in ("name", "bucket", "function_name") if (item := value_of(block, key, scope))), None
        )
    if result is not None:
        return result
    named = name in ("name", "bucket", "function_name") or name in _IDENTIFIERS
    if named or (name == "id" and value.type not in _ID_IS_URL and not value.type.startswith("awscc_")):
        return _computed_reference(value, Unresolved(expression, UnresolvedKind.NAME), name, None, at)
    return _computed_reference(value, Unresolved(expression), name, None, at)


def _entity_name(
    value: Reference, block: Block, expression: str, name: str, scope: EvaluationScope, at: Position
) -> Node:
    own = entity_name(block, scope)
    parts = fill_known_parts(own).parts if own is not None else None
    return _computed_reference(
        value, Unresolved(expression, UnresolvedKind.NAME, role=_role_address(value), known=parts), name, own, at
    )


def _entity_arn(
    value: Reference, block: Block, expression: str, name: str, scope: EvaluationScope, at: Position
) -> Node:
    entity = ENTITIES[value.type]
    own, path = entity_name(block, scope), entity_path(block, scope)
    before: tuple[Part, ...] = path.parts if path is not None else ("/",)
    last: tuple[Part, ...] = (
        fill_known_parts(own).parts
        if own is not None
        else (Unresolved(f"{text_of(value)}.{entity.name}", UnresolvedKind.NAME),)
    )
    inner = Unresolved(expression, role=_role_address(value), known=iam_arn(entity.kind, *before, *last))
    return _computed_reference(value, inner, name, own, at)


def _service_linked_role(
    value: Reference, block: Block, expression: str, name: str, scope: EvaluationScope, at: Position
) -> Node:
    """Return the ARN or path of a service-linked role: ``role/aws-service-role/SERVICE/NAME``.

    The service decides on the name, except for a ``custom_suffix`` (IAM User Guide, "Create a service-linked role").
    """
    service = value_of(block, "aws_service_name", scope)
    between: tuple[Part, ...] = (
        service.parts
        if isinstance(service, StringNode)
        else (Unresolved(f"{text_of(value)}.aws_service_name", UnresolvedKind.NAME),)
    )
    path = ("/aws-service-role/", *between, "/")
    if name == "path":
        return StringNode(join(path), at)
    suffix = value_of(block, "custom_suffix", scope)
    last: list[Part] = [Unresolved(f"{text_of(value)}.name", UnresolvedKind.NAME)]
    if suffix is not None:
        last.extend(("_", *join_values((suffix,), at).parts))
    return _computed_reference(value, Unresolved(expression, known=iam_arn("role", *path, *last)), name, None, at)


def _resource_arn(
    value: Reference, block: Block, expression: str, name: str, scope: EvaluationScope, at: Position
) -> Node:
    parts: tuple[Part, ...] | None
    if value.type == "aws_s3_bucket":
        bucket = value_of(block, "bucket", scope)
        last = (
            bucket.parts
            if isinstance(bucket, StringNode)
            else (Unresolved(f"{text_of(value)}.bucket", UnresolvedKind.NAME),)
        )
        parts = join(["arn:", PARTITION, ":s3:::", *last])
    else:
        parts = service_arn(value.type, expression)
    return _computed_reference(value, Unresolved(expression, known=parts), name, None, at)


def _role_address(value: Reference) -> str | None:
    return value.address if value.type in TRUST_POLICIES else None


def _computed_reference(
    value: Reference, inner: Unresolved, name: str, own: StringNode | None, at: Position
) -> Reference:
    return Reference(
        (inner,),
        at,
        defaults=own.defaults if own is not None else (),
        address=value.address,
        type=value.type,
        attribute=name,
        block=value.block,
        module=value.module,
        instance=value.instance,
    )


__all__ = ["attribute", "entity_name", "entity_path", "value_of"]
