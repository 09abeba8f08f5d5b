"""What is known of an attribute of a resource or data source before anything is deployed.

Attributes that the configuration sets are evaluated; computed ones are holes that say what can be said: the ARN of this
role, an account id, an ARN of another service. Forms of ARNs: Service Authorization Reference, "Resource types".
"""

from __future__ import annotations

from passrole_checks.iam.values import Choice, Hole, Kind, Node, Part, Position, Text, join, text
from passrole_checks.sources.terraform import data_document
from passrole_checks.sources.terraform.functions_files import read_file, render
from passrole_checks.sources.terraform.scope import Scope, evaluate
from passrole_checks.sources.terraform.services import service_of
from passrole_checks.sources.terraform.symbols import (
    Encoded,
    Reference,
    bounded,
    distribute,
    hole,
    is_null,
    joined,
    known,
)
from passrole_checks.sources.terraform.syntax import Block

_NAMED = {
    "aws_iam_role": "role", "aws_iam_user": "user", "aws_iam_group": "group", "aws_iam_policy": "policy",
    "aws_iam_instance_profile": "instance-profile",
}  # fmt: skip
_ID_IS_ARN = frozenset({
    "aws_iam_policy", "aws_sns_topic", "aws_sfn_state_machine", "aws_secretsmanager_secret", "aws_ecs_cluster",
    "aws_lb", "aws_alb", "aws_lb_target_group", "aws_acm_certificate", "aws_kinesis_stream",
    "aws_codestarconnections_connection",
})  # fmt: skip
_ACCOUNT = Hole("account id", Kind.ACCOUNT_ID)
_PARTITION = Hole("partition", Kind.PARTITION)


def attribute(value: Reference, block: Block, name: str, scope: Scope, at: Position) -> Node:
    """The value of ``name`` of the resource or data source that ``value`` refers to."""
    if value.type.startswith("data."):
        return _data(value, block, name, scope, at)
    return _resource(value, block, name, scope, at)


def written(block: Block, name: str, scope: Scope) -> Node | None:
    """An attribute as the configuration sets it, None where it does not, or sets it to null."""
    found = block.body.get(name)
    if found is None:
        return None
    value = bounded(evaluate(found.value, scope.inside(found.source)), name)
    return None if is_null(value) else value


def entity_name(block: Block, scope: Scope) -> Text | None:
    """The name of an IAM entity, None where AWS or Terraform generates it."""
    value = written(block, "name", scope)
    if value is not None:
        return value if isinstance(value, Text) else None
    prefix = written(block, "name_prefix", scope)
    if isinstance(prefix, Text):
        return Text(join((*prefix.parts, Hole("generated", Kind.NAME))), prefix.at, defaults=prefix.defaults)
    return None


def entity_path(block: Block, scope: Scope) -> Text | None:
    """The path of an IAM entity, None where the default ``/`` holds."""
    value = written(block, "path", scope)
    if isinstance(value, Text):
        return value
    return hole("path", value.at) if value is not None else None


def _resource(value: Reference, block: Block, name: str, scope: Scope, at: Position) -> Node:
    expression = f"{_words(value)}.{name}"
    if name == "arn" or (name == "id" and value.type in _ID_IS_ARN):
        return _arn(value, block, expression, scope, at)
    if value.type in _NAMED and name in ("name", "id"):
        role = value.address if value.type == "aws_iam_role" else None
        own = entity_name(block, scope)
        parts = known(own).parts if own is not None else None
        inner = Hole(expression, Kind.NAME, role=role, known=parts)
        return _part_of(value, inner, name, own, at)
    found = written(block, name, scope)
    if found is None and name == "id":
        found = next(
            (item for key in ("name", "bucket", "function_name") if (item := written(block, key, scope))), None
        )
    if found is not None:
        return found
    if name in ("id", "name", "bucket", "function_name", "key_id", "unique_id"):
        kind = Kind.ANYTHING if name == "id" and value.type == "aws_sqs_queue" else Kind.NAME
        return _part_of(value, Hole(expression, kind), name, None, at)
    return _part_of(value, Hole(expression), name, None, at)


def _arn(value: Reference, block: Block, expression: str, scope: Scope, at: Position) -> Node:
    kind = _NAMED.get(value.type)
    own: Text | None = None
    parts: list[Part] | None
    if kind is not None:
        own, path = entity_name(block, scope), entity_path(block, scope)
        parts = ["arn:", _PARTITION, ":iam::", _ACCOUNT, f":{kind}"]
        parts.extend(path.parts if path is not None else ("/",))
        parts.extend(known(own).parts if own is not None else (Hole(f"{_words(value)}.name", Kind.NAME),))
    elif value.type == "aws_iam_service_linked_role":
        service = written(block, "aws_service_name", scope)
        parts = ["arn:", _PARTITION, ":iam::", _ACCOUNT, ":role/aws-service-role/"]
        parts.extend(service.parts if isinstance(service, Text) else (Hole("service", Kind.NAME),))
        parts.extend(("/", Hole(f"{_words(value)}.name", Kind.NAME)))
    elif value.type == "aws_s3_bucket":
        bucket = written(block, "bucket", scope)
        parts = ["arn:", _PARTITION, ":s3:::"]
        parts.extend(bucket.parts if isinstance(bucket, Text) else (Hole(f"{_words(value)}.bucket", Kind.NAME),))
    else:
        parts = _service_arn(value.type, expression)
    role = value.address if value.type == "aws_iam_role" else None
    inner = Hole(expression, role=role, known=join(parts) if parts is not None else None)
    return _part_of(value, inner, "arn", own, at)


def _service_arn(type_: str, expression: str) -> list[Part] | None:
    service = service_of(type_)
    if service is None:
        return None
    return ["arn:", _PARTITION, f":{service}:", Hole(expression)]


def _part_of(value: Reference, inner: Hole, name: str, own: Text | None, at: Position) -> Reference:
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


def _words(value: Reference) -> str:
    return value.holes[0].expression


def _data(value: Reference, block: Block, name: str, scope: Scope, at: Position) -> Node:
    type_ = value.type.removeprefix("data.")
    expression = f"{_words(value)}.{name}"
    if type_ == "aws_iam_policy_document" and name in ("json", "minified_json"):
        document = data_document.build(block, scope)
        return Encoded((Hole(expression),), at, value=document)
    kind = _KINDS.get((type_, name))
    if kind is Kind.ACCOUNT_ID and block.body.get("provider") is not None:
        return hole(expression, at, "the account of another provider")
    if kind is not None:
        return hole(expression, at, "known when it is deployed", kind)
    if (type_ == "aws_partition" and name == "dns_suffix") or (type_ == "aws_service_principal" and name == "suffix"):
        return _suffix(at)
    if type_ == "aws_service_principal" and name == "name":
        return distribute(lambda service, suffix: joined((service, text(".", at), suffix), at),
                          written(block, "service_name", scope) or hole(f"{_words(value)}.service_name", at),
                          _suffix(at))  # fmt: skip
    if type_ == "template_file" and name == "rendered":
        return _rendered(block, scope, expression, at)
    if type_ == "local_file" and name == "content":
        path = written(block, "filename", scope)
        if isinstance(path, Text):
            return read_file(path, scope, expression, at)
    found = written(block, name, scope)
    if type_ in _NAMED and name in ("arn", "name", "id") and type_ != "aws_iam_policy":
        literal_name = known(found).parts if isinstance(found, Text) else None
        if name != "arn":
            return found if found is not None else hole(expression, at, kind=Kind.NAME)
        own = written(block, f"{_NAMED[type_]}_name" if type_ == "aws_iam_user" else "name", scope)
        literal_name = known(own).parts if isinstance(own, Text) else None
        last = Hole(f"{_words(value)}.name", Kind.NAME, known=literal_name)
        parts = join(("arn:", _PARTITION, ":iam::", _ACCOUNT, f":{_NAMED[type_]}/", last))
        return Text((Hole(expression, known=parts, reason="known when it is deployed"),), at)
    if found is not None:
        return found
    if type_ == "aws_iam_policy" and name == "arn" and isinstance(own := written(block, "name", scope), Text):
        end = ("/", *known(own).parts)  # the account may be ``aws``, the path is not known
        parts = join(("arn:", _PARTITION, ":iam::", Hole(f"{_words(value)} account"), ":policy", Hole("path"), *end))
        return Text((Hole(expression, known=parts, reason="known when it is deployed"),), at)
    if name == "arn":
        parts_ = _service_arn(type_, expression)
        return Text((Hole(expression, known=join(parts_) if parts_ else None),), at)
    return hole(expression, at, "known when it is deployed")


def _suffix(at: Position) -> Node:
    """The DNS suffix of the partition that is deployed to."""
    options = (("false", text("amazonaws.com", at)), ("true", text("amazonaws.com.cn", at)))
    return Choice("the partition is aws-cn", options, at)


def _rendered(block: Block, scope: Scope, expression: str, at: Position) -> Node:
    template, variables = written(block, "template", scope), written(block, "vars", scope)
    if template is None:
        return hole(expression, at)
    return render(template, variables, scope, expression, at)


_KINDS = {
    ("aws_caller_identity", "account_id"): Kind.ACCOUNT_ID,
    ("aws_caller_identity", "id"): Kind.ACCOUNT_ID,
    ("aws_partition", "partition"): Kind.PARTITION,
    ("aws_partition", "id"): Kind.PARTITION,
    ("aws_region", "name"): Kind.REGION,
    ("aws_region", "region"): Kind.REGION,
    ("aws_region", "id"): Kind.REGION,
}
