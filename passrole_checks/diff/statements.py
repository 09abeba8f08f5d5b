"""The statements of one version, and the pairing of statements of two versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cached_property

from passrole_checks.access.access_change import holder_keys
from passrole_checks.diff.change import StatementKey
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_search import ANYWHERE
from passrole_checks.iam.roles.role_set import may_intersect
from passrole_checks.iam.roles.role_union import RoleSet
from passrole_checks.iam.values.nodes import Position
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.scan.matching import Round, match_in_rounds
from passrole_checks.scan.scanner import LocatedGrant
from passrole_checks.sources.model.configuration import AttachedPolicy

CARRIED = "\0carried"  # begins the path of a policy in the old version of a unit that did not have it
_MOST_COMBINATIONS = 100  # of statements of one holder that nothing pairs but their roles


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
    def address(self) -> str:
        """Return the address of its resource, as in the new version."""
        return self.names.resource.address

    @property
    def place(self) -> tuple[str, str, Position]:
        """Return the address, the statement path and the position."""
        return self.address, self.path, self.variants[0].at

    @property
    def key(self) -> StatementKey:
        """Return the position and the path as in findings: all statements of an AWS managed policy count as one."""
        first = self.variants[0]
        path = self.path.removesuffix(f"/{first.statement.path}") if self.policy.managed else self.path
        return first.at, path

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

    def variant(self, when: PathCondition) -> PassRoleGrant:
        """Return the variant under a path condition, the widest if there is none."""
        return next((grant for grant in self.variants if grant.statement.when == when), self.widest)

    def located(self, when: PathCondition, holders: Iterable[str], old_names: dict[str, str]) -> LocatedGrant:
        """Return the variant under a path condition (or the widest) with its resource and these holders."""
        grant = self.variant(when)
        who = tuple(old_names.get(name, name) for name in holders if name) or self.policy.principals
        conditions = (grant.statement.when,) if grant.statement.when else ()
        origin = self.policy.managed, self.policy.handed_to, self.policy.account_policy
        return LocatedGrant(grant, self.policy.resource, self.path, who, "allow", conditions, *origin)


def group_by_holder(statements: Iterable[StatementVersion]) -> dict[str, list[StatementVersion]]:
    """Group statements by the keys by which check 015 compares their policies."""
    return grouped((key, statement) for statement in statements for key in holder_keys(statement.names))


def pair_statements(
    first: Sequence[StatementVersion], second: Sequence[StatementVersion]
) -> Iterator[tuple[StatementVersion, StatementVersion]]:
    """Yield pairs of statements of one holder, the most similar first.

    Statements that share only their position must have roles in common and no different Sids, and so must the others,
    which are a pair if neither has roles in common with another one.
    """
    left, right = set(range(len(first))), set(range(len(second)))
    for _, one, other in match_in_rounds(first, second, _ROUNDS):
        left.remove(one)
        right.remove(other)
        yield first[one], second[other]
    if len(left) * len(right) > _MOST_COMBINATIONS:
        return
    alike = [
        (one, other) for one in sorted(left) for other in sorted(right) if _may_correspond(first[one], second[other])
    ]
    old, new = Counter(one for one, _ in alike), Counter(other for _, other in alike)
    yield from ((first[one], second[other]) for one, other in alike if old[one] == new[other] == 1)


def _may_correspond(one: StatementVersion, other: StatementVersion) -> bool:
    """True if one statement may have become the other."""
    sids = one.widest.sid, other.widest.sid
    if None not in sids and sids[0] != sids[1]:
        return False
    first, second = one.role_set, other.role_set
    return may_intersect(first, second, ANYWHERE) and may_intersect(second, first, ANYWHERE)


def _round(
    key: Callable[[StatementVersion], Hashable],
    accepts: Callable[[StatementVersion, StatementVersion], bool] = lambda _one, _other: True,
) -> Round[StatementVersion, StatementVersion]:
    return Round(key, key, accepts)


_ROUNDS = (
    _round(lambda one: (one.address, one.path, one.identity)),
    _round(lambda one: one.identity),
    _round(lambda one: (one.address, one.widest.sid) if one.widest.sid else None),
    _round(lambda one: (one.address, one.roles)),
    _round(lambda one: (one.address, one.path), _may_correspond),
    _round(lambda one: one.roles),
    _round(lambda one: one.widest.sid),
)
