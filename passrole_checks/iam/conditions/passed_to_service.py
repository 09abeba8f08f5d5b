"""Evaluate a Condition block: to which services can a role be passed?

A block is evaluated, operator by operator, for every known service, for the services that the block names, for one
service that is not known yet, and for a request without ``iam:PassedToService``. Operators are ANDed, keys are ANDed,
the values of a positive operator are ORed, those of a negated one NORed.

Sources, in the IAM User Guide: "IAM JSON policy elements: Condition", "... Condition operators", "Conditions with
multiple context keys or values", "Single-valued vs. multivalued context keys", and "Grant a user permissions to pass a
role to an AWS service" (the keys).
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from functools import lru_cache

from passrole_checks.iam.conditions.condition_block import ConditionBlock
from passrole_checks.iam.conditions.condition_operators import DOMAINS, Family
from passrole_checks.iam.conditions.likely_typos import LikelyTypo
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.identity_cache import BoundedCache, by_identity
from passrole_checks.iam.values.nodes import Choice, Const, ListNode, Node, ObjectNode, StringNode, Ternary, Unresolved


class Constraint(str, Enum):
    """How a statement's conditions restrict ``iam:PassedToService``.

    ``ABSENT``: no test of it. ``EXACT``: a finite list of services. ``EXACT_IF_PRESENT``: the same, but a request
    without the key is allowed too. ``PATTERN``: an open set that excludes something. ``INEFFECTIVE``: excludes no
    service, or by wildcards at most one in twenty (also ``Null: true``, which restricts nothing: every service that
    does not send the key meets it). ``NEVER``: matches no request. ``UNRESOLVED``: unknown.
    """

    ABSENT = "absent"
    EXACT = "exact"
    EXACT_IF_PRESENT = "exact_if_present"
    PATTERN = "pattern"
    INEFFECTIVE = "ineffective"
    NEVER = "never"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class ConditionEffect:
    """The effect of a Condition block.

    ``values`` are the values of ``iam:PassedToService`` as written, in order, without duplicates. ``allowed`` are the
    services that surely meet the block if the request has the key, ``possible`` those that surely or possibly do: among
    the known services and those that the block names. ``unknown_service`` answers for a service that is not known yet,
    ``without_key`` for a request without the key. ``negated_only``: the key occurs under negated operators only (apart
    from ``Null``). ``tags``, ``others``: the role tags and the other keys that are tested, as written; they are assumed
    to be satisfiable. ``shared``: the keys that only PassRole requests carry, as written, under operators that a
    missing key fails. ``not_sent``: the keys that requests for PassRole do not carry, under such operators.
    ``unresolved``: the unresolved parts that decide the answer. ``problems``: malformed parts, as
    phrases.
    """

    constraint: Constraint
    values: tuple[str, ...]
    allowed: frozenset[str]
    possible: frozenset[str]
    unknown_service: Ternary
    without_key: Ternary
    negated_only: bool
    tags: tuple[str, ...]
    associated_resource_arn: bool
    others: tuple[str, ...]
    shared: tuple[str, ...]
    not_sent: tuple[str, ...]
    likely_typos: tuple[LikelyTypo, ...]
    unresolved: tuple[Unresolved, ...]
    problems: tuple[str, ...]

    @property
    def dead(self) -> bool:
        """True if no request can meet the tests of ``iam:PassedToService``."""
        return self.constraint is Constraint.NEVER

    @property
    def has_undecidable_tests(self) -> bool:
        """True if the block tests anything besides the service, or is malformed."""
        return bool(self.others or self.tags or self.associated_resource_arn or self.problems)


UNKNOWN_SERVICE = "\0a service that is not known yet"
NO_KEY = "\0a request without the key"


def allowed_services(effect: ConditionEffect, *, surely: bool) -> frozenset[str]:
    """Return the services that meet a Condition block surely, or at least possibly.

    These include, where they do, :data:`UNKNOWN_SERVICE` and :data:`NO_KEY` for a request without the key.
    """
    key = (id(effect), surely)
    cached = _services.get(key)
    if cached is None:
        answers = {Ternary.YES} if surely else {Ternary.YES, Ternary.UNKNOWN}
        placeholders = ((UNKNOWN_SERVICE, effect.unknown_service), (NO_KEY, effect.without_key))
        extra = {name for name, answer in placeholders if answer in answers}
        cached = _services[key] = (effect, (effect.allowed if surely else effect.possible) | extra)
    return cached[1]


@lru_cache(maxsize=64)
def union_of(*sets: frozenset[str]) -> frozenset[str]:
    """Return the union of sets of service principals; for equal sets the same object.

    All known services are more than a thousand names, and thousands of principals have the same ones.
    """
    return frozenset[str]().union(*sets)


_CACHE_SIZE = 4096
_services = by_identity(BoundedCache[tuple[int, bool], tuple[ConditionEffect, frozenset[str]]](_CACHE_SIZE))


def evaluate(condition: Node | None, known_services: Collection[str], *, variables: bool = True) -> ConditionEffect:
    """Evaluate a Condition block.

    ``condition`` maps operators to mappings of keys to values, without ``Choice`` and ``Absent``; any level may be
    unresolved. None: no block. ``known_services`` are the service principals of the partition. ``variables``:
    ``${...}`` is a policy variable (Version 2012-10-17), else plain text. Raises nothing: malformed parts are listed in
    ``problems`` and make the answer unknown.
    """
    services = frozenset(known_services)
    same = (id(condition), services, variables)
    cached = _effects_by_id.get(same)
    if cached is not None:
        return cached[1]
    key = (without_positions(condition), services, variables)
    effect = _effects_by_content.get(key)
    if effect is None:
        effect = _Evaluation(_read(condition, services, variables)).effect()
        if not effect.likely_typos:  # these have positions, which differ between equal blocks
            _effects_by_content[key] = effect
    _effects_by_id[same] = (condition, effect)
    return effect


def allows_service(condition: Node | None, service: str, *, variables: bool = True) -> Ternary:
    """Return whether a Condition block, as in :func:`evaluate`, allows passing a role to one service."""
    key = (id(condition), variables)
    cached = _evaluations.get(key)
    if cached is None:
        cached = _evaluations[key] = (condition, _Evaluation(_read(condition, frozenset(), variables)))
    return cached[1].result(service)


def _read(condition: Node | None, services: frozenset[str], variables: bool) -> ConditionBlock:
    block = ConditionBlock(services, variables)
    if condition is not None:
        block.read(condition)
    return block


# a configuration repeats few conditions, and each is evaluated for hundreds of services
_effects_by_content = BoundedCache[tuple[object, frozenset[str], bool], ConditionEffect](_CACHE_SIZE)
# most look-ups are of the same object; the cache keeps the node whose id is the key
_effects_by_id = by_identity(
    BoundedCache[tuple[int, frozenset[str], bool], tuple[Node | None, ConditionEffect]](_CACHE_SIZE)
)
_evaluations = by_identity(BoundedCache[tuple[int, bool], tuple[Node | None, "_Evaluation"]](_CACHE_SIZE))


def without_positions(node: Node | None) -> object:
    """Return a hashable copy of a node without positions, for comparison by content."""
    if isinstance(node, StringNode):
        return node.parts, node.optional
    if isinstance(node, ListNode):
        return "list", *map(without_positions, node.items)
    if isinstance(node, ObjectNode):
        return "object", *((without_positions(entry.key), without_positions(entry.value)) for entry in node.entries)
    if isinstance(node, Const):
        return type(node.value).__name__, node.value
    if isinstance(node, Choice):
        return "either", *((outcome, without_positions(option)) for outcome, option in node.options)
    return type(node).__name__


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """The evaluation of a parsed block."""

    block: ConditionBlock

    def effect(self) -> ConditionEffect:
        block = self.block
        services = block.known.union(block.named)
        results = {service: self.result(service) for service in (*services, *block.examples)}
        unknown_service = self._unknown_service()
        without_key = self.result(None)
        outcomes = {*results.values(), unknown_service}
        certain = Ternary.UNKNOWN not in outcomes and without_key is not Ternary.UNKNOWN
        doubtful = [test for test in block.tests if test.uncertain] if not certain else []
        positive = [
            test.operator for test in block.tests
            if test.operator and not test.key_unknown and test.operator.family is not Family.NULL
        ]  # fmt: skip
        negated_only = bool(positive) and all(operator.negated for operator in positive)
        allowed = sum(results[service] is Ternary.YES for service in block.known)
        everything = not negated_only and allowed == len(block.known)
        if unknown_service is Ternary.YES and not any(operator.negated for operator in positive):
            everything |= allowed >= _NEARLY_ALL * len(block.known)
        return ConditionEffect(
            constraint=self._constraint(outcomes, without_key, bool(doubtful), everything),
            values=tuple(block.values),
            allowed=frozenset(service for service in services if results[service] is Ternary.YES),
            possible=frozenset(service for service in services if results[service] is not Ternary.NO),
            unknown_service=unknown_service,
            without_key=without_key,
            negated_only=negated_only,
            tags=tuple(block.tags),
            associated_resource_arn=block.associated,
            others=tuple(block.others),
            shared=tuple(block.shared),
            not_sent=tuple(block.not_sent),
            likely_typos=tuple(block.likely_typos),
            unresolved=tuple(dict.fromkeys(unresolved for test in doubtful for unresolved in test.unresolved_parts)),
            problems=tuple(dict.fromkeys(block.problems)),
        )

    def _constraint(self, outcomes: set[Ternary], without_key: Ternary, doubt: bool, everything: bool) -> Constraint:
        if not self.block.tests:
            return Constraint.ABSENT
        if outcomes == {Ternary.NO} and without_key is Ternary.NO:
            return Constraint.NEVER
        if outcomes == {Ternary.NO} or all(test.mistyped for test in self.block.tests):
            return Constraint.INEFFECTIVE
        if any(test.finite for test in self.block.tests):
            # Other unknown tests can only narrow the list.
            return Constraint.EXACT if without_key is Ternary.NO else Constraint.EXACT_IF_PRESENT
        if outcomes == {Ternary.YES} or everything:
            return Constraint.INEFFECTIVE
        if doubt:
            return Constraint.UNRESOLVED
        return Constraint.PATTERN

    def result(self, service: str | None) -> Ternary:
        """Return whether a request with this service, or (None) without the key, meets all tests."""
        answer = Ternary.YES
        for test in self.block.tests:
            answer = answer & test.result(service)
            if answer is Ternary.NO:
                break
        return answer

    def _unknown_service(self) -> Ternary:
        """Return the answer for a service whose name has nothing in common with any string in the policy."""
        domains = [domain for domain in DOMAINS if any(service.endswith(f".{domain}") for service in self.block.known)]
        answers = {self.result(f"{_UNUSED_NAME}.{domain}") for domain in domains or DOMAINS[:1]}
        return answers.pop() if len(answers) == 1 else Ternary.UNKNOWN


_NEARLY_ALL = 0.95  # of the known services; `???*.amazonaws.com` leaves out those with two letters, such as Amazon ES
_UNUSED_NAME = "\ue001\ue002\ue003\ue004\ue005\ue006\ue007\ue008\ue009"  # characters that no file uses
