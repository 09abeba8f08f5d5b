"""Resource patterns as sets of role ARNs: matching, overlap, inclusion, and how wide the set is.

A role's ARN is ``arn:PARTITION:iam::ACCOUNT:role/PATH+NAME`` (Service Authorization Reference, list_iam). A Resource
*is* the set of role ARNs that it matches (IAM User Guide, reference_policies_elements_resource): ``*`` is any run of
characters, ``/`` included, ``?`` one character. Only sets count here, never spellings, and each answer is exact over
all role ARNs, or "cannot be told".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from passrole_checks.iam.arn_pattern import PARTITIONS, Reading, fields_of, machine, spelled_out
from passrole_checks.iam.automaton import Alphabet, Machine, OverBudgetError, States, alphabet
from passrole_checks.iam.values import Hole, Kind, Part, Text, Tri

_LINKED = "aws-service-role/"
_BUDGET = 60_000  # steps of one exploration; over it the answer is "cannot be told"


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
        return list(type(self)).index(self)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a policy will stand, as far as that is known: its account, and the partitions that it can be in."""

    account: str | None = None
    partitions: tuple[str, ...] = PARTITIONS


ANYWHERE = Deployment()


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
    if not parts:
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


def some_role(machines: Sequence[Machine], wanted: Callable[[tuple[bool, ...]], bool], where: Deployment) -> bool:
    """Whether there is a role for which ``wanted`` says yes, told which of the machines match it.

    Raises :class:`~passrole_checks.iam.automaton.OverBudgetError` where that takes too much to decide.
    """
    letters = alphabet(machines)
    return any(
        _first(_roles(machines, states, letters), wanted) is not None
        for states in _before_role(machines, letters, where)
    )


def covers_service_linked(resource: Text, *, variables: bool = True) -> Tri:
    """Whether a wildcard of the pattern covers service-linked roles (``role/aws-service-role/SERVICE/NAME``).

    A pattern that speaks of them covers them if it matches more than one; any other pattern if it matches them all.
    """
    written = "".join(part for part in spelled_out(resource.parts) if isinstance(part, str))
    return _covers_service_linked(resource.parts, variables, f"role/{_LINKED}" in written)


def account_of(resource: Text) -> str | None:
    """The twelve digits of the account field, where they are written out."""
    return _field(resource, 4, lambda text: len(text) == 12 and text.isdigit())


def partition_of(resource: Text) -> str | None:
    """The partition field, where it is one that is known."""
    return _field(resource, 1, lambda text: text in PARTITIONS)


def _field(resource: Text, index: int, wanted: Callable[[str], bool]) -> str | None:
    fields = fields_of(spelled_out(resource.parts))
    if len(fields) <= index or any(isinstance(part, Hole) for part in fields[index]):
        return None
    text = "".join(part for part in fields[index] if isinstance(part, str))
    return text if wanted(text) else None


class PlainRole(NamedTuple):
    """A pattern that is nothing but a role's ARN: ``partition`` and ``account`` are "" where any will do; ``name``,
    with its path, may hold wildcards, and always a literal character."""

    partition: str
    account: str
    name: str

    def may_stand(self, where: Deployment) -> bool:
        """Whether it matches roles there."""
        return self.partition in ("", *where.partitions) and (not self.account or where.account in (None, self.account))


def plain_role(parts: tuple[Part, ...]) -> PlainRole | None:
    """The pattern as a plain role's ARN, None for any other. A plain one matches some role, and not every one.

    Nearly every Resource is of this form, and its answers are known without running a machine.
    """
    text = "".join(part if isinstance(part, str) else _PLACE.get(part.kind, "\0") for part in spelled_out(parts))
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    partition, account, name = (found[field] for field in ("partition", "account", "name"))
    if "//" in name or not _LITERAL_NAME.search(name):
        return None
    if partition not in PARTITIONS and partition not in _ANY_PLACE:
        return None
    return PlainRole(
        "" if partition in _ANY_PLACE else partition,
        "" if account in _ANY_PLACE else account,
        name,
    )


_PLACE = {Kind.PARTITION: "\1", Kind.ACCOUNT_ID: "\2"}
_ANY_PLACE = ("*", *_PLACE.values())
_PLAIN = re.compile(
    "arn:(?P<partition>[a-z-]+|\\*|\1):iam::(?P<account>[0-9]{12}|\\*|\2)"
    ":role/(?P<name>(?!/)[A-Za-z0-9+=,.@_/*?-]+(?<!/))"
)
_LITERAL_NAME = re.compile(r"[^*?/]")


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
    try:
        if _size((parts,), variables, Reading.OVERLAP) == 0:
            return Scope.NOT_A_ROLE
        if _size((parts,), variables, Reading.OVERLAP_STRICT) == 0:
            return Scope.UNRESOLVED
        return Scope.EXACT if _size((parts,), variables, Reading.COUNT) < 2 else Scope.PREFIX
    except OverBudgetError:
        return Scope.UNRESOLVED


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
    return any(_universal(pattern, states, letters) for states in _before_role([pattern], letters, ANYWHERE))


@lru_cache(maxsize=8192)
def _covers_all(patterns: tuple[tuple[Part, ...], ...], variables: bool, reading: Reading, where: Deployment) -> bool:
    """Whether the patterns cover all roles of every account, in one of the partitions at least."""
    pattern = machine(patterns, variables, reading)
    letters = alphabet([pattern])
    return any(
        all(_universal(pattern, states, letters) for states in accounts)
        for accounts in _after_prefixes([pattern], letters, where)
    )


def _universal(pattern: Machine, states: tuple[States, ...], letters: Alphabet) -> bool:
    return _first(_roles([pattern], states, letters), lambda found: not found[0]) is None


@lru_cache(maxsize=8192)
def _overlaps(first: tuple[Part, ...], second: tuple[Part, ...], variables: bool, where: Deployment) -> Tri:
    def meet(reading: Reading) -> bool:
        pair = [machine((item,), variables, reading) for item in (first, second)]
        letters = alphabet(pair)
        return any(
            _first(_roles(pair, states, letters), all) is not None for states in _before_role(pair, letters, where)
        )

    try:
        if not meet(Reading.OVERLAP):
            return Tri.NO
        return Tri.YES if first == second or meet(Reading.SURE) else Tri.UNKNOWN
    except OverBudgetError:
        return Tri.UNKNOWN


@lru_cache(maxsize=8192)
def _included(inner: tuple[Part, ...], outer: tuple[tuple[Part, ...], ...], variables: bool, where: Deployment) -> Tri:
    def holds(inner_reading: Reading, outer_reading: Reading) -> bool:
        pair = [machine((inner,), variables, inner_reading), machine(outer, variables, outer_reading)]
        letters = alphabet(pair)
        return all(
            _first(_roles(pair, states, letters), lambda found: found[0] and not found[1]) is None
            for states in _before_role(pair, letters, where)
        )

    try:
        if holds(Reading.OVERLAP, Reading.DENIED):
            return Tri.YES
        return Tri.UNKNOWN if holds(Reading.SURE, Reading.OVERLAP) else Tri.NO
    except OverBudgetError:
        return Tri.UNKNOWN


@lru_cache(maxsize=4096)
def _covers_service_linked(parts: tuple[Part, ...], variables: bool, named: bool) -> Tri:
    pattern = machine((parts,), variables, Reading.COUNT)
    letters = alphabet([pattern])
    answer = Tri.NO
    try:
        for states in _before_role([pattern], letters, ANYWHERE):
            linked = (pattern.run(states[0], _LINKED),)
            if named:
                covered = _accepted(pattern, linked[0], letters) > 1
            else:
                covered = _first(_roles([pattern], linked, letters), lambda found: not found[0]) is None
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
        (_accepted(pattern, states[0], letters) for states in _before_role([pattern], letters, ANYWHERE)),
        default=0,
    )


def _before_role(machines: Sequence[Machine], letters: Alphabet, where: Deployment) -> frozenset[tuple[States, ...]]:
    """The states of the machines after ``arn:PARTITION:iam::ACCOUNT:role/``, for every partition and account."""
    return frozenset[tuple[States, ...]]().union(*_after_prefixes(machines, letters, where))


def _after_prefixes(
    machines: Sequence[Machine], letters: Alphabet, where: Deployment
) -> set[frozenset[tuple[States, ...]]]:
    """The same, the states of each partition apart; partitions that the machines do not tell apart count as one."""
    starts = {tuple(item.run(item.start, f"arn:{name}:iam::") for item in machines) for name in where.partitions}
    return {_after_account(machines, start, letters, where.account) for start in starts}


def _after_account(
    machines: Sequence[Machine], start: tuple[States, ...], letters: Alphabet, account: str | None
) -> frozenset[tuple[States, ...]]:
    """The states after every account, or after the one that is known."""
    layer = {start}
    for place in range(12):
        digits = letters.digits if account is None else (account[place],)
        layer = {
            tuple(item.step(states, digit) for item, states in zip(machines, current, strict=True))
            for current in layer
            for digit in digits
        }
        if len(layer) > _BUDGET // 100:
            raise OverBudgetError
    return frozenset(
        tuple(item.run(states, ":role/") for item, states in zip(machines, current, strict=True)) for current in layer
    )


def _roles(machines: Sequence[Machine], start: tuple[States, ...], letters: Alphabet) -> Iterator[tuple[bool, ...]]:
    """For role paths and names of every kind: which machines accept them. Each combination of states once."""
    pending, seen = [(0, start)], {(0, start)}
    while pending:
        place, current = pending.pop()
        if place == 1:
            yield tuple(item.accepts(states) for item, states in zip(machines, current, strict=True))
        for char, following in _moves(place, letters):
            after = (
                following,
                tuple(item.step(states, char) for item, states in zip(machines, current, strict=True)),
            )
            if after not in seen:
                if len(seen) > _BUDGET:
                    raise OverBudgetError
                seen.add(after)
                pending.append(after)


def _moves(place: int, letters: Alphabet) -> Iterator[tuple[str, int]]:
    """Path and name, character by character. 0: a segment begins; 1: only name characters in it so far (a role's name
    may end here); 2: a character that only a path may hold."""
    for char in letters.name:
        yield char, 2 if place == 2 else 1
    for char in letters.path_only:
        yield char, 2
    if place:
        yield "/", 0


def _first(found: Iterator[tuple[bool, ...]], wanted: Callable[[tuple[bool, ...]], bool]) -> tuple[bool, ...] | None:
    return next((item for item in found if wanted(item)), None)


def _accepted(pattern: Machine, start: States, letters: Alphabet) -> int:
    """How many paths and names the machine accepts from here: 0, 1, or 2 for "more than one"."""
    alive = _alive(pattern, start, letters)
    state = (0, start)
    if state not in alive:
        return 0
    walked = set()
    while True:
        if state in walked:
            return 2
        walked.add(state)
        ways = [
            (char, after)
            for char, place in _moves(state[0], letters)
            if (after := (place, pattern.step(state[1], char))) in alive
        ]
        if state[0] == 1 and pattern.accepts(state[1]):
            return 2 if ways else 1
        if len(ways) != 1 or ways[0][0] in letters.fresh:
            return 2
        state = ways[0][1]


def _alive(pattern: Machine, start: States, letters: Alphabet) -> set[tuple[int, States]]:
    """The states from which some role can still be accepted."""
    before: dict[tuple[int, States], set[tuple[int, States]]] = {}
    pending, seen = [(0, start)], {(0, start)}
    while pending:
        state = pending.pop()
        for char, place in _moves(state[0], letters):
            after = (place, pattern.step(state[1], char))
            if not after[1]:
                continue
            before.setdefault(after, set()).add(state)
            if after not in seen:
                if len(seen) > _BUDGET:
                    raise OverBudgetError
                seen.add(after)
                pending.append(after)
    alive = {state for state in seen if state[0] == 1 and pattern.accepts(state[1])}
    pending = list(alive)
    while pending:
        for state in before.get(pending.pop(), ()):
            if state not in alive:
                alive.add(state)
                pending.append(state)
    return alive
