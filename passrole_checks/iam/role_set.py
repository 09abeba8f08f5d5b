"""Sets of roles compared: is every role that may be passed now one that could be passed before?

A set of roles is a union of Resource patterns, or (NotResource) everything else. Without holes every answer is exact:
the patterns of all sets are run side by side (:mod:`passrole_checks.iam.automaton`). A hole is read as wide as it may
be where that is the careful side, and as narrow where that is; a hole that stands on both sides holds the same text on
both, so there it is one letter that matches itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from passrole_checks.iam.arn import Deployment, plain_role, some_role
from passrole_checks.iam.arn_pattern import Reading, machine, spelled_out
from passrole_checks.iam.automaton import NAME_CHARACTERS, Machine, OverBudgetError
from passrole_checks.iam.values import Hole, Kind, Part, Text, join

_VARIABLE = re.compile(r"\$\{[^}]*\}")
_WILDCARD = re.compile(r"[*?$]")
_LITERALS = ("${*}", "${?}", "${$}")
_ROLE = ":role/"
# their text is bound by where the policy stands, which is the same on both sides
_PLACES = (Kind.ACCOUNT_ID, Kind.PARTITION)

_Parts = tuple[Part, ...]
_Pattern = tuple[_Parts, bool]  # a Resource text, and whether ${...} in it are policy variables
_Unions = tuple[tuple[tuple[_Pattern, ...], Reading], ...]
_Term = tuple[_Unions, bool]  # patterns with their readings, and whether the term is what they do not match


@dataclass(frozen=True, slots=True)
class RoleSet:
    """The roles that ``patterns`` match, or with ``complement`` every other role.

    ``variables``: whether ``${aws:...}`` in them are policy variables (Version 2012-10-17).
    """

    patterns: tuple[Text, ...]
    variables: bool = True
    complement: bool = False

    def written(self, *, optional: bool = True) -> tuple[_Pattern, ...]:
        """The patterns as the automata read them; without ``optional``, only those that are there in any case."""
        return tuple(
            (spelled_out(item.parts), self.variables) for item in self.patterns if optional or not item.optional
        )


def surely_within(
    inner: RoleSet,
    allowed: Sequence[RoleSet],
    *,
    denied: Sequence[RoleSet] = (),
    denied_before: Sequence[RoleSet] = (),
    where: Deployment,
) -> bool:
    """Whether every role of ``inner`` but those ``denied`` surely was in ``allowed`` and not in ``denied_before``.

    Whatever the holes hold. False where that cannot be told.
    """
    outer = [*allowed, *denied]
    if not _covered(inner, outer, where):
        return False
    return all(
        _covered(denial, denied, where) or not _some([inner, denial], over=[True, True], but=denied, where=where)
        for denial in denied_before
    )


def surely_gains(
    inner: RoleSet,
    allowed: Sequence[RoleSet],
    *,
    denied: Sequence[RoleSet] = (),
    denied_before: Sequence[RoleSet] = (),
    where: Deployment,
) -> bool:
    """Whether there surely is a role in ``inner``, not ``denied``, that was not in ``allowed`` or ``denied_before``.

    A name that is not known yet is taken to be a name of its own. False where that cannot be told.
    """
    if _some([inner], over=[False], but=[*denied, *allowed], but_over=True, where=where):
        return True
    return any(_some([inner, item], over=[False, False], but=denied, but_over=True, where=where)
               for item in denied_before)  # fmt: skip


def may_meet(first: RoleSet, second: RoleSet, where: Deployment) -> bool:
    """Whether a role can be in both sets."""
    return _some([first, second], over=[True, True], but=(), where=where)


def _covered(inner: RoleSet, outer: Sequence[RoleSet], where: Deployment) -> bool:
    """Whether every role of ``inner`` surely is in one of ``outer``."""
    if inner.complement:
        left_out = RoleSet(inner.patterns, inner.variables)
        if any(
            item.complement and _covered(RoleSet(item.patterns, item.variables), [left_out], where) for item in outer
        ):
            return True
        return not _some([inner], over=[True], but=outer, where=where)
    own = {pattern for item in outer if not item.complement for pattern in item.written()}
    rest = RoleSet(tuple(item for item in inner.patterns if (spelled_out(item.parts), inner.variables) not in own),
                   inner.variables)  # fmt: skip
    if not rest.patterns or not _some([rest], over=[True], but=outer, where=where):
        return True
    shared = _with_letters(rest, [item for item in outer if not item.complement])
    return shared is not None and not _some([shared[0]], over=[True], but=shared[1], where=where)


def _some(
    within: Sequence[RoleSet],
    *,
    over: Sequence[bool],
    but: Sequence[RoleSet],
    but_over: bool = False,
    where: Deployment,
) -> bool:
    """Whether a role is in all of ``within`` and in none of ``but``; over the budget, the careful answer.

    ``over``/``but_over``: whether the holes of a set are read as wide as they may be, or as narrow.
    """
    terms = [_term(item, wide) for item, wide in zip(within, over, strict=True)]
    near = [_beginnings(item) for item in within if not item.complement]
    positive = tuple(
        pattern
        for item in but
        if not item.complement
        for pattern in item.written(optional=but_over)
        if all(_may_begin_alike(pattern, beginnings) for beginnings in near)
    )
    if not positive and len(within) == 1 and near and all(not item.complement for item in but):
        patterns = within[0].written(optional=over[0])
        plain = [plain_role(parts) for parts, _ in patterns]
        if any(item is not None and item.may_stand(where) for item in plain):
            return True  # there is a role in it, and nothing that is left out comes near
    if positive:
        terms.append((((positive, Reading.OVERLAP if but_over else Reading.DENIED),), True))
    for item in but:
        if item.complement:
            unions, inverted = _term(item, but_over)
            terms.append((unions, not inverted))
    found = _exists(tuple(terms), where)
    # over the budget: of a search for what may be, perhaps there is one; for what surely is, perhaps not
    return not but_over if found is None else found


def _beginnings(roles: RoleSet) -> tuple[str, ...]:
    return tuple(_beginning(pattern) for pattern in roles.written())


def _may_begin_alike(pattern: _Pattern, beginnings: Sequence[str]) -> bool:
    """Whether a pattern may match a role that begins in one of these ways; others need not be looked at."""
    own = _beginning(pattern)
    return any(own.startswith(other) or other.startswith(own) for other in beginnings)


@lru_cache(maxsize=16384)
def _beginning(pattern: _Pattern) -> str:
    """The text that every path and name begins with that a pattern matches. A role's ARN holds ``:role/`` once, so the
    pattern's own stands there; "" where it has none, or something unknown comes first."""
    parts, _ = pattern
    text = ""
    for part in parts:
        if isinstance(part, Hole):
            if _ROLE in text:
                break
            text += "\0"
        else:
            text += part
    _, found, name = text.partition(_ROLE)
    return _WILDCARD.split(name, maxsplit=1)[0] if found else ""


def _term(roles: RoleSet, wide: bool) -> _Term:
    if roles.complement:
        return ((roles.written(optional=not wide), Reading.DENIED if wide else Reading.OVERLAP),), True
    if wide:
        return ((roles.written(), Reading.OVERLAP),), False
    sure = tuple(_one_role(pattern) for pattern in roles.written(optional=False))
    named = tuple(item for item in sure if _only_names(item[0]))
    others = tuple(item for item in sure if item not in named)
    return ((named, Reading.MAYBE), (others, Reading.SURE)), False


@lru_cache(maxsize=8192)
def _exists(terms: tuple[_Term, ...], where: Deployment) -> bool | None:
    """Whether there is a role that all terms hold for; None where that takes too much to decide."""
    machines = [_machine(unions) for unions, _ in terms]

    def wanted(found: tuple[bool, ...]) -> bool:
        return all(accepted is not inverted for accepted, (_, inverted) in zip(found, terms, strict=True))

    try:
        return some_role(machines, wanted, where)
    except OverBudgetError:
        return None


@lru_cache(maxsize=512)
def _machine(unions: _Unions) -> Machine:
    """The machine of patterns with different readings; what it has learned is kept with it."""
    return Machine(
        tuple(
            sequence
            for patterns, reading in unions
            for variables in (True, False)
            for sequence in machine(
                tuple(parts for parts, flag in patterns if flag is variables), variables, reading
            ).sequences
        )
    )


def _only_names(parts: _Parts) -> bool:
    """Whether every hole is a name, or bound by its place: then the text is one pattern, whatever the names are."""
    return all(part.kind is not Kind.ANYTHING for part in parts if isinstance(part, Hole))


def _one_role(pattern: _Pattern) -> _Pattern:
    """A reference to a role of this configuration of which nothing more is known is the ARN of one role."""
    parts, variables = pattern
    hole = parts[0] if len(parts) == 1 else None
    if not isinstance(hole, Hole) or hole.role is None or hole.kind is Kind.NAME:
        return pattern
    name = Hole(hole.expression, Kind.NAME)
    account, partition = (Hole("", kind) for kind in _PLACES)
    return join(["arn:", partition, ":iam::", account, _ROLE, name]), variables


# -- holes on both sides


def _with_letters(inner: RoleSet, outer: Sequence[RoleSet]) -> tuple[RoleSet, list[RoleSet]] | None:
    """The sets with each hole that stands on both sides as one letter; None where there is none, or that says nothing.

    What holds for the letter holds for any text in its place: another hole or a ``*`` takes it in whole. A ``?`` would
    take the letter, and not the text.
    """
    ours = [_apart(pattern) for pattern in inner.written()]
    theirs = [[_apart(pattern) for pattern in item.written(optional=False)] for item in outer]
    if any("?" in part for parts in _each(theirs) for part in parts if isinstance(part, str)):
        return None
    common = {_key(hole) for parts in ours for hole in _in_role(parts)} & {
        _key(hole) for parts in _each(theirs) for hole in _in_role(parts)
    }
    used = {char for parts in (*ours, *_each(theirs)) for part in parts if isinstance(part, str) for char in part}
    free = sorted(NAME_CHARACTERS - used, reverse=True)
    if not common or len(common) >= len(free):
        return None
    letters = dict(zip(sorted(common), free, strict=False))
    replaced = RoleSet(tuple(_lettered(parts, letters, inner) for parts in ours), inner.variables)
    others = [
        RoleSet(tuple(_lettered(parts, letters, item) for parts in sets), item.variables)
        for item, sets in zip(outer, theirs, strict=True)
    ]
    return replaced, others


def _each(sets: Iterable[list[_Parts]]) -> Iterator[_Parts]:
    for item in sets:
        yield from item


def _apart(pattern: _Pattern) -> _Parts:
    """The text with its policy variables as holes."""
    parts, variables = pattern
    if not variables:
        return parts
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Hole):
            found.append(part)
            continue
        place = 0
        for match in _VARIABLE.finditer(part):
            if match.group() not in _LITERALS and _ROLE in "".join(
                item for item in (*found, part[: match.start()]) if isinstance(item, str)
            ):
                found += [part[place : match.start()], Hole(match.group(), Kind.POLICY_VARIABLE)]
                place = match.end()
        found.append(part[place:])
    return join(found)


def _in_role(parts: _Parts) -> Iterator[Hole]:
    """The holes within the path and the name of a role."""
    before = ""
    for part in parts:
        if isinstance(part, str):
            before += part
        elif _ROLE in before and part.kind not in _PLACES:
            yield part


def _key(hole: Hole) -> tuple[str, str]:
    return ("variable" if hole.kind is Kind.POLICY_VARIABLE else "", hole.expression)


def _lettered(parts: _Parts, letters: dict[tuple[str, str], str], roles: RoleSet) -> Text:
    inside = set(map(id, _in_role(parts)))
    replaced = [
        letters.get(_key(part), part) if isinstance(part, Hole) and id(part) in inside else part for part in parts
    ]
    return Text(join(replaced), roles.patterns[0].at)
