"""Policies that exceed AWS's size quotas. They are analyzed all the same.

Source: IAM User Guide, "IAM and AWS STS quotas": a managed policy has at most 6,144 characters, the inline policies of
a user together 2,048, of a group 5,120 and of a role 10,240, white space not counted; IAM Identity Center User Guide,
"IAM Identity Center quotas": 10,240 for the inline policy of a permission set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from passrole_checks.iam.partial_values import ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind, Unreadable

_LIMITS = {
    **dict.fromkeys(("AWS::IAM::ManagedPolicy", "aws_iam_policy"), 6_144),
    **dict.fromkeys(("AWS::IAM::User", "AWS::IAM::UserPolicy", "aws_iam_user_policy"), 2_048),
    **dict.fromkeys(("AWS::IAM::Group", "AWS::IAM::GroupPolicy", "aws_iam_group_policy"), 5_120),
    **dict.fromkeys(
        ("AWS::IAM::Policy", "AWS::IAM::Role", "AWS::IAM::RolePolicy", "aws_iam_role", "aws_iam_role_policy"), 10_240
    ),
    **dict.fromkeys(("AWS::SSO::PermissionSet", "aws_ssoadmin_permission_set_inline_policy"), 10_240),
}
_MOST = 32_768


def too_long(policies: Iterable[AttachedPolicy], *, unresolved: int = 0) -> Iterator[Unreadable]:
    """Yield a note for each identity-based policy that exceeds its limit.

    ``unresolved``: the characters that an unresolved value is assumed to have; with 0 the policy surely exceeds it.
    """
    for policy in policies:
        if policy.kind is not PolicyKind.IDENTITY or policy.managed:
            continue
        most = _LIMITS.get(policy.resource.type, _MOST)
        if _is_longer(policy.document, most, unresolved):
            address, at = policy.resource.address, policy.resource.at
            reason = f"{address} exceeds AWS's limit of {most:,} characters"
            yield Unreadable(at.file, reason, at.line, f"size {address}")


def _is_longer(document: Node, most: int, unresolved: int) -> bool:
    """Return True if the text of a document, without white space, has more than ``most`` characters."""
    length = 0
    for text, quotes in _of_one_reading(document):
        known = (len("".join(part.split())) if isinstance(part, str) else unresolved for part in text.parts)
        length += sum(known) + quotes
        if length > most:
            return True
    return False


def _of_one_reading(node: Node, quotes: int = 0) -> Iterator[tuple[StringNode, int]]:
    """Yield the strings below a node, but not those of variants, each with the number of quotes and commas that JSON
    surely adds: in a list, as an element that is not the first."""
    if isinstance(node, StringNode):
        yield node, quotes
    elif isinstance(node, ListNode):
        for number, item in enumerate(node.items):
            yield from _of_one_reading(item, 3 if number and isinstance(item, StringNode) else 0)
    elif isinstance(node, ObjectNode):
        for entry in node.entries:
            yield entry.key, 0
            yield from _of_one_reading(entry.value)
