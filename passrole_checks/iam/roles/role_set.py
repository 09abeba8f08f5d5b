"""Compare sets of roles: is every role that can be passed now one that could be passed before?

A set of roles is a union of Resource patterns, or (NotResource) its complement. Without unresolved parts every answer
is exact: the automata of all sets run in parallel (`automaton`). An unresolved part counts as wide or as narrow as
possible, whichever is the careful choice; if it occurs on both sides, it is the same string on both, and is represented
by one character that matches itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from passrole_checks.iam.patterns.automaton import NAME_CHARACTERS
from passrole_checks.iam.roles.arn_bounds import LITERALS, ROLE, VARIABLE
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.roles.role_set_query import LOCATION_KINDS, some_role_in
from passrole_checks.iam.roles.role_union import Pattern, RoleSet, RoleUnion
from passrole_checks.iam.values.nodes import Part, StringNode, Unresolved, UnresolvedKind, join

_Parts = tuple[Part, ...]
Roles = RoleUnion | Sequence[RoleSet]


def surely_within(
    inner: RoleSet, allowed: Roles, *, denied: Roles = (), denied_before: Roles = (), where: Deployment
) -> bool:
    """True if every role of ``inner`` except ``denied`` surely was in ``allowed`` and not in ``denied_before``.

    For all values of unresolved parts; False if undecided.
    """
    outer = (_union(allowed), _union(denied))
    if not _covered(inner, outer, where):
        return False
    return all(
        _covered_cached(denial, outer[1], where)
        or not some_role_in((inner, denial), over=(True, True), but=(outer[1],), where=where)
        for denial in _near_sets(_union(denied_before), inner)
    )


def surely_gains(
    inner: RoleSet, allowed: Roles, *, denied: Roles = (), denied_before: Roles = (), where: Deployment
) -> bool:
    """True if a role surely is in ``inner``, not in ``denied``, and was not in ``allowed`` or was in ``denied_before``.

    An unknown name counts as distinct from all others. False if undecided.
    """
    but = (_union(denied), _union(allowed))
    if some_role_in((inner,), over=(False,), but=but, but_over=True, where=where):
        return True
    return any(
        some_role_in((inner, denial), over=(False, False), but=but[:1], but_over=True, where=where)
        for denial in _near_sets(_union(denied_before), inner)
    )


def may_intersect(first: RoleSet, second: RoleSet, where: Deployment) -> bool:
    """True if a role can be in both sets."""
    if first.variables == second.variables and not (first.complement or second.complement):
        ours = {pattern.parts for pattern in first.patterns}
        shared = (
            bounds for pattern, bounds in zip(second.patterns, second.bounds, strict=True) if pattern.parts in ours
        )
        if any(bounds.exact and bounds.overlaps_deployment(where) for bounds in shared):
            return True
    return some_role_in((first, second), over=(True, True), but=(), where=where)


def _union(roles: Roles) -> RoleUnion:
    return roles if isinstance(roles, RoleUnion) else RoleUnion(roles)


def _near_sets(sets: RoleUnion, inner: RoleSet) -> tuple[RoleSet, ...]:
    """Return the sets that may have a role in common with ``inner``."""
    if inner.complement or not sets.sets:
        return sets.sets
    near = {id(entry.set) for bounds in inner.bounds for entry in sets.near(bounds)}
    return tuple(roles for roles in sets.sets if roles.complement or id(roles) in near)


def _covered_cached(inner: RoleSet, outer: RoleUnion, where: Deployment) -> bool:
    key = (inner, where)
    cached = outer.covered.get(key)
    if cached is None:
        cached = outer.covered[key] = _covered(inner, (outer,), where)
    return cached


def _covered(inner: RoleSet, outer: Sequence[RoleUnion], where: Deployment) -> bool:
    """True if every role of ``inner`` surely is in one of ``outer``."""
    if inner.complement:
        left_out = RoleUnion([inner.only(inner.patterns)])
        if any(
            _covered(complement.only(complement.patterns), (left_out,), where)
            for union in outer
            for complement in union.complements
        ):
            return True
        return not some_role_in((inner,), over=(True,), but=outer, where=where)
    own = [union.written for union in outer]
    written = zip(inner.patterns, inner.written(), strict=True)
    rest = inner.only(text for text, pattern in written if not any(pattern in known for known in own))
    if not rest.patterns or not some_role_in((rest,), over=(True,), but=outer, where=where):
        return True
    shared = _with_shared_symbols(rest, _near(rest, outer))
    return shared is not None and not some_role_in((shared[0],), over=(True,), but=(RoleUnion(shared[1]),), where=where)


def _near(roles: RoleSet, unions: Sequence[RoleUnion]) -> list[RoleSet]:
    """Return the patterns of several unions that may have a role in common with ``roles``, each as a set."""
    entries = {id(entry): entry for union in unions for bounds in roles.bounds for entry in union.near(bounds)}
    return [entry.set.only([entry.text]) for entry in entries.values()]


# -- unresolved parts on both sides


def _with_shared_symbols(inner: RoleSet, outer: Sequence[RoleSet]) -> tuple[RoleSet, list[RoleSet]] | None:
    """Replace each unresolved part that occurs on both sides by one character; None if there is none, or if that is
    useless.

    What holds for the character holds for any string: another unresolved part or a ``*`` matches it as a whole. A ``?``
    would match the character, but not the string.
    """
    ours = [_split_variables(pattern) for pattern in inner.written()]
    theirs = [[_split_variables(pattern) for pattern in roles.written(optional=False)] for roles in outer]
    flat = list(chain.from_iterable(theirs))
    if any("?" in part for parts in flat for part in parts if isinstance(part, str)):
        return None
    common = {_key(unresolved) for parts in ours for unresolved in _unresolved_in_role(parts)} & {
        _key(unresolved) for parts in flat for unresolved in _unresolved_in_role(parts)
    }
    used = {char for parts in (*ours, *flat) for part in parts if isinstance(part, str) for char in part}
    free = sorted(NAME_CHARACTERS - used, reverse=True)
    if not common or len(common) >= len(free):
        return None
    letters = dict(zip(sorted(common), free, strict=False))
    replaced = RoleSet(tuple(_substitute(parts, letters, inner) for parts in ours), inner.variables)
    others = [
        RoleSet(tuple(_substitute(parts, letters, roles) for parts in sets), roles.variables)
        for roles, sets in zip(outer, theirs, strict=True)
    ]
    return replaced, others


def _split_variables(pattern: Pattern) -> _Parts:
    """Return a pattern with its policy variables as unresolved parts."""
    parts, variables = pattern
    if not variables:
        return parts
    result: list[Part] = []
    before = ""  # the end of the text before a part, or ROLE
    for part in parts:
        if isinstance(part, Unresolved):
            result.append(part)
            continue
        text = before + part
        start = text.find(ROLE) + len(ROLE) - len(before) if ROLE in text else len(part)
        before = ROLE if ROLE in text else text[1 - len(ROLE) :]
        position = 0
        for match in VARIABLE.finditer(part):
            if match.group() not in LITERALS and match.start() >= start:
                result += [part[position : match.start()], Unresolved(match.group(), UnresolvedKind.POLICY_VARIABLE)]
                position = match.end()
        result.append(part[position:])
    return join(result)


def _unresolved_in_role(parts: _Parts) -> Iterator[Unresolved]:
    """Yield the unresolved parts in the path and name of a role."""
    before = ""
    for part in parts:
        if isinstance(part, str):
            before += part
        elif ROLE in before and part.kind not in LOCATION_KINDS:
            yield part


def _key(unresolved: Unresolved) -> tuple[str, str]:
    return ("variable" if unresolved.kind is UnresolvedKind.POLICY_VARIABLE else "", unresolved.expression)


def _substitute(parts: _Parts, letters: dict[tuple[str, str], str], roles: RoleSet) -> StringNode:
    inside = set(map(id, _unresolved_in_role(parts)))
    replaced = [
        letters.get(_key(part), part) if isinstance(part, Unresolved) and id(part) in inside else part for part in parts
    ]
    return StringNode(join(replaced), roles.patterns[0].at)
