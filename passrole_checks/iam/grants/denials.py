"""Index of many PassRole denials: find those that matter to an Allow without scanning all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.roles.arn_bounds import ANY_NAME, ArnBounds, Role
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.roles.role_set_query import fast_exceeds
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values.path_conditions import PathCondition

_FEW = 4  # denials below which an index does not pay off
_ANY_ROLE = Role("", "", ANY_NAME).bounds  # of a name that hardly any pattern contains


class DenialIndex:
    """Denials in order, indexed by the roles that they name."""

    def __init__(self, denials: Sequence[PassRoleGrant]) -> None:
        self.all = tuple(denials)
        self._near: dict[frozenset[int], tuple[PassRoleGrant, ...]] = {}
        self._complements_deciding: dict[Deployment, frozenset[int]] = {}

    @cached_property
    def path_conditions(self) -> tuple[PathCondition, ...]:
        """The distinct path conditions of the denials, in order."""
        return tuple(dict.fromkeys(denial.statement.when for denial in self.all))

    def near(self, grant: PassRoleGrant) -> tuple[PassRoleGrant, ...]:
        """Return the denials that may have a role in common with an Allow; all others surely exclude nothing from it.

        Allows with the same result get the same object.
        """
        if len(self.all) <= _FEW or grant.complement:
            return self.all
        _, _, always = self._index
        near = always.union(*map(self._positions_near, _roles_of(grant).bounds))
        cached = self._near.get(near)
        if cached is None:
            cached = self._near[near] = tuple(self.all[position] for position in sorted(near))
        return cached

    def deciding(self, grant: PassRoleGrant, where: Deployment) -> tuple[PassRoleGrant, ...]:
        """Return the denials that may decide which patterns of an Allow remain; the others do not affect that.

        A pattern is removed only if denials cover all its roles, so most denials that only overlap it do not matter.
        """
        if len(self.all) <= _FEW:
            return self.all
        roles = _roles_of(grant)
        if grant.complement:
            if self._index[0].near(_ANY_ROLE) or any(bounds.contains_name(ANY_NAME) for bounds in roles.bounds):
                return self.all
            roles = roles.only(())  # a role of that name remains in any case
        taking = self._deciding_complements(where).union(*self._taking(roles, where))
        return tuple(self.all[position] for position in sorted(taking))

    def _deciding_complements(self, where: Deployment) -> frozenset[int]:
        """Return the positions of the denials of all roles except some, and of those that decide which of these remain
        denied."""
        cached = self._complements_deciding.get(where)
        if cached is None:
            _, _, always = self._index
            sets = (_roles_of(self.all[position]) for position in always)
            cached = always.union(*(positions for roles in sets for positions in self._taking(roles, where)))
            self._complements_deciding[where] = cached
        return cached

    def _taking(self, roles: RoleSet, where: Deployment) -> Iterator[Iterable[int]]:
        """Yield, for each pattern, the positions of the denials that decide whether all its roles are denied."""
        union, positions, _ = self._index
        for text, bounds in zip(roles.patterns, roles.bounds, strict=True):
            covering = union.indexes_covering(bounds)
            if fast_exceeds(roles.only([text]), union, where, [union.entries[number] for number in covering]):
                yield (positions[number] for number in covering)  # each one alone, or none
            else:
                yield self._positions_near(bounds)

    def _positions_near(self, bounds: ArnBounds) -> Iterator[int]:
        union, positions, _ = self._index
        return map(positions.__getitem__, union.indexes_near(bounds))

    @cached_property
    def _index(self) -> tuple[RoleUnion, list[int], frozenset[int]]:
        """The union of the denied roles, the position of the denial of each pattern, and the denials of all roles
        except some."""
        always = frozenset(position for position, denial in enumerate(self.all) if denial.complement)
        naming = [(position, denial) for position, denial in enumerate(self.all) if position not in always]
        return (
            RoleUnion(_roles_of(item) for _, item in naming),
            [position for position, item in naming for _ in item.roles],
            always,
        )


def _roles_of(grant: PassRoleGrant) -> RoleSet:
    """Return the roles that a grant or a denial names."""
    return RoleSet(tuple(role.pattern for role in grant.roles), grant.statement.variables)
