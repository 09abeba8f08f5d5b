"""True if an Allow covers a role seen in CloudTrail, by ARN or, where the log has only the name, under any path.

Source: IAM User Guide, "IAM identifiers" (the ARN of a role contains its path, its name does not).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from passrole_checks.access.known_roles import resolve_role
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.limits import PassableSet
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.patterns.glob import wildcard_match
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn_pattern import expand, fields_of
from passrole_checks.iam.values.nodes import Part, Position, StringNode, Ternary, UnresolvedKind, text

_NOWHERE = Position("", 0)
_SOME_PATH = "a/path/that/nobody/writes/"

Roles = Mapping[str, KnownRole]


def grant_covers(
    passed: PassableSet | None, grant: PassRoleGrant, role: str, account: str, by_address: Roles, by_name: Roles
) -> Ternary:
    """Return YES if a role of a log is among those that ``grant`` allows passing.

    ``passed``: the roles that the grant leaves for one service; None for none. ``role``: its ARN, or its name if the
    log has only that; "" if unknown. ``account``: the account of a role known by its name; "" if unknown.
    ``by_address``, ``by_name``: the roles of the configuration, as
    :func:`passrole_checks.access.known_roles.index_roles` returns them.
    """
    if passed is None:
        return Ternary.NO
    if not role:
        return Ternary.UNKNOWN

    def write(pattern: StringNode) -> StringNode:
        return replace_reference(pattern, by_address, by_name)

    def answer(meant: str) -> Ternary:
        listed = _matches_any(passed.roles, meant, write)
        return (~listed if passed.complement else listed) & ~_matches_any(passed.denied, meant, write)

    found = set(map(answer, _possible_arns(role, account, map(write, (*passed.roles, *passed.denied)))))
    told = (found.pop() if len(found) == 1 else Ternary.UNKNOWN) & passed.certain
    uncertain = bool(passed.when or grant.other_conditions or grant.resource_tag or grant.associated_resource_arn)
    return told & Ternary.UNKNOWN if uncertain else told


def replace_reference(pattern: StringNode, by_address: Roles, by_name: Roles) -> StringNode:
    """Return a pattern with a reference to a role of the configuration replaced by the ARN of that role."""
    role = resolve_role(pattern, by_address, by_name)
    referred = role is not None and bool(pattern.unresolved_parts) and pattern.unresolved_parts[-1].role is not None
    return role.arn if referred and role is not None and role.arn is not None else pattern


def pattern_covers(pattern: StringNode, role: str, account: str) -> Ternary:
    """Return YES if a pattern matches a role of a log. A role known by its name may have any path."""
    found = {_matches_any([pattern], one) for one in _possible_arns(role, account, [pattern])}
    return found.pop() if len(found) == 1 else Ternary.UNKNOWN


def _matches_any(
    patterns: Sequence[StringNode], role: str, write: Callable[[StringNode], StringNode] = lambda pattern: pattern
) -> Ternary:
    """Return YES if one of the patterns matches the ARN of a role; UNKNOWN for the unknown role "".

    ``write`` expands a pattern if the quick answer is not enough.
    """
    answer = Ternary.NO
    for pattern in patterns:
        if not role:
            return Ternary.UNKNOWN
        seen = literal_pattern(pattern.parts)
        covers = seen.covers(role) if seen is not None else None
        answer |= arn.included(text(role, _NOWHERE), [write(pattern)]) if covers is None else covers
        if answer is Ternary.YES:
            break
    return answer


def _possible_arns(role: str, account: str, patterns: Iterable[StringNode]) -> tuple[str, ...]:
    """Return the ARNs that a role of a log may have, as far as patterns distinguish them; "" if its account is
    unknown."""
    if role.startswith("arn:"):
        return (role,)
    if not account:
        return ("",)
    paths = dict.fromkeys(("", _SOME_PATH, *map(_path_of, patterns))) if "/" not in role else ("",)
    return tuple(f"arn:aws:iam::{account}:role/{path}{role.lstrip('/')}" for path in paths)


def _path_of(pattern: StringNode) -> str:
    """Return the literal path that a pattern begins with."""
    fields = fields_of(expand(pattern.parts))
    first = fields[5][0] if len(fields) > 5 and fields[5] else ""
    path = first.removeprefix("role/").rpartition("/") if isinstance(first, str) else ("", "", "")
    return f"{path[0]}/" if path[1] and not {"*", "?"} & set(path[0]) else ""


@dataclass(frozen=True, slots=True)
class LiteralPattern:
    """A role pattern that is literal up to some point.

    ``begins``: the start of the path and name of all roles that it covers (``/app/``). ``whole``: the pattern, if only
    wildcards follow.
    """

    begins: str
    whole: str | None

    def covers(self, role: str) -> Ternary | None:
        """Return YES or NO if the literal start decides whether the pattern covers the ARN of a role, else None."""
        place = path_and_name(role)
        if place is None:
            return None
        if not place.startswith(self.begins):
            return Ternary.NO
        return Ternary.of(wildcard_match(self.whole, role)) if self.whole is not None else None


_ANY_ARN = lazy_regex(r"arn:(?:aws[a-z-]*|\0):iam::(?:\d{12}|\0):role(?P<begins>/[^*?$\0]*)(?P<rest>.*)", re.DOTALL)
_DEPLOYMENT_KINDS = frozenset({UnresolvedKind.ACCOUNT_ID, UnresolvedKind.PARTITION})


@lru_cache(maxsize=65536)
def literal_pattern(parts: tuple[Part, ...]) -> LiteralPattern | None:
    """Return the literal part of a pattern; None if the pattern does not have the usual form."""
    if parts == ("*",):
        return LiteralPattern("", "*")
    if any(not isinstance(part, str) and part.kind not in _DEPLOYMENT_KINDS for part in parts):
        return None
    found = _ANY_ARN.fullmatch("".join(part if isinstance(part, str) else "\0" for part in parts))
    if found is None:
        return None
    written = found[0] if "\0" not in found[0] and "$" not in found["rest"] else None
    return LiteralPattern(found["begins"], written)


def path_and_name(role: str) -> str | None:
    """Return the path and name in the ARN of a role, from its first slash; None if they are unknown."""
    found = re.match(r"arn:[^:]+:iam::\d{12}:role(?=/)", role)
    return role[found.end() :] if found is not None else None
