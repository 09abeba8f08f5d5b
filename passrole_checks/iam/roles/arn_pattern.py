"""Compile Resource strings with unresolved parts to automata.

Interpretation of ARNs (IAM User Guide, reference-arns and reference_policies_elements_resource): fewer than six fields
are completed with ``*``; a ``*`` crosses a colon only as far as its field allows. Where AWS's pages allow two
interpretations, the strict one gives what surely matches and the loose one (plain matching over the whole string) what
possibly matches. Policy variables: reference_policies_variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from itertools import product

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.patterns.automaton import NAME_CHARACTERS, UNKNOWN_NAME, Machine, Token, literal_tokens
from passrole_checks.iam.values.nodes import Part, Unresolved, UnresolvedKind, join

PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc")

_PARTITION, _ACCOUNT = 1, 4  # indexes of ARN fields
_VARIABLE = lazy_regex(r"\$\{([^}]*)\}")
# a role is passed within the principal's account, so these are that account
_OWN_ACCOUNT = ("aws:principalaccount", "aws:resourceaccount")
_EARLY = lazy_regex(r"(?:[^:]*:){0,4}[^:]*\$\{aws:", re.IGNORECASE)
_ANY_RUN = Token(None, repeated=True)
_RUN_IN_FIELD = Token(None, repeated=True, excluded=frozenset(":"))
_NAME = frozenset(NAME_CHARACTERS | {UNKNOWN_NAME})
_PATH = frozenset(NAME_CHARACTERS | {UNKNOWN_NAME, "/"})
_DIGITS = frozenset("0123456789")
_CONTINUES_TO_ROLE = UnresolvedKind.ANYTHING, "completes the beginning of the ARN"


class UnresolvedPolicy(Enum):
    """How unresolved parts, and ARNs with two interpretations, are read.

    SURE: only what matches for all values of the unresolved parts. DENIED: the same without guessing an unresolved part
    from its context, for patterns that exclude. MAYBE: what the widest value matches, an unknown name being one
    constant. OVERLAP: everything that some value matches; OVERLAP_STRICT: the same with the strict interpretation of
    colons. COUNT: every unresolved part is one constant, to distinguish one role from several.
    """

    SURE = "sure"
    DENIED = "denied"
    MAYBE = "maybe"
    OVERLAP = "overlap"
    OVERLAP_STRICT = "overlap, strict"
    COUNT = "count"

    @property
    def strict(self) -> bool:
        """True if only certain matches count."""
        return self in (UnresolvedPolicy.SURE, UnresolvedPolicy.DENIED, UnresolvedPolicy.OVERLAP_STRICT)


# (char, False) for a character, ("*", True) or ("?", True) for a wildcard, or an unresolved part
_Atom = tuple[str, bool] | Unresolved


@lru_cache(maxsize=16384)
def expand(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Replace each unresolved part whose structure is known by its known parts."""
    expanded: list[Part] = []
    for part in parts:
        if isinstance(part, Unresolved) and part.known is not None:
            expanded.extend(expand(part.known))
        else:
            expanded.append(part)
    return join(expanded)


def has_early_variable(parts: tuple[Part, ...]) -> bool:
    """True if an ARN has a policy variable before its fifth colon.

    IAM does not substitute variables there, so such an ARN is not relied on to exclude anything (IAM User Guide, "IAM
    policy elements: Variables and tags", "Where you can use policy variables").
    """
    variable = UnresolvedKind.POLICY_VARIABLE
    texts = (part if isinstance(part, str) else part.written if part.kind is variable else "\0" for part in parts)
    return _EARLY.match("".join(texts)) is not None


def fields_of(parts: tuple[Part, ...]) -> list[list[Part]]:
    """Split an ARN at its first five literal colons outside policy variables."""
    fields: list[list[Part]] = [[]]
    for part in parts:
        if isinstance(part, Unresolved):
            fields[-1].append(part)
            continue
        for index, piece in enumerate(_split_colons(part, 6 - len(fields))):
            if index:
                fields.append([])
            if piece:
                fields[-1].append(piece)
    return fields


def _split_colons(text: str, most: int) -> list[str]:
    pieces: list[str] = []
    start, depth = 0, 0
    for position, char in enumerate(text):
        if text.startswith("${", position):
            depth += 1
        elif char == "}" and depth:
            depth -= 1
        elif char == ":" and not depth and len(pieces) < most:
            pieces.append(text[start:position])
            start = position + 1
    return [*pieces, text[start:]]


@lru_cache(maxsize=256)
def automaton_of(patterns: tuple[tuple[Part, ...], ...], variables: bool, reading: UnresolvedPolicy) -> Machine:
    """Return the automaton of a union of Resource strings."""
    return Machine(tuple(sequence for parts in patterns for sequence in _sequences(parts, variables, reading)))


def _sequences(parts: tuple[Part, ...], variables: bool, reading: UnresolvedPolicy) -> Iterator[tuple[Token, ...]]:
    fields = fields_of(expand(parts))
    if reading is not UnresolvedPolicy.DENIED:
        fields = _with_context(fields)
    completed = fields + [["*"]] * (6 - len(fields)) if 1 < len(fields) < 6 else fields
    if reading.strict and len(fields) > 1 and not _continues_to_role(fields):
        yield from _tokens(completed, variables, reading, within_field=True)
        return
    yield from _tokens(fields, variables, reading, within_field=False)
    if completed is not fields:
        yield from _tokens(completed, variables, reading, within_field=False)


def _with_context(fields: list[list[Part]]) -> list[list[Part]]:
    """Treat an unresolved partition or account field of an ARN as a partition or an account id."""
    if len(fields) == 6:
        fields = list(fields)
        for index, kind in ((_PARTITION, UnresolvedKind.PARTITION), (_ACCOUNT, UnresolvedKind.ACCOUNT_ID)):
            field = fields[index]
            if len(field) == 1 and isinstance(field[0], Unresolved) and field[0].kind is UnresolvedKind.ANYTHING:
                fields[index] = [Unresolved(field[0].expression, kind)]
    for position, field in enumerate(fields[1:], start=1):
        first = field[0] if field else None
        if isinstance(first, str) and first.startswith("role/"):
            return [[_mark_completing(part) for part in before] for before in fields[:position]] + fields[position:]
    return fields


def _mark_completing(part: Part) -> Part:
    """Mark an unresolved part before ``:role/`` as completing the start of the ARN, whatever its value."""
    if isinstance(part, Unresolved) and part.kind is UnresolvedKind.ANYTHING:
        return Unresolved(part.expression, reason=_CONTINUES_TO_ROLE[1])
    return part


def _continues_to_role(fields: list[list[Part]]) -> bool:
    return any(
        isinstance(part, Unresolved) and part.reason == _CONTINUES_TO_ROLE[1] for field in fields for part in field
    )


def _tokens(
    fields: list[list[Part]], variables: bool, reading: UnresolvedPolicy, *, within_field: bool
) -> Iterator[tuple[Token, ...]]:
    """Yield the token sequences of an ARN, one per combination of values of its unresolved parts; none if an unresolved
    part leaves nothing that surely matches."""
    pieces: list[list[tuple[Token, ...]]] = []
    in_name = False
    for index, field in enumerate(fields):
        if index:
            pieces.append([literal_tokens(":")])
        run = _RUN_IN_FIELD if within_field and index < 5 else _ANY_RUN
        for atom in _atoms(field, variables):
            if isinstance(atom, Unresolved) and atom.kind is UnresolvedKind.REGION and index == _ACCOUNT:
                return  # a Region is never an account
            is_variable = isinstance(atom, Unresolved) and atom.expression.startswith("${")
            if is_variable and index <= _ACCOUNT and reading is UnresolvedPolicy.DENIED:
                return  # as has_early_variable says
            in_name = in_name or atom == ("/", False)
            pieces.append(_alternatives(atom, reading, run, in_name=in_name))
    for combination in product(*pieces):
        yield tuple(token for piece in combination for token in piece)


def _atoms(parts: list[Part], variables: bool) -> Iterator[_Atom]:
    for part in parts:
        if isinstance(part, Unresolved):
            yield part
            continue
        position = 0
        for match in _VARIABLE.finditer(part) if variables else ():
            yield from _characters(part[position : match.start()])
            inside = match.group(1)
            if inside in ("*", "?", "$"):
                yield inside, False
            else:
                own = inside.lower() in _OWN_ACCOUNT
                yield Unresolved(match.group(), UnresolvedKind.ACCOUNT_ID if own else UnresolvedKind.POLICY_VARIABLE)
            position = match.end()
        yield from _characters(part[position:])


def _characters(text: str) -> Iterator[_Atom]:
    for char in text:
        yield char, char in "*?"


def _alternatives(atom: _Atom, reading: UnresolvedPolicy, run: Token, *, in_name: bool) -> list[tuple[Token, ...]]:
    """Return the alternatives that one atom of a field can match; none if nothing surely does."""
    if not isinstance(atom, Unresolved):
        char, wild = atom
        if not wild:
            return [literal_tokens(char)]
        return [(run,)] if char == "*" else [(Token(None, excluded=run.excluded),)]
    if atom.kind is UnresolvedKind.ACCOUNT_ID and (
        not in_name or reading in (UnresolvedPolicy.OVERLAP, UnresolvedPolicy.OVERLAP_STRICT)
    ):
        return [(Token(_DIGITS),) * 12]
    if atom.kind is UnresolvedKind.PARTITION and not in_name:
        return [(_RUN_IN_FIELD,)]  # any partition
    if atom.reason == _CONTINUES_TO_ROLE[1]:
        return [(_ANY_RUN,)]
    if reading in (UnresolvedPolicy.SURE, UnresolvedPolicy.DENIED):
        return []
    if reading is UnresolvedPolicy.COUNT or (
        reading is UnresolvedPolicy.MAYBE and atom.kind is not UnresolvedKind.ANYTHING
    ):
        return [literal_tokens(UNKNOWN_NAME)]
    if atom.kind is UnresolvedKind.ANYTHING:
        return [(_ANY_RUN,)]
    allowed = _NAME if atom.kind is not UnresolvedKind.POLICY_VARIABLE else _PATH
    return [(Token(allowed), Token(allowed, repeated=True))]
