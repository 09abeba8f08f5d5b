"""Condition operators, and the patterns that they compare values of a request with.

Sources: "IAM JSON policy elements: Condition operators", "Variables and tags" and "Single-valued vs. multivalued
context keys" in the IAM User Guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from enum import Enum
from functools import cached_property, lru_cache

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.patterns.automaton import Token
from passrole_checks.iam.patterns.glob import QUESTION, STAR, must_match
from passrole_checks.iam.patterns.pattern_index import PatternIndex
from passrole_checks.iam.values.nodes import Part, StringNode, Ternary, Unresolved, UnresolvedKind, join


class Family(Enum):
    """The type of value that an operator compares."""

    STRING = "strings"
    ARN = "ARNs"
    NUMERIC = "numbers"
    DATE = "dates"
    BOOL = "booleans"
    BINARY = "binary values"
    IP = "IP addresses"
    NULL = "presence"


_BASES: dict[str, tuple[Family, bool]] = {
    **{f"String{name}": (Family.STRING, name.startswith("Not")) for name in
       ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")},
    **{f"Arn{name}": (Family.ARN, name.startswith("Not")) for name in ("Equals", "NotEquals", "Like", "NotLike")},
    **{f"{family.name.title()}{name}": (family, name == "NotEquals") for family in (Family.NUMERIC, Family.DATE)
       for name in ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")},
    "Bool": (Family.BOOL, False),
    "BinaryEquals": (Family.BINARY, False),
    "IpAddress": (Family.IP, False),
    "NotIpAddress": (Family.IP, True),
    "Null": (Family.NULL, False),
}  # fmt: skip

OPERATOR_NAMES: tuple[str, ...] = tuple(
    f"{quantifier}{base}{suffix}"
    for quantifier in ("", "ForAllValues:", "ForAnyValue:")
    for base in _BASES
    for suffix in ("", "IfExists")
    if not (base == "Null" and suffix)
)


@dataclass(frozen=True, slots=True)
class Operator:
    """A parsed condition operator. ``quantifier``: "", "ForAllValues" or "ForAnyValue"."""

    quantifier: str
    base: str
    if_exists: bool

    @property
    def family(self) -> Family:
        """The type of value that the operator compares."""
        return _BASES[self.base][0]

    @property
    def negated(self) -> bool:
        """True if the operator is met when no value matches."""
        return _BASES[self.base][1]

    @property
    def wildcards(self) -> bool:
        """True if ``*`` and ``?`` in a value are wildcards (in all four ARN operators, and in the Like ones)."""
        return self.family is Family.ARN or "Like" in self.base

    @property
    def ignores_case(self) -> bool:
        """True if the operator ignores case."""
        return self.base.endswith("IgnoreCase")

    @property
    def absent(self) -> Ternary:
        """The answer for a request without the key (except for ``Null``, whose answer depends on its value)."""
        if self.quantifier == "ForAllValues":
            return Ternary.YES
        if self.quantifier == "ForAnyValue":
            # AWS documents false without the key, and true with IfExists, but not which of the two takes precedence.
            return Ternary.UNKNOWN if self.if_exists else Ternary.NO
        return Ternary.of(self.if_exists or self.negated)


def parse_operator(name: str) -> Operator | None:
    """Return the operator of this name, or None if there is none.

    Names are case-sensitive: IAM rejects ``stringEquals`` ("Invalid Condition type", MalformedPolicyDocument), although
    the names of keys are not.
    """
    if name not in OPERATOR_NAMES:
        return None
    quantifier, _, rest = name.rpartition(":")
    if_exists = rest.endswith("IfExists")
    return Operator(quantifier, rest.removesuffix("IfExists"), if_exists)


_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")
_ANY_RUN = Token(None, True)
_ANY_ONE = Token(None)
_INDEX_ABOVE = 8  # values compared without an index
# The values of an unresolved part. Partition and name are wider than necessary, which errs towards "possible".
_STEPS_OF_UNRESOLVED: dict[UnresolvedKind, tuple[Token, ...]] = {
    UnresolvedKind.ANYTHING: (_ANY_RUN,),
    UnresolvedKind.POLICY_VARIABLE: (_ANY_RUN,),
    UnresolvedKind.NAME: (_ANY_ONE, _ANY_RUN),
    UnresolvedKind.PARTITION: (_ANY_ONE, _ANY_RUN),
    UnresolvedKind.ACCOUNT_ID: (Token(_DIGITS),) * 12,
    UnresolvedKind.REGION: (
        Token(_LETTERS), Token(_LETTERS), Token(_LETTERS | {"-"}, True), Token(frozenset("-")), Token(_DIGITS)
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pattern:
    """The strings that one value of a condition matches.

    The unresolved parts are those that leave open which strings; a Region alone does not:
    ``states.${AWS::Region}.amazonaws.com`` is one service in every Region. ``certain``: no unresolved part at all.
    ``plain``: no wildcard. ``text``: the only string that it matches, if it is both.
    """

    steps: tuple[Token, ...]
    unresolved_parts: tuple[Unresolved, ...]
    certain: bool
    plain: bool
    ignores_case: bool
    empty_variable: bool
    text: str | None
    glob: str | None = None  # the steps as a wildcard pattern, if they can be written as one
    min_length: int = 0  # length of the shortest match

    def matches(self, text: str) -> Ternary:
        """Return whether the value matches ``text``: UNKNOWN if that depends on an unresolved part."""
        text = text.lower() if self.ignores_case else text
        if len(text) < self.min_length:
            return Ternary.NO
        if self.text is not None:
            return Ternary.of(text == self.text)
        if self.glob is not None:
            return Ternary.of(must_match(self.glob, text)) & (Ternary.YES if self.certain else Ternary.UNKNOWN)
        states = _closure(self.steps, {0})
        for character in text:
            deadline.check()
            states = _closure(self.steps, set(_advance(self.steps, states, character)))
            if not states:
                return Ternary.NO
        if len(self.steps) not in states:
            return Ternary.NO
        return Ternary.YES if self.certain else Ternary.UNKNOWN


def _closure(steps: Sequence[Token], states: set[int]) -> set[int]:
    pending = list(states)
    while pending:
        state = pending.pop()
        if state < len(steps) and steps[state].repeated and state + 1 not in states:
            states.add(state + 1)
            pending.append(state + 1)
    return states


def _advance(steps: Sequence[Token], states: set[int], character: str) -> Iterator[int]:
    for state in states:
        if state < len(steps):
            step = steps[state]
            if step.chars is None or character in step.chars:
                yield state if step.repeated else state + 1


# The domains of service principals, by partition; .aws.internal belongs to services internal to AWS.
DOMAINS: tuple[str, ...] = (
    "amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk",
    "csp.hci.ic.gov", "aws.internal",
)  # fmt: skip
_SERVICE_PRINCIPAL = lazy_regex(rf"[a-z0-9][a-z0-9.-]*\.(?:{'|'.join(map(re.escape, DOMAINS))})")
_SERVICE_CHARACTERS = "z" + "".join(sorted(_LETTERS | _DIGITS | {"-", "."}))


def example_service(pattern: Pattern) -> str | None:
    """Return a string with the form of a service principal (``name.amazonaws.com``, lower case) that the pattern may
    match.

    None if there is none: such a value names no service, in any partition.
    """
    if pattern.text is not None:
        return pattern.text if _SERVICE_PRINCIPAL.fullmatch(pattern.text) else None
    reached = _states_after_names(pattern.steps)
    for domain in DOMAINS:
        ending = _ending_with(pattern.steps, f".{domain}")
        state = next((one for one in reached if one in ending), None)
        if state is not None:
            return _name(reached, state) + f".{domain}"
    return None


_Visited = dict[int, tuple[int, str]]  # state: (previous state, character between)


def _states_after_names(steps: Sequence[Token]) -> _Visited:
    """Return the states of a pattern after names of one or more characters, breadth first; each is visited once."""
    reached: _Visited = {}
    frontier = [(state, True) for state in sorted(_closure(steps, {0}))]
    while frontier:
        following: list[tuple[int, bool]] = []
        for state, first in frontier:
            deadline.check()
            if state >= len(steps):
                continue
            step = steps[state]
            character = next((c for c in _SERVICE_CHARACTERS if c in (step.chars or c)), None)
            if character is None or (first and character in ".-"):
                continue
            for target in sorted(_closure(steps, {state if step.repeated else state + 1})):
                if target not in reached:
                    reached[target] = (-1 if first else state, character)
                    following.append((target, False))
        frontier = following
    return reached


def _name(reached: _Visited, state: int) -> str:
    """Return the characters that lead to a state."""
    letters: list[str] = []
    while state >= 0:
        state, character = reached[state]
        letters.append(character)
    return "".join(reversed(letters))


def _ending_with(steps: Sequence[Token], suffix: str) -> set[int]:
    """Return the states from which a suffix leads to the end of a pattern."""
    states = {len(steps)}
    for character in reversed(suffix):
        before: set[int] = set()
        for state in _before_runs(steps, states):
            if state < len(steps) and steps[state].repeated and character in (steps[state].chars or character):
                before.add(state)
            step = steps[state - 1] if state else None
            if step is not None and not step.repeated and character in (step.chars or character):
                before.add(state - 1)
        states = before
    return states


def _before_runs(steps: Sequence[Token], states: set[int]) -> set[int]:
    """Return the states, and those that lead to one of them without a character."""
    result = set(states)
    for state in states:
        while state and steps[state - 1].repeated:
            state -= 1
            result.add(state)
    return result


def expand_known_parts(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Replace each unresolved part whose structure is known by its known parts."""
    spelled: list[Part] = []
    for part in parts:
        if isinstance(part, Unresolved) and part.known is not None:
            spelled.extend(expand_known_parts(part.known))
        else:
            spelled.append(part)
    return join(spelled)


def literal(text: StringNode) -> str | None:
    """Return the whole string if all of it is known, else None."""
    parts = expand_known_parts(text.parts)
    return parts[0] if len(parts) == 1 and isinstance(parts[0], str) else None


_VARIABLE = lazy_regex(r"\$\{([^}]*)\}")
_PLACEHOLDER = "\ue000"  # a private-use character: placeholder of an unresolved part while variables are parsed


def read_pattern(text: StringNode, *, wildcards: bool, ignores_case: bool = False, variables: bool = True) -> Pattern:
    """Compile a value of a condition to a pattern.

    ``wildcards``: ``*`` and ``?`` are wildcards (StringLike), else plain characters. ``variables``: ``${...}`` is a
    policy variable (Version 2012-10-17), with ``${*}``, ``${?}`` and ``${$}`` for the characters themselves, else plain
    text.
    """
    unresolved_parts: list[Unresolved] = []
    pieces: list[str] = []
    for part in expand_known_parts(text.parts):
        if isinstance(part, str):
            pieces.append(part.replace(_PLACEHOLDER, "\ufffd"))
        elif part.kind is UnresolvedKind.POLICY_VARIABLE and not variables:
            pieces.append(part.written)
        else:
            unresolved_parts.append(part)
            pieces.append(_PLACEHOLDER)
    joined, end = "".join(pieces), 0
    reader = _PatternReader(wildcards, ignores_case, iter(unresolved_parts))
    for variable in _VARIABLE.finditer(joined) if variables else ():
        reader.read_text(joined[end : variable.start()])
        reader.read_variable(variable.group(1))
        end = variable.end()
    reader.read_text(joined[end:])
    return reader.pattern()


class _PatternReader:
    """Collects the steps of a pattern. ``pending``: the unresolved parts behind the placeholders still to come."""

    def __init__(self, wildcards: bool, ignores_case: bool, pending: Iterator[Unresolved]) -> None:
        self._wildcards, self._ignores_case, self._pending = wildcards, ignores_case, pending
        self._unknown: list[Unresolved] = []
        self._steps: list[Token] = []
        self._plain, self._empty_variable = True, False

    def read_text(self, text: str) -> None:
        for character in text:
            if character == _PLACEHOLDER:
                unresolved = next(self._pending)
                self._unknown.append(unresolved)
                for step in _STEPS_OF_UNRESOLVED[unresolved.kind]:
                    self._add(step)
            elif self._wildcards and character in "*?":
                self._plain = False
                self._add(_ANY_RUN if character == "*" else _ANY_ONE)
            else:
                self._steps.append(_character(character, self._ignores_case))

    def read_variable(self, name: str) -> None:
        if name in ("*", "?", "$"):
            self._steps.append(_character(name, self._ignores_case))
            return
        self._empty_variable = self._empty_variable or not name.strip()
        for unresolved in [next(self._pending) for character in name if character == _PLACEHOLDER]:
            self._unknown.append(unresolved)
            name = name.replace(_PLACEHOLDER, unresolved.written, 1)
        reason = "substituted by IAM at request time"
        self._unknown.append(Unresolved(name, UnresolvedKind.POLICY_VARIABLE, reason=reason))
        self._add(_ANY_RUN)

    def _add(self, step: Token) -> None:
        if not (step is _ANY_RUN and self._steps and self._steps[-1] is _ANY_RUN):  # adjacent runs are one
            self._steps.append(step)

    def pattern(self) -> Pattern:
        steps, unknown = self._steps, self._unknown
        whole = "".join(min(step.chars or "") for step in steps) if self._plain and not unknown else None
        return Pattern(
            steps=tuple(steps),
            unresolved_parts=tuple(
                unresolved for unresolved in unknown if unresolved.kind is not UnresolvedKind.REGION
            ),
            certain=not unknown,
            plain=self._plain,
            ignores_case=self._ignores_case,
            empty_variable=self._empty_variable,
            text=whole,
            glob=_as_wildcards(steps) if whole is None else None,
            min_length=sum(not step.repeated for step in steps),
        )


def _as_wildcards(steps: Sequence[Token]) -> str | None:
    """Return the steps as a pattern with ``STAR`` and ``QUESTION``, None if a step is none of these and no single
    character."""
    symbols = []
    for step in steps:
        letter = "".join(step.chars or ()) if not step.repeated else ""
        if step in (_ANY_RUN, _ANY_ONE):
            letter = STAR if step.repeated else QUESTION
        elif len(letter) != 1 or letter in (STAR, QUESTION):
            return None
        symbols.append(letter)
    return "".join(symbols)


@lru_cache(maxsize=4096)
def _character(character: str, ignores_case: bool) -> Token:
    lowered = character.lower() if ignores_case else character
    return Token(frozenset((lowered if len(lowered) == 1 else character,)))


_WILD = lazy_regex(f"[{STAR}{QUESTION}]")


class ValueSet:
    """The values of a test, indexed for matching many strings."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._spelled = [pattern for pattern in patterns if pattern.text is not None or pattern.glob is not None]
        self._others = [pattern for pattern in patterns if pattern.text is None and pattern.glob is None]
        self._ignores_case = any(pattern.ignores_case for pattern in patterns)

    def match(self, text: str) -> Ternary:
        """Return whether one of the values matches a string."""
        answer = Ternary.NO
        for pattern in (*self._near(text), *self._others):
            deadline.check()
            answer = answer | pattern.matches(text)
            if answer is Ternary.YES:
                break
        return answer

    def _near(self, text: str) -> Iterable[Pattern]:
        if len(self._spelled) <= _INDEX_ABOVE:
            return self._spelled
        return (self._spelled[position] for position in self._index.near(text.lower() if self._ignores_case else text))

    @cached_property
    def _index(self) -> PatternIndex:
        spelled = [pattern.glob if pattern.text is None else pattern.text for pattern in self._spelled]
        return PatternIndex([glob or "" for glob in spelled], _WILD)


@dataclass(frozen=True, slots=True)
class ServiceTest:
    """One operator on a key that is, or may be, ``iam:PassedToService``.

    ``operator`` None: unknown. ``patterns`` None: the values are unknown. ``key_unknown``: the key may be another one.
    ``uncertain``: more than a Region is unknown, namely the unresolved parts.
    """

    operator: Operator | None
    patterns: tuple[Pattern, ...] | None
    unresolved_parts: tuple[Unresolved, ...] = ()
    key_unknown: bool = False
    uncertain: bool = False
    _values: ValueSet | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.patterns is not None:
            object.__setattr__(self, "_values", ValueSet(self.patterns))

    @property
    def finite(self) -> bool:
        """True if only a finite list of services can meet the test."""
        if self.operator is None or self.patterns is None or self.key_unknown or self.uncertain:
            return False
        positive_text = self.operator.family is Family.STRING and not self.operator.negated
        return positive_text and all(pattern.plain for pattern in self.patterns)

    @property
    def mistyped(self) -> bool:
        """True if the test requires that the service is not some number, date, address or ARN: either all services meet
        it, or none does. AWS does not document which."""
        return self.operator is not None and self.operator.negated and self.operator.family is not Family.STRING

    def result(self, service: str | None) -> Ternary:
        """Return whether a request with this service, or (None) without the key, meets the test."""
        answer = self._result(service)
        return answer | Ternary.UNKNOWN if self.key_unknown else answer

    def _result(self, service: str | None) -> Ternary:
        operator = self.operator
        if operator is None:
            return Ternary.UNKNOWN
        if operator.family is Family.NULL:
            return self._presence(operator, service)
        if service is None:
            return operator.absent
        if self._values is None or self.mistyped:
            return Ternary.UNKNOWN
        some = Ternary.NO
        if operator.family is Family.STRING:
            some = self._values.match(service)
        elif operator.family is Family.ARN:
            # A service principal is not an ARN; whether a pattern without colons matches it anyway is undocumented.
            some = self._values.match(service) & Ternary.UNKNOWN
        return ~some if operator.negated else some  # a service name is no number, date, boolean or address

    def _presence(self, operator: Operator, service: str | None) -> Ternary:
        # IAM Access Analyzer's checks: with a set operator, Null is always true or always false.
        if operator.quantifier:
            return Ternary.of(operator.quantifier == "ForAllValues")
        if self.patterns is None:
            return Ternary.UNKNOWN
        wanted = "true" if service is None else "false"
        answer = Ternary.NO
        for pattern in self.patterns:
            answer = answer | pattern.matches(wanted)
        return answer
