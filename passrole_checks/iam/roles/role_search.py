"""Search all role ARNs for one that given automata accept or reject.

A role's ARN is ``arn:PARTITION:iam::ACCOUNT:role/PATH+NAME`` (Service Authorization Reference, list_iam). The automata
run in parallel over every partition, account, path and name, each combination of their states once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.patterns.automaton import Alphabet, Machine, OverBudgetError, States, alphabet
from passrole_checks.iam.roles.arn_pattern import PARTITIONS

_MAX_STEPS = 60_000  # steps of one exploration; beyond that the answer is unknown


@dataclass(frozen=True, slots=True)
class Deployment:
    """The location of a policy as far as known: its account, and its possible partitions."""

    account: str | None = None
    partitions: tuple[str, ...] = PARTITIONS


ANYWHERE = Deployment()


def some_role(machines: Sequence[Machine], wanted: Callable[[tuple[bool, ...]], bool], where: Deployment) -> bool:
    """True if ``wanted`` accepts some role; its argument says which of the automata match the role.

    Raises :class:`~passrole_checks.iam.patterns.automaton.OverBudgetError` if deciding takes too much.
    """
    letters = alphabet(machines)
    return any(
        first_match(acceptances(machines, states, letters), wanted) is not None
        for states in states_before_role(machines, letters, where)
    )


def states_before_role(
    machines: Sequence[Machine], letters: Alphabet, where: Deployment
) -> frozenset[tuple[States, ...]]:
    """Return the states of the automata after ``arn:PARTITION:iam::ACCOUNT:role/``, for every partition and account.

    Raises OverBudgetError if there are too many.
    """
    return frozenset[tuple[States, ...]]().union(*states_by_partition(machines, letters, where))


def states_by_partition(
    machines: Sequence[Machine], letters: Alphabet, where: Deployment
) -> set[frozenset[tuple[States, ...]]]:
    """Return the same states per partition; partitions that the automata do not distinguish count as one.

    Raises OverBudgetError if there are too many.
    """
    starts = {
        tuple(automaton.run(automaton.start, f"arn:{name}:iam::") for automaton in machines)
        for name in where.partitions
    }
    return {_after_account(machines, start, letters, where.account) for start in starts}


def _after_account(
    machines: Sequence[Machine], start: tuple[States, ...], letters: Alphabet, account: str | None
) -> frozenset[tuple[States, ...]]:
    """Return the states after every account, or after the known one."""
    layer = {start}
    for position in range(12):
        digits = letters.digits if account is None else (account[position],)
        layer = {
            tuple(automaton.step(states, digit) for automaton, states in zip(machines, current, strict=True))
            for current in layer
            for digit in digits
        }
        if len(layer) > _MAX_STEPS // 100:
            raise OverBudgetError
    return frozenset(
        tuple(automaton.run(states, ":role/") for automaton, states in zip(machines, current, strict=True))
        for current in layer
    )


def acceptances(
    machines: Sequence[Machine], start: tuple[States, ...], letters: Alphabet
) -> Iterator[tuple[bool, ...]]:
    """Yield which automata accept, for role paths and names of every kind; each combination of states once.

    Raises OverBudgetError during iteration if there are too many.
    """
    pending, seen = [(0, start)], {(0, start)}
    while pending:
        deadline.check()
        position, current = pending.pop()
        if position == 1:
            yield tuple(automaton.accepts(states) for automaton, states in zip(machines, current, strict=True))
        for char, following in _next_characters(position, letters):
            after = (
                following,
                tuple(automaton.step(states, char) for automaton, states in zip(machines, current, strict=True)),
            )
            if after not in seen:
                if len(seen) > _MAX_STEPS:
                    raise OverBudgetError
                seen.add(after)
                pending.append(after)


def _next_characters(position: int, letters: Alphabet) -> Iterator[tuple[str, int]]:
    """Yield the characters possible at a position in path and name, each with the next position.

    Positions: 0: start of a segment; 1: only name characters in the segment so far (a role's name may end here); 2:
    after a character that only a path may contain.
    """
    for char in letters.name:
        yield char, 2 if position == 2 else 1
    for char in letters.path_only:
        yield char, 2
    if position:
        yield "/", 0


def first_match(
    found: Iterator[tuple[bool, ...]], wanted: Callable[[tuple[bool, ...]], bool]
) -> tuple[bool, ...] | None:
    """Return the first item that ``wanted`` accepts, None if there is none."""
    return next((item for item in found if wanted(item)), None)


def count_accepted(pattern: Machine, start: States, letters: Alphabet) -> int:
    """Return how many paths and names the automaton accepts from ``start``: 0, 1, or 2 for "more than one"."""
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
            for char, position in _next_characters(state[0], letters)
            if (after := (position, pattern.step(state[1], char))) in alive
        ]
        if state[0] == 1 and pattern.accepts(state[1]):
            return 2 if ways else 1
        if len(ways) != 1 or ways[0][0] in letters.fresh:
            return 2
        state = ways[0][1]


def _alive(pattern: Machine, start: States, letters: Alphabet) -> set[tuple[int, States]]:
    """Return the states from which some role can still be accepted."""
    before: dict[tuple[int, States], set[tuple[int, States]]] = {}
    pending, seen = [(0, start)], {(0, start)}
    while pending:
        state = pending.pop()
        for char, position in _next_characters(state[0], letters):
            after = (position, pattern.step(state[1], char))
            if not after[1]:
                continue
            before.setdefault(after, set()).add(state)
            if after not in seen:
                if len(seen) > _MAX_STEPS:
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
