"""Whether an Allow lets a role be passed that logs tell of: by its ARN, or by its name alone, before which a path may
belong.

Source: IAM User Guide, "IAM identifiers" (a role's ARN holds its path, its name does not).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from passrole_checks.iam import arn
from passrole_checks.iam.arn_pattern import fields_of, spelled_out
from passrole_checks.iam.passing import Passed
from passrole_checks.iam.passrole import PassRoleGrant
from passrole_checks.iam.trust import KnownRole
from passrole_checks.iam.values import Position, Text, Tri, text
from passrole_checks.reach import named_role

_NOWHERE = Position("", 0)
_SOME_PATH = "a/path/that/nobody/writes/"

Roles = Mapping[str, KnownRole]


def lets_be_passed(
    passed: Passed | None, grant: PassRoleGrant, role: str, account: str, by_address: Roles, by_name: Roles
) -> Tri:
    """Whether a role of a log is among those that ``grant`` leaves to be passed (``passed``, as
    :class:`~passrole_checks.iam.passing.Passing` tells it; None for nothing).

    Args:
        role: its ARN, or its name where only that is known; "" for a role that is not known.
        account: of a role that is known by its name; "" where that is not known either.
        by_address, by_name: the roles of the configuration, as :func:`passrole_checks.judge.known_roles` gives them.
    """
    if passed is None:
        return Tri.NO
    if not role:
        return Tri.UNKNOWN

    patterns = [written_out(one, by_address, by_name) for one in passed.roles]
    denied = [written_out(one, by_address, by_name) for one in passed.denied]

    def answer(among: Callable[[Sequence[Text]], Tri]) -> Tri:
        listed = among(patterns)
        return (~listed if passed.complement else listed) & ~among(denied)

    found = {answer(partial(_among, role=one)) for one in _meant(role, account, (*patterns, *denied))}
    told = (found.pop() if len(found) == 1 else Tri.UNKNOWN) & passed.certain
    uncertain = bool(passed.when or grant.other_conditions or grant.resource_tag or grant.associated_resource_arn)
    return told & Tri.UNKNOWN if uncertain else told


def written_out(pattern: Text, by_address: Roles, by_name: Roles) -> Text:
    """A pattern that is a reference to a role of the configuration, as the ARN of that role."""
    role = named_role(pattern, by_address, by_name)
    referred = role is not None and bool(pattern.holes) and pattern.holes[-1].role is not None
    return role.arn if referred and role is not None and role.arn is not None else pattern


def fits(pattern: Text, role: str, account: str) -> Tri:
    """Whether a pattern matches a role of a log. One that is known by its name may have any path."""
    found = {_among([pattern], one) for one in _meant(role, account, [pattern])}
    return found.pop() if len(found) == 1 else Tri.UNKNOWN


def _among(patterns: Sequence[Text], role: str) -> Tri:
    answer = Tri.NO
    for pattern in patterns:
        answer |= arn.included(text(role, _NOWHERE), [pattern]) if role else Tri.UNKNOWN
    return answer


def _meant(role: str, account: str, patterns: Iterable[Text]) -> tuple[str, ...]:
    """The ARNs that a role of a log may have, as far as patterns tell them apart; "" for one of an account that is not
    known."""
    if role.startswith("arn:"):
        return (role,)
    if not account:
        return ("",)
    paths = dict.fromkeys(("", _SOME_PATH, *map(_path_of, patterns))) if "/" not in role else ("",)
    return tuple(f"arn:aws:iam::{account}:role/{path}{role.lstrip('/')}" for path in paths)


def _path_of(pattern: Text) -> str:
    """The path that a pattern begins with, as far as that is written out."""
    fields = fields_of(spelled_out(pattern.parts))
    first = fields[5][0] if len(fields) > 5 and fields[5] else ""
    path = first.removeprefix("role/").rpartition("/") if isinstance(first, str) else ("", "", "")
    return f"{path[0]}/" if path[1] and not {"*", "?"} & set(path[0]) else ""
