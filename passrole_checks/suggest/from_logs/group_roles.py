"""Combine roles into patterns, on request.

Two or more roles with one path, or with a common name prefix, become one pattern: the common prefix up to its last
separator, if it has at least four characters, or else their path. Roles without a path have only their names in common.
The caller decides which patterns are allowed, considering the other roles that they match.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service" (one policy for a path or a name
prefix) and "IAM identifiers" (paths).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import StringNode

MIN_PREFIX_LENGTH = 4
"""Minimum length of a common name prefix, including its separator."""

_ROLE = lazy_regex(r"(?P<path>(?:[^/]+/)*)(?P<name>[^/]+)")


def group_roles(roles: Iterable[StringNode], allowed: Callable[[StringNode], bool]) -> dict[StringNode, StringNode]:
    """Map roles that become part of a pattern to that pattern.

    Args:
        roles: ARNs whose last part is a literal with the path and the name.
        allowed: True if a pattern may be written; if not, its roles stay individual.
    """
    roles_by_head: dict[tuple[object, ...], dict[str, StringNode]] = {}
    for role in roles:
        last = role.parts[-1]
        head, found = (last.partition(":role/")[::2]) if isinstance(last, str) else ("", "")
        match = _ROLE.fullmatch(found)
        if match is not None and not {"*", "?"} & set(found):
            roles_by_head.setdefault((*role.parts[:-1], f"{head}:role/{match['path']}", match["path"]), {})[
                match["name"]
            ] = role
    result: dict[StringNode, StringNode] = {}
    for head_key, own in roles_by_head.items():
        *before, beginning, path = head_key
        groups = _group_by_prefix(list(own))
        if path and len(own) > 1 and not any(len(names) == len(own) for names in groups.values()):
            groups = {"": list(own)}
        for shared, names in groups.items():
            some = own[names[0]]
            pattern = StringNode((*some.parts[: len(before)], f"{beginning}{shared}*"), some.at)
            if allowed(pattern):
                result |= {own[name]: pattern for name in names}
    return result


def _group_by_prefix(names: Sequence[str]) -> dict[str, list[str]]:
    """Group names by their longest common prefix."""
    by: dict[str, list[str]] = {}
    for name in names:
        ends = (match.end() for match in re.finditer(r"[-_.+=,@]", name[:-1]))
        for beginning in (name[:end] for end in ends if end >= MIN_PREFIX_LENGTH):
            by.setdefault(beginning, []).append(name)
    found: dict[str, list[str]] = {}
    taken: set[str] = set()
    for beginning in sorted(by, key=len, reverse=True):
        left = [name for name in by[beginning] if name not in taken]
        if len(left) > 1:
            found[beginning] = left
            taken.update(left)
    return found
