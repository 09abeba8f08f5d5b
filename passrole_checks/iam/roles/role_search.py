"""The search through all role ARNs: is there one that these machines match, and those do not?

A role's ARN is ``arn:PARTITION:iam::ACCOUNT:role/PATH+NAME`` (Service Authorization Reference, list_iam). The machines
are run side by side over every partition, account, path and name, each combination of their states once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from passrole_checks.iam import deadline
from passrole_checks.iam.patterns.automaton import Alphabet, Machine, OverBudgetError, States, alphabet
from passrole_checks.iam.roles.arn_pattern import PARTITIONS

_BUDGET = 60_000  # steps of one exploration; over it the answer is "cannot be told"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a policy will stand, as far as that is known: its account, and the partitions that it can be in."""

    account: str | None = None
    partitions: tuple[str, ...] = PARTITIONS


ANYWHERE = Deployment()


def some_role(machines: Sequence[Machine], wanted: Callable[[tuple[bool, ...]], bool], where: Deployment) -> bool:
    """Whether there is a role for which ``wanted`` says yes, told which of the machines match it.

    Raises :class:`~passrole_checks.iam.patterns.automaton.OverBudgetError` where that takes too much to decide.
    """
    letters = alphabet(machines)
    return any(
        first_of(answers(machines, states, letters), wanted) is not None
        for states in before_role(machines, letters, where)
    )


def before_role(machines: Sequence[Machine], letters: Alphabet, where: Deployment) -> frozenset[tuple[States, ...]]:
    """The states of the machines after ``arn:PARTITION:iam::ACCOUNT:role/``, for every partition and account.

    Raises:
        OverBudgetError: there are too many of them.
    """
    return frozenset[tuple[States, ...]]().union(*after_prefixes(machines, letters, where))


def after_prefixes(
    machines: Sequence[Machine], letters: Alphabet, where: Deployment
) -> set[frozenset[tuple[States, ...]]]:
    """The same, the states of each partition apart; partitions that the machines do not tell apart count as one.

    Raises:
        OverBudgetError: there are too many of them.
    """
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


def answers(machines: Sequence[Machine], start: tuple[States, ...], letters: Alphabet) -> Iterator[tuple[bool, ...]]:
    """For role paths and names of every kind: which machines accept them. Each combination of states once.

    Raises:
        OverBudgetError: while it goes on, when there are too many of them.
    """
    pending, seen = [(0, start)], {(0, start)}
    while pending:
        deadline.check()
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


def first_of(found: Iterator[tuple[bool, ...]], wanted: Callable[[tuple[bool, ...]], bool]) -> tuple[bool, ...] | None:
    """The first item that is ``wanted``; None where there is none."""
    return next((item for item in found if wanted(item)), None)


def accepted(pattern: Machine, start: States, letters: Alphabet) -> int:
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
