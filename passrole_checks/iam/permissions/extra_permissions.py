"""Permissions of a role that a principal does not have.

Patterns of actions and resources are compared by their representatives (`glob`): what holds for a representative holds
for all members except those that other statements single out, which are compared separately.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import combinations, islice, product
from typing import NamedTuple

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.identity_cache import BoundedCache, by_identity
from passrole_checks.iam.patterns import glob
from passrole_checks.iam.patterns.glob import STAR
from passrole_checks.iam.permissions.permissions import ContentClasses, Permissions
from passrole_checks.iam.permissions.statement_matcher import RequestPair, StatementMatcher, action_applies_to
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.iam.values.path_conditions import PathCondition, conjoin

_MAX_PAIRS = 500  # compared per pair of patterns
_CACHE_SIZE = 65_536  # statements with a service
_EVERY_ACTION = f"{STAR}:{STAR}"


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
        # of matchers that nothing else of a role has a bearing on
        self._pairs: dict[int, tuple[ExtraPermission, ...]] = {}

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
        pairs: dict[tuple[str, str, PathCondition, tuple[str, ...]], ExtraPermission] = {}
        for matcher in self.role.allowing if matchers is None else matchers:
            when = conjoin(self.when, matcher.statement.when)
            if when is None or self.comparison.allows(matcher):
                continue
            of_statement = partial(self.of_statement, matcher, when)
            for one in self.comparison.pairs(matcher, of_statement) if self.alone else of_statement():
                key = one.action, one.resource, when, one.except_actions
                known = pairs.get(key)
                if known is None:
                    pairs[key] = one._replace(when=when) if when else one
                elif known.certain is not Ternary.YES:
                    pairs[key] = known._replace(certain=known.certain | one.certain)
        if not pairs:
            return None
        return ExtraPermissions(tuple(sorted(pairs.values(), key=lambda pair: pair.certain is not Ternary.YES)))

    def of_statement(self, matcher: StatementMatcher, when: PathCondition) -> Iterator[ExtraPermission]:
        for service, pairs in matcher.pairs.items():
            deadline.check()
            is_beyond = self.plain and self.principal.complete and not self.principal.may_allow_service(service)
            sure = _sure_pairs(matcher, service, pairs) if is_beyond else None
            if sure is not None:
                yield from sure
                continue
            for pair in pairs:
                exceeds = self.exceeds(matcher, pair, when)
                if exceeds is not Ternary.NO:
                    yield self.pair(matcher, pair, exceeds)
                if exceeds is not Ternary.YES:
                    yield from self.parts_of(matcher, pair, when)

    def parts_of(self, matcher: StatementMatcher, pair: RequestPair, when: PathCondition) -> Iterator[ExtraPermission]:
        """Yield the parts of a pair that other statements single out, as far as the role has them beyond the
        principal."""
        if not any(self.singled_out):
            return
        actions = _intersections(pair.action, self.singled_out[0])
        others = _intersections(pair.resource, self.singled_out[1])
        for action, resource in islice(product(actions, others), 1, _MAX_PAIRS):
            deadline.check()
            if action_applies_to(action, resource) is not Ternary.NO:
                part = matcher.pair_of(action, resource)
                exceeds = self.exceeds(matcher, part, when)
                if exceeds is not Ternary.NO:
                    yield self.pair(matcher, part, exceeds)

    def pair(self, matcher: StatementMatcher, pair: RequestPair, certain: Ternary) -> ExtraPermission:
        action, resource = pair.words
        if pair.action != _EVERY_ACTION:
            return ExtraPermission(
                action or self.words.get(pair.action) or glob.to_text(pair.action), resource, certain
            )
        left_out = tuple(map(str, matcher.statement.not_actions or ()))
        return ExtraPermission("*", resource, certain, except_actions=left_out)

    @cached_property
    def words(self) -> dict[str, str]:
        """The action patterns of both, as written."""
        matchers = () if self.alone else (*self.role.denials, *self.role.allowing)
        return {
            **self.comparison.words,
            **{one: words for matcher in matchers for one, words in matcher.patterns.items()},
        }

    def exceeds(self, matcher: StatementMatcher, pair: RequestPair, when: PathCondition) -> Ternary:
        """Return whether the representative of a pair is allowed to the role and not to the principal."""
        if pair.matches is Ternary.NO:
            return pair.matches
        answer = ~self.principal.decide(pair.request, pair.requested, matcher.tests, when)
        if not self.principal.complete:
            answer &= Ternary.UNKNOWN
        answer &= pair.matches
        if answer is Ternary.NO or self.plain:
            return answer
        return answer & self.role.decide(pair.request, pair.requested, matcher.tests, when)


_sure = by_identity(
    BoundedCache[tuple[int, str], tuple[StatementMatcher, tuple[ExtraPermission, ...] | None]](_CACHE_SIZE)
)


def _sure_pairs(
    matcher: StatementMatcher, service: str, pairs: Sequence[RequestPair]
) -> tuple[ExtraPermission, ...] | None:
    """Return the pairs of a statement for a service as certain permissions, from a cache; None if one is uncertain, or
    has other words in the principal."""
    key = id(matcher), service
    cached = _sure.get(key)  # it keeps its matcher alive, so that the id stays unique
    if cached is None:
        is_sure = all(pair.matches is Ternary.YES and pair.words[0] for pair in pairs)
        found = tuple(ExtraPermission(*pair.words, Ternary.YES) for pair in pairs) if is_sure else None
        cached = _sure[key] = matcher, found
    return cached[1]


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
