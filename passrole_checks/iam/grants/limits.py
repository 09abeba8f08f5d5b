"""Limits of a principal: what a permissions boundary or a service control policy allows of the roles of a grant.

Source: IAM User Guide, "Permissions boundaries for IAM entities". The answers that do not depend on the grant are
computed once for all grants of a principal, so that many grants are not compared with each statement of a limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_intersection import included_in_one_set, indexes_within, overlapping
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values.nodes import StringNode, Ternary
from passrole_checks.iam.values.path_conditions import PathCondition, conjoin


@dataclass(frozen=True, slots=True)
class PassableSet:
    """The roles that can be passed to one service: ``roles``, or if ``complement`` all except these; without
    ``denied``.

    ``denied`` are the patterns that a Deny excludes. ``when`` is the path condition.
    """

    roles: tuple[StringNode, ...]
    complement: bool
    scope: Scope
    certain: Ternary
    denied: tuple[StringNode, ...] = ()
    when: PathCondition = ()


class Limit:
    """The statements of one limit that allow passing roles, all of one policy version."""

    def __init__(self, allows: Iterable[PassRoleGrant], known: frozenset[str]) -> None:
        self._allows, self._known = tuple(allows), known
        self._applied: dict[tuple[str | None, PathCondition, Deployment], AppliedLimit] = {}
        self._alike: dict[tuple[object, ...], AppliedLimit] = {}

    def apply(self, passable: PassableSet, service: str | None, where: Deployment) -> PassableSet | None:
        """Return what the limit allows to pass to a service, or (None) to any service; None for nothing."""
        key = (service, passable.when, where)
        applied = self._applied.get(key)
        if applied is None:
            applied = self._applied[key] = self._for(*key)
        return applied.apply(passable)

    def _for(self, service: str | None, when: PathCondition, where: Deployment) -> AppliedLimit:
        allows = [
            (allow, answer)
            for allow in self._allows
            if (answer := Ternary.YES if service is None else allow.lets(service, self._known)) is not Ternary.NO
            and conjoin(when, allow.statement.when) is not None
        ]
        key = (when, where, *((id(allow), answer) for allow, answer in allows))
        return self._alike.setdefault(key, AppliedLimit(allows, when, where))


class AppliedLimit:
    """The statements of a limit that may allow a request, each with the answer, under a path condition."""

    def __init__(self, allows: Sequence[tuple[PassRoleGrant, Ternary]], when: PathCondition, where: Deployment) -> None:
        self._allows = [(allow, answer is Ternary.YES and allow.applies_surely) for allow, answer in allows]
        self._when, self._where = when, where

    def apply(self, passable: PassableSet) -> PassableSet | None:
        """Return what the statements allow, None for nothing. The path condition of ``passable`` is that of this
        object."""
        if not self._allows:
            return None
        if self._weakest is not None:
            return replace(passable, when=self._weakest)
        (only, surely), *others = self._allows
        if only.complement and not others and surely:  # a limit to all roles except some
            named = only.limit
            roles = [
                role
                for role in passable.roles
                if passable.complement
                or arn.included_in(role, named.union, variables=named.variables, where=self._where) is not Ternary.YES
            ]
            when = conjoin(self._when, only.statement.when) or ()
            return replace(passable, roles=tuple(roles), denied=(*passable.denied, *named.patterns), when=when)
        if passable.complement:
            return replace(passable, certain=passable.certain & Ternary.UNKNOWN)
        kept: dict[StringNode, Ternary] = {}
        for role in passable.roles:
            for pattern, inside in self._limit_pattern(role):
                kept[pattern] = kept.get(pattern, Ternary.NO) | inside
        certain = passable.certain & Ternary.UNKNOWN if Ternary.UNKNOWN in kept.values() else passable.certain
        return replace(passable, roles=tuple(kept), certain=certain)

    @cached_property
    def _weakest(self) -> PathCondition | None:
        """The weakest path condition under which the limit surely allows every role, None if there is none."""
        conditions = [
            conjoin(self._when, allow.statement.when) or ()
            for allow, surely in self._allows
            if surely and self._allows_every_role(allow)
        ]
        return min(conditions, key=len, default=None)

    @cached_property
    def _named(self) -> tuple[_NamedRoles, _NamedRoles]:
        """The roles in the Resource elements of the statements that surely apply, and those of the others."""
        sure: list[PassRoleGrant] = []
        doubtful: list[PassRoleGrant] = []
        for allow, surely in self._allows:
            if allow.statement.whole and not allow.complement:
                (sure if surely and allow.applies_under(self._when) else doubtful).append(allow)
        return _NamedRoles(sure, self._where), _NamedRoles(doubtful, self._where)

    @cached_property
    def _others(self) -> list[PassRoleGrant]:
        """The statements with NotResource, and those of which an unknown part is missing."""
        return [allow for allow, _ in self._allows if allow.complement or not allow.statement.whole]

    def _limit_pattern(self, role: StringNode) -> Iterator[tuple[StringNode, Ternary]]:
        """Yield the parts of a pattern that the limit allows, and whether surely: the pattern, or narrower ones of the
        limit."""
        sure, doubtful = self._named
        if sure.include(role):
            yield role, Ternary.YES
            return
        if doubtful.include(role) or self._others_may_allow(role) or sure.cross(role) or doubtful.cross(role):
            yield role, Ternary.UNKNOWN
        for roles, inside in ((sure, Ternary.YES), (doubtful, Ternary.UNKNOWN)):
            for pattern in roles.within(role):
                yield pattern, inside

    def _others_may_allow(self, role: StringNode) -> bool:
        return any(
            not allow.statement.whole
            or arn.included_in(role, allow.limit.union, variables=allow.limit.variables, where=self._where)
            is not Ternary.YES
            for allow in self._others
        )

    def _allows_every_role(self, allow: PassRoleGrant) -> bool:
        """True if a statement allows every role of the deployment's account and partitions, as far as these are
        known."""
        patterns = allow.limit.patterns
        if allow.complement or allow.scope is not Scope.ANY_ROLE:
            return allow.complement and not patterns
        remaining = arn.complement_scope(patterns, variables=allow.limit.variables, where=self._where)
        return remaining is not Scope.ANY_ROLE


class _NamedRoles:
    """The roles that statements of a limit name by Resource."""

    def __init__(self, allows: Sequence[PassRoleGrant], where: Deployment) -> None:
        self._variables = any(allow.statement.variables for allow in allows)  # equal in all
        self._where = where
        self._union = RoleUnion(RoleSet(allow.limit.patterns, self._variables) for allow in allows)
        self._unresolved = {
            number for number, entry in enumerate(self._union.entries) if entry.text.only_unresolved is not None
        }

    def include(self, role: StringNode) -> bool:
        """True if one of the statements surely allows every role of a pattern."""
        return included_in_one_set(role, self._union, variables=self._variables, where=self._where)

    def within(self, role: StringNode) -> list[StringNode]:
        """Return the patterns that a pattern includes, of the statements that do not include that pattern
        themselves."""
        entries = [self._union.entries[number] for number in self._within(role) if number not in self._unresolved]
        sets = {id(entry.set): entry.set for entry in entries}
        including = {
            key
            for key, roles in sets.items()
            if arn.included(role, roles.patterns, variables=self._variables, where=self._where) is Ternary.YES
        }
        return [entry.text for entry in entries if id(entry.set) not in including]

    def cross(self, role: StringNode) -> bool:
        """True if one of the patterns may have a role in common with a pattern that does not surely include it."""
        if self._unresolved:
            return True
        within = frozenset(self._within(role))
        others = overlapping(role, self._union, skip=within, variables=self._variables, where=self._where)
        return any(True for _ in others)

    def _within(self, role: StringNode) -> list[int]:
        return indexes_within(role, self._union, variables=self._variables, where=self._where)
