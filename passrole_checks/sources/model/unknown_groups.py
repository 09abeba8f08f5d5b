"""Groups that users of a configuration join and that it does not define: their policies are unknown.

Source: IAM User Guide, "IAM user groups": a user has the permissions of its groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from passrole_checks.iam.partial_values import Position
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.model.principal_names import bare_name, kind_and_name

_MAX_NAMES = 3


def unknown_groups(members: Mapping[tuple[str, str], Position]) -> Iterator[Unreadable]:
    """Yield a note for each group that is known by name only.

    ``members``: pairs of a group and a user, each with the position of the resource that states it.
    """
    users_by_group: dict[str, list[str]] = {}
    positions: dict[str, Position] = {}
    for (group, user), at in members.items():
        if kind_and_name(group) is not None:
            users_by_group.setdefault(group, []).append(bare_name(user))
            positions.setdefault(group, at)
    for group, users in users_by_group.items():
        named = ", ".join(users[:_MAX_NAMES]) + (f" and {len(users) - _MAX_NAMES} more" if users[_MAX_NAMES:] else "")
        verb = "joins" if len(users) == 1 else "join"
        reason = f"{named} {verb} the group {bare_name(group)}, whose policies are not in this configuration"
        yield Unreadable(positions[group].file, reason, positions[group].line, kind=NoteKind.DEFINED_ELSEWHERE)
