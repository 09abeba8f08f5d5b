"""Permissions of a principal: all its identity-based policies combined.

A request is allowed if one Allow matches its action, its resource and its conditions, no Deny does, and the permissions
boundary and the service control policies allow it as well (IAM User Guide, "Policy evaluation logic" and "Permissions
boundaries for IAM entities"). Every answer is three-valued. A condition that the caller can meet (the Region, a tag,
MFA) does not forbid a request: its key is returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import count

from passrole_checks.iam import deadline
from passrole_checks.iam.conditions.condition_implication import ConditionTest
from passrole_checks.iam.conditions.condition_implication import implies as limits_imply
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.patterns import glob
from passrole_checks.iam.patterns.glob import ANY_TEXT, STAR
from passrole_checks.iam.permissions.statement_matcher import (
    MatcherIndex,
    StatementMatcher,
    action_applies_to,
    is_word,
    matcher_of,
    requested_resource,
)
from passrole_checks.iam.values.nodes import StringNode, Ternary
from passrole_checks.iam.values.path_conditions import PathCondition, and_not, conjoin, implies_all

_MAX_WAYS = 64  # alternatives per action
_EVERY_ACTION = f"{ANY_TEXT}:{ANY_TEXT}"


@dataclass(frozen=True)
class Allowed:
    """An allowed action.

    ``certain``: YES, or UNKNOWN if an unresolved value, a condition, a Deny or a limit is undecidable. ``by`` is the
    Allow, ``conditions`` are the keys of conditions that a request has to meet, ``when`` is the path condition.
    """

    certain: Ternary
    by: Statement
    conditions: tuple[str, ...] = ()
    when: PathCondition = ()


@dataclass(frozen=True)
class _PartialRequest:
    """A partially evaluated request: ``requested`` is the pattern of the resources that remain."""

    requested: str
    certain: Ternary
    when: PathCondition
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Permissions:
    """The permissions that the policies of one principal grant.

    ``statements`` are those of all its identity-based policies, including its groups' and AWS managed ones. ``limits``
    are the statements of its permissions boundary and of each service control policy; each has to allow as well.
    ``complete``: False if an attached policy is unknown. ``account``: its account, if known. ``owner``: a label that
    distinguishes the policy variables of several principals.
    """

    statements: tuple[Statement, ...]
    limits: tuple[tuple[Statement, ...], ...] = ()
    complete: bool = True
    account: str | None = None
    owner: str = ""

    def allows(self, action: str, resources: Sequence[StringNode] = (), when: PathCondition = ()) -> Allowed | None:
        """Return the most certain way in which an action (``lambda:CreateFunction``) is allowed on one of the
        resources, or None.

        ``resources`` are ARNs or patterns of ARNs; none: any resource. Statements that contradict ``when`` do not
        count. None means that nothing known allows it, and surely nothing does if the permissions are complete.
        """
        return next(iter(self.ways(action, resources, when)), None)

    def ways(self, action: str, resources: Sequence[StringNode] = (), when: PathCondition = ()) -> tuple[Allowed, ...]:
        """Return the ways in which an action is allowed, the most certain first, one per path condition."""
        requested = tuple(dict.fromkeys(requested_resource(resource, self.account) for resource in resources)) or (
            STAR,
        )
        key = (action.lower(), requested, when)
        cached = self._known.get(key)
        if cached is None:
            cached = self._known[key] = self.ways_for(*key)
        return cached

    def may_allow_service(self, service: str) -> bool:
        """True if a statement that allows, or has an unresolved effect, may match actions of a service (``lambda``)."""
        known = self._services
        return known is None or service in known or not is_word(service)

    @cached_property
    def _services(self) -> frozenset[str] | None:
        """The services that statements which allow name; None if one of them does not name them."""
        if any(matcher.has_open_service for matcher in self.allowing):
            return None
        return frozenset(service for matcher in self.allowing for service in matcher.actions.services)

    def forget(self) -> None:
        """Release the memory of remembered answers; later questions are answered anew."""
        for remembered in (self._known, self._by_service, self._by_action):
            remembered.clear()

    def together(
        self, requests: Sequence[tuple[str, Sequence[StringNode]]], when: PathCondition = ()
    ) -> tuple[tuple[Allowed, ...], PathCondition] | None:
        """Return how several actions are allowed at once, and under which path condition; None if they are not.

        Each request is an action with its resources as in :meth:`allows`.
        """
        if not requests:
            return (), when
        deadline.check()
        (action, resources), *rest = requests
        best: tuple[tuple[Allowed, ...], PathCondition] | None = None
        for way in self.ways(action, resources, when)[:_MAX_WAYS]:
            further = self.together(rest, way.when)
            if further is not None:
                allowed = ((way, *further[0]), further[1])
                if all(each.certain is Ternary.YES for each in allowed[0]):
                    return allowed
                best = best or allowed
        return best

    @cached_property
    def as_role(self) -> Permissions:
        """The same permissions, with policy variables that differ from those of the principal compared with."""
        return replace(self, owner="the role's ")

    @cached_property
    def each_limit(self) -> tuple[Permissions, ...]:
        """Each boundary and SCP as permissions of its own."""
        return tuple(Permissions(limit) for limit in self.limits)

    def is_administrator_when(self, when: PathCondition) -> bool:
        """True if every action on every resource is allowed under a path condition, except for what a Deny singles
        out."""
        return all(self.allows_on_all(action, when) for action in (_EVERY_ACTION, f"iam:{ANY_TEXT}"))

    def allows_on_all(self, action: str, when: PathCondition) -> bool:
        """True if an action, in lower case, is allowed on every resource under a path condition, without conditions and
        except for what a Deny singles out."""
        key = (action, when)
        if key not in self._allowed_on_all:
            candidates = (
                matcher
                for matcher in self._allowing_action(action).matchers
                if matcher.statement.condition is None and matcher.matches_resource(ANY_TEXT) is Ternary.YES
            )
            self._allowed_on_all[key] = any(
                way.certain is Ternary.YES and implies_all(when, way.when)
                for matcher in candidates
                for way in self._match_allow(matcher, action, (STAR,), when)
            )
        return self._allowed_on_all[key]

    @cached_property
    def _allowed_on_all(self) -> dict[tuple[str, PathCondition], bool]:
        return {}

    def decide(
        self, action: str, resource: str, tests: Sequence[ConditionTest] = (), when: PathCondition = ()
    ) -> Ternary:
        """Return whether a request (in the notation of `glob`) is allowed for every value of its open parts, to callers
        that meet ``tests``, under ``when``."""
        answer = self._covered(
            self._matchers_for(action, "Allow").near_resource(resource), action, resource, tests, when
        )
        for number in range(len(self.limits)):
            if answer is Ternary.NO:
                return answer
            limiting = self._matchers_for(action, "limit", number).near_resource(resource)
            answer &= self._covered(limiting, action, resource, tests, when)
        for matcher in self._matchers_for(action, "Deny").near_resource(resource) if answer is not Ternary.NO else ():
            spoken = matcher.matches_request(action, resource)
            if spoken is Ternary.NO or conjoin(when, matcher.statement.when) is None:
                continue
            met, keys = matcher.condition_met(action)
            if met is Ternary.NO:
                continue
            denied = (
                spoken is Ternary.YES and met is Ternary.YES and not keys and implies_all(when, matcher.statement.when)
            )
            answer &= Ternary.NO if denied else Ternary.UNKNOWN
        return answer

    # -- statements

    def _matchers_for(self, action: str, kind: str, number: int = 0) -> MatcherIndex:
        """Return the statements of a kind that may match an action, indexed by service."""
        service = action.partition(":")[0]
        cached = self._by_service.get((service, kind, number))
        if cached is None:
            matchers = {"Allow": self.allowing, "Deny": self.denials}.get(kind)
            matchers = self.allowing_by_limit[number] if matchers is None else matchers
            cached = self._by_service[service, kind, number] = MatcherIndex(
                [matcher for matcher in matchers if matcher.may_match_service(service)]
            )
        return cached

    @cached_property
    def _by_service(self) -> dict[tuple[str, str, int], MatcherIndex]:
        return {}

    @cached_property
    def _known(self) -> dict[tuple[str, tuple[str, ...], PathCondition], tuple[Allowed, ...]]:
        return {}

    @cached_property
    def _by_action(self) -> dict[str, MatcherIndex]:
        return {}

    @cached_property
    def allowing(self) -> tuple[StatementMatcher, ...]:
        """The statements of its policies that allow."""
        return self._compile(self.statements, "Allow")

    @cached_property
    def allowing_by_limit(self) -> tuple[tuple[StatementMatcher, ...], ...]:
        """The statements that allow, of each of its limits (boundaries, service control policies)."""
        return tuple(self._compile(limit, "Allow", whole=False) for limit in self.limits)

    @cached_property
    def denials(self) -> tuple[StatementMatcher, ...]:
        """The statements that deny, of its policies and its limits."""
        return tuple(matcher for part in (self.statements, *self.limits) for matcher in self._compile(part, "Deny"))

    def _compile(
        self, statements: Sequence[Statement], effect: str, *, whole: bool = True
    ) -> tuple[StatementMatcher, ...]:
        """Return the statements with an effect, or with an unknown one. Entirely unresolved statements count in limits
        only."""
        return tuple(
            matcher_of(statement, self.account, self.owner)
            for statement in statements
            if statement.effect in (effect, None) and (statement.whole or not whole)
        )

    def _allowing_action(self, action: str) -> MatcherIndex:
        """Return the Allow statements that may match an action; used if many resources are tried."""
        cached = self._by_action.get(action)
        if cached is None:
            matchers = self._matchers_for(action, "Allow").matchers
            cached = self._by_action[action] = MatcherIndex(
                [matcher for matcher in matchers if matcher.matches_action(action) is not Ternary.NO]
            )
        return cached

    # -- requests

    def ways_for(self, action: str, requested: Sequence[str], when: PathCondition = ()) -> tuple[Allowed, ...]:
        """Return the same as :meth:`ways` for a request; ``requested`` are the patterns of the resources."""
        by_condition: dict[PathCondition, Allowed] = {}
        acting = self._allowing_action(action)
        for matcher in (
            acting.near_resource(glob.representative(requested[0])) if len(requested) == 1 else acting.matchers
        ):
            for way in self._match_allow(matcher, action, requested, when):
                allowed = Allowed(way.certain, matcher.statement, way.keys, way.when)
                cached = by_condition.get(way.when)
                if cached is None or _is_better(allowed, cached):
                    by_condition[way.when] = allowed
                if way.certain is Ternary.YES:
                    break
            if len(by_condition) >= _MAX_WAYS:
                break
        return tuple(sorted(by_condition.values(), key=lambda item: (item.certain is not Ternary.YES, len(item.when))))

    def _match_allow(
        self, matcher: StatementMatcher, action: str, requested: Sequence[str], when: PathCondition
    ) -> Iterator[_PartialRequest]:
        acts, assumptions = matcher.matches_action(action), conjoin(when, matcher.statement.when)
        if acts is Ternary.NO or assumptions is None:
            return
        met, keys = matcher.condition_met(action)
        if met is Ternary.NO:
            return
        for resource in requested:
            for resources, answer in matcher.resources_within(resource, action):
                about = action_applies_to(action, resources)
                if about is not Ternary.NO:
                    way = _PartialRequest(resources, acts & answer & met & about & matcher.effect, assumptions, keys)
                    for within in self._apply_limits(self.allowing_by_limit, action, way):
                        yield from self._apply_denials(action, matcher, within)

    def _apply_limits(
        self, limits: Sequence[tuple[StatementMatcher, ...]], action: str, way: _PartialRequest
    ) -> Iterator[_PartialRequest]:
        if not limits:
            yield way
            return
        for matcher in limits[0]:
            acts, assumptions = matcher.matches_action(action), conjoin(way.when, matcher.statement.when)
            if acts is Ternary.NO or assumptions is None:
                continue
            met, keys = matcher.condition_met(action)
            if met is Ternary.NO:
                continue
            for resources, answer in matcher.resources_within(way.requested, action):
                certain = way.certain & acts & answer & met & matcher.effect
                further = _PartialRequest(resources, certain, assumptions, tuple(dict.fromkeys((*way.keys, *keys))))
                yield from self._apply_limits(limits[1:], action, further)

    def _apply_denials(self, action: str, allow: StatementMatcher, way: _PartialRequest) -> Iterator[_PartialRequest]:
        request = glob.representative(way.requested)
        for matcher in self._matchers_for(action, "Deny").near_resource(request):
            spoken = matcher.matches_request(action, request)
            if spoken is Ternary.NO or conjoin(way.when, matcher.statement.when) is None:
                continue
            denied, keys = matcher.denies(action, allow.tests)
            if denied is Ternary.NO:
                way = replace(way, keys=tuple(dict.fromkeys((*way.keys, *keys))))
            elif denied & spoken is Ternary.UNKNOWN:
                way = replace(way, certain=way.certain & Ternary.UNKNOWN)
            else:
                assumptions = and_not(way.when, matcher.statement.when)
                if assumptions is None:
                    return
                way = replace(way, when=assumptions)
        yield way

    @staticmethod
    def _covered(
        matchers: Sequence[StatementMatcher],
        action: str,
        resource: str,
        tests: Sequence[ConditionTest],
        when: PathCondition,
    ) -> Ternary:
        answer = Ternary.NO
        for matcher in matchers:
            spoken = matcher.matches_request(action, resource)
            if spoken is Ternary.NO or conjoin(when, matcher.statement.when) is None:
                continue
            met, keys = matcher.condition_met(action)
            if met is Ternary.NO:
                continue
            if keys and limits_imply(tests, matcher.tests)[0] is not Ternary.YES:
                met = Ternary.UNKNOWN
            answer |= spoken & met & (Ternary.YES if implies_all(when, matcher.statement.when) else Ternary.UNKNOWN)
            if answer is Ternary.YES:
                break
        return answer


_MAX_CONTENTS = 5_000  # numbered for one process, beyond those of one object
_next_number = count()
_contents: list[dict[object, int]] = [{}]  # the numbers that new objects continue


class ContentClasses:
    """Numbers for statements and permissions: equal numbers for equal contents, also of several objects.

    Positions are ignored, so that a hundred roles with copies of one policy are one class.
    """

    def __init__(self) -> None:
        if len(_contents[0]) > _MAX_CONTENTS:
            _contents[0] = {}
        self._statements: dict[int, tuple[Statement, int]] = {}  # by id; the value keeps the statement alive
        self._permissions: dict[int, tuple[Permissions, int]] = {}
        self._numbers = _contents[0]

    def of_statement(self, statement: Statement) -> int:
        """Return the number of a statement."""
        cached = self._statements.get(id(statement))
        if cached is None:
            cached = self._statements[id(statement)] = statement, self._number(statement.content)
        return cached[1]

    def of(self, permissions: Permissions) -> int:
        """Return the number of a principal's permissions."""
        cached = self._permissions.get(id(permissions))
        if cached is None:
            parts = (permissions.statements, *permissions.limits)
            contents = tuple(tuple(map(self.of_statement, part)) for part in parts)
            number = self._number((contents, permissions.complete, permissions.account, permissions.owner))
            cached = self._permissions[id(permissions)] = permissions, number
        return cached[1]

    def _number(self, content: object) -> int:
        number = self._numbers.get(content)
        if number is None:
            number = self._numbers[content] = next(_next_number)
        return number


def _is_better(one: Allowed, other: Allowed) -> bool:
    return (one.certain is Ternary.YES, -len(one.conditions)) > (other.certain is Ternary.YES, -len(other.conditions))
