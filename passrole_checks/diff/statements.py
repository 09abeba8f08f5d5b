"""The statements of one version, and which of them stand for each other in two versions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.partial_values import Position
from passrole_checks.iam.roles.arn import ANYWHERE, Scope
from passrole_checks.iam.roles.role_set import RoleSet, may_intersect
from passrole_checks.scan.scanner import LocatedGrant
from passrole_checks.sources.model.configuration import AttachedPolicy


@dataclass(frozen=True, eq=False)
class StatementVersion:
    """A statement of one policy, with its readings under the outcomes of unknown conditions."""

    policy: AttachedPolicy  # as it is written
    names: AttachedPolicy  # the same with the names of the new version
    path: str
    readings: tuple[PassRoleGrant, ...]

    @cached_property
    def widest(self) -> PassRoleGrant:
        return min(self.readings, key=lambda grant: (grant.denied, grant.scope.width))

    @property
    def place(self) -> tuple[str, str, Position]:
        return self.names.resource.address, self.path, self.readings[0].at

    @cached_property
    def identity(self) -> tuple[Hashable, ...]:
        return tuple(grant.statement.identity for grant in self.readings)

    @cached_property
    def roles(self) -> tuple[Hashable, ...]:
        grant = self.widest
        return (grant.complement, *sorted(str(role.pattern) for role in grant.roles))

    @cached_property
    def role_set(self) -> RoleSet:
        """The roles that its widest reading speaks of."""
        statement = self.widest.statement
        patterns = statement.resources or statement.not_resources or ()
        return RoleSet(tuple(patterns), statement.variables, statement.resources is None)

    @property
    def grants(self) -> bool:
        grant = self.widest
        return (
            grant.effect == "Allow" and not grant.denied and (grant.complement or grant.scope is not Scope.NOT_A_ROLE)
        )

    def holders(self) -> tuple[str, ...]:
        """Its principals, or "" where it stands for itself."""
        return tuple(dict.fromkeys(self.names.principals)) or ("",)

    def located(self, holders: Iterable[str], old_names: dict[str, str]) -> LocatedGrant:
        who = tuple(old_names.get(name, name) for name in holders if name) or self.policy.principals
        return LocatedGrant(self.widest, self.policy.resource, self.path, who, "allow")


def key_of(holder: str, item: StatementVersion) -> str:
    """Whom a statement is looked for under: its holder, or itself where it stands for itself ("")."""
    return holder or f"\0{item.names.resource.address}"


def by_holder(statements: Iterable[StatementVersion]) -> dict[str, list[StatementVersion]]:
    """The statements of each holder, by :func:`key_of`."""
    found: dict[str, list[StatementVersion]] = {}
    for item in statements:
        for holder in item.holders():
            found.setdefault(key_of(holder, item), []).append(item)
    return found


def pairs_of(
    first: Sequence[StatementVersion], second: Sequence[StatementVersion]
) -> Iterator[tuple[StatementVersion, StatementVersion]]:
    """Pairs of statements of one holder, the most alike first. Where only their place makes them alike, they speak of
    roles in common, and do not bear different Sids."""
    likenesses: tuple[tuple[Callable[[StatementVersion], Hashable | None], bool], ...] = (
        (lambda item: (item.names.resource.address, item.path, item.identity), False),
        (lambda item: item.identity, False),
        (lambda item: (item.names.resource.address, item.widest.sid) if item.widest.sid else None, False),
        (lambda item: (item.names.resource.address, item.roles), False),
        (lambda item: (item.names.resource.address, item.path), True),
        (lambda item: item.roles, False),
        (lambda item: item.widest.sid, False),
    )
    for likeness, only_place in likenesses:
        groups: dict[Hashable, list[StatementVersion]] = {}
        for item in second:
            groups.setdefault(likeness(item), []).append(item)
        found = []
        for item in first:
            key = likeness(item)
            if key is not None and groups.get(key) and (not only_place or _may_be_one(item, groups[key][0])):
                found.append((item, groups[key].pop(0)))
        yield from found
        taken = {id(item) for pair in found for item in pair}
        first = [item for item in first if id(item) not in taken]
        second = [item for item in second if id(item) not in taken]
    if len(first) == len(second) == 1 and _may_be_one(first[0], second[0]):
        yield first[0], second[0]


def _may_be_one(one: StatementVersion, other: StatementVersion) -> bool:
    """Whether nothing speaks against one statement being what became of the other."""
    sids = one.widest.sid, other.widest.sid
    if None not in sids and sids[0] != sids[1]:
        return False
    first, second = one.role_set, other.role_set
    return may_intersect(first, second, ANYWHERE) and may_intersect(second, first, ANYWHERE)
