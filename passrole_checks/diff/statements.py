"""The statements of one version, and the pairing of statements of two versions."""

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
    """A statement of one policy, with its variants under path conditions."""

    policy: AttachedPolicy  # as written
    names: AttachedPolicy  # with the names of the new version
    path: str
    variants: tuple[PassRoleGrant, ...]

    @cached_property
    def widest(self) -> PassRoleGrant:
        """Return the widest variant."""
        return min(self.variants, key=lambda grant: (grant.denied, grant.scope.width))

    @property
    def place(self) -> tuple[str, str, Position]:
        """Return the address, the statement path and the position."""
        return self.names.resource.address, self.path, self.variants[0].at

    @cached_property
    def identity(self) -> tuple[Hashable, ...]:
        """Return the content of all variants."""
        return tuple(grant.statement.identity for grant in self.variants)

    @cached_property
    def roles(self) -> tuple[Hashable, ...]:
        """Return the role patterns of the widest variant."""
        grant = self.widest
        return (grant.complement, *sorted(str(role.pattern) for role in grant.roles))

    @cached_property
    def role_set(self) -> RoleSet:
        """Return the roles that the widest variant matches."""
        statement = self.widest.statement
        patterns = statement.resources or statement.not_resources or ()
        return RoleSet(tuple(patterns), statement.variables, statement.resources is None)

    @property
    def grants(self) -> bool:
        """True if the statement grants PassRole."""
        grant = self.widest
        return (
            grant.effect == "Allow"
            and not (grant.denied or grant.condition.dead)
            and (grant.complement or grant.scope is not Scope.NOT_A_ROLE)
        )

    def holders(self) -> tuple[str, ...]:
        """Return its principals, or "" if it has none."""
        return tuple(dict.fromkeys(self.names.principals)) or ("",)

    def located(self, holders: Iterable[str], old_names: dict[str, str]) -> LocatedGrant:
        """Return the widest variant with its resource and these holders."""
        who = tuple(old_names.get(name, name) for name in holders if name) or self.policy.principals
        return LocatedGrant(self.widest, self.policy.resource, self.path, who, "allow")


def holder_key(holder: str, statement_version: StatementVersion) -> str:
    """Return the key under which a statement is paired: its holder, or its resource if the holder is ""."""
    return holder or f"\0{statement_version.names.resource.address}"


def group_by_holder(statements: Iterable[StatementVersion]) -> dict[str, list[StatementVersion]]:
    """Group statements by :func:`holder_key`."""
    found: dict[str, list[StatementVersion]] = {}
    for statement in statements:
        for holder in statement.holders():
            found.setdefault(holder_key(holder, statement), []).append(statement)
    return found


def pair_statements(
    first: Sequence[StatementVersion], second: Sequence[StatementVersion]
) -> Iterator[tuple[StatementVersion, StatementVersion]]:
    """Yield pairs of statements of one holder, the most similar first.

    Statements that share only their position must have roles in common and no different Sids.
    """
    likenesses: tuple[tuple[Callable[[StatementVersion], Hashable | None], bool], ...] = (
        (
            lambda statement_version: (
                statement_version.names.resource.address,
                statement_version.path,
                statement_version.identity,
            ),
            False,
        ),
        (lambda statement_version: statement_version.identity, False),
        (
            lambda statement_version: (
                (statement_version.names.resource.address, statement_version.widest.sid)
                if statement_version.widest.sid
                else None
            ),
            False,
        ),
        (lambda statement_version: (statement_version.names.resource.address, statement_version.roles), False),
        (lambda statement_version: (statement_version.names.resource.address, statement_version.path), True),
        (lambda statement_version: statement_version.roles, False),
        (lambda statement_version: statement_version.widest.sid, False),
    )
    for likeness, only_place in likenesses:
        groups: dict[Hashable, list[StatementVersion]] = {}
        for statement_version in second:
            groups.setdefault(likeness(statement_version), []).append(statement_version)
        found = []
        for statement_version in first:
            key = likeness(statement_version)
            if (
                key is not None
                and groups.get(key)
                and (not only_place or _may_correspond(statement_version, groups[key][0]))
            ):
                found.append((statement_version, groups[key].pop(0)))
        yield from found
        taken = {id(statement_version) for pair in found for statement_version in pair}
        first = [statement_version for statement_version in first if id(statement_version) not in taken]
        second = [statement_version for statement_version in second if id(statement_version) not in taken]
    if len(first) == len(second) == 1 and _may_correspond(first[0], second[0]):
        yield first[0], second[0]


def _may_correspond(one: StatementVersion, other: StatementVersion) -> bool:
    """True if one statement may have become the other."""
    sids = one.widest.sid, other.widest.sid
    if None not in sids and sids[0] != sids[1]:
        return False
    first, second = one.role_set, other.role_set
    return may_intersect(first, second, ANYWHERE) and may_intersect(second, first, ANYWHERE)
