"""Find statements that moved from one unit to another, with the same principals.

Each unit is compared with itself, so a statement that moves to another template looks new there and removed here. If
its principals have known names in both, and nothing in it depends on the unit, access is unchanged. Names of users,
groups and roles are unique within an account (IAM User Guide, "IAM and AWS STS quotas").
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from passrole_checks.diff.change import GrantChange
from passrole_checks.diff.statements import StatementVersion
from passrole_checks.diff.units import UnitPair
from passrole_checks.iam.partial_values import StringNode, Ternary, UnresolvedKind, strings_in
from passrole_checks.scan.matching import Round, match_in_rounds
from passrole_checks.scan.scanner import LocatedGrant
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.model.terraform_policy_attributes import MANY_ACCOUNTS

_PLACES = frozenset(
    {UnresolvedKind.PARTITION, UnresolvedKind.ACCOUNT_ID, UnresolvedKind.REGION}
)  # independent of the unit
_ELSEWHERE = frozenset({*MANY_ACCOUNTS, "AWS::SSO::PermissionSet"})


class UnitDifference(Protocol):
    """A unit in its two versions, with new and removed access."""

    pair: UnitPair
    new: list[GrantChange]
    removed: list[GrantChange]

    def old_statements(self) -> Sequence[StatementVersion]:
        """Return the statements of the old version."""


_Change = tuple[UnitDifference, GrantChange]


def take_moved(units: Sequence[UnitDifference]) -> Iterator[GrantChange]:
    """Remove moved statements from the units and yield them: the new statement, with the old one as ``before``."""
    gone = [
        (unit, change)
        for unit in units
        for change in unit.removed
        if not _may_be_limited(change.grant.principals, unit)
    ]
    new = [(unit, change) for unit in units if gone for change in unit.new if not change.suppressed]
    of_new = Round[_Change, _Change](
        lambda change: _key(change[1].grant, change[0].pair.new),
        lambda change: _key(change[1].grant, change[0].pair.old),
        lambda after, before: after[0] is not before[0],
    )
    for _, number, other in match_in_rounds(new, gone, [of_new]):
        (unit, change), (old_unit, old_change) = new[number], gone[other]
        unit.new.remove(change)
        old_unit.removed.remove(old_change)
        yield replace(change, before=old_change.grant)


def _key(located: LocatedGrant, unit: Configuration) -> Hashable | None:
    """Return the content and principals of a statement independent of its unit; None if they depend on it."""
    grant = located.grant
    statement = grant.statement
    names = _names(unit)
    principal_names = [names.get(principal) for principal in located.principals]
    texts = [*(statement.actions or ()), *(statement.not_actions or ()), *(role.pattern for role in grant.roles)]
    texts += strings_in(statement.condition) if statement.condition is not None else ()
    if not principal_names or None in principal_names or located.resource.type in _ELSEWHERE or not _is_plain(texts):
        return None
    if statement.when or not statement.whole or grant.certain is not Ternary.YES or grant.denied:
        return None
    roles = tuple(role.pattern.parts for role in grant.roles)
    principals = tuple(sorted(one for one in principal_names if one is not None))
    return principals, unit.account, statement.identity, roles, grant.complement, grant.services


def _is_plain(texts: Iterable[StringNode]) -> bool:
    return all(
        unresolved.kind in _PLACES and unresolved.role is None for text in texts for unresolved in text.unresolved_parts
    )


def _names(unit: Configuration) -> dict[str, tuple[str, str]]:
    """Return the kind and name of the principals of a unit whose names are known."""
    found = {shown: (kind, name) for shown, kind, name in unit.literals}
    for address, kind, name in (
        *((role.resource.address, "role", role.name) for role in unit.roles),
        *((user, "user", name) for user, name in unit.users),
    ):
        if name is not None and name.literal is not None:
            found[address] = kind, name.literal
    return found


def _may_be_limited(principals: Iterable[str], unit: UnitDifference) -> bool:
    """True if the old unit may have limited the access of one of the principals; the limit may be gone."""
    old = unit.pair.old.attached
    limited = {*(boundary.principal for boundary in old.boundaries), *(user for _, user in old.members)}
    for item in unit.old_statements():
        if item.variants[0].effect == "Deny":
            limited.update(item.policy.principals)
    return bool(old.targets) or not limited.isdisjoint(principals)
