"""Permissions of a role that a principal does not have.

Patterns of actions and resources are compared by their representatives (`glob`): what holds for a representative holds
for all members except those that other statements single out, which are compared separately.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import combinations, islice, product
from typing import NamedTuple

from passrole_checks.iam import deadline
from passrole_checks.iam.partial_values import Ternary
from passrole_checks.iam.path_conditions import PathCondition, conjoin
from passrole_checks.iam.patterns import glob
from passrole_checks.iam.patterns.glob import RUN
from passrole_checks.iam.permissions.permissions import Contents, Permissions
from passrole_checks.iam.permissions.statement_matcher import PASS_ROLE, StatementMatcher, can_be_about, narrowed

_MOST_MEMBERS = 500  # compared per pair of patterns


class ExtraPermission(NamedTuple):
    """An action pattern and a resource pattern.

    ``certain``: YES, or UNKNOWN if the principal may have it as well. ``when``: the path condition under which the role
    has it. ``but``: actions that a NotAction excludes.
    """

    action: str
    resource: str
    certain: Ternary
    when: PathCondition = ()
    but: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExtraPermissions:
    """The permissions that one principal has and another lacks: at least one, certain ones first."""

    pairs: tuple[ExtraPermission, ...]

    @property
    def certain(self) -> Ternary:
        """YES if at least one pair is certain."""
        return self.pairs[0].certain


def excess(role: Permissions, principal: Permissions, when: PathCondition = ()) -> ExtraPermissions | None:
    """Return the permissions of a role that a principal lacks under ``when``, None if there are none.

    Of a pattern that the principal covers in part, the rest is returned if it is a pattern too, else the whole. If not
    all policies of the principal are known, nothing is certain. What the principal may do only under conditions that
    the role need not meet does not count as surely allowed.
    """
    return PermissionComparison(principal, when, Contents()).excess(role)


_Singled = tuple[tuple[str, ...], ...]  # (action patterns, resource patterns)


class PermissionComparison:
    """Compares roles with one principal under ``when``."""

    def __init__(self, principal: Permissions, when: PathCondition, contents: Contents) -> None:
        self.principal, self.when, self.contents = principal, when, contents
        self.singled_out = _distinct(_singled_out(principal, limits=False))
        rules = (*principal.allowing, *principal.denials)
        self.words = {pattern: words for rule in rules for pattern, words in rule.patterns.items()}
        free = () if principal.denials or principal.limits else principal.allowing
        self._allowed = frozenset(contents.of_statement(rule.statement) for rule in free if rule.covers_itself)
        self._pairs: dict[
            int, tuple[ExtraPermission, ...]
        ] = {}  # of rules that nothing else of a role has a bearing on

    def excess(self, role: Permissions) -> ExtraPermissions | None:
        """Return the permissions of a role that the principal lacks, as :func:`excess` does."""
        return _Difference(role.of_a_role, self).found()

    def allows(self, rule: StatementMatcher) -> bool:
        """True if the principal has the same statement, and nothing that restricts it."""
        return self.contents.of_statement(rule.statement) in self._allowed

    def pairs(
        self, rule: StatementMatcher, found: Callable[[], Iterable[ExtraPermission]]
    ) -> tuple[ExtraPermission, ...]:
        """Return the pairs of a statement, computed by ``found`` once per equal statement."""
        number = self.contents.of_statement(rule.statement)
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
        own = list(_singled_out(role, limits=True))
        self.plain = not role.limits and not role.denials
        self.alone = self.plain and not own  # each statement counts by itself
        self.singled_out = (
            _distinct([*_singled_out(self.principal, limits=False), *own]) if own else comparison.singled_out
        )

    def found(self) -> ExtraPermissions | None:
        pairs: dict[tuple[str, str, PathCondition, tuple[str, ...]], Ternary] = {}
        for rule in self.role.allowing:
            when = conjoin(self.when, rule.statement.when)
            if when is None or self.comparison.allows(rule):
                continue
            of_rule = partial(self.of_rule, rule, when)
            for one in self.comparison.pairs(rule, of_rule) if self.alone else of_rule():
                key = one.action, one.resource, when or (), one.but
                pairs[key] = pairs.get(key, Ternary.NO) | one.certain
        if not pairs:
            return None
        found = [ExtraPermission(*key[:2], certain, *key[2:]) for key, certain in pairs.items()]
        return ExtraPermissions(tuple(sorted(found, key=lambda pair: pair.certain is not Ternary.YES)))

    def of_rule(self, rule: StatementMatcher, when: PathCondition) -> Iterator[ExtraPermission]:
        statement = rule.statement
        resources = (*rule.resources.sure, *rule.resources.doubtful) if statement.resources is not None else (RUN,)
        for given in rule.patterns if statement.actions is not None else (f"{RUN}:{RUN}",):
            for resource in resources:
                for action in narrowed(given, resource):
                    yield from self.of_pair(rule, action, resource, when)

    def of_pair(
        self, rule: StatementMatcher, action: str, resource: str, when: PathCondition
    ) -> Iterator[ExtraPermission]:
        deadline.check()
        if can_be_about(action, resource) is Ternary.NO:
            return
        if rule.met(glob.request(action))[0] is Ternary.NO:
            if not glob.surely(action, PASS_ROLE):
                return
            action = PASS_ROLE
        exceeds = self.exceeds(rule, action, resource, when)
        if exceeds is not Ternary.NO:
            yield self.pair(rule, action, resource, exceeds)
        if exceeds is Ternary.YES:
            return
        actions = _common(action, self.singled_out[0])
        others = _common(resource, self.singled_out[1])
        for one, other in islice(product(actions, others), 1, _MOST_MEMBERS):
            if can_be_about(one, other) is not Ternary.NO:
                exceeds = self.exceeds(rule, one, other, when)
                if exceeds is not Ternary.NO:
                    yield self.pair(rule, one, other, exceeds)

    def pair(self, rule: StatementMatcher, action: str, resource: str, certain: Ternary) -> ExtraPermission:
        if action != f"{RUN}:{RUN}":
            words = rule.patterns.get(action) or self.words.get(action) or glob.words_of(action)
            return ExtraPermission(words, glob.words_of(resource), certain)
        left_out = tuple(map(str, rule.statement.not_actions or ()))
        return ExtraPermission("*", glob.words_of(resource), certain, but=left_out)

    @cached_property
    def words(self) -> dict[str, str]:
        """The action patterns of both, as written."""
        rules = () if self.alone else (*self.role.denials, *self.role.allowing)
        return {**self.comparison.words, **{one: words for rule in rules for one, words in rule.patterns.items()}}

    def exceeds(self, rule: StatementMatcher, action: str, resource: str, when: PathCondition) -> Ternary:
        """Return whether the representative of a pair is allowed to the role and not to the principal."""
        request = glob.request(action)
        answer = ~self.principal.decides(request, glob.request(resource), rule.tests, when)
        if not self.principal.complete:
            answer &= Ternary.UNKNOWN
        if answer is Ternary.NO:
            return answer
        answer &= rule.speaks(request, glob.request(resource)) & rule.met(request)[0] & can_be_about(action, resource)
        if answer is Ternary.NO or self.plain:
            return answer
        return answer & self.role.decides(request, glob.request(resource), rule.tests, when)


def _singled_out(permissions: Permissions, *, limits: bool) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield the action and resource patterns that divide what is allowed: named in a Deny, or excluded from an Allow;
    with ``limits`` also those that a limit allows."""
    for rule in (
        *permissions.allowing,
        *permissions.denials,
        *(one for limit in permissions.limiting for one in limit),
    ):
        statement = rule.statement
        if not statement.whole:
            continue  # an unknown boundary singles out nothing
        allows = rule in permissions.allowing or not limits
        if statement.effect == "Allow" and allows and statement.not_actions is None and statement.not_resources is None:
            continue
        yield rule.actions.all or (f"{RUN}:{RUN}",), rule.resources.sure or (RUN,)


def _distinct(found: Iterable[tuple[tuple[str, ...], tuple[str, ...]]]) -> _Singled:
    parts = list(found)
    return tuple(tuple(dict.fromkeys(one for part in parts for one in part[side])) for side in (0, 1))


def _common(pattern: str, others: Iterable[str]) -> list[str]:
    """Return a pattern and its distinct intersections with one and with two of the others, as patterns."""
    found = dict.fromkeys([pattern])
    found.update((common, None) for other in others if (common := _met(pattern, other)) is not None)
    direct = list(found)[1:]
    for one, other in islice(combinations(direct, 2), _MOST_MEMBERS):
        common = _met(one, other)
        if common is not None:
            found[common] = None
    return list(found)


def _met(one: str, other: str) -> str | None:
    common = glob.meeting(one, other)
    return glob.as_pattern(common) if common is not None else None
