"""Attributes of resources, as far as they are known before deployment.

Attributes that the configuration sets are evaluated. Computed ones are unresolved values that carry what is known: the
ARN of this role, an ARN of another service. Attribute references: the resource pages of the providers ``hashicorp/aws``
(IAM) and ``hashicorp/awscc``, where ``id`` is the primary identifier of the CloudFormation type (the name of a role,
user, group or instance profile, the ARN of a managed policy).
"""

from __future__ import annotations

from dataclasses import replace

from passrole_checks.iam.values.nodes import Node, Part, Position, StringNode, Unresolved, UnresolvedKind, join, text
from passrole_checks.sources.collect.terraform_tables import ENTITIES, TRUST_POLICIES, Entity
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
    is_arn = name == "arn" or (name == "id" and value.type in _ID_IS_ARN)
    if entity is not None:
        if name in ("id", entity.name, entity.arn):
            return _entity_attribute(value, block, entity, name, scope, at)
        if name == "path" and entity_path(block, scope) is None:
            return text("/", at)
    elif value.type == "aws_iam_service_linked_role" and name in ("arn", "id", "path"):
        return _service_linked_role(value, block, name, scope, at)
    elif is_arn and value.type == "aws_s3_bucket":
        bucket = _parts_or_name(value_of(block, "bucket", scope), f"{text_of(value)}.bucket")
        known: tuple[Part, ...] | None = join(["arn:", PARTITION, ":s3:::", *bucket])
        return _computed(value, Unresolved(expression, known=known), name, at)
    elif is_arn:
        return _computed(value, Unresolved(expression, known=service_arn(value.type, expression)), name, at)
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
        return _computed(value, Unresolved(expression, UnresolvedKind.NAME), name, at)
    return _computed(value, Unresolved(expression), name, at)


def _entity_attribute(
    value: Reference, block: Block, entity: Entity, name: str, scope: EvaluationScope, at: Position
) -> Node:
    """Return the name or the ARN of an IAM entity."""
    own, role = entity_name(block, scope), value.address if value.type in TRUST_POLICIES else None
    known = fill_known_parts(own).parts if own is not None else None
    kind, expression = UnresolvedKind.NAME, f"{text_of(value)}.{name}"
    if name == entity.arn or (name == "id" and value.type in _ID_IS_ARN):
        path = entity_path(block, scope)
        last = known or _parts_or_name(None, f"{text_of(value)}.{entity.name}")
        kind, known = (
            UnresolvedKind.ANYTHING,
            iam_arn(entity.kind, *(path.parts if path is not None else ("/",)), *last),
        )
    return _computed(value, Unresolved(expression, kind, role=role, known=known), name, at, own)


def _service_linked_role(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node:
    """Return the ARN or path of a service-linked role: ``role/aws-service-role/SERVICE/NAME``.

    The service decides on the name, except for a ``custom_suffix`` (IAM User Guide, "Create a service-linked role").
    """
    service = _parts_or_name(value_of(block, "aws_service_name", scope), f"{text_of(value)}.aws_service_name")
    path = ("/aws-service-role/", *service, "/")
    if name == "path":
        return StringNode(join(path), at)
    suffix = value_of(block, "custom_suffix", scope)
    last: list[Part] = [Unresolved(f"{text_of(value)}.name", UnresolvedKind.NAME)]
    if suffix is not None:
        last.extend(("_", *join_values((suffix,), at).parts))
    known = iam_arn("role", *path, *last)
    return _computed(value, Unresolved(f"{text_of(value)}.{name}", known=known), name, at)


def _parts_or_name(value: Node | None, expression: str) -> tuple[Part, ...]:
    """Return the parts of a string; a name that is unknown for anything else."""
    return value.parts if isinstance(value, StringNode) else (Unresolved(expression, UnresolvedKind.NAME),)


def _computed(value: Reference, inner: Unresolved, name: str, at: Position, own: StringNode | None = None) -> Reference:
    """Return an attribute as an unresolved value. ``own``: the name of the resource, with the defaults in it."""
    return replace(value, parts=(inner,), at=at, attribute=name, defaults=own.defaults if own is not None else ())


__all__ = ["attribute", "entity_name", "entity_path", "value_of"]
