"""Policies that exceed AWS's size quotas. They are analyzed all the same.

Source: IAM User Guide, "IAM and AWS STS quotas": a managed policy has at most 6,144 characters, the inline policies of
a user together 2,048, of a group 5,120 and of a role 10,240, white space not counted; IAM Identity Center User Guide,
"IAM Identity Center quotas": 10,240 for the inline policy of a permission set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.model.configuration import AttachedPolicy, NoteKind, PolicyKind, Unreadable

MOST_MANAGED, MOST_OF_USER, MOST_OF_GROUP, MOST_OF_ROLE = 6_144, 2_048, 5_120, 10_240
"""The most characters of a managed policy, and of the inline policies of a user, a group and a role together."""

_LIMITS = {
    **dict.fromkeys(("AWS::IAM::ManagedPolicy", "aws_iam_policy"), MOST_MANAGED),
    **dict.fromkeys(("AWS::IAM::User", "AWS::IAM::UserPolicy", "aws_iam_user_policy"), MOST_OF_USER),
    **dict.fromkeys(("AWS::IAM::Group", "AWS::IAM::GroupPolicy", "aws_iam_group_policy"), MOST_OF_GROUP),
    **dict.fromkeys(
        ("AWS::IAM::Policy", "AWS::IAM::Role", "AWS::IAM::RolePolicy", "aws_iam_role", "aws_iam_role_policy"),
        MOST_OF_ROLE,
    ),
    **dict.fromkeys(("AWS::SSO::PermissionSet", "aws_ssoadmin_permission_set_inline_policy"), MOST_OF_ROLE),
}
_MOST = 32_768


def too_long(policies: Iterable[AttachedPolicy]) -> Iterator[Unreadable]:
    """Yield a note for each identity-based policy that surely exceeds its limit."""
    for policy, _, most in lengths_over_limit(policies):
        address, at = policy.resource.address, policy.resource.at
        reason = f"{address} exceeds AWS's limit of {most:,} characters; its statements are checked all the same"
        yield Unreadable(at.file, reason, at.line, f"size {address}", kind=NoteKind.TOO_LONG)


def lengths_over_limit(
    policies: Iterable[AttachedPolicy], *, unresolved: int = 0
) -> Iterator[tuple[AttachedPolicy, int, int]]:
    """Yield each identity-based policy that exceeds its limit, with its number of characters and the limit.

    ``unresolved``: the characters that an unresolved value is assumed to have; with 0 the number is the least possible.
    """
    for policy in policies:
        if policy.kind is not PolicyKind.IDENTITY or policy.managed or policy.account_policy:
            continue
        most = _LIMITS.get(policy.resource.type, _MOST)
        quotes = len('""') if isinstance(policy.document, StringNode) else 0  # of a JSON text
        length = _length(policy.document, unresolved) - quotes
        if length > most:
            yield policy, length, most


def _length(document: Node, unresolved: int) -> int:
    """Return the least number of characters of a value in JSON, without white space.

    Variants do not count, nor brackets of lists, which may be left out around one element, nor what a list of a
    ``statement`` block repeats: the lists of the data source ``aws_iam_policy_document`` are sets (its documentation in
    the AWS provider).
    """
    length, left = 0, [document]
    while left:
        node = left.pop()
        if isinstance(node, StringNode):
            length += len('""')
            for part in node.parts:
                length += len("".join(part.split())) if isinstance(part, str) else unresolved
        elif isinstance(node, ListNode):
            length += max(0, len(node.items) - 1)
            left += node.items
        elif isinstance(node, ObjectNode):
            length += len("{}") + len(node.entries) + max(0, len(node.entries) - 1)  # with colons and commas
            for entry in node.entries:
                left += (entry.key, _without_repetitions(entry.value) if node.block else entry.value)
    return length


def _without_repetitions(value: Node) -> Node:
    """Return a list without the strings that it repeats, and any other value as it is."""
    if not isinstance(value, ListNode):
        return value
    known: dict[str, Node] = {}
    others: list[Node] = []
    for item in value.items:
        if isinstance(item, StringNode) and item.literal is not None:
            known[item.literal] = item
        else:
            others.append(item)
    return ListNode((*known.values(), *others), value.at)
