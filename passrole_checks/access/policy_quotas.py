"""Policies that exceed AWS's size quotas. They are analyzed all the same.

Source: IAM User Guide, "IAM and AWS STS quotas": a managed policy has at most 6,144 characters, the inline policies of
a role together 10,240 (of a user or a group fewer), white space not counted; IAM Identity Center API Reference,
PutInlinePolicyToPermissionSet: 32,768.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from passrole_checks.iam.partial_values import ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind, Unreadable

_MANAGED = frozenset({"AWS::IAM::ManagedPolicy", "aws_iam_policy"})
_INLINE = frozenset({
    "AWS::IAM::Group", "AWS::IAM::GroupPolicy", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::IAM::RolePolicy",
    "AWS::IAM::User", "AWS::IAM::UserPolicy", "aws_iam_group_policy", "aws_iam_role", "aws_iam_role_policy",
    "aws_iam_user_policy",
})  # fmt: skip
_MOST_MANAGED, _MOST_INLINE, _MOST = 6_144, 10_240, 32_768


def too_long(policies: Iterable[AttachedPolicy]) -> Iterator[Unreadable]:
    """Yield a note for each identity-based policy that surely exceeds its limit."""
    for policy in policies:
        if policy.kind is not PolicyKind.IDENTITY or policy.managed:
            continue
        kind = policy.resource.type
        most = _MOST_MANAGED if kind in _MANAGED else _MOST_INLINE if kind in _INLINE else _MOST
        if _is_longer(policy.document, most):
            address, at = policy.resource.address, policy.resource.at
            reason = f"{address} exceeds AWS's limit of {most:,} characters"
            yield Unreadable(at.file, reason, at.line, f"size {address}")


def _is_longer(document: Node, most: int) -> bool:
    """Return True if the known text of a document, without white space, has more than ``most`` characters."""
    length = 0
    for text in _of_one_reading(document):
        length += sum(len("".join(part.split())) for part in text.parts if isinstance(part, str))
        if length > most:
            return True
    return False


def _of_one_reading(node: Node) -> Iterator[StringNode]:
    """Yield the strings below a node, but not those of variants."""
    if isinstance(node, StringNode):
        yield node
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from _of_one_reading(item)
    elif isinstance(node, ObjectNode):
        for entry in node.entries:
            yield entry.key
            yield from _of_one_reading(entry.value)
