"""What is known of an attribute of a data source before anything is deployed.

Source: the data source pages of the Terraform Registry, provider ``hashicorp/aws`` (``aws_caller_identity``,
``aws_partition``, ``aws_region``, ``aws_iam_role``, ``aws_iam_roles``, ``aws_iam_policy``, ``aws_iam_session_context``,
``aws_iam_user``, ``aws_iam_group``, ``aws_iam_instance_profile``, ``aws_service_principal``). A role that is looked up
by its name may have any path: what is known of its ARN holds a hole in the path's place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

from passrole_checks.aws.managed_policies import managed_policy
from passrole_checks.iam.partial_values import (
    Choice,
    ListNode,
    Node,
    Part,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    join,
    text,
)
from passrole_checks.sources.model.terraform_policy_attributes import ENTITIES, MANAGED_POLICIES
from passrole_checks.sources.terraform.evaluation.conditional_values import map_choices
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    Reference,
    UnknownTail,
    fill_known_parts,
    join_values,
    known_string,
    unresolved,
)
from passrole_checks.sources.terraform.functions.files import read_file, render
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import data_document
from passrole_checks.sources.terraform.resources.entities import PARTITION, iam_arn, service_arn, words_of, written

_LATER = "known after apply"
_AWS_MANAGED = re.compile(r"^arn:[^:/]*:iam::aws:policy/")  # in whatever partition
_REASONS = {
    "aws_ssm_parameter": "a parameter of Systems Manager, read when it is deployed",
    "aws_ssm_parameters_by_path": "parameters of Systems Manager, read when it is deployed",
    "aws_secretsmanager_secret_version": "a secret, read when it is deployed",
    "aws_cloudformation_stack": "of a CloudFormation stack, read when it is deployed",
    "aws_cloudformation_export": "an export of CloudFormation, read when it is deployed",
    "aws_s3_object": "an object in S3, read when it is deployed",
    "terraform_remote_state": "the state of another configuration",
    "tfe_outputs": "the outputs of another configuration",
    "external": "what another program says",
    "http": "read from the network",
}
_KINDS = {
    ("aws_caller_identity", "account_id"): UnresolvedKind.ACCOUNT_ID,
    ("aws_caller_identity", "id"): UnresolvedKind.ACCOUNT_ID,
    ("aws_partition", "partition"): UnresolvedKind.PARTITION,
    ("aws_partition", "id"): UnresolvedKind.PARTITION,
    ("aws_region", "name"): UnresolvedKind.REGION,
    ("aws_region", "region"): UnresolvedKind.REGION,
    ("aws_region", "id"): UnresolvedKind.REGION,
    ("aws_iam_role", "unique_id"): UnresolvedKind.NAME,
    ("aws_iam_user", "user_id"): UnresolvedKind.NAME,
    ("aws_iam_group", "group_id"): UnresolvedKind.NAME,
    ("aws_iam_policy", "policy_id"): UnresolvedKind.NAME,
    ("aws_iam_instance_profile", "role_name"): UnresolvedKind.NAME,
    ("aws_iam_instance_profile", "role_id"): UnresolvedKind.NAME,
    ("aws_iam_session_context", "issuer_name"): UnresolvedKind.NAME,
    ("aws_iam_session_context", "issuer_id"): UnresolvedKind.NAME,
    ("aws_iam_session_context", "session_name"): UnresolvedKind.NAME,
    ("aws_organizations_organization", "id"): UnresolvedKind.NAME,
}
# entities that are looked up: the word of their ARNs, and the attribute of the name that is looked for
_LOOKED_UP = {
    "aws_iam_role": ("role", "name"),
    "aws_iam_user": ("user", "user_name"),
    "aws_iam_group": ("group", "group_name"),
    "aws_iam_instance_profile": ("instance-profile", "name"),
    "awscc_iam_role": ("role", "id"),
    "awscc_iam_user": ("user", "id"),
    "awscc_iam_group": ("group", "id"),
}
_WORDS = frozenset({"aws_caller_identity", "aws_partition"})
_SESSION = re.compile(r"arn:([\w-]+):sts::(\d{12}):assumed-role/([^/]+)/.+")


def attribute(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node:
    """The value of ``name`` of the data source that ``value`` refers to."""
    type_ = value.type.removeprefix("data.")
    expression = f"{words_of(value)}.{name}"
    if type_ == "aws_iam_policy_document" and name in ("json", "minified_json"):
        return Encoded((Unresolved(expression),), at, value=data_document.build(block, scope))
    kind = _KINDS.get((type_, name))
    if kind is not None:
        if kind is UnresolvedKind.ACCOUNT_ID and block.body.get("provider") is not None:
            return unresolved(expression, at, "the account of another provider")
        return unresolved(expression, at, _LATER, kind)
    room = _ROOMS.get(type_)
    found = room(value, block, name, scope, at) if room is not None else None
    if found is None:
        found = written(block, name, scope)
    if found is not None:
        return found
    if name == "arn":
        return StringNode((Unresolved(expression, known=service_arn(type_, expression), reason=_LATER),), at)
    return unresolved(expression, at, _REASONS.get(type_, _LATER))


def is_special(type_: str) -> bool:
    """Whether more is known of a data source of this type than what is written in its block, and than a few words."""
    return type_ == "aws_iam_policy_document" or (type_ in _ROOMS and type_ not in _WORDS)


def _caller(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    if name in ("arn", "user_id"):
        return unresolved(f"{words_of(value)}.{name}", at, "depends on who deploys")
    return None


def _partition(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    if name == "dns_suffix":
        return _suffix(at)
    if name == "reverse_dns_prefix":
        return _by_partition("com.amazonaws", "cn.com.amazonaws", at)
    return None


def _service_principal(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    if name == "suffix":
        return _suffix(at)
    if name == "name":
        service = written(block, "service_name", scope) or unresolved(f"{words_of(value)}.service_name", at)
        return map_choices(lambda one, suffix: join_values((one, text(".", at), suffix), at), service, _suffix(at))
    return None


def _suffix(at: Position) -> Node:
    """The DNS suffix of the partition that is deployed to."""
    return _by_partition("amazonaws.com", "amazonaws.com.cn", at)


def _by_partition(elsewhere: str, china: str, at: Position) -> Node:
    return Choice("the partition is aws-cn", (("false", text(elsewhere, at)), ("true", text(china, at))), at)


def _entity(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    """A role, user, group or instance profile that is looked up by its name."""
    kind, by = _LOOKED_UP[value.type.removeprefix("data.")]
    own = written(block, by, scope)
    expression = f"{words_of(value)}.{name}"
    if name == "arn":
        entity = _parent(own)
        if entity is not None and ENTITIES[entity.type].kind == kind and entity.module is not None:
            return entity.module.attribute(entity, ENTITIES[entity.type].arn, at)
        last = (
            (Unresolved(f"{words_of(value)}.{by}", UnresolvedKind.NAME),)
            if own is None
            else join_values((own,), at).parts
        )
        parts = iam_arn(kind, "/", Unresolved(f"{words_of(value)}.path"), *last)
        return StringNode((Unresolved(expression, known=parts, reason=_LATER),), at)
    if name in ("id", "name", by, f"{kind}_name"):
        return own if own is not None else unresolved(expression, at, _LATER, UnresolvedKind.NAME)
    if name == "role_arn":
        parts = iam_arn(
            "role",
            "/",
            Unresolved(f"{words_of(value)}.role_path"),
            Unresolved(f"{words_of(value)}.role", UnresolvedKind.NAME),
        )
        return StringNode((Unresolved(expression, known=parts, reason=_LATER),), at)
    return None


def _parent(value: Node | None) -> Reference | None:
    """The entity of this configuration whose name or ARN a value is."""
    if not isinstance(value, Reference) or not value.attribute or value.type not in ENTITIES:
        return None
    entity = ENTITIES[value.type]
    if value.attribute not in ("id", entity.name, entity.arn):
        return None
    words = words_of(value).removesuffix(f".{value.attribute}")
    return replace(value, parts=(Unresolved(words),), attribute="", defaults=())


def _several(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    """Roles or users that are looked up: any number of them, below ``path_prefix``."""
    kind = "role" if value.type.endswith("roles") else "user"
    expression = f"{words_of(value)}.{name}[*]"
    if name == "names":
        return ListNode((UnknownTail((Unresolved(expression, UnresolvedKind.NAME, reason=_LATER),), at),), at)
    if name != "arns":
        return None
    prefix = written(block, "path_prefix", scope)
    before: tuple[Part, ...] = join_values((prefix,), at).parts if prefix is not None else ("/",)
    parts = iam_arn(kind, *before, Unresolved(expression))
    return ListNode((UnknownTail((Unresolved(expression, known=parts, reason=_LATER),), at),), at)


def _policy(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    """A managed policy that is looked up by its ARN or its name: one of this configuration, or one of AWS, of which the
    document is known as well."""
    expression = f"{words_of(value)}.{name}"
    arn, own = written(block, "arn", scope), written(block, "name", scope)
    policy = _parent(arn if arn is not None else own)
    if policy is not None and policy.type in MANAGED_POLICIES and policy.module is not None:
        attributes = {"arn": MANAGED_POLICIES[policy.type], "id": MANAGED_POLICIES[policy.type],
                      "name": ENTITIES[policy.type].name,
                      "policy": "policy" if policy.type == "aws_iam_policy" else "policy_document"}  # fmt: skip
        return policy.module.attribute(policy, attributes[name], at) if name in attributes else None
    if name == "policy":
        given = arn if arn is not None else own
        what = str(given) if isinstance(given, StringNode) else ""
        shipped = managed_policy(_AWS_MANAGED.sub("arn:aws:iam::aws:policy/", what)) if what else None
        if shipped is not None:
            return text(json.dumps(shipped.document), at)
        managed = _AWS_MANAGED.match(what) is not None
        return unresolved(expression, at, f"the document of {what}, an AWS managed policy" if managed else _LATER)
    if name in ("arn", "id") and arn is None and isinstance(own, StringNode):
        end = ("/", *fill_known_parts(own).parts)  # the account may be ``aws``, the path is not known
        parts = join(
            ("arn:", PARTITION, ":iam::", Unresolved(f"{words_of(value)} account"), ":policy", Unresolved("path"), *end)
        )
        return StringNode((Unresolved(expression, known=parts, reason=_LATER),), at)
    return arn if name == "id" else None


def _session(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    """``issuer_arn`` is the role of a session, and any other ARN unchanged."""
    if name != "issuer_arn":
        return None
    expression = f"{words_of(value)}.{name}"
    arn = written(block, "arn", scope)
    given = known_string(arn) if arn is not None else None
    session = _SESSION.fullmatch(given) if given is not None else None
    if session is not None:
        partition, account, role = session.groups()
        parts = join((f"arn:{partition}:iam::{account}:role/", Unresolved(f"{words_of(value)}.path"), role))
        return StringNode((Unresolved(expression, known=parts, reason=_LATER),), at)
    if given is not None:
        return arn
    reason = next((part.reason for part in arn.holes if part.reason), _LATER) if isinstance(arn, StringNode) else _LATER
    return unresolved(expression, at, reason)


def _organization(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    """The account ids of an organization need not be that of the account deployed to: they are of no kind."""
    if name == "master_account_id":
        return unresolved(f"{words_of(value)}.{name}", at, "an account of the organization")
    return None


def _template(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    template = written(block, "template", scope)
    if name != "rendered" or template is None:
        return None
    return render(template, written(block, "vars", scope), scope, f"{words_of(value)}.{name}", at)


def _file(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    path = written(block, "filename", scope)
    if name != "content" or not isinstance(path, StringNode):
        return None
    return read_file(path, scope, f"{words_of(value)}.{name}", at)


_ROOMS: dict[str, Callable[[Reference, Block, str, EvaluationScope, Position], Node | None]] = {
    "aws_caller_identity": _caller,
    "aws_partition": _partition,
    "aws_service_principal": _service_principal,
    **dict.fromkeys(_LOOKED_UP, _entity),
    "aws_iam_roles": _several,
    "aws_iam_users": _several,
    "aws_iam_policy": _policy,
    "aws_iam_session_context": _session,
    "aws_organizations_organization": _organization,
    "template_file": _template,
    "local_file": _file,
}
