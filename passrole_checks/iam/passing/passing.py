"""What of one Allow of iam:PassRole is left in the hands of one principal.

All its policies count together: a Deny in any of them wins, and every limit (a permissions boundary, a service control
policy) has to allow as well. Sources: IAM User Guide, "Policy evaluation logic" and "Permissions boundaries for IAM
entities".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from passrole_checks.iam import deadline
from passrole_checks.iam.conditions.condition import Constraint, lets_through
from passrole_checks.iam.outcomes import When, both, implies, unless
from passrole_checks.iam.passing.denials import Denials
from passrole_checks.iam.passing.passrole import (
    PassRoleGrant,
    grants_apart,
    in_new_words,
    roles_left,
    surely_denies,
)
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Deployment, Scope
from passrole_checks.iam.roles.role_union import RoleUnion
from passrole_checks.iam.values import Text, Tri

if TYPE_CHECKING:
    from passrole_checks.iam.permissions.permissions import Permissions


@dataclass(frozen=True, slots=True)
class Passed:
    """The roles that can be passed to one service: ``roles``, or with ``complement`` all but these; never those that a
    Deny takes out, which ``denied`` names. ``when``: the facts under which they can."""

    roles: tuple[Text, ...]
    complement: bool
    scope: Scope
    certain: Tri
    denied: tuple[Text, ...] = ()
    when: When = ()


@dataclass(frozen=True, eq=False)
class _Applied:
    """Denials that surely apply to a request: with ``names``, the roles that those name which leave none out."""

    denials: tuple[PassRoleGrant, ...]

    @cached_property
    def ids(self) -> frozenset[int]:
        """What tells whether a denial is one of them."""
        return frozenset(map(id, self.denials))

    @cached_property
    def names(self) -> tuple[Text, ...]:
        """The roles that they take out by name."""
        named = (role.pattern for item in self.denials if not item.complement for role in item.roles)
        return tuple(dict.fromkeys(named))

    @cached_property
    def taken(self) -> RoleUnion:
        """The same roles, to compare many with them."""
        return arn.union_of(self.names, variables=self._variables)

    @cached_property
    def kept(self) -> list[RoleUnion]:
        """The roles that each of the others leaves."""
        kept = ([role.pattern for role in item.roles] for item in self.denials if item.complement)
        return [arn.union_of(patterns, variables=self._variables) for patterns in kept]

    @property
    def _variables(self) -> bool:
        return any(item.statement.variables for item in self.denials)  # the same in all, see Restrictions.alike


class _Denying:
    """The denials near some Allows that hold under the same facts, and which of them apply to which service.

    ``sure``: those that surely deny where these facts hold. ``doubtful``: the others that may.
    """

    def __init__(self, near: Sequence[PassRoleGrant], when: When, known: frozenset[str]) -> None:
        self.near, self._known = near, known  # kept for its identity
        self.sure: list[PassRoleGrant] = []
        self.doubtful: list[PassRoleGrant] = []
        for item in near:
            if both(when, item.statement.when) is not None:
                (self.sure if surely_denies(item) and _holds(item, when) else self.doubtful).append(item)
        self._applied: dict[str | None, _Applied] = {}
        self._alike: dict[tuple[int, ...], _Applied] = {}
        self._undecided: dict[str, list[PassRoleGrant]] = {}

    def applied(self, service: str | None) -> _Applied:
        """Return the denials that surely apply to a service, or (None) to all of them."""
        if service not in self._applied:
            found = tuple(
                item
                for item in self.sure
                if (_is_open(item) if service is None else _lets(item, service, self._known) is Tri.YES)
            )
            self._applied[service] = self._alike.setdefault(tuple(map(id, found)), _Applied(found))
        return self._applied[service]

    def undecided(self, service: str) -> list[PassRoleGrant]:
        """Return the denials that surely hold, and perhaps apply to a service."""
        if service not in self._undecided:
            found = [item for item in self.sure if _lets(item, service, self._known) is Tri.UNKNOWN]
            self._undecided[service] = found
        return self._undecided[service]


class Restrictions:
    """What the policies of one principal deny of PassRole, and what its limits allow, for all of its grants."""

    def __init__(
        self, permissions: Permissions, services_of: Mapping[str, Collection[str]], account: str | None = None
    ) -> None:
        self.permissions = permissions
        every = (*permissions.statements, *(item for limit in permissions.limits for item in limit))
        self.variables = frozenset(item.variables for item in every)
        services = {name: frozenset(known) for name, known in services_of.items()}
        denials = [item for item in every if item.effect == "Deny"]
        self._denials = grants_apart(denials, dict(services), account)
        self._limits = [
            [item for item in grants_apart(limit, dict(services), account) if item.effect == "Allow"]
            for limit in permissions.limits
        ]
        self.known = frozenset[str]().union(*services_of.values())
        self._alike: dict[bool, tuple[Denials[PassRoleGrant], list[list[PassRoleGrant]]]] = {}
        self._denying: dict[tuple[int, When], _Denying] = {}

    def denying(self, grant: PassRoleGrant) -> _Denying:
        """Return the denials that may take something from a grant."""
        near, when = self.alike(grant.statement.variables)[0].near(grant), grant.statement.when
        key = (id(near), when)
        if key not in self._denying:
            self._denying[key] = _Denying(near, when, self.known)
        return self._denying[key]

    def alike(self, variables: bool) -> tuple[Denials[PassRoleGrant], list[list[PassRoleGrant]]]:
        """Both, in the words of a grant whose policy has variables, or not."""
        if variables not in self._alike:

            def made(item: PassRoleGrant) -> PassRoleGrant:
                return item if item.statement.variables is variables else in_new_words(item)

            limits = [list(map(made, limit)) for limit in self._limits]
            self._alike[variables] = Denials([*map(made, self._denials)]), limits
        return self._alike[variables]


class Passing:
    """One Allow of PassRole in the hands of one principal: what all Deny statements and limits leave of it.

    ``services_of`` gives the known service principals of each partition, ``account`` the account deployed to.
    """

    def __init__(
        self,
        grant: PassRoleGrant,
        permissions: Permissions,
        services_of: Mapping[str, Collection[str]],
        account: str | None = None,
        restrictions: Restrictions | None = None,
    ) -> None:
        self.asked, self.permissions = grant, permissions
        around = restrictions or Restrictions(permissions, services_of, account)
        if not around.variables <= {grant.statement.variables}:
            # patterns of policies of both versions are compared: let "${" mean the same in all of them
            grant = in_new_words(grant)
        self.grant = grant
        self.known = around.known
        named = {found for role in grant.roles if (found := arn.partition_of(role.pattern)) is not None}
        self.where = Deployment(account, tuple(sorted(named)) or arn.ANYWHERE.partitions)
        self._denials, self._limits = around.alike(grant.statement.variables)
        self._denying = around.denying(grant)
        self._left: dict[int, tuple[tuple[Text, ...], bool]] = {}
        self._passed: dict[str, Passed | None] = {}

    def to(self, service: str) -> Passed | None:
        """What can be passed to a service, None for nothing.

        In China a service may send either of two names (``ec2.amazonaws.com``, ``ec2.amazonaws.com.cn``).
        """
        if service not in self._passed:
            spellings = [service]
            if self.where.partitions == ("aws-cn",) and f"{service}.cn" in self.known:
                spellings.append(f"{service}.cn")
            found = [passed for name in spellings if (passed := self._to(name)) is not None]
            self._passed[service] = max(found, key=lambda item: item.certain is Tri.YES, default=None)
        return self._passed[service]

    @cached_property
    def anything(self) -> Passed | None:
        """What can be passed to whatever service, as far as services make no difference."""
        if self.grant.denied or self.grant.condition.dead:
            return None
        applied = self._denying.applied(None)
        return self._without(self._within_limits(self._roles_left(applied), self.grant.certain, None), applied)

    def _to(self, service: str) -> Passed | None:
        if self.grant.denied:
            return None
        lets = self._lets(self.grant, service)
        if lets is Tri.NO:
            return None
        applied = self._denying.applied(service)
        left = self._roles_left(applied)
        if applied.names and left[0] and all(self._included_in(role, applied.taken) is Tri.UNKNOWN for role in left[0]):
            lets &= Tri.UNKNOWN  # what the Deny names is not known, and may be all of it
        if any(self._included_in(role, kept) is not Tri.YES for kept in applied.kept for role in left[0]):
            lets &= Tri.UNKNOWN  # of two patterns that cross one stands for what they have in common
        passed = self._past_doubtful(self._within_limits(left, lets & self.grant.certain, service), service)
        return self._without(passed, applied)

    def _roles_left(self, applied: _Applied) -> tuple[tuple[Text, ...], bool]:
        """The roles that denials leave of the grant, as :func:`roles_left` tells them."""
        known = self._left.get(id(applied))
        if known is None:
            taking = [item for item in self._taking if id(item) in applied.ids]
            known = self._left[id(applied)] = roles_left(self.grant, taking, self.where)
        return known

    @cached_property
    def _taking(self) -> tuple[PassRoleGrant, ...]:
        return self._denials.taking(self.grant, self.where)

    def _past_doubtful(self, passed: Passed | None, service: str) -> Passed | None:
        """What is left after what may be denied: a Deny that only some facts bring leaves it to the others."""
        for item in (*self._denying.doubtful, *self._denying.undecided(service)):
            facts = item.statement.when
            if passed is not None and passed.certain is not Tri.YES and not surely_denies(item):
                continue  # it only makes less sure
            if passed is None or both(passed.when, facts) is None or not self._may_deny(item, service):
                continue
            others = unless(passed.when, facts)
            if others is None or not surely_denies(item):
                passed = replace(passed, certain=passed.certain & Tri.UNKNOWN)
            else:
                passed = replace(passed, when=others)
        return passed

    def _without(self, passed: Passed | None, applied: _Applied) -> Passed | None:
        """What is left, and what is not: the roles that the denials name, and those that the Allow itself leaves out
        where it has become a list of patterns."""
        named = applied.names
        left_out = self.grant.statement.not_resources
        if passed is not None and not passed.complement and left_out:
            named = tuple(dict.fromkeys((*named, *left_out)))
        if passed is None or not named:
            return passed
        # grants from which the same is taken share it
        return replace(passed, denied=(*passed.denied, *named) if passed.denied else named)

    def _may_deny(self, denial: PassRoleGrant, service: str) -> bool:
        if self._lets(denial, service) is Tri.NO:
            return False
        if denial.complement or self.grant.complement:
            return True
        variables = self.grant.statement.variables
        return any(
            arn.overlaps(role.pattern, other.pattern, variables=variables, where=self.where) is not Tri.NO
            for role in self.grant.roles
            for other in denial.roles
        )

    def _within_limits(self, left: tuple[tuple[Text, ...], bool], certain: Tri, service: str | None) -> Passed | None:
        roles, complement = left
        when = self.grant.statement.when
        denied: list[Text] = []
        for limit in self._limits:
            allows = [(item, Tri.YES if service is None else self._lets(item, service)) for item in limit]
            allows = [
                (item, lets)
                for item, lets in allows
                if lets is not Tri.NO and both(when, item.statement.when) is not None
            ]
            if not allows:
                return None
            free = [item for item, lets in allows if _plainly(item, lets) and self._is_free(item)]
            if free:  # under the fewest facts that there are
                found = [both(when, item.statement.when) or () for item in free]
                when = min(found, key=len)
                continue
            (only, lets), *others = allows
            if only.complement and not others and _plainly(only, lets):  # a limit to all roles but some
                when = both(when, only.statement.when) or ()
                named = [role.pattern for role in only.roles]
                denied += named
                roles = tuple(role for role in roles if complement or self._within(role, named) is not Tri.YES)
                continue
            if complement:
                certain &= Tri.UNKNOWN
                continue
            kept: dict[Text, Tri] = {}
            for role in roles:
                for pattern, inside in self._limited(role, allows, when):
                    kept[pattern] = kept.get(pattern, Tri.NO) | inside
            roles = tuple(kept)
            if Tri.UNKNOWN in kept.values():
                certain &= Tri.UNKNOWN
        if not roles and not complement:
            return None
        scope = self.grant.scope
        if not complement:
            variables = self.grant.statement.variables
            scope = arn.widest([arn.resource_scope(role, variables=variables) for role in roles])
            if scope is not Scope.ANY_ROLE and self.grant.scope is Scope.ANY_ROLE and len(roles) > 1:
                scope = arn.union_scope(roles, variables=variables)
        return (
            None
            if scope is Scope.NOT_A_ROLE and not complement
            else Passed(roles, complement, scope, certain, tuple(denied), when)
        )

    def _is_free(self, limit: PassRoleGrant) -> bool:
        """Whether a limit allows every role of the account and the partition that are meant, where these are known."""
        patterns = [role.pattern for role in limit.roles]
        if limit.complement or limit.scope is not Scope.ANY_ROLE:
            return limit.complement and not patterns
        left = arn.complement_scope(patterns, variables=limit.statement.variables, where=self.where)
        return left is not Scope.ANY_ROLE

    def _within(self, role: Text, patterns: Sequence[Text]) -> Tri:
        return arn.included(role, patterns, variables=self.grant.statement.variables, where=self.where)

    def _included_in(self, role: Text, union: RoleUnion) -> Tri:
        return arn.included_in(role, union, variables=self.grant.statement.variables, where=self.where)

    def _limited(
        self, role: Text, allows: Sequence[tuple[PassRoleGrant, Tri]], when: When
    ) -> Iterator[tuple[Text, Tri]]:
        """What a limit leaves of a pattern, and whether surely: the pattern, or the narrower ones of the limit."""
        parts: list[tuple[Text, Tri]] = []
        for item, lets in allows:
            patterns = [one.pattern for one in item.roles]
            variables = item.statement.variables
            surely = Tri.YES if _plainly(item, lets) and _holds(item, when) else Tri.UNKNOWN
            if not item.statement.whole:  # nothing is known of what it allows
                parts.append((role, Tri.UNKNOWN))
            elif item.complement:
                if arn.included(role, patterns, variables=variables, where=self.where) is not Tri.YES:
                    parts.append((role, Tri.UNKNOWN))
            elif arn.included(role, patterns, variables=variables, where=self.where) is Tri.YES:
                if surely is Tri.YES:
                    yield role, surely
                    return
                parts.append((role, surely))
            else:
                for one in patterns:
                    if one.only_hole is not None:  # a limit of which nothing is known
                        parts.append((role, Tri.UNKNOWN))
                        continue
                    meets = arn.overlaps(role, one, variables=variables, where=self.where)
                    if meets is Tri.NO:
                        continue
                    narrower = arn.included(one, [role], variables=variables, where=self.where) is Tri.YES
                    parts.append((one, surely) if narrower else (role, Tri.UNKNOWN))
        yield from parts

    def _lets(self, grant: PassRoleGrant, service: str) -> Tri:
        return _lets(grant, service, self.known)


def _lets(grant: PassRoleGrant, service: str, known: frozenset[str]) -> Tri:
    """Whether the conditions of a statement let a role be passed to a service, of which ``known`` are evaluated."""
    deadline.check()
    condition = grant.condition
    if condition.constraint is Constraint.ABSENT:
        return Tri.YES
    if service not in known:
        return lets_through(grant.statement.condition, service, variables=grant.statement.variables)
    if service in condition.allowed:
        return Tri.YES
    return Tri.UNKNOWN if service in condition.possible else Tri.NO


def _holds(grant: PassRoleGrant, when: When) -> bool:
    return all(implies(when, fact) for fact in grant.statement.when)


def _is_open(denial: PassRoleGrant) -> bool:
    return denial.condition.constraint is Constraint.ABSENT


def _plainly(grant: PassRoleGrant, lets: Tri) -> bool:
    """Whether what a limit allows, it surely allows where its facts hold."""
    condition = grant.condition
    undecided = condition.others or condition.tags or condition.associated_resource_arn or condition.problems
    return lets is Tri.YES and grant.certain is Tri.YES and not undecided
