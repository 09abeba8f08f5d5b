"""What a Condition block lets through: to which services a role may be passed.

A block is decided by meaning, operator by operator, for every known service, for the services that the block itself
names, for one service that nobody knows yet, and for a request that does not carry ``iam:PassedToService``: operators
are ANDed, keys are ANDed, the values of a positive operator are ORed, those of a negated one NORed.

Sources, in the IAM User Guide: "IAM JSON policy elements: Condition", "... Condition operators", "Conditions with
multiple context keys or values", "Single-valued vs. multivalued context keys", and "Grant a user permissions to pass a
role to an AWS service" (the keys).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher, get_close_matches
from enum import Enum

from passrole_checks.iam.condition_operators import (
    DOMAINS,
    OPERATOR_NAMES,
    Family,
    Operator,
    Pattern,
    Test,
    example_service,
    literal,
    parse_operator,
    read_pattern,
)
from passrole_checks.iam.values import Choice, Const, Entry, Hole, Items, Mapping, Node, Position, Text, Tri, text

PASSED_TO_SERVICE = "iam:PassedToService"
ASSOCIATED_RESOURCE_ARN = "iam:AssociatedResourceArn"


class Constraint(str, Enum):
    """What a statement's conditions make of ``iam:PassedToService``.

    ``ABSENT``: they do not speak of it. ``EXACT``: a finite list of services. ``EXACT_IF_PRESENT``: the same, but a
    request without the key passes too. ``PATTERN``: an open set that leaves something out. ``INEFFECTIVE``: leaves no
    service out, or lets no service through (``Null: true`` too, which narrows nothing: it is met by every service that
    does not send the key). ``UNRESOLVED``: cannot be told.
    """

    ABSENT = "absent"
    EXACT = "exact"
    EXACT_IF_PRESENT = "exact_if_present"
    PATTERN = "pattern"
    INEFFECTIVE = "ineffective"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something written for ``iam:PassedToService`` (a key, an operator, a value) that can never match or does nothing.

    ``value`` is what is written, ``reason`` a phrase for people with the likely right spelling, ``at`` its place.
    """

    value: str
    reason: str
    at: Position


@dataclass(frozen=True, slots=True)
class ConditionEffect:
    """What a Condition block lets through.

    ``values`` are the values of ``iam:PassedToService`` as written, in order, without repeats. ``allowed`` are the
    services surely let through when the request carries the key, ``possible`` those surely or possibly let through:
    of the known services and of those that the block itself names. ``unknown_service`` answers for a service that
    nobody knows yet, ``without_key`` for a request without the key. ``negated_only``: the key stands under negated
    operators only (``Null`` apart). ``tags``, ``others``: the role tags and the other keys that are demanded, as
    written; they are taken to be satisfiable. ``shared``: the PassRole-only keys, as written, under operators that a
    missing key fails. ``dead``: no request whatever meets what the block says of ``iam:PassedToService``.
    ``unresolved``: the holes that decide the answer. ``problems``: malformed pieces, in words.
    """

    constraint: Constraint
    values: tuple[str, ...]
    allowed: frozenset[str]
    possible: frozenset[str]
    unknown_service: Tri
    without_key: Tri
    negated_only: bool
    tags: tuple[str, ...]
    associated_resource_arn: bool
    others: tuple[str, ...]
    shared: tuple[str, ...]
    dead: bool
    suspicions: tuple[Suspicion, ...]
    unresolved: tuple[Hole, ...]
    problems: tuple[str, ...]


def evaluate(condition: Node | None, known_services: Collection[str], *, variables: bool = True) -> ConditionEffect:
    """Decide a Condition block.

    ``condition`` is a mapping of operators to mappings of keys to values, free of ``Choice`` and ``Absent``; a hole may
    stand at every level. None: no block. ``known_services`` are the service principals of the partition.
    ``variables``: whether ``${...}`` is a policy variable (Version 2012-10-17) or plain text. Raises nothing: what is
    malformed is told in ``problems`` and makes the answer unknown.
    """
    services = frozenset(known_services)
    key = (_words(condition), services, variables)
    effect = _remembered.get(key)
    if effect is None:
        reader = _Reader(services, variables)
        if condition is not None:
            reader.read_block(condition)
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        effect = _remembered[key] = reader.effect()
    return effect


# the same few conditions stand in most statements of a configuration, and each is tried on hundreds of services
_remembered: dict[tuple[object, frozenset[str], bool], ConditionEffect] = {}
_MOST_REMEMBERED = 4096


def _words(node: Node | None) -> object:
    """What a node says, without its place."""
    if isinstance(node, Text):
        return node.parts, node.optional
    if isinstance(node, Items):
        return "list", *map(_words, node.items)
    if isinstance(node, Mapping):
        return "object", *((_words(entry.key), _words(entry.value)) for entry in node.entries)
    if isinstance(node, Const):
        return type(node.value).__name__, node.value
    if isinstance(node, Choice):
        return "either", node.condition, *((outcome, _words(option)) for outcome, option in node.options)
    return type(node).__name__


@dataclass(slots=True)
class _Reader:
    known: frozenset[str]
    variables: bool
    tests: list[Test] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)  # services that a value spells out
    examples: list[str] = field(default_factory=list)  # one service for each value with a wildcard or a hole
    tags: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    associated: bool = False
    suspicions: list[Suspicion] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def read_block(self, condition: Node) -> None:
        if isinstance(condition, Mapping):
            seen: set[str] = set()
            # AWS's pages differ on what an empty condition does, so a Deny under one is not relied on
            if not condition.entries:
                self.problems.append("the Condition block is empty")
            for entry in condition.entries:
                if isinstance(entry.value, Mapping) and not entry.value.entries:
                    self.problems.append(f"{entry.key} holds no key")
                self._read_operator(entry, seen)
        else:
            self._unknown("the Condition block", "an object of operators", condition, None)

    def _unknown(self, what: str, wanted: str, node: Node, operator: Operator | None) -> None:
        """Something that may say anything of any key: a hole, or a piece of the wrong type."""
        holes = node.holes if isinstance(node, Text) else ()
        if not (isinstance(node, Text) and node.only_hole):
            self.problems.append(f"{what} is not {wanted}")
        self.tests.append(Test(operator, None, holes, maybe=True, doubt=True))

    def _read_operator(self, entry: Entry, seen: set[str]) -> None:
        name = literal(entry.key)
        operator = parse_operator(name) if name is not None else None
        if name is not None and operator is None:
            self.problems.append(f"there is no condition operator {name}{_meant(name, OPERATOR_NAMES)}")
        elif name in seen:
            self.problems.append(f"the condition operator {name} is given twice")
        seen.add(name or "")
        if not isinstance(entry.value, Mapping):
            self._unknown(f"what stands under {entry.key}", "an object of keys", entry.value, operator)
            return
        keys: set[str] = set()
        for pair in entry.value.entries:
            self._read_key(entry.key, operator, pair, keys)

    def _read_key(self, operator_text: Text, operator: Operator | None, pair: Entry, keys: set[str]) -> None:
        name = literal(pair.key)
        written = str(pair.key)
        if name is None:
            self._read_unknown_key(operator_text, operator, pair)
            return
        key = name.lower()
        if key in keys:
            self.problems.append(f"the key {written} is given twice under {operator_text}")
        keys.add(key)
        if key == PASSED_TO_SERVICE.lower():
            self._read_passed_to_service(operator_text, operator, pair)
            return
        if key == ASSOCIATED_RESOURCE_ARN.lower():
            self.associated = True
            test = self._test(operator_text, operator, pair)
            self._share(written, test)
        else:
            self._read_other_key(key, pair)

    def _read_other_key(self, key: str, pair: Entry) -> None:
        written = str(pair.key)
        if key.startswith(("aws:resourcetag/", "iam:resourcetag/")):
            _add(self.tags, written)
            return
        _add(self.others, written)
        name = key.strip().rpartition(":")[2]
        if SequenceMatcher(None, name, "passedtoservice").ratio() >= 0.8:
            reason = f"is a key that no request carries; did you mean {PASSED_TO_SERVICE}?"
            self.suspicions.append(Suspicion(written, reason, pair.key.at))

    def _read_unknown_key(self, operator_text: Text, operator: Operator | None, pair: Entry) -> None:
        name = read_pattern(pair.key, wildcards=False, ignores_case=True, variables=False)
        if name.matches(PASSED_TO_SERVICE) is Tri.NO:
            start = pair.key.parts[0]
            self._read_other_key(start.lower() if isinstance(start, str) else "", pair)
            return
        test = self._test(operator_text, operator, pair)
        holes = (*pair.key.holes, *test.holes)
        self.tests.append(Test(test.operator, test.patterns, holes, maybe=True, doubt=True))
        self._remember(test)

    def _read_passed_to_service(self, operator_text: Text, operator: Operator | None, pair: Entry) -> None:
        test = self._test(operator_text, operator, pair)
        self.tests.append(test)
        self._remember(test)
        self._share(str(pair.key), test)
        if operator is None or operator.family is not Family.NULL:
            for value in filter(None, map(_as_text, _values(pair.value))):
                _add(self.values, str(value))
        name = literal(operator_text)
        if operator is None:
            if name is not None:
                reason = f"is no condition operator{_meant(name, OPERATOR_NAMES)}"
                self.suspicions.append(Suspicion(name, reason, operator_text.at))
        elif operator.family not in (Family.STRING, Family.NULL):
            effect = "leaves no service out" if operator.negated else "can never match"
            reason = f"compares {operator.family.value} and {effect}: the key holds a text; did you mean StringEquals?"
            self.suspicions.append(Suspicion(str(operator_text), reason, operator_text.at))
        elif operator.family is Family.STRING:
            for value in filter(None, map(_as_text, _values(pair.value))):
                self._suspect(operator, value)

    def _test(self, operator_text: Text, operator: Operator | None, pair: Entry) -> Test:
        """The operator on this key, its values read as texts or, where one is malformed, not known."""
        values = _values(pair.value)
        where = f"{pair.key} under {operator_text}"
        if not values:
            self.problems.append(f"the list of values of {where} is empty")
            return Test(operator, None, doubt=True)
        holes: list[Hole] = []
        patterns: list[Pattern] = []
        malformed = operator is None
        for value in values:
            spelled = _as_text(value)
            if spelled is None:
                self.problems.append(f"a value of {where} is no text")
                malformed = True
                continue
            presence = operator is not None and operator.family is Family.NULL
            pattern = read_pattern(
                spelled,
                wildcards=operator is not None and operator.wildcards,
                ignores_case=presence or (operator is not None and operator.ignores_case),
                variables=self.variables and not presence,
            )
            if presence and pattern.text not in ("true", "false") and pattern.certain:
                self.problems.append(f"the value {spelled} of {where} is neither true nor false")
                malformed = True
            if pattern.empty_variable:
                self.problems.append(f"the value {spelled} of {where} holds a policy variable without a name")
            holes.extend(pattern.holes)
            patterns.append(pattern)
        if operator is None:
            holes[:0] = operator_text.holes
        doubt = malformed or bool(holes) or (operator is not None and operator.family is Family.ARN)
        return Test(operator, None if malformed else tuple(patterns), tuple(holes), doubt=doubt)

    def _remember(self, test: Test) -> None:
        """Add the services that the values of a test speak of to those that the block is decided for."""
        if test.operator is None or test.patterns is None or test.operator.family is not Family.STRING:
            return
        for pattern in test.patterns:
            example = example_service(pattern)
            if example is not None:
                _add(self.named if pattern.text is not None else self.examples, example)

    def _share(self, key: str, test: Test) -> None:
        if test.operator is not None and test.result(None) is Tri.NO:
            _add(self.shared, key)

    def _suspect(self, operator: Operator, value: Text) -> None:
        pattern = read_pattern(
            value, wildcards=operator.wildcards, ignores_case=operator.ignores_case, variables=self.variables
        )
        written = literal(value)
        if not pattern.certain or written is None or pattern.text in self.known or example_service(pattern):
            return
        effect = "leaves no service out" if operator.negated else "can never match"
        self.suspicions.append(Suspicion(str(value), f"{effect}: {self._why(written, operator)}", value.at))

    def _why(self, written: str, operator: Operator) -> str:
        """Why a value names no service, and what may have been meant."""
        lowered = written.strip().lower()
        wildcard = "*" in lowered or "?" in lowered
        meant = self._likely(lowered)
        if not lowered:
            return "it is empty"
        if wildcard and not operator.wildcards:
            like = "StringNotLike" if operator.negated else "StringLike"
            return f"under {operator.base} a wildcard is a plain character; did you mean {like}?"
        if lowered.startswith("arn:"):
            return f"an ARN is no service principal{meant or ', such as lambda.amazonaws.com'}"
        if written != lowered and lowered.endswith(tuple(f".{domain}" for domain in DOMAINS)):
            return f"service principals are written in lower case, without blanks{meant}"
        if "." not in lowered:
            return f"it has no domain{meant or ', such as .amazonaws.com'}"
        return f"it is no service principal, which ends in .amazonaws.com{meant}"

    def _likely(self, lowered: str) -> str:
        """The known service that was likely meant, as the end of a phrase."""
        name = lowered.split(":")[2] if lowered.count(":") >= 2 else lowered.split("/")[-1]
        name = name.partition(".amaz")[0]  # names are compared without what all of them end in
        by_name = {service.removesuffix(".amazonaws.com"): service for service in sorted(self.known)}
        near = get_close_matches(name, by_name, n=1, cutoff=0.8)
        return f"; did you mean {by_name[near[0]]}?" if near else ""

    def effect(self) -> ConditionEffect:
        services = self.known.union(self.named)
        results = {service: self._result(service) for service in (*services, *self.examples)}
        unknown_service = self._unknown_service()
        without_key = self._result(None)
        outcomes = {*results.values(), unknown_service}
        certain = Tri.UNKNOWN not in outcomes and without_key is not Tri.UNKNOWN
        doubtful = [test for test in self.tests if test.doubt] if not certain else []
        positive = [
            test.operator for test in self.tests
            if test.operator and not test.maybe and test.operator.family is not Family.NULL
        ]  # fmt: skip
        negated_only = bool(positive) and all(operator.negated for operator in positive)
        everything = not negated_only and all(results[service] is Tri.YES for service in self.known)
        return ConditionEffect(
            constraint=self._constraint(outcomes, without_key, bool(doubtful), everything),
            values=tuple(self.values),
            allowed=frozenset(service for service in services if results[service] is Tri.YES),
            possible=frozenset(service for service in services if results[service] is not Tri.NO),
            unknown_service=unknown_service,
            without_key=without_key,
            negated_only=negated_only,
            tags=tuple(self.tags),
            associated_resource_arn=self.associated,
            others=tuple(self.others),
            shared=tuple(self.shared),
            dead=outcomes == {Tri.NO} and without_key is Tri.NO,
            suspicions=tuple(self.suspicions),
            unresolved=tuple(dict.fromkeys(hole for test in doubtful for hole in test.holes)),
            problems=tuple(dict.fromkeys(self.problems)),
        )

    def _constraint(self, outcomes: set[Tri], without_key: Tri, doubt: bool, everything: bool) -> Constraint:
        if not self.tests:
            return Constraint.ABSENT
        if outcomes == {Tri.NO}:
            return Constraint.INEFFECTIVE
        if any(test.finite for test in self.tests):
            # What else is not known can only take from the list.
            return Constraint.EXACT if without_key is Tri.NO else Constraint.EXACT_IF_PRESENT
        if outcomes == {Tri.YES} or everything:
            return Constraint.INEFFECTIVE
        if doubt:
            return Constraint.UNRESOLVED
        return Constraint.PATTERN

    def _result(self, service: str | None) -> Tri:
        answer = Tri.YES
        for test in self.tests:
            answer = answer & test.result(service)
            if answer is Tri.NO:
                break
        return answer

    def _unknown_service(self) -> Tri:
        """The answer for a service whose name has nothing in common with any text that is written here."""
        domains = [domain for domain in DOMAINS if any(service.endswith(f".{domain}") for service in self.known)]
        answers = {self._result(f"{_NOBODYS_NAME}.{domain}") for domain in domains or DOMAINS[:1]}
        return answers.pop() if len(answers) == 1 else Tri.UNKNOWN


_NOBODYS_NAME = "\ue001\ue002\ue003\ue004\ue005\ue006\ue007\ue008\ue009"  # letters that no file uses


def _values(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else (node,)


def _as_text(node: Node) -> Text | None:
    """A value as IAM compares it: numbers and booleans as texts; None for what is no value."""
    if isinstance(node, Text):
        return node
    if isinstance(node, Const) and node.value is not None:
        spelled = str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
        return text(spelled, node.at)
    return None


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _meant(written: str, known: Iterable[str]) -> str:
    """The nearest known spelling as the end of a phrase, or nothing."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(written.strip().lower(), by_lower, n=1, cutoff=0.8)
    return f"; did you mean {by_lower[near[0]]}?" if near else ""
