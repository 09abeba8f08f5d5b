"""Whether an Allow lets a role be passed that logs tell of: by its ARN, or by its name alone, before which a path may
belong.

Source: IAM User Guide, "IAM identifiers" (a role's ARN holds its path, its name does not).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from passrole_checks.access.known_roles import resolve_role
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.grants.effective_grant import PassableSet
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.partial_values import Part, Position, StringNode, Ternary, UnresolvedKind, text
from passrole_checks.iam.patterns.glob import wildcard_match
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn_pattern import expand, fields_of

_NOWHERE = Position("", 0)
_SOME_PATH = "a/path/that/nobody/writes/"

Roles = Mapping[str, KnownRole]


def grant_covers(
    passed: PassableSet | None, grant: PassRoleGrant, role: str, account: str, by_address: Roles, by_name: Roles
) -> Ternary:
    """Whether a role of a log is among those that ``grant`` leaves to be passed (``passed``, as
    :class:`~passrole_checks.iam.grants.effective_grant.EffectiveGrant` tells it; None for nothing).

    Args:
        role: its ARN, or its name where only that is known; "" for a role that is not known. account: of a role that is
        known by its name; "" where that is not known either. by_address, by_name: the roles of the configuration, as
        :func:`passrole_checks.access.known_roles.index_roles` gives them.
    """
    if passed is None:
        return Ternary.NO
    if not role:
        return Ternary.UNKNOWN

    def write(pattern: StringNode) -> StringNode:
        return written_out(pattern, by_address, by_name)

    def answer(meant: str) -> Ternary:
        listed = _among(passed.roles, meant, write)
        return (~listed if passed.complement else listed) & ~_among(passed.denied, meant, write)

    found = set(map(answer, _meant(role, account, map(write, (*passed.roles, *passed.denied)))))
    told = (found.pop() if len(found) == 1 else Ternary.UNKNOWN) & passed.certain
    uncertain = bool(passed.when or grant.other_conditions or grant.resource_tag or grant.associated_resource_arn)
    return told & Ternary.UNKNOWN if uncertain else told


def written_out(pattern: StringNode, by_address: Roles, by_name: Roles) -> StringNode:
    """A pattern that is a reference to a role of the configuration, as the ARN of that role."""
    role = resolve_role(pattern, by_address, by_name)
    referred = role is not None and bool(pattern.holes) and pattern.holes[-1].role is not None
    return role.arn if referred and role is not None and role.arn is not None else pattern


def fits(pattern: StringNode, role: str, account: str) -> Ternary:
    """Whether a pattern matches a role of a log. One that is known by its name may have any path."""
    found = {_among([pattern], one) for one in _meant(role, account, [pattern])}
    return found.pop() if len(found) == 1 else Ternary.UNKNOWN


def _among(
    patterns: Sequence[StringNode], role: str, write: Callable[[StringNode], StringNode] = lambda pattern: pattern
) -> Ternary:
    """Whether one of some patterns matches the ARN of a role; ``write`` gives what a pattern stands for, where a glance
    does not tell. Nothing is known of the role "" but that it is one."""
    answer = Ternary.NO
    for pattern in patterns:
        if not role:
            return Ternary.UNKNOWN
        seen = plain(pattern.parts)
        covers = seen.covers(role) if seen is not None else None
        answer |= arn.included(text(role, _NOWHERE), [write(pattern)]) if covers is None else covers
        if answer is Ternary.YES:
            break
    return answer


def _meant(role: str, account: str, patterns: Iterable[StringNode]) -> tuple[str, ...]:
    """The ARNs that a role of a log may have, as far as patterns tell them apart; "" for one of an account that is not
    known."""
    if role.startswith("arn:"):
        return (role,)
    if not account:
        return ("",)
    paths = dict.fromkeys(("", _SOME_PATH, *map(_path_of, patterns))) if "/" not in role else ("",)
    return tuple(f"arn:aws:iam::{account}:role/{path}{role.lstrip('/')}" for path in paths)


def _path_of(pattern: StringNode) -> str:
    """The path that a pattern begins with, as far as that is written out."""
    fields = fields_of(expand(pattern.parts))
    first = fields[5][0] if len(fields) > 5 and fields[5] else ""
    path = first.removeprefix("role/").rpartition("/") if isinstance(first, str) else ("", "", "")
    return f"{path[0]}/" if path[1] and not {"*", "?"} & set(path[0]) else ""


@dataclass(frozen=True, slots=True)
class Plain:
    """A pattern of roles that is written out up to some place: ``begins`` is what the path and name of all roles begin
    with that it covers (``/app/``), ``whole`` the pattern where nothing but wildcards is left open."""

    begins: str
    whole: str | None

    def covers(self, role: str) -> Ternary | None:
        """Whether it covers the role of an ARN, where that can be seen at a glance."""
        place = below(role)
        if place is None:
            return None
        if not place.startswith(self.begins):
            return Ternary.NO
        return Ternary.of(wildcard_match(self.whole, role)) if self.whole is not None else None


_ANY_ARN = re.compile(r"arn:(?:aws[a-z-]*|\0):iam::(?:\d{12}|\0):role(?P<begins>/[^*?$\0]*)(?P<rest>.*)", re.DOTALL)
_OF_THE_PLACE = frozenset({UnresolvedKind.ACCOUNT_ID, UnresolvedKind.PARTITION})


@lru_cache(maxsize=65536)
def plain(parts: tuple[Part, ...]) -> Plain | None:
    """A pattern as far as it is written out, None for one that is not of the usual form."""
    if parts == ("*",):
        return Plain("", "*")
    if any(not isinstance(part, str) and part.kind not in _OF_THE_PLACE for part in parts):
        return None
    found = _ANY_ARN.fullmatch("".join(part if isinstance(part, str) else "\0" for part in parts))
    if found is None:
        return None
    written = found[0] if "\0" not in found[0] and "$" not in found["rest"] else None
    return Plain(found["begins"], written)


def below(role: str) -> str | None:
    """The path and name in the ARN of a role, from its first slash; None where that is not known."""
    found = re.match(r"arn:[^:]+:iam::\d{12}:role(?=/)", role)
    return role[found.end() :] if found is not None else None
