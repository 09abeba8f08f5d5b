"""Policy documents and AWS managed policies that leave the configuration.

What gets them may attach them, or do anything else with them. The document shows its kind: a resource-based policy or a
trust policy names a Principal, an identity-based policy never does (IAM User Guide, "AWS JSON policy elements:
Principal").
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import replace

from passrole_checks.aws.managed_policies import managed_policy
from passrole_checks.iam.documents.json_document import json_or_none
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.grants.grant import covers_pass_role
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    Ternary,
    text,
)
from passrole_checks.iam.values.path_conditions import PathCondition, consistent, extend
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind

MAX_DEPTH = 6  # levels of lists and objects below an argument or a property

AWS_MANAGED = ":iam::aws:policy/"
_MANAGED_ARN = lazy_regex(rf'[^\s"]*{AWS_MANAGED}[^\s"]+')  # the ARN alone, not a document that contains it
_ENCODED_BRACE = ("eyJ", "ewo", "eyA", "ew0")  # the Base64 form of a brace and a quote, line break or blank
_REMOVING = ("detach", "delete", "remove")  # calls of APIs, and the property with the call when a stack is deleted
TOO_DEEP = "nested too deeply to search for policy documents"

# resources whose arguments decide when something is replaced, or are read by other blocks (terraform_data.x.output)
_KEEPERS = ("null_resource", "random_", "terraform_data", "time_")
# providers with policies of the same form that grant nothing in AWS (Alibaba Cloud RAM, Tencent Cloud CAM, MinIO, ...)
_OTHER_CLOUDS = (
    "alicloud_", "bytepluscc_", "flexibleengine_", "g42cloud_", "huaweicloud_", "minio_", "opentelekomcloud_", "ovh_",
    "sbercloud_", "scaleway_", "tencentcloud_", "volcengine_", "volcenginecc_", "wasabi_",
)  # fmt: skip
# a module in the Terraform registry (NAMESPACE/NAME/PROVIDER) or in a repository, which makes SCPs of what it gets
_SCP_NAME = "(?:scp|service-control-policies)"
_SCP_MODULE = lazy_regex(
    rf"(?:[\w.-]+/)?[\w-]+/{_SCP_NAME}/aws(?://.*)?|.*/terraform-aws-{_SCP_NAME}(?:\.git)?(?://[^?]*)?(?:\?.*)?"
)
_POLICY_MODULE = lazy_regex(
    r"terraform-aws-(?:modules/)?iam(?:/aws|\.git)?//modules/iam-(?:read-only-)?policy(?:\?.*)?$"
)
_ORGANIZATION_POLICY = lazy_regex(
    r"\b(?:SERVICE|RESOURCE)_CONTROL_POLICY\b"
)  # AWS Organizations, CreatePolicy, ``Type``
_DOCUMENT_NAME = lazy_regex(r'\baws_iam_policy_document\.([\w-]+)|(?<![\w.-])([\w.-]+)\.(?:json|tpl|tftpl)"')
_NEW_WORD = lazy_regex(r"(?<=[a-z0-9])(?=[A-Z])")
_LIMITS = lazy_regex(r"(?<![a-z])(?:scps?|service[ _-]?control[ _-]?polic(?:y|ies))(?![a-z])")
_WORDS_BEFORE = 5  # in a description of a permissions boundary
_RELATIONS = frozenset(
    {"allow", "allows", "enforce", "enforces", "manage", "manages", "require", "requires", "under", "with", "within",
     "without"}
)  # fmt: skip
_PRINCIPALS = frozenset({"Principal", "NotPrincipal"})


def is_document(node: Node) -> bool:
    """True if a value, in one of its variants, is a policy document with a readable statement."""
    if isinstance(node, Choice):
        return any(is_document(option) for _, option in node.options)
    if isinstance(node, StringNode):
        if not _mentions(node, '"Statement"'):
            return False
    elif not isinstance(node, ObjectNode) or node.get("Statement") is None:
        return False
    return bool(parse_document(node).statements)


def decode_base64(node: Node) -> Node:
    """Return the JSON text whose Base64 form a string is; any other value as it is."""
    if isinstance(node, Choice):
        return Choice(tuple((outcome, decode_base64(option)) for outcome, option in node.options), node.at)
    encoded = node.literal if isinstance(node, StringNode) else None
    if encoded is None or not encoded.startswith(_ENCODED_BRACE):
        return node
    try:
        return text(b64decode("".join(encoded.split()), validate=True).decode(), node.at)
    except ValueError:
        return node


def document_of(statements: Iterable[Node], at: Position, version: str = "2012-10-17") -> ObjectNode:
    """Return the policy document that a consumer builds from statements."""
    together = ListNode(tuple(statements), at)
    return ObjectNode(
        (ObjectEntry(text("Version", at), text(version, at)), ObjectEntry(text("Statement", at), together)), at
    )


def documents_in_text(node: Node, path: str, depth: int = MAX_DEPTH) -> Iterator[tuple[str, Node]]:
    """Yield the documents in a JSON text, at any depth, each with its path.

    An example is the API call that ``AwsCustomResource`` of the AWS CDK receives.
    """
    if isinstance(node, Choice):
        for outcome, option in node.options:
            for inner, document in documents_in_text(option, path, depth):
                yield inner, Choice(((outcome, document),), node.at)
    elif isinstance(node, StringNode) and depth and _mentions(node, "Statement"):
        decoded = json_or_none(node)
        if decoded is not None:
            yield from _documents_in_value(decoded, path, depth - 1)


def _documents_in_value(value: Node, path: str, depth: int) -> Iterator[tuple[str, Node]]:
    """Yield the documents at or below a decoded JSON value, each with its path."""
    if is_document(value):
        yield path, value
    elif isinstance(value, StringNode):
        yield from documents_in_text(value, path, depth)
    elif isinstance(value, ListNode):
        for number, item in enumerate(value.items):
            yield from _documents_in_value(item, f"{path}/{number}", depth)
    elif isinstance(value, ObjectNode):
        for entry in value.entries:
            yield from _documents_in_value(entry.value, f"{path}/{entry.key}", depth)


def managed_policies_in(
    value: Node, path: str, when: PathCondition = (), depth: int = MAX_DEPTH
) -> Iterator[tuple[str, PathCondition, StringNode]]:
    """Yield the ARNs of AWS managed policies in a value, each with its path and its path condition.

    Permissions boundaries, and calls that detach or delete policies, are left out.
    """
    if "boundary" in path.lower():
        return
    if isinstance(value, StringNode):
        if _MANAGED_ARN.fullmatch("".join(part if isinstance(part, str) else "x" for part in value.parts)):
            yield path, when, value
        elif depth and _mentions(value, AWS_MANAGED) and (decoded := json_or_none(value)) is not None:
            yield from managed_policies_in(decoded, path, when, depth - 1)
    elif depth and isinstance(value, Choice):
        for outcome, option in value.options:
            if consistent(when, outcome):
                yield from managed_policies_in(option, path, extend(when, outcome), depth - 1)
    elif depth and isinstance(value, ListNode):
        for number, item in enumerate(value.items):
            yield from managed_policies_in(item, f"{path}/{number}", when, depth - 1)
    elif depth and isinstance(value, ObjectNode) and not _removes(value):
        for entry in value.entries:
            yield from managed_policies_in(entry.value, f"{path}/{entry.key}", when, depth - 1)


def without_attached(
    handed: Iterable[AttachedPolicy], policies: Iterable[AttachedPolicy], *, by_position: bool = True
) -> Iterator[AttachedPolicy]:
    """Yield the documents that leave the configuration, except those that ``policies`` contain in full.

    Such a document is attached in the configuration as well, and is checked there. ``by_position``: false for a plan,
    which repeats a document wherever it is used.
    """
    pending = list(handed)
    attached = {
        statement
        for policy in (policies if pending else ())
        if policy.handed_to is None and policy.kind in (PolicyKind.IDENTITY, PolicyKind.BOUNDARY)
        for statement in _statements_of(policy, by_position)
    }
    for policy in pending:
        statements = _statements_of(policy, by_position)
        if not statements or not statements <= attached:
            yield policy


def _statements_of(policy: AttachedPolicy, by_position: bool) -> set[tuple[Position | None, tuple[str, ...]]]:
    statements = parse_document(policy.document).statements
    return {(statement.at if by_position else None, statement.identity) for statement in statements}


def _removes(call: ObjectNode) -> bool:
    """True if an object is a call of an API that detaches or deletes a policy."""
    action = call.get("action")
    name = action.literal if isinstance(action, StringNode) else None
    return name is not None and name.lower().startswith(_REMOVING)


def _mentions(node: StringNode, words: str) -> bool:
    return any(isinstance(part, str) and words in part for part in node.parts)


def hands_nothing_out(type_: str) -> bool:
    """True if Terraform resources of a type hand no policy document out of the configuration."""
    return type_.startswith((*_KEEPERS, *_OTHER_CLOUDS))


def infer_policy_kind(path: str, document: Node) -> PolicyKind:
    """Return the kind of a document passed at ``path`` (keys joined by ``/``)."""
    if "boundary" in path.lower():
        return PolicyKind.BOUNDARY
    return PolicyKind.RESOURCE if names_principal(document) else PolicyKind.IDENTITY


def judged_by_name(policy: AttachedPolicy, names: Iterable[str], descriptions: Iterable[str] = ()) -> AttachedPolicy:
    """Return a policy that leaves the configuration with the kind that the names of its consumer presume.

    The names do not change the kind: they may be wrong.
    """
    if policy.kind is not PolicyKind.IDENTITY:
        return policy
    return replace(policy, presumed=presumed_kind((*names, policy.path), descriptions))


def presumed_kind(names: Iterable[str], descriptions: Iterable[str] = ()) -> PolicyKind | None:
    """Return BOUNDARY or SCP if a name or a description says that a policy is one, else None.

    A description says so if it begins with that, as in "Permissions boundary of developers".
    """
    for name in names:
        words = _NEW_WORD.sub("-", name).lower()
        if "boundar" in words:
            return PolicyKind.BOUNDARY
        if _LIMITS.search(words):
            return PolicyKind.SCP
    for description in descriptions:
        start, found, _ = description.lower().partition("boundar")
        before = start.split()
        if found and len(before) <= _WORDS_BEFORE and not _RELATIONS.intersection(before):
            return PolicyKind.BOUNDARY
    return None


def organization_policy_kind(type_: str | None) -> PolicyKind | None:
    """Return the kind of an organization policy by its type; None if it has no IAM statements.

    A service control policy is the default. A resource control policy does not apply to IAM, so that it does not limit
    PassRole either (AWS Organizations User Guide, "Resource control policies (RCPs)").
    """
    kinds = {"SERVICE_CONTROL_POLICY": PolicyKind.SCP, "RESOURCE_CONTROL_POLICY": PolicyKind.RESOURCE}
    return kinds.get(type_ or "SERVICE_CONTROL_POLICY")


def document_names(expression: str) -> list[str]:
    """Return the names of the data sources and files that a Terraform expression reads a policy document from."""
    return [name or file for name, file in _DOCUMENT_NAME.findall(expression)]


def makes_organization_policies(text: str) -> bool:
    """True if the text of a resource or call names the type of an organization policy as a value of its own."""
    return _ORGANIZATION_POLICY.search(text) is not None


def is_scp_module(source: str) -> bool:
    """True if a module source is a published module that makes service control policies."""
    return _SCP_MODULE.fullmatch(source) is not None


def is_policy_module(source: str) -> bool:
    """True if a module source is a published module that makes one managed policy and attaches it to nothing."""
    return _POLICY_MODULE.search(source) is not None


def names_principal(node: Node | None) -> bool:
    """True if a statement anywhere in a document names a Principal."""
    if isinstance(node, StringNode):
        return any(isinstance(part, str) and f'"{name}"' in part for part in node.parts for name in _PRINCIPALS)
    if isinstance(node, Choice):
        return any(names_principal(option) for _, option in node.options)
    if isinstance(node, ListNode):
        return any(names_principal(item) for item in node.items)
    if isinstance(node, ObjectNode):
        named = any(entry.key.literal in _PRINCIPALS for entry in node.entries)
        return named or names_principal(node.get("Statement"))
    return False


def may_grant_pass_role(document: Node) -> bool:
    """True if an identity-based policy allows PassRole, or may allow it."""
    return bool(pass_role_statements(document))


def pass_role_statements(document: Node) -> tuple[str, ...]:
    """Return the statements of an identity-based policy that allow PassRole, or may allow it, as texts."""
    return tuple(
        ", ".join(filter(None, statement.identity))
        for statement in (parse_document(document).statements if not names_principal(document) else ())
        if statement.effect != "Deny" and covers_pass_role(statement)[0] is not Ternary.NO
    )


def managed_policy_may_grant(arn: str) -> bool:
    """True if an AWS managed policy allows PassRole, or if nothing is known of a managed policy."""
    _, mark, name = arn.partition(":iam::aws:policy/")
    policy = managed_policy(f"arn:aws{mark}{name}")  # the partition may be unresolved
    return policy is None or may_grant_pass_role(text(json.dumps(dict(policy.document)), Position("", 1)))
