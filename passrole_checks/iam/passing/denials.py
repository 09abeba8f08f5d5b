"""Many denials of PassRole, laid out so that those that matter to an Allow are found without going through all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.outcomes import When
from passrole_checks.iam.roles.arn import Deployment
from passrole_checks.iam.roles.role_question import exceeds_at_a_glance
from passrole_checks.iam.roles.role_shape import ANY_NAME, Role, Shape
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values import Text

_FEW = 4  # denials that are not worth an index
_ANY_ROLE = Role("", "", ANY_NAME).shape  # of that name, which hardly a pattern names


class _Scope(Protocol):
    @property
    def pattern(self) -> Text: ...


class _Grant(Protocol):
    """An Allow or a Deny of the roles that it names, or (``complement``) of all others."""

    @property
    def statement(self) -> Statement: ...
    @property
    def roles(self) -> Sequence[_Scope]: ...
    @property
    def complement(self) -> bool: ...


_Denial = TypeVar("_Denial", bound=_Grant)


class Denials(Generic[_Denial]):
    """Denials in their order, of which those are found that may take something from an Allow."""

    def __init__(self, denials: Sequence[_Denial]) -> None:
        self.all = tuple(denials)
        self._near: dict[frozenset[int], tuple[_Denial, ...]] = {}
        self._kept_taking: dict[Deployment, frozenset[int]] = {}

    @cached_property
    def whens(self) -> tuple[When, ...]:
        """The different facts under which the denials hold, in their order."""
        return tuple(dict.fromkeys(denial.statement.when for denial in self.all))

    def near(self, grant: _Grant) -> tuple[_Denial, ...]:
        """The denials that may have a role in common with an Allow; all others surely take nothing from it.

        Allows that are near the same denials get the same object.
        """
        if len(self.all) <= _FEW or grant.complement:
            return self.all
        _, _, always = self._index
        near = always.union(*map(self._places_near, _named(grant).shapes))
        known = self._near.get(near)
        if known is None:
            known = self._near[near] = tuple(self.all[place] for place in sorted(near))
        return known

    def taking(self, grant: _Grant, where: Deployment) -> tuple[_Denial, ...]:
        """Return the denials that may decide which patterns of an Allow are left: the others change nothing of that.

        A pattern is taken only where denials take all of its roles, so most that only cross it do not matter.
        """
        if len(self.all) <= _FEW:
            return self.all
        roles = _named(grant)
        if grant.complement:
            if self._index[0].near(_ANY_ROLE) or any(shape.holds_name(ANY_NAME) for shape in roles.shapes):
                return self.all
            roles = roles.only(())  # a role of that name is left, whatever they take
        taking = self._always_taking(where).union(*self._taking(roles, where))
        return tuple(self.all[place] for place in sorted(taking))

    def _always_taking(self, where: Deployment) -> frozenset[int]:
        """The places of the denials of all roles but some, and of those that decide which of these are left."""
        known = self._kept_taking.get(where)
        if known is None:
            _, _, always = self._index
            sets = (_named(self.all[place]) for place in always)
            known = always.union(*(places for item in sets for places in self._taking(item, where)))
            self._kept_taking[where] = known
        return known

    def _taking(self, roles: RoleSet, where: Deployment) -> Iterator[Iterable[int]]:
        """The places of the denials that decide whether all roles of a pattern are taken, of each pattern."""
        union, places, _ = self._index
        for text, shape in zip(roles.patterns, roles.shapes, strict=True):
            covering = union.numbers_covering(shape)
            if exceeds_at_a_glance(roles.only([text]), union, where, [union.entries[number] for number in covering]):
                yield (places[number] for number in covering)  # each by itself, or none
            else:
                yield self._places_near(shape)

    def _places_near(self, shape: Shape) -> Iterator[int]:
        union, places, _ = self._index
        return map(places.__getitem__, union.numbers_near(shape))

    @cached_property
    def _index(self) -> tuple[RoleUnion, list[int], frozenset[int]]:
        """What the denials name, the place of the denial of each of its patterns, and the denials of all but some."""
        always = frozenset(place for place, denial in enumerate(self.all) if denial.complement)
        naming = [(place, denial) for place, denial in enumerate(self.all) if place not in always]
        return (
            RoleUnion(_named(item) for _, item in naming),
            [place for place, item in naming for _ in item.roles],
            always,
        )


def _named(grant: _Grant) -> RoleSet:
    """The roles that a grant or a denial names."""
    return RoleSet(tuple(role.pattern for role in grant.roles), grant.statement.variables)
