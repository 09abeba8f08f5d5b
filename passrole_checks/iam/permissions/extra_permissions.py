"""Permissions of a role that a principal does not have.

Patterns of actions and resources are compared by their representatives (`glob`): what holds for a representative holds
for all members except those that other statements single out, which are compared separately.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import combinations, islice, product
from typing import NamedTuple

from passrole_checks.iam import deadline
from passrole_checks.iam.partial_values import Ternary
from passrole_checks.iam.path_conditions import PathCondition, conjoin
from passrole_checks.iam.patterns import glob
from passrole_checks.iam.patterns.glob import STAR
from passrole_checks.iam.permissions.permissions import ContentClasses, Permissions
from passrole_checks.iam.permissions.statement_matcher import (
    PASS_ROLE_LOWERCASE,
    StatementMatcher,
    action_applies_to,
    narrow_to_service,
)

_MAX_PAIRS = 500  # compared per pair of patterns


class ExtraPermission(NamedTuple):
    """An action pattern and a resource pattern.

    ``certain``: YES, or UNKNOWN if the principal may have it as well. ``when``: the path condition under which the role
    has it. ``except_actions``: actions that a NotAction excludes.
    """

    action: str
    resource: str
    certain: Ternary
    when: PathCondition = ()
    except_actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExtraPermissions:
    """The permissions that one principal has and another lacks: at least one, certain ones first."""

    pairs: tuple[ExtraPermission, ...]


_SingledOut = tuple[tuple[str, ...], ...]  # (action patterns, resource patterns)


class PermissionComparison:
    """Compares roles with one principal under ``when``."""

    def __init__(self, principal: Permissions, when: PathCondition, contents: ContentClasses) -> None:
        self.principal, self.when, self.contents = principal, when, contents
        self.singled_out = _distinct(_dividing_patterns(principal, limits=False))
        matchers = (*principal.allowing, *principal.denials)
        self.words = {pattern: words for matcher in matchers for pattern, words in matcher.patterns.items()}
        free = () if principal.denials or principal.limits else principal.allowing
        self._allowed = frozenset(contents.of_statement(matcher.statement) for matcher in free if matcher.is_portable)
        self._pairs: dict[
            int, tuple[ExtraPermission, ...]
        ] = {}  # of matchers that nothing else of a role has a bearing on

    def excess(self, role: Permissions) -> ExtraPermissions | None:
        """Return the permissions of a role that the principal lacks, None if there are none.

        Of a pattern that the principal covers in part, the rest is returned if it is a pattern too, else the whole. If
        not all policies of the principal are known, nothing is certain. What the principal may do only under conditions
        that the role need not meet does not count as surely allowed.
        """
        return _Difference(role.as_role, self).found()

    def by_statement(
        self, role: Permissions
    ) -> tuple[tuple[Hashable, Callable[[], ExtraPermissions | None]], ...] | None:
        """Return the permissions that each statement of a role adds; None if the statements do not count by themselves.

        Each has a key: equal keys are equal permissions, also in other comparisons with an equal principal.
        """
        difference = _Difference(role.as_role, self)
        if not difference.alone:
            return None
        return tuple(
            ((self.contents.of_statement(matcher.statement), matcher.account), partial(difference.found, (matcher,)))
            for matcher in difference.role.allowing
        )

    def allows(self, matcher: StatementMatcher) -> bool:
        """True if the principal has the same statement, and nothing that restricts it."""
        return self.contents.of_statement(matcher.statement) in self._allowed

    def pairs(
        self, matcher: StatementMatcher, found: Callable[[], Iterable[ExtraPermission]]
    ) -> tuple[ExtraPermission, ...]:
        """Return the pairs of a statement, computed by ``found`` once per equal statement."""
        number = self.contents.of_statement(matcher.statement)
        if number not in self._pairs:
            self._pairs[number] = tuple(found())
        return self._pairs[number]


class _Difference:
    """Compares by representatives: of each pair of the role's patterns, and of the parts that other statements single
    out.

    This is exact for patterns that end in their only wildcard. Others can intersect in several ways, of which the
    shortest is tried.
    """

    def __init__(self, role: Permissions, comparison: PermissionComparison) -> None:
        self.role, self.comparison = role, comparison
        self.principal, self.when = comparison.principal, comparison.when
        own = list(_dividing_patterns(role, limits=True))
        self.plain = not role.limits and not role.denials
        self.alone = self.plain and not own  # each statement counts by itself
        self.singled_out = (
            _distinct([*_dividing_patterns(self.principal, limits=False), *own]) if own else comparison.singled_out
        )

    def found(self, matchers: Sequence[StatementMatcher] | None = None) -> ExtraPermissions | None:
        """Return the permissions that the role, or some of its statements, adds."""
        pairs: dict[tuple[str, str, PathCondition, tuple[str, ...]], Ternary] = {}
        for matcher in self.role.allowing if matchers is None else matchers:
            when = conjoin(self.when, matcher.statement.when)
            if when is None or self.comparison.allows(matcher):
                continue
            of_statement = partial(self.of_statement, matcher, when)
            for one in self.comparison.pairs(matcher, of_statement) if self.alone else of_statement():
                key = one.action, one.resource, when or (), one.except_actions
                pairs[key] = pairs.get(key, Ternary.NO) | one.certain
        if not pairs:
            return None
        found = [ExtraPermission(*key[:2], certain, *key[2:]) for key, certain in pairs.items()]
        return ExtraPermissions(tuple(sorted(found, key=lambda pair: pair.certain is not Ternary.YES)))

    def of_statement(self, matcher: StatementMatcher, when: PathCondition) -> Iterator[ExtraPermission]:
        statement = matcher.statement
        resources = matcher.resources.all if statement.resources is not None else (STAR,)
        for pattern in matcher.patterns if statement.actions is not None else (f"{STAR}:{STAR}",):
            for resource in resources:
                for action in narrow_to_service(pattern, resource):
                    yield from self.of_pair(matcher, action, resource, when)

    def of_pair(
        self, matcher: StatementMatcher, action: str, resource: str, when: PathCondition
    ) -> Iterator[ExtraPermission]:
        deadline.check()
        if action_applies_to(action, resource) is Ternary.NO:
            return
        if matcher.condition_met(glob.representative(action))[0] is Ternary.NO:
            if not glob.must_match(action, PASS_ROLE_LOWERCASE):
                return
            action = PASS_ROLE_LOWERCASE
        exceeds = self.exceeds(matcher, action, resource, when)
        if exceeds is not Ternary.NO:
            yield self.pair(matcher, action, resource, exceeds)
        if exceeds is Ternary.YES:
            return
        actions = _intersections(action, self.singled_out[0])
        others = _intersections(resource, self.singled_out[1])
        for part, part_resource in islice(product(actions, others), 1, _MAX_PAIRS):
            if action_applies_to(part, part_resource) is not Ternary.NO:
                exceeds = self.exceeds(matcher, part, part_resource, when)
                if exceeds is not Ternary.NO:
                    yield self.pair(matcher, part, part_resource, exceeds)

    def pair(self, matcher: StatementMatcher, action: str, resource: str, certain: Ternary) -> ExtraPermission:
        if action != f"{STAR}:{STAR}":
            words = matcher.patterns.get(action) or self.words.get(action) or glob.to_text(action)
            return ExtraPermission(words, glob.to_text(resource), certain)
        left_out = tuple(map(str, matcher.statement.not_actions or ()))
        return ExtraPermission("*", glob.to_text(resource), certain, except_actions=left_out)

    @cached_property
    def words(self) -> dict[str, str]:
        """The action patterns of both, as written."""
        matchers = () if self.alone else (*self.role.denials, *self.role.allowing)
        return {
            **self.comparison.words,
            **{one: words for matcher in matchers for one, words in matcher.patterns.items()},
        }

    def exceeds(self, matcher: StatementMatcher, action: str, resource: str, when: PathCondition) -> Ternary:
        """Return whether the representative of a pair is allowed to the role and not to the principal."""
        request = glob.representative(action)
        answer = ~self.principal.decide(request, glob.representative(resource), matcher.tests, when)
        if not self.principal.complete:
            answer &= Ternary.UNKNOWN
        if answer is Ternary.NO:
            return answer
        answer &= (
            matcher.matches_request(request, glob.representative(resource))
            & matcher.condition_met(request)[0]
            & action_applies_to(action, resource)
        )
        if answer is Ternary.NO or self.plain:
            return answer
        return answer & self.role.decide(request, glob.representative(resource), matcher.tests, when)


def _dividing_patterns(permissions: Permissions, *, limits: bool) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield the action and resource patterns that divide what is allowed: named in a Deny, or excluded from an Allow;
    with ``limits`` also those that a limit allows."""
    for matcher in (
        *permissions.allowing,
        *permissions.denials,
        *(one for limit in permissions.allowing_by_limit for one in limit),
    ):
        statement = matcher.statement
        if not statement.whole:
            continue  # an unknown boundary singles out nothing
        allows = matcher in permissions.allowing or not limits
        if statement.effect == "Allow" and allows and statement.not_actions is None and statement.not_resources is None:
            continue
        yield matcher.actions.all or (f"{STAR}:{STAR}",), matcher.resources.sure or (STAR,)


def _distinct(pairs: Iterable[tuple[tuple[str, ...], tuple[str, ...]]]) -> _SingledOut:
    parts = list(pairs)
    return tuple(tuple(dict.fromkeys(pattern for part in parts for pattern in part[side])) for side in (0, 1))


def _intersections(pattern: str, others: Iterable[str]) -> list[str]:
    """Return a pattern and its distinct intersections with one and with two of the others, as patterns."""
    patterns = dict.fromkeys([pattern])
    patterns.update((common, None) for other in others if (common := _intersect(pattern, other)) is not None)
    direct = list(patterns)[1:]
    for one, other in islice(combinations(direct, 2), _MAX_PAIRS):
        common = _intersect(one, other)
        if common is not None:
            patterns[common] = None
    return list(patterns)


def _intersect(one: str, other: str) -> str | None:
    common = glob.intersect(one, other)
    return glob.to_pattern(common) if common is not None else None
