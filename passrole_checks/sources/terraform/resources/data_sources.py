"""Attributes of data sources, as far as they are known before deployment.

Source: the data source pages of the Terraform Registry, provider ``hashicorp/aws`` (``aws_caller_identity``,
``aws_partition``, ``aws_region``, ``aws_iam_role``, ``aws_iam_roles``, ``aws_iam_policy``, ``aws_iam_session_context``,
``aws_iam_user``, ``aws_iam_group``, ``aws_iam_instance_profile``, ``aws_service_principal``). A role that is looked up
by name may have any path: the path in its ARN is an unresolved part.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace

from passrole_checks.aws.managed_policies import managed_policy
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    Absent,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    Position,
    StringNode,
    UnknownTail,
    Unresolved,
    UnresolvedKind,
    join,
    text,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Assumption
from passrole_checks.iam.values.variants import choose, map_variants
from passrole_checks.sources.collect.terraform_tables import ENTITIES, MANAGED_POLICIES
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    KNOWN_AFTER_APPLY,
    Encoded,
    Reference,
    fill_known_parts,
    join_values,
    known_string,
)
from passrole_checks.sources.terraform.functions.files import read_file, render
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import data_document, linked_data
from passrole_checks.sources.terraform.resources.entities import PARTITION, iam_arn, service_arn, text_of, value_of

_AWS_MANAGED = lazy_regex(r"^arn:[^:/]*:iam::aws:policy/")  # in any partition
_REASONS = {
    "aws_ssm_parameter": "SSM parameter, read at deployment",
    "aws_ssm_parameters_by_path": "SSM parameters, read at deployment",
    "aws_secretsmanager_secret_version": "secret, read at deployment",
    "aws_cloudformation_stack": "CloudFormation stack output, read at deployment",
    "aws_cloudformation_export": "CloudFormation export, read at deployment",
    "aws_s3_object": "S3 object, read at deployment",
    "terraform_remote_state": linked_data.STATE_OF_ANOTHER,
    "tfe_outputs": "outputs of another configuration",
    "external": "output of an external program",
    "http": "read from the network",
}
_OUTSIDE = frozenset(_REASONS).difference(("external",)) | {"aws_iam_policy"}
_ATTRIBUTE_REASONS = {
    ("aws_caller_identity", "arn"): "depends on the deploying principal",
    ("aws_caller_identity", "user_id"): "depends on the deploying principal",
    # not of kind ACCOUNT_ID: it need not be the account that is deployed to
    ("aws_organizations_organization", "master_account_id"): "account of the organization",
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
# data sources of IAM entities: the resource type in their ARNs, and the attribute with the name
_LOOKED_UP = {
    "aws_iam_role": ("role", "name"),
    "aws_iam_user": ("user", "user_name"),
    "aws_iam_group": ("group", "group_name"),
    "aws_iam_instance_profile": ("instance-profile", "name"),
    "awscc_iam_role": ("role", "id"),
    "awscc_iam_user": ("user", "id"),
    "awscc_iam_group": ("group", "id"),
}
_TOKEN = lazy_regex(
    r"(?P<run>\.[*+])"
    r"|(?P<some>(?:\[[^\]]+\]|\\[dw])(?:[*+?]|\{\d+(?:,\d*)?\})?)"
    r"|(?P<any>\.)"
    r"|\\(?P<escaped>[.+-])"
    r"|(?P<literal>[A-Za-z0-9_=,@-])"
)
_QUANTIFIERS = tuple("*+?{")
_SESSION = lazy_regex(r"arn:([\w-]+):sts::(\d{12}):assumed-role/([^/]+)/.+")


def attribute(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node:
    """Return the value of attribute ``name`` of the data source that ``value`` refers to."""
    type_ = value.type.removeprefix("data.")
    expression = f"{text_of(value)}.{name}"
    if type_ == "aws_iam_policy_document" and name in ("json", "minified_json"):
        return Encoded((Unresolved(expression),), at, value=data_document.build_document(block, scope))
    kind = _KINDS.get((type_, name))
    if kind is not None:
        if kind is UnresolvedKind.ACCOUNT_ID and block.body.get("provider") is not None:
            return unresolved(expression, at, "account of another provider")
        return unresolved(expression, at, KNOWN_AFTER_APPLY, kind)
    if (type_, name) in _ATTRIBUTE_REASONS:
        return unresolved(expression, at, _ATTRIBUTE_REASONS[type_, name])
    resolve = linked_data.attribute if linked_data.is_linked(type_) else _RESOLVERS.get(type_)
    result = resolve(value, block, name, scope, at) if resolve is not None else None
    if result is None:
        result = value_of(block, name, scope)
    if result is not None:
        return result
    if name == "arn":
        return _known_as(expression, service_arn(type_, expression), at)
    return unresolved(expression, at, _REASONS.get(type_, KNOWN_AFTER_APPLY))


def _known_as(expression: str, parts: tuple[Part, ...] | None, at: Position) -> StringNode:
    """Return an attribute that is known after the deployment, with what is known of it before."""
    return StringNode((Unresolved(expression, known=parts, reason=KNOWN_AFTER_APPLY),), at)


def outside_reason(type_: str) -> str | None:
    """Return what a data source of this type is, if its content is outside of the configuration; None for others."""
    return _REASONS.get(type_, "defined elsewhere") if type_ in _OUTSIDE else None


def is_special(type_: str) -> bool:
    """True if a data source of this type has attributes that evaluate to more than its arguments or a short string."""
    has_values = type_ in _RESOLVERS and type_ != "aws_partition"
    return type_ == "aws_iam_policy_document" or has_values or linked_data.is_linked(type_)


def _partition(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    if name == "reverse_dns_prefix":
        return _by_partition("com.amazonaws", "cn.com.amazonaws", at)
    return _dns_suffix(at) if name == "dns_suffix" else None


def _service_principal(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    suffix = _dns_suffix(at)
    if name == "name":
        service = value_of(block, "service_name", scope) or unresolved(f"{text_of(value)}.service_name", at)
        return map_variants(lambda first, last: join_values((first, text(".", at), last), at), service, suffix)
    return suffix if name == "suffix" else None


def _dns_suffix(at: Position) -> Node:
    """Return the DNS suffix of the partition, which depends on the partition that is deployed to."""
    return _by_partition("amazonaws.com", "amazonaws.com.cn", at)


_NOT_IN_CHINA = Assumption("the partition", frozenset({"aws-cn"}), negated=True, written="the partition is aws-cn")


def _by_partition(elsewhere: str, china: str, at: Position) -> Node:
    return choose(_NOT_IN_CHINA, text(elsewhere, at), text(china, at), at)


def _entity(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    """Return an attribute of a role, user, group or instance profile that is looked up by name; else None."""
    kind, by = _LOOKED_UP[value.type.removeprefix("data.")]
    own = value_of(block, by, scope)
    expression = f"{text_of(value)}.{name}"
    if name == "arn":
        entity = _referenced_entity(own)
        if entity is not None and ENTITIES[entity.type].kind == kind and entity.module is not None:
            return entity.module.attribute(entity, ENTITIES[entity.type].arn, at)
        unknown = Unresolved(f"{text_of(value)}.{by}", UnresolvedKind.NAME)
        last = join_values((own,), at).parts if own is not None else (unknown,)
        return _known_as(expression, iam_arn(kind, "/", Unresolved(f"{text_of(value)}.path"), *last), at)
    if name in ("id", "name", by, f"{kind}_name"):
        return own if own is not None else unresolved(expression, at, KNOWN_AFTER_APPLY, UnresolvedKind.NAME)
    if name == "role_arn":
        path, role = (
            Unresolved(f"{text_of(value)}.role_path"),
            Unresolved(f"{text_of(value)}.role", UnresolvedKind.NAME),
        )
        return _known_as(expression, iam_arn("role", "/", path, role), at)
    return None


def _referenced_entity(value: Node | None) -> Reference | None:
    """Return a reference to the entity of this configuration whose name or ARN the value is; None if it is not one."""
    if not isinstance(value, Reference) or not value.attribute or value.type not in ENTITIES:
        return None
    entity = ENTITIES[value.type]
    if value.attribute not in ("id", entity.name, entity.arn):
        return None
    expression = text_of(value).removesuffix(f".{value.attribute}")
    return replace(value, parts=(Unresolved(expression),), attribute="", defaults=())


def _entities(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    """Return the names or ARNs of ``aws_iam_roles`` or ``aws_iam_users``: an unknown number, below ``path_prefix``.

    The roles are all those that ``name_regex`` matches. A pattern says the same, so that all names are any role.
    """
    if name not in ("names", "ids", "arns"):
        return None
    of_roles = value.type.endswith("roles")
    expression = f"{text_of(value)}.{name}[*]"
    prefix, regex = (value_of(block, argument, scope) for argument in ("path_prefix", "name_regex"))
    pattern = ("*" if regex is None else to_wildcards(known_string(regex))) if of_roles else None
    if name == "arns":
        before: tuple[Part, ...] = join_values((prefix,), at).parts if prefix is not None else ("/",)
        last = Unresolved(expression) if pattern is None else pattern if regex is None else f"*{pattern}"
        parts = iam_arn("role" if of_roles else "user", *before, last)
        element = Unresolved(expression, known=parts, reason=KNOWN_AFTER_APPLY)
    elif pattern is None or (pattern == "*" and prefix is not None and known_string(prefix) != "/"):
        element = Unresolved(expression, UnresolvedKind.NAME, reason=KNOWN_AFTER_APPLY)
    else:
        element = Unresolved(expression, known=(pattern,), reason=KNOWN_AFTER_APPLY)
    return ListNode((UnknownTail((element,), at),), at)


def to_wildcards(regex: str | None) -> str | None:
    """Return a pattern with ``*`` and ``?`` for the names that a regular expression matches, or for a few more.

    None if it is unknown or too complex, and if nothing literal would be left of it, unless it matches every name.
    Source: Terraform Registry, data source ``aws_iam_roles``: ``name_regex`` is a regular expression of Go (RE2) that
    matches anywhere in a name.
    """
    if regex is None:
        return None
    body = regex.removeprefix("^")
    ends = body.endswith("$") and not body.endswith("\\$")
    body = body[:-1] if ends else body
    pattern, position, exact = "" if regex.startswith("^") else "*", 0, True
    while position < len(body):
        token = _TOKEN.match(body, position)
        if token is None or (token.lastgroup not in ("run", "some") and body.startswith(_QUANTIFIERS, token.end())):
            return None
        exact = exact and token.lastgroup != "some"
        wild = {"run": "*", "some": "*", "any": "?"}.get(str(token.lastgroup))
        pattern += wild or token["escaped"] or token["literal"]
        position = token.end()
    pattern = re.sub(r"\*+", "*", pattern if ends else f"{pattern}*")
    return pattern if exact or pattern.strip("*?") else None


def _policy(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    """Return an attribute of a managed policy that is looked up by ARN or name.

    The policy may be one of this configuration, or an AWS managed policy, whose document is known.
    """
    expression = f"{text_of(value)}.{name}"
    arn, own = value_of(block, "arn", scope), value_of(block, "name", scope)
    policy = _referenced_entity(arn if arn is not None else own)
    if policy is not None and policy.type in MANAGED_POLICIES and policy.module is not None:
        attributes = {"arn": MANAGED_POLICIES[policy.type], "id": MANAGED_POLICIES[policy.type],
                      "name": ENTITIES[policy.type].name,
                      "policy": "policy" if policy.type == "aws_iam_policy" else "policy_document"}  # fmt: skip
        return policy.module.attribute(policy, attributes[name], at) if name in attributes else None
    if name == "policy":
        identifier = arn if arn is not None else own
        identifier_text = str(identifier) if isinstance(identifier, StringNode) else ""
        arn_in_aws = _AWS_MANAGED.sub("arn:aws:iam::aws:policy/", identifier_text)
        shipped = managed_policy(arn_in_aws) if identifier_text else None
        if shipped is not None:
            return text(json.dumps(shipped.document), at)
        if _AWS_MANAGED.match(identifier_text) is not None:
            return unresolved(expression, at, f"document of {identifier_text}, an AWS managed policy")
        known = identifier.parts if isinstance(identifier, StringNode) else None
        return StringNode((Unresolved(expression, reason=KNOWN_AFTER_APPLY, document_of=known),), at)
    if name in ("arn", "id") and arn is None and isinstance(own, StringNode):
        end = ("/", *fill_known_parts(own).parts)  # the account may be ``aws``, and the path is unknown
        account = Unresolved(f"{text_of(value)} account")
        parts = join(("arn:", PARTITION, ":iam::", account, ":policy", Unresolved("path"), *end))
        return _known_as(expression, parts, at)
    return arn if name == "id" else None


def _session(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    """Return ``issuer_arn``: the role of an assumed-role session, any other ARN unchanged."""
    if name != "issuer_arn":
        return None
    expression = f"{text_of(value)}.{name}"
    arn = value_of(block, "arn", scope)
    known_arn = known_string(arn) if arn is not None else None
    session = _SESSION.fullmatch(known_arn) if known_arn is not None else None
    if session is not None:
        partition, account, role = session.groups()
        parts = join((f"arn:{partition}:iam::{account}:role/", Unresolved(f"{text_of(value)}.path"), role))
        return _known_as(expression, parts, at)
    if known_arn is not None:
        return arn
    unknown = arn.unresolved_parts if isinstance(arn, StringNode) else ()
    return unresolved(expression, at, next((part.reason for part in unknown if part.reason), KNOWN_AFTER_APPLY))


def _template(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    """Return the rendered template; until Terraform 0.11, its variables may be written as a block ``vars``."""
    template = value_of(block, "template", scope)
    if name != "rendered" or template is None:
        return None
    given = value_of(block, "vars", scope)
    for inner in block.body.all("vars") if given is None else ():
        pairs = ((text(key, at), value_of(inner, key, scope) or Absent(at)) for key in inner.body.by_name)
        given = ObjectNode(tuple(itertools.starmap(ObjectEntry, pairs)), at)
    return render(template, given, scope, f"{text_of(value)}.{name}", at)


def _file(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    path = value_of(block, "filename", scope)
    if name != "content" or not isinstance(path, StringNode):
        return None
    return read_file(path, scope, f"{text_of(value)}.{name}", at)


_RESOLVERS: dict[str, Callable[[Reference, Block, str, EvaluationScope, Position], Node | None]] = {
    "aws_partition": _partition,
    "aws_service_principal": _service_principal,
    **dict.fromkeys(_LOOKED_UP, _entity),
    "aws_iam_roles": _entities,
    "awscc_iam_roles": _entities,
    "aws_iam_users": _entities,
    "aws_iam_policy": _policy,
    "aws_iam_session_context": _session,
    "template_file": _template,
    "local_file": _file,
}
