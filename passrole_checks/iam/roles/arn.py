"""Resource patterns as sets of role ARNs: matching, overlap, inclusion, and how wide the set is.

A role's ARN is ``arn:PARTITION:iam::ACCOUNT:role/PATH+NAME`` (Service Authorization Reference, list_iam). A Resource
*is* the set of role ARNs that it matches (IAM User Guide, reference_policies_elements_resource): ``*`` is any run of
characters, ``/`` included, ``?`` one character. Only sets count here, never spellings, and each answer is exact over
all role ARNs, or "cannot be told".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache

from passrole_checks.iam.roles.arn_pattern import PARTITIONS, Reading, fields_of, machine, spelled_out
from passrole_checks.iam.roles.automaton import Alphabet, Machine, OverBudgetError, States, alphabet
from passrole_checks.iam.roles.role_question import covered_at_a_glance, exceeds_at_a_glance, overlap_at_a_glance
from passrole_checks.iam.roles.role_search import (
    ANYWHERE,
    Deployment,
    accepted,
    after_prefixes,
    answers,
    before_role,
    first_of,
)
from passrole_checks.iam.roles.role_shape import ANY_NAME, names_one, plain_role, shape_of
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values import Hole, Kind, Part, Position, Text, Tri

_LINKED = "aws-service-role/"
_NOWHERE = Position("", 0)


class Scope(str, Enum):
    """How wide a set of roles is, widest first."""

    ANY_ROLE = "any_role"
    UNRESOLVED = "unresolved"
    PREFIX = "prefix"
    EXACT = "exact"
    ROLE_IN_TEMPLATE = "role_in_template"
    NOT_A_ROLE = "not_a_role"

    @property
    def width(self) -> int:
        """0 for the widest."""
        return _WIDTHS[self]


_WIDTHS = {scope: width for width, scope in enumerate(Scope)}


def widest(scopes: Sequence[Scope]) -> Scope:
    """The widest of several scopes; of none, NOT_A_ROLE."""
    return min(scopes, key=lambda scope: scope.width, default=Scope.NOT_A_ROLE)


def resource_scope(resource: Text, *, variables: bool = True) -> Scope:
    """How wide one Resource pattern is."""
    return _resource_scope(resource.parts, variables)


def union_scope(resources: Sequence[Text], *, variables: bool = True) -> Scope:
    """How wide several patterns are together: their union may hold every role although none does alone."""
    scope = widest([resource_scope(item, variables=variables) for item in resources])
    # a role of this configuration is one role, whatever its name, and adds nothing that makes others all roles
    covers = _any_role(tuple(item.parts for item in resources if not _is_role_reference(item.parts)), variables)
    if covers is Tri.YES:
        return Scope.ANY_ROLE
    return widest([scope, Scope.UNRESOLVED]) if covers is Tri.UNKNOWN else scope


def complement_scope(left_out: Sequence[Text], *, variables: bool = True, where: Deployment = ANYWHERE) -> Scope:
    """How wide NotResource is: any role, unless the patterns leave out every role there is (NOT_A_ROLE).

    Patterns that leave out all roles of one account leave those of every other account in.
    """
    parts = tuple(item.parts for item in left_out)
    if not _may_match_any_name(parts, variables):
        return Scope.ANY_ROLE
    try:
        if _covers_all(parts, variables, Reading.DENIED, where):
            return Scope.NOT_A_ROLE
        return Scope.UNRESOLVED if _covers_all(parts, variables, Reading.MAYBE, where) else Scope.ANY_ROLE
    except OverBudgetError:
        return Scope.UNRESOLVED


def matches(resource: Text, role: str, *, variables: bool = True) -> Tri:
    """Whether a Resource pattern matches one ARN."""
    if machine((resource.parts,), variables, Reading.SURE).matches(role):
        return Tri.YES
    possible = machine((resource.parts,), variables, Reading.OVERLAP).matches(role)
    return Tri.UNKNOWN if possible else Tri.NO


def overlaps(first: Text, second: Text, *, variables: bool = True, where: Deployment = ANYWHERE) -> Tri:
    """Whether one role can be in both patterns."""
    return _overlaps(first.parts, second.parts, variables, where)


def included(inner: Text, outer: Sequence[Text], *, variables: bool = True, where: Deployment = ANYWHERE) -> Tri:
    """Whether every role that ``inner`` matches is matched by one of ``outer``, whatever the holes of ``outer`` hold.

    Passing stays within the account, so the id of the account deployed to in ``outer`` is that of the inner role.
    """
    if any(item.parts == inner.parts for item in outer):
        return Tri.YES
    return _included(inner.parts, tuple(item.parts for item in outer), variables, where)


def union_of(patterns: Iterable[Text], *, variables: bool = True) -> RoleUnion:
    """Return patterns laid out for :func:`included_in` and :func:`surely_exceeds`, each as one that is there."""
    return _union(tuple(item.parts for item in patterns), variables)


def included_in(inner: Text, outer: RoleUnion, *, variables: bool = True, where: Deployment = ANYWHERE) -> Tri:
    """Return what :func:`included` says, of patterns that many are compared with."""
    return Tri.YES if inner.parts in outer.texts else _within(inner.parts, outer, variables, where)


def surely_exceeds(inner: Text, outer: RoleUnion, *, variables: bool = True, where: Deployment = ANYWHERE) -> bool:
    """True if :func:`included_in` surely is not YES, of ``outer`` and of any part of it; False where a glance does not
    tell."""
    return exceeds_at_a_glance(_one(inner.parts, variables), outer, where)


def covers_service_linked(resource: Text, *, variables: bool = True) -> Tri:
    """Whether a wildcard of the pattern covers service-linked roles (``role/aws-service-role/SERVICE/NAME``).

    A pattern that speaks of them covers them if it matches more than one; any other pattern if it matches them all.
    """
    written = "".join(part for part in spelled_out(resource.parts) if isinstance(part, str))
    return _covers_service_linked(resource.parts, variables, f"role/{_LINKED}" in written)


def account_of(resource: Text) -> str | None:
    """The twelve digits of the account field, where they are written out."""
    account = _field(resource.parts, 4)
    return account if account is not None and len(account) == 12 and account.isdigit() else None


def partition_of(resource: Text) -> str | None:
    """The partition field, where it is one that is known."""
    partition = _field(resource.parts, 1)
    return partition if partition in PARTITIONS else None


@lru_cache(maxsize=65536)
def _field(parts: tuple[Part, ...], index: int) -> str | None:
    """One field of an ARN, where there is no hole in it."""
    fields = fields_of(spelled_out(parts))
    if len(fields) <= index or any(isinstance(part, Hole) for part in fields[index]):
        return None
    return "".join(part for part in fields[index] if isinstance(part, str))


@lru_cache(maxsize=8192)
def _resource_scope(parts: tuple[Part, ...], variables: bool) -> Scope:
    plain = plain_role(parts)
    if plain is not None and not _is_role_reference(parts):
        return Scope.PREFIX if {"*", "?"} & set(plain.name) else Scope.EXACT
    covers = _any_role((parts,), variables)
    if covers is Tri.YES:
        return Scope.ANY_ROLE
    if _is_role_reference(parts):
        return Scope.ROLE_IN_TEMPLATE
    if covers is Tri.UNKNOWN:
        return Scope.UNRESOLVED
    one = names_one(spelled_out(parts), variables)
    if one is not None:
        return Scope.EXACT if one else Scope.PREFIX
    try:
        if _size((parts,), variables, Reading.OVERLAP) == 0:
            return Scope.NOT_A_ROLE
        if _size((parts,), variables, Reading.OVERLAP_STRICT) == 0:
            return Scope.UNRESOLVED
        return Scope.EXACT if _size((parts,), variables, Reading.COUNT) < 2 else Scope.PREFIX
    except OverBudgetError:
        return Scope.UNRESOLVED


def _may_match_any_name(patterns: Sequence[tuple[Part, ...]], variables: bool) -> bool:
    """False where here is a name that none of the patterns matches, in any account."""
    return any(shape_of(parts, variables).holds_name(ANY_NAME) for parts in patterns)


def _is_role_reference(parts: tuple[Part, ...]) -> bool:
    """One role of this configuration: its ARN, or an ARN written out up to a reference to its name."""
    last = parts[-1]
    if not isinstance(last, Hole) or last.role is None:
        return False
    if len(parts) == 1:
        return last.kind is not Kind.NAME
    before = parts[-2]
    return isinstance(before, str) and ":role/" in before and not {"*", "?"} & set(before.split(":role/", 1)[1])


@lru_cache(maxsize=8192)
def _any_role(patterns: tuple[tuple[Part, ...], ...], variables: bool) -> Tri:
    if not _may_match_any_name(patterns, variables):
        return Tri.NO
    try:
        if _covers_one(patterns, variables, Reading.SURE):
            return Tri.YES
        return Tri.UNKNOWN if _covers_one(patterns, variables, Reading.MAYBE) else Tri.NO
    except OverBudgetError:
        return Tri.UNKNOWN


def _covers_one(patterns: tuple[tuple[Part, ...], ...], variables: bool, reading: Reading) -> bool:
    """Whether the patterns cover all roles of some account of some partition."""
    pattern = machine(patterns, variables, reading)
    letters = alphabet([pattern])
    return any(_universal(pattern, states, letters) for states in before_role([pattern], letters, ANYWHERE))


@lru_cache(maxsize=8192)
def _covers_all(patterns: tuple[tuple[Part, ...], ...], variables: bool, reading: Reading, where: Deployment) -> bool:
    """Whether the patterns cover all roles of every account: in each of the partitions that are meant or, where nothing
    says which that are, in one of them at least."""
    pattern = machine(patterns, variables, reading)
    letters = alphabet([pattern])
    covered = (
        all(_universal(pattern, states, letters) for states in accounts)
        for accounts in after_prefixes([pattern], letters, where)
    )
    return any(covered) if where.partitions == ANYWHERE.partitions else all(covered)


def _universal(pattern: Machine, states: tuple[States, ...], letters: Alphabet) -> bool:
    return first_of(answers([pattern], states, letters), lambda found: not found[0]) is None


def _one(parts: tuple[Part, ...], variables: bool) -> RoleSet:
    return RoleSet((Text(parts, _NOWHERE),), variables)


@lru_cache(maxsize=256)
def _union(patterns: tuple[tuple[Part, ...], ...], variables: bool) -> RoleUnion:
    return RoleUnion([RoleSet(tuple(Text(parts, _NOWHERE) for parts in patterns), variables)])


@lru_cache(maxsize=8192)
def _overlaps(first: tuple[Part, ...], second: tuple[Part, ...], variables: bool, where: Deployment) -> Tri:
    found = overlap_at_a_glance(_one(first, variables), _one(second, variables), where)
    if found is not None:
        return found

    def can_meet(reading: Reading) -> bool:
        pair = [machine((item,), variables, reading) for item in (first, second)]
        letters = alphabet(pair)
        return any(
            first_of(answers(pair, states, letters), all) is not None for states in before_role(pair, letters, where)
        )

    try:
        if not can_meet(Reading.OVERLAP):
            return Tri.NO
        return Tri.YES if first == second or can_meet(Reading.SURE) else Tri.UNKNOWN
    except OverBudgetError:
        return Tri.UNKNOWN


@lru_cache(maxsize=8192)
def _included(inner: tuple[Part, ...], outer: tuple[tuple[Part, ...], ...], variables: bool, where: Deployment) -> Tri:
    return _compared(inner, _union(outer, variables), variables, where)


@lru_cache(maxsize=8192)
def _within(inner: tuple[Part, ...], outer: RoleUnion, variables: bool, where: Deployment) -> Tri:
    return _compared(inner, outer, variables, where)


def _compared(inner: tuple[Part, ...], union: RoleUnion, variables: bool, where: Deployment) -> Tri:
    shape = shape_of(inner, variables)
    if not union.entries and shape.exact and shape.may_stand(where):
        return Tri.NO
    found = covered_at_a_glance(_one(inner, variables), union, where)
    if found is not None:
        return found
    outer = tuple(dict.fromkeys(entry.text.parts for entry in union.near(shape)))

    def holds(inner_reading: Reading, outer_reading: Reading) -> bool:
        pair = [machine((inner,), variables, inner_reading), machine(outer, variables, outer_reading)]
        letters = alphabet(pair)
        return all(
            first_of(answers(pair, states, letters), lambda found: found[0] and not found[1]) is None
            for states in before_role(pair, letters, where)
        )

    try:
        if holds(Reading.OVERLAP, Reading.DENIED):
            return Tri.YES
        return Tri.UNKNOWN if holds(Reading.SURE, Reading.OVERLAP) else Tri.NO
    except OverBudgetError:
        return Tri.UNKNOWN


@lru_cache(maxsize=4096)
def _covers_service_linked(parts: tuple[Part, ...], variables: bool, named: bool) -> Tri:
    if not named and not shape_of(parts, variables).holds_name(_LINKED + ANY_NAME):
        return Tri.NO
    pattern = machine((parts,), variables, Reading.COUNT)
    letters = alphabet([pattern])
    answer = Tri.NO
    try:
        for states in before_role([pattern], letters, ANYWHERE):
            linked = (pattern.run(states[0], _LINKED),)
            if named:
                covered = accepted(pattern, linked[0], letters) > 1
            else:
                covered = first_of(answers([pattern], linked, letters), lambda found: not found[0]) is None
            if covered:
                answer = Tri.YES
    except OverBudgetError:
        return Tri.UNKNOWN
    return answer


def _size(patterns: tuple[tuple[Part, ...], ...], variables: bool, reading: Reading) -> int:
    """How many roles of one account the patterns match: 0, 1, or 2 for "more than one"."""
    pattern = machine(patterns, variables, reading)
    letters = alphabet([pattern])
    return max(
        (accepted(pattern, states[0], letters) for states in before_role([pattern], letters, ANYWHERE)),
        default=0,
    )


__all__ = [
    "ANYWHERE", "Deployment", "Scope", "account_of", "complement_scope", "covers_service_linked", "included",
    "included_in", "matches", "overlaps", "partition_of", "plain_role", "resource_scope", "surely_exceeds", "union_of",
    "union_scope", "widest",
]  # fmt: skip
