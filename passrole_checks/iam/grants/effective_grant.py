"""Effective grants: an Allow of iam:PassRole after all policies of one principal.

All its policies count together: an explicit Deny wins, and every limit (a permissions boundary, a service control
policy) has to allow as well. Sources: IAM User Guide, "Policy evaluation logic" and "Permissions boundaries for IAM
entities".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from passrole_checks.iam.conditions.passed_to_service import Constraint, union_of
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.denials import DenialIndex
from passrole_checks.iam.grants.grant import PassRoleGrant, as_2012_version, raw_grants
from passrole_checks.iam.grants.limits import Limit, PassableSet
from passrole_checks.iam.grants.spared_roles import spares
from passrole_checks.iam.grants.subtract_denials import remaining_roles, surely_denies
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_search import ANYWHERE, Deployment
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values.nodes import StringNode, Ternary
from passrole_checks.iam.values.path_conditions import PathCondition, and_not, conjoin

if TYPE_CHECKING:
    from passrole_checks.iam.permissions.permissions import Permissions


@dataclass(frozen=True, eq=False)
class _ApplicableDenials:
    """Denials that surely apply to a request."""

    denials: tuple[PassRoleGrant, ...]

    @cached_property
    def ids(self) -> frozenset[int]:
        """The ids of the denials, for membership tests."""
        return frozenset(map(id, self.denials))

    @cached_property
    def names(self) -> tuple[StringNode, ...]:
        """The roles that the denials without NotResource exclude."""
        roles = (role for denial in self.denials if not denial.complement for role in denial.roles)
        return tuple(dict.fromkeys(role.pattern for role in roles if role.scope is not Scope.NOT_A_ROLE))

    @cached_property
    def taken(self) -> RoleUnion:
        """The same roles, indexed for many comparisons."""
        variables = any(denial.statement.variables for denial in self.denials)  # equal in all, see Restrictions.alike
        return arn.union_of(self.names, variables=variables)

    @cached_property
    def kept(self) -> list[RoleUnion]:
        """The roles that each denial with NotResource leaves."""
        return [denial.limit.union for denial in self.denials if denial.complement]


class _NearbyDenials:
    """The denials near some Allows with the same path condition, and the services to which they apply.

    ``sure``: those that surely deny under this path condition. ``doubtful``: the others that may.
    """

    def __init__(self, near: Sequence[PassRoleGrant], when: PathCondition, known: frozenset[str]) -> None:
        self.near, self._known = near, known  # kept alive for its id
        self.sure: list[PassRoleGrant] = []
        self.doubtful: list[PassRoleGrant] = []
        for denial in near:
            if conjoin(when, denial.statement.when) is not None:
                (self.sure if surely_denies(denial) and denial.applies_under(when) else self.doubtful).append(denial)
        self._applied: dict[str | None, _ApplicableDenials] = {}
        self._alike: dict[tuple[int, ...], _ApplicableDenials] = {}
        self._undecided: dict[str, list[PassRoleGrant]] = {}

    def applied(self, service: str | None) -> _ApplicableDenials:
        """Return the denials that surely apply to a service, or (None) to all services."""
        if service not in self._applied:
            denials = tuple(
                denial
                for denial in self.sure
                if (
                    denial.condition.constraint is Constraint.ABSENT
                    if service is None
                    else denial.lets(service, self._known) is Ternary.YES
                )
            )
            self._applied[service] = self._alike.setdefault(tuple(map(id, denials)), _ApplicableDenials(denials))
        return self._applied[service]

    def undecided(self, service: str) -> list[PassRoleGrant]:
        """Return the denials in ``sure`` that possibly apply to a service."""
        if service not in self._undecided:
            denials = [denial for denial in self.sure if denial.lets(service, self._known) is Ternary.UNKNOWN]
            self._undecided[service] = denials
        return self._undecided[service]


class Restrictions:
    """The PassRole denials of one principal's policies, and the PassRole permissions of its limits, shared by all its
    grants."""

    def __init__(
        self, permissions: Permissions, services_of: Mapping[str, Collection[str]], account: str | None = None
    ) -> None:
        self.permissions = permissions
        every = (*permissions.statements, *(statement for limit in permissions.limits for statement in limit))
        self.variables = frozenset(statement.variables for statement in every)
        services = {name: frozenset(known) for name, known in services_of.items()}
        denials = [statement for statement in every if statement.effect == "Deny"]
        self._denials = raw_grants(denials, dict(services), account)
        self._limits = [
            [statement for statement in raw_grants(limit, dict(services), account) if statement.effect == "Allow"]
            for limit in permissions.limits
        ]
        self.known = union_of(*services.values())
        self._alike: dict[bool, tuple[DenialIndex, list[Limit]]] = {}
        self._denying: dict[tuple[int, PathCondition], _NearbyDenials] = {}

    def nearby_denials(self, grant: PassRoleGrant) -> _NearbyDenials:
        """Return the denials that may affect a grant."""
        near, when = self.in_version(grant.statement.variables)[0].near(grant), grant.statement.when
        key = (id(near), when)
        if key not in self._denying:
            self._denying[key] = _NearbyDenials(near, when, self.known)
        return self._denying[key]

    def in_version(self, variables: bool) -> tuple[DenialIndex, list[Limit]]:
        """Return denials and limits, converted to the policy version (with or without ``variables``) of a grant."""
        if variables not in self._alike:

            def made(item: PassRoleGrant) -> PassRoleGrant:
                return item if item.statement.variables is variables else as_2012_version(item)

            limits = [Limit(map(made, limit), self.known) for limit in self._limits]
            self._alike[variables] = DenialIndex([*map(made, self._denials)]), limits
        return self._alike[variables]


class EffectiveGrant:
    """One Allow of PassRole of one principal after all Deny statements and limits.

    ``services_of`` maps each partition to its known service principals, ``account`` is the account deployed to.
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
            # patterns of both policy versions are compared: give "${" the same meaning in all of them
            grant = as_2012_version(grant)
        self.grant = grant
        self.known = around.known
        named = {partition for role in grant.roles if (partition := arn.partition_of(role.pattern)) is not None}
        self.where = Deployment(account, tuple(sorted(named)) or ANYWHERE.partitions)
        self._denials, self._limits = around.in_version(grant.statement.variables)
        self._denying = around.nearby_denials(grant)
        self._left: dict[int, tuple[tuple[StringNode, ...], bool]] = {}
        self._passed: dict[str, PassableSet | None] = {}

    def for_service(self, service: str) -> PassableSet | None:
        """Return the roles that can be passed to a service, None if there are none.

        In China a service may send either of two names (``ec2.amazonaws.com``, ``ec2.amazonaws.com.cn``).
        """
        if service not in self._passed:
            spellings = [service]
            if self.where.partitions == ("aws-cn",) and f"{service}.cn" in self.known:
                spellings.append(f"{service}.cn")
            passable = [passed for name in spellings if (passed := self._to(name)) is not None]
            self._passed[service] = max(passable, key=lambda item: item.certain is Ternary.YES, default=None)
        return self._passed[service]

    @cached_property
    def for_any_service(self) -> PassableSet | None:
        """The roles that can be passed, ignoring differences between services."""
        if self.grant.denied or self.grant.condition.dead:
            return None
        applied = self._denying.applied(None)
        return self._without(self._limit_roles(self._remaining_roles(applied), self.grant.certain, None), applied)

    def _to(self, service: str) -> PassableSet | None:
        if self.grant.denied:
            return None
        lets = self.grant.lets(service, self.known)
        if lets is Ternary.NO:
            return None
        applied = self._denying.applied(service)
        remaining = self._remaining_roles(applied)
        if (
            applied.names
            and remaining[0]
            and all(self._included_in(role, applied.taken) is Ternary.UNKNOWN for role in remaining[0])
        ):
            lets &= Ternary.UNKNOWN  # the Deny names unknown roles, possibly all
        if any(self._included_in(role, kept) is not Ternary.YES for kept in applied.kept for role in remaining[0]):
            lets &= Ternary.UNKNOWN  # one of two overlapping patterns represents their intersection
        passed = self._apply_possible_denials(self._limit_roles(remaining, lets & self.grant.certain, service), service)
        return self._without(passed, applied)

    def _remaining_roles(self, applied: _ApplicableDenials) -> tuple[tuple[StringNode, ...], bool]:
        """Return the roles of the grant that denials leave, as :func:`remaining_roles` does."""
        cached = self._left.get(id(applied))
        if cached is None:
            taking = [denial for denial in self._taking if id(denial) in applied.ids]
            cached = self._left[id(applied)] = remaining_roles(self.grant, taking, self.where)
        return cached

    @cached_property
    def _taking(self) -> tuple[PassRoleGrant, ...]:
        return self._denials.deciding(self.grant, self.where)

    def _apply_possible_denials(self, passed: PassableSet | None, service: str) -> PassableSet | None:
        """Return the rest after possible denials: a Deny with a path condition leaves the complementary condition."""
        for denial in (*self._denying.doubtful, *self._denying.undecided(service)):
            assumptions = denial.statement.when
            if passed is not None and passed.certain is not Ternary.YES and not surely_denies(denial):
                continue  # it only lowers the certainty
            if passed is None or conjoin(passed.when, assumptions) is None or not self._may_deny(denial, service):
                continue
            others = and_not(passed.when, assumptions)
            if others is None or not surely_denies(denial):
                passed = replace(passed, certain=passed.certain & Ternary.UNKNOWN)
            else:
                passed = replace(passed, when=others)
        return passed

    def _without(self, passed: PassableSet | None, applied: _ApplicableDenials) -> PassableSet | None:
        """Add the excluded roles: those that the denials name, and those in the Allow's own NotResource if it has
        become a list of patterns."""
        named = applied.names
        left_out = self.grant.statement.not_resources
        if passed is not None and not passed.complement and left_out:
            named = tuple(dict.fromkeys((*named, *left_out)))
        if passed is None or not named:
            return passed
        # shared by grants with the same denials
        return replace(passed, denied=(*passed.denied, *named) if passed.denied else named)

    @property
    def denied_by(self) -> tuple[PassRoleGrant, ...]:
        """The Deny statements that surely exclude roles of the grant."""
        return tuple(filter(self._may_exclude, self._denying.sure))

    def _may_deny(self, denial: PassRoleGrant, service: str) -> bool:
        if denial.lets(service, self.known) is Ternary.NO or self._is_spared_by(denial):
            return False
        return self._may_exclude(denial)

    def _may_exclude(self, denial: PassRoleGrant) -> bool:
        if denial.complement or self.grant.complement:
            return True
        variables = self.grant.statement.variables
        return any(
            arn.overlaps(role.pattern, other.pattern, variables=variables, where=self.where) is not Ternary.NO
            for role in self.grant.roles
            for other in denial.roles
            if other.scope is not Scope.NOT_A_ROLE
        )

    def _is_spared_by(self, denial: PassRoleGrant) -> bool:
        """True if a condition of a Deny on the ARN or the account spares every role of the grant."""
        own, statement = self.grant, denial.statement
        roles = RoleSet(tuple(role.pattern for role in own.roles), own.statement.variables, own.complement)
        return spares(statement.condition, roles, variables=statement.variables, where=self.where)

    def _limit_roles(
        self, remaining: tuple[tuple[StringNode, ...], bool], certain: Ternary, service: str | None
    ) -> PassableSet | None:
        """Return what every limit allows of the remaining roles."""
        statement = self.grant.statement
        passable: PassableSet | None = PassableSet(*remaining, self.grant.scope, certain, (), statement.when)
        for limit in self._limits:
            passable = limit.apply(passable, service, self.where) if passable is not None else None
        if passable is None or passable.complement:
            return passable
        scope = arn.widest([arn.resource_scope(role, variables=statement.variables) for role in passable.roles])
        if scope is not Scope.ANY_ROLE and self.grant.scope is Scope.ANY_ROLE and len(passable.roles) > 1:
            scope = arn.union_scope(passable.roles, variables=statement.variables)
        return None if scope is Scope.NOT_A_ROLE else replace(passable, scope=scope)

    def _included_in(self, role: StringNode, union: RoleUnion) -> Ternary:
        return arn.included_in(role, union, variables=self.grant.statement.variables, where=self.where)
