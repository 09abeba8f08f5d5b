"""The roles of a configuration that a principal can pass, how privileged they are, and the open escalation paths.

Built once for a configuration; each result is computed when a check first asks for it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from heapq import nsmallest
from typing import TYPE_CHECKING

from passrole_checks.access.known_roles import resolve_role
from passrole_checks.access.role_privilege import PrivilegeGain, can_administer_iam, most_of, privilege_gain
from passrole_checks.access.service_trust import all_paths, assumes, passed_to_service_values, surely_excludes, trusts
from passrole_checks.findings import Severity
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.effective_grant import EffectiveGrant, Restrictions
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.limits import PassableSet
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.identity_cache import BoundedCache
from passrole_checks.iam.patterns import glob
from passrole_checks.iam.permissions.escalation import OpenPath, PassedRolePath, open_paths
from passrole_checks.iam.permissions.extra_permissions import ExtraPermissions, PermissionComparison
from passrole_checks.iam.permissions.permissions import ContentClasses, Permissions
from passrole_checks.iam.permissions.statement_matcher import requested_resource
from passrole_checks.iam.roles import role_set
from passrole_checks.iam.roles.arn import Scope, account_of, partition_of
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.roles.role_union import RoleSet
from passrole_checks.iam.values.nodes import Part, StringNode, Ternary, Unresolved, UnresolvedKind, join
from passrole_checks.iam.values.path_conditions import PathCondition

if TYPE_CHECKING:
    from passrole_checks.access.principals import Principals
    from passrole_checks.access.role_consumers import RoleConsumers
    from passrole_checks.iam.permissions.principal import Principal


_BOUNDARY_CHANGES = ("iam:deleterolepermissionsboundary", "iam:putrolepermissionsboundary")
_MOST_NAMED = 3  # of the roles that a message names
_MOST_COUNTED = 10  # of the roles that are no worse than those that are named
_MOST_COMPARED = 60  # of the roles in the reach of one principal
_MOST_ANSWERS = 4096  # that are remembered of one question
_MOST_CEILINGS = 1 << 16  # of contents and statements: an account has thousands, and they are small
_MOST_COMPARISONS = 16  # each remembers the permissions of many statements

# by the numbers of contents: root modules share policies, and so do the variants of one
_strengths = BoundedCache[tuple[int, int, PathCondition], tuple[PrivilegeGain | None, ExtraPermissions | None]](
    _MOST_CEILINGS
)
_ceilings = BoundedCache[Hashable, Severity | None](_MOST_CEILINGS)


def _ceiling_of(key: Hashable, find: Callable[[], Severity | None]) -> Severity | None:
    """Return the highest severity of the permissions under a key, found by ``find`` if it is not known."""
    if key not in _ceilings:
        ceiling = find()
        _ceilings[key] = ceiling
    return _ceilings[key]


def _most_found(find: Callable[[], ExtraPermissions | None]) -> Severity | None:
    return most_of(find())


def _order(role: KnownRole, strength: PrivilegeGain) -> tuple[int, bool, int, bool, str]:
    is_sure = strength.certain is Ternary.YES
    return -strength.severity.rank, not is_sure, len(strength.when), not strength.is_everything, role.address


@dataclass(frozen=True, eq=False)
class RoleGroup:
    """Roles of the configuration that can be passed. ``all_known``: every role in scope is among them.

    There is one object for each distinct set, so that what follows from it is computed once for all principals.
    """

    roles: tuple[KnownRole, ...]
    all_known: bool

    @cached_property
    def addresses(self) -> frozenset[str]:
        """The addresses of the roles."""
        return frozenset(role.address for role in self.roles)

    @cached_property
    def _in_order(self) -> tuple[str, ...]:
        return tuple(role.address for role in self.roles)

    def all_but(self, address: str) -> tuple[str, ...]:
        """Return the addresses of the roles in their order, without one."""
        if address not in self.addresses:
            return self._in_order
        place = self._in_order.index(address)
        return self._in_order[:place] + self._in_order[place + 1 :]

    @cached_property
    def named_by_accounts(self) -> frozenset[str]:
        """The addresses of the roles whose trust policies name only accounts, users and roles."""
        return frozenset(role.address for role in self.roles if role.names_accounts)

    @cached_property
    def by_trust(self) -> dict[frozenset[str], list[KnownRole]]:
        """The roles that a service may assume, by the services that they trust or, if unknown, may trust."""
        return grouped((role.may_trust, role) for role in self.roles if not role.no_service)

    @cached_property
    def kinds(self) -> dict[tuple[object, ...], KnownRole]:
        """One role for each distinct way of trusting services."""
        return {_trust_key(role): role for role in reversed(self.roles)}


def _trust_key(role: KnownRole) -> tuple[object, ...]:
    return role.trusted, role.no_service, role.federated, role.possible


RoleGains = Sequence[tuple[KnownRole, PrivilegeGain]]
"""Roles and how much more than their passer they can do, the most first."""
_Found = tuple[list[tuple[KnownRole, PrivilegeGain]], bool]
_MOST_KEPT = 1_000_000  # roles in all sets that are remembered


class _RoleGroupCache:
    """A bounded cache of role sets, each under the arguments that it follows from."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], tuple[tuple[object, ...], RoleGroup]] = {}
        self._size = 0

    def get(self, key: tuple[object, ...], of: Sequence[object], find: Callable[[], RoleGroup]) -> RoleGroup:
        """Return the set for a key, computed by ``find`` if needed. ``of``: objects whose identity is part of the
        key."""
        whole = (*key, *map(id, of))
        known = self._found.get(whole)
        if known is None:
            found = find()
            self._size += len(found.roles) + 1
            if self._size > _MOST_KEPT:
                self._found.clear()
                self._size = len(found.roles) + 1
            known = self._found[whole] = (tuple(of), found)
        return known[1]


class PassableRoles:
    """Roles that principals can pass, and paths to act as them.

    ``by_address``/``by_name``: the roles of the configuration. ``account``: the account deployed to, if known.
    """

    def __init__(
        self,
        by_address: Mapping[str, KnownRole],
        by_name: Mapping[str, KnownRole],
        services_of: Mapping[str, Collection[str]],
        account: str | None,
        principals: Principals | None = None,
        receiving: RoleConsumers | None = None,
    ) -> None:
        self.by_address, self.by_name = by_address, by_name
        self.known_services = services_of
        self.account = account
        self.principals = principals
        self.receiving = receiving
        # principals with the same policies share their permissions
        self._ways: dict[tuple[int, PathCondition], tuple[OpenPath, ...]] = {}
        self._passing = BoundedCache[tuple[int, int, bool], EffectiveGrant](_MOST_ANSWERS)
        self._restrictions: dict[tuple[int, bool], Restrictions] = {}
        # and those of the same content are one class
        self._contents = ContentClasses()
        self._comparisons = BoundedCache[tuple[int, PathCondition], PermissionComparison](_MOST_COMPARISONS)
        self._strongest = BoundedCache[tuple[int, int, PathCondition], tuple[RoleGroup, _Found]](_MOST_ANSWERS)
        self._ranked = BoundedCache[tuple[int, PathCondition], tuple[RoleGroup, list[tuple[Severity, KnownRole]]]](
            _MOST_ANSWERS
        )
        self._sets = _RoleGroupCache()
        self._texts = BoundedCache[int, tuple[tuple[StringNode, ...], int]](_MOST_ANSWERS)
        self._numbers: dict[object, int] = {}
        self._ceilings: dict[str, Severity | None] = {}

    def services_of(self, role: KnownRole) -> tuple[str, ...]:
        """Return the services that resources of the configuration pass a role to."""
        return self.receiving.services_of(role.address) if self.receiving is not None else ()

    def passing(self, holder: Principal, grant: PassRoleGrant, *, many_accounts: bool = False) -> EffectiveGrant:
        """Return what Deny statements, boundaries and SCPs leave of a grant for a principal."""
        key = (id(grant), id(holder.permissions), many_accounts)
        known = self._passing.get(key)
        if known is None or known.asked is not grant:
            account = None if many_accounts else self.account
            around = self._restrictions.get(key[1:])
            if around is None:
                around = self._restrictions[key[1:]] = Restrictions(holder.permissions, self.known_services, account)
            known = self._passing[key] = EffectiveGrant(grant, holder.permissions, self.known_services, account, around)
        return known

    def open_ways(self, holder: Principal, when: PathCondition) -> tuple[OpenPath, ...]:
        """Return the escalation paths whose actions a principal has under a path condition."""
        key = (id(holder.permissions), when)
        if key not in self._ways:
            self._ways[key] = open_paths(holder.permissions, all_paths(), when)
            holder.permissions.forget()  # hundreds of answers for each of thousands of principals
        return self._ways[key]

    def passable(self, passing: EffectiveGrant) -> RoleGroup:
        """Return the roles of the configuration that can be passed to a service that may assume them."""
        widest = passing.for_any_service
        if widest is None:
            return _NOTHING
        whole = self.reached(widest, passing.grant)
        parts: list[RoleGroup] = []
        for trusted in whole.by_trust:
            services = passed_to_service_values(trusted)
            found = [passing.for_service(name) for name in services] if services else [widest]
            sets = [self.reached(passed, passing.grant) for passed in found if passed is not None]
            parts.append(self.union(sets))
        return self._sets.get(("passable",), (whole, *parts), lambda: _combine_by_trust(whole, parts))

    def may_use(self, pattern: StringNode, passing: EffectiveGrant) -> bool:
        """Return False if a Resource names a role of the configuration that no service it can be passed to may assume.

        Some services work with roles whose trust policies name an identity provider.
        """
        named = resolve_role(pattern, self.by_address, self.by_name)
        if named is None or self._is_foreign(pattern):
            return True
        passable = self.passable(passing).addresses
        return any(
            role.address in passable or (role.no_service and role.federated) for role in self._by_name_prefix(named)
        )

    def union(self, sets: Sequence[RoleGroup]) -> RoleGroup:
        """Return the union of role sets."""
        distinct = list(dict.fromkeys(sets))
        if len(distinct) == 1:
            return distinct[0]
        return self._sets.get(("union",), distinct, lambda: RoleGroup(
            tuple({role.address: role for one in distinct for role in one.roles}.values()), False
        ))  # fmt: skip

    def roles_that_may_exist(self, roles: RoleGroup, when: PathCondition) -> RoleGroup:
        """Return the roles that may exist under a path condition."""
        if not self._some_are_conditional:
            return roles
        return self._sets.get((when,), (roles,), lambda: RoleGroup(
            tuple(role for role in roles.roles if role.may_exist(when)), roles.all_known
        ))  # fmt: skip

    def trusting(self, roles: RoleGroup, way: PassedRolePath) -> RoleGroup:
        """Return the roles that may be assumed by the services that an escalation path passes them to."""
        return self._sets.get((way.trusted, way.services), (roles,), lambda: _trusting(roles, way))

    def reached(self, passed: PassableSet, grant: PassRoleGrant) -> RoleGroup:
        """Return the roles of the configuration that surely are in scope."""
        variables = grant.statement.variables
        key = (self._number(passed.roles), passed.complement, passed.scope, variables)
        whole = self._sets.get(key, (), lambda: self._all_within(passed, variables))
        found = whole
        if self._some_are_conditional:
            found = self._sets.get((passed.when, "at once"), (whole,), lambda: _existing_under(whole, passed.when))
        if not passed.denied or not whole.roles:
            return found
        named = (self._number(passed.denied), variables)
        taken = self._sets.get((*named, "taken"), (whole,), lambda: RoleGroup(
            tuple(self._inside(RoleSet(passed.denied, variables), whole.roles)), False
        ))  # fmt: skip
        return self._sets.get(("left",), (found, taken), lambda: _without(found, taken))

    def with_generated_names(self, passed: PassableSet, grant: PassRoleGrant) -> tuple[str, ...]:
        """Return the addresses of the roles of a template that a set contains by the names that are generated for them.

        These names are known well enough to name the roles, not to grade them: a stack of that name may be another one.
        """
        if passed.complement or self.receiving is None:
            return ()
        arns = ((role, self.receiving.generated_arn(role.address)) for role in self.by_address.values())
        named = [replace(role, arn=arn) for role, arn in arns if arn is not None]
        return tuple(role.address for role in self._inside(RoleSet(passed.roles, grant.statement.variables), named))

    def _number(self, texts: tuple[StringNode, ...]) -> int:
        """Return a number for some patterns, the same for equal patterns."""
        known = self._texts.get(id(texts))
        if known is None:
            parts = tuple(item.parts for item in texts)
            known = self._texts[id(texts)] = (texts, self._numbers.setdefault(parts, len(self._numbers)))
        return known[1]

    @cached_property
    def _some_are_conditional(self) -> bool:
        return any(role.exists_when for role in self.by_address.values())

    def _all_within(self, passed: PassableSet, variables: bool) -> RoleGroup:
        if passed.complement:
            rest = RoleSet(passed.roles, variables, complement=True)
            return RoleGroup(tuple(self._in_order(self._inside(rest, self.by_address.values()))), False)
        if passed.scope is Scope.ANY_ROLE:
            return RoleGroup(tuple(self._in_order(self.by_address.values())), False)
        found: dict[str, KnownRole] = {}
        all_known = True
        for pattern in passed.roles:
            named = resolve_role(pattern, self.by_address, self.by_name)
            if named is not None and not self._is_foreign(pattern):
                found.update((role.address, role) for role in self._by_name_prefix(named))
                continue
            all_known = False
            pattern = self._looked_up(pattern)
            if passed.scope is Scope.PREFIX or (passed.scope is Scope.UNRESOLVED and pattern.only_unresolved is None):
                inside = self._inside(RoleSet((pattern,), variables), self._near(pattern))
                found.update((role.address, role) for role in inside)
        return RoleGroup(tuple(self._in_order(found.values())), all_known)

    def _looked_up(self, pattern: StringNode) -> StringNode:
        """Return the pattern of the roles that a data source looks up, if the roles of the account are known."""
        only = pattern.only_unresolved
        if only is None or only.known is None or not only.expression.startswith("data.aws_iam_roles."):
            return pattern
        known = self.principals is not None and self.principals.configuration.surroundings.context.roles
        return StringNode(only.known, pattern.at) if known else pattern

    def _by_name_prefix(self, named: KnownRole) -> Iterator[KnownRole]:
        """Yield a role and those of the same path and name, of which one can exist at a time; and those that are taken
        to be this one of the account."""
        if not named.exists_when or named.arn is None:
            yield named
        else:
            yield from self._by_arn[named.arn.parts]
        yield from self._by_deployed.get(named.address, ())

    @cached_property
    def _by_deployed(self) -> dict[str, list[KnownRole]]:
        return grouped((str(role.deployed), role) for role in self.by_address.values() if role.deployed is not None)

    @cached_property
    def _by_arn(self) -> dict[tuple[Part, ...], list[KnownRole]]:
        return grouped((role.arn.parts, role) for role in self.by_address.values() if role.arn is not None)

    @cached_property
    def _beginnings(self) -> tuple[list[tuple[str, str]], list[KnownRole]]:
        """The literal start of each role's name, sorted, with its address; and the roles without one."""
        known = [(own, role) for role in self.by_address.values() if (own := _role_prefix(role)) is not None]
        told = {role.address for _, role in known}
        others = [role for role in self.by_address.values() if role.address not in told]
        return sorted((own, role.address) for own, role in known), others

    def _near(self, pattern: StringNode) -> Iterator[KnownRole]:
        """Yield the roles whose known name may match a pattern, found by the literal start of both."""
        wanted = _pattern_prefix(pattern)
        known, others = self._beginnings
        for own, address in known[bisect_left(known, (wanted,)) :]:
            if not own.startswith(wanted):
                break
            yield self.by_address[address]
        yield from others

    def strength(self, role: KnownRole, holder: Principal, when: PathCondition = ()) -> PrivilegeGain | None:
        """Return how privileged a role is beyond a principal under a path condition; None if it is not.

        Permissions from policies of unknown content do not count.
        """
        found = self.principals.role(role.address) if self.principals is not None else None
        if found is None:
            return None
        own = self._contents.of(holder.certain_permissions)
        key = (self._contents.of(found.permissions), own, when)
        if key not in _strengths:
            comparison = self._comparisons.get((own, when))
            if comparison is None:
                comparison = PermissionComparison(holder.certain_permissions, when, self._contents)
                self._comparisons[own, when] = comparison
            more = comparison.excess(found.permissions)
            gain = privilege_gain(more) if more is not None else None
            changes_boundaries = more is not None and any(
                pair.action.lower() in _BOUNDARY_CHANGES for pair in more.pairs
            )
            _strengths[key] = gain, more if changes_boundaries else None
        gain, more = _strengths[key]
        if more is None:
            return gain
        effective = self._effective(more)
        return privilege_gain(effective) if effective is not None else None

    def _effective(self, more: ExtraPermissions) -> ExtraPermissions | None:
        """Return permissions without changes of the boundary of roles that have none; None if no other is left."""
        pairs = [
            pair
            for pair in more.pairs
            if pair.action.lower() not in _BOUNDARY_CHANGES or pair.resource not in self._without_boundary
        ]
        return ExtraPermissions(tuple(pairs)) if pairs else None

    @cached_property
    def _without_boundary(self) -> frozenset[str]:
        """The ARNs of the roles of the configuration that surely have no permissions boundary, as in messages."""
        principals = self.principals
        return frozenset(
            glob.to_text(requested_resource(role.arn, self.account))
            for role in self.by_address.values()
            if role.arn is not None and principals is not None and principals.has_boundary(role.address) is Ternary.NO
        )

    def strongest(self, roles: RoleGroup, holder: Principal, when: PathCondition = ()) -> _Found:
        """Return the roles more privileged than a principal under a path condition, and True if these are all.

        Most privileged first, then those that need fewer conditions. Roles are compared in the order of what they can
        do at all, up to a limit, and no further once enough of them cannot be exceeded.
        """
        key = (id(roles), self._contents.of(holder.certain_permissions), when)
        known = self._strongest.get(key)
        if known is None:
            known = self._strongest[key] = (roles, self._compare(roles, holder, when, ""))
        if any(role.address == holder.name for role, _ in known[1][0]):
            return self._compare(roles, holder, when, holder.name)
        return known[1]

    def _compare(self, roles: RoleGroup, holder: Principal, when: PathCondition, itself: str) -> _Found:
        """Return what :meth:`strongest` does, without the role at the address ``itself``."""
        found: list[tuple[KnownRole, PrivilegeGain]] = []
        sure: Counter[int] = Counter()  # roles that surely can do more, by how much that is
        complete = True
        for number, (ceiling, role) in enumerate(self._by_ceiling(roles, when)):
            worst = sum(count for rank, count in sure.items() if rank >= ceiling.rank)
            few = number < _MOST_COUNTED and ceiling is not Severity.HIGH
            if (worst >= _MOST_NAMED and not few) or number == _MOST_COMPARED:
                complete = False
                break
            strength = self.strength(role, holder, when) if role.address != itself else None
            if strength is not None:
                if role.names_accounts:
                    strength = replace(strength, certain=Ternary.UNKNOWN)
                found.append((role, strength))
                sure[strength.severity.rank] += strength.certain is Ternary.YES
        found.sort(key=lambda item: _order(*item))
        return found, complete

    def _by_ceiling(self, roles: RoleGroup, when: PathCondition) -> list[tuple[Severity, KnownRole]]:
        """Return the roles with any permissions under a path condition, most privileged first."""
        known = self._ranked.get((id(roles), when))
        if known is None:
            there = [role for role in roles.roles if role.may_exist(when)]
            most = [(ceiling, role) for role in there if (ceiling := self._ceiling(role)) is not None]
            first = nsmallest(_MOST_COMPARED + 1, most, key=lambda item: (-item[0].rank, item[1].address))
            known = self._ranked[id(roles), when] = (roles, first)
        return known[1]

    @cached_property
    def _no_permissions(self) -> PermissionComparison:
        return PermissionComparison(Permissions(()), (), self._contents)

    def _ceiling(self, role: KnownRole) -> Severity | None:
        """Return how privileged a role is compared with a principal without permissions; None if it is not."""
        if role.address not in self._ceilings:
            found = self.principals.role(role.address) if self.principals is not None else None
            self._ceilings[role.address] = (
                _ceiling_of(
                    self._contents.of(found.permissions), partial(self._highest_of_statements, found.permissions)
                )
                if found is not None
                else None
            )
        return self._ceilings[role.address]

    def _highest_of_statements(self, permissions: Permissions) -> Severity | None:
        """Return the highest severity of permissions, from those of each statement if it counts by itself."""
        by_statement = self._no_permissions.by_statement(permissions)
        if by_statement is None:
            return most_of(self._no_permissions.excess(permissions))
        ceilings = (_ceiling_of(key, partial(_most_found, find)) for key, find in by_statement)
        return max((one for one in ceilings if one is not None), key=lambda one: one.rank, default=None)

    def administrators(self, roles: RoleGroup) -> tuple[KnownRole, ...]:
        """Return the roles that a service may assume and that can administer IAM."""
        principals = self.principals
        if principals is None:
            return ()
        found = ((role, principals.role(role.address)) for role in roles.roles if not role.no_service)
        return tuple(role for role, holder in found if holder is not None and can_administer_iam(holder))

    def _is_foreign(self, pattern: StringNode) -> bool:
        named = account_of(pattern)
        return None not in (named, self.account) and named != self.account

    def _inside(self, wanted: RoleSet, roles: Iterable[KnownRole]) -> Iterator[KnownRole]:
        """Yield the roles that surely are in a set.

        Passing stays within an account, so the roles of this configuration are in the account and partition that a
        pattern names, unless the account deployed to is known to be another one.
        """
        named = {found for item in wanted.patterns if (found := account_of(item)) is not None}
        if self.account is None and len(named) > 1:
            return
        account = self.account or next(iter(named), None)
        partition = next((found for item in wanted.patterns if (found := partition_of(item)) is not None), "aws")
        where = Deployment(account, (partition,))
        for role in roles:
            if any(
                role_set.surely_within(RoleSet((with_deployment(arn, where),)), [wanted], where=where)
                for arn in role.arns
            ):
                yield role

    @staticmethod
    def _in_order(roles: Iterable[KnownRole]) -> list[KnownRole]:
        return sorted(roles, key=lambda role: role.address)


_NOTHING = RoleGroup((), False)


def _existing_under(roles: RoleGroup, when: PathCondition) -> RoleGroup:
    """Return the roles that may exist under a path condition."""
    together = tuple(role for role in roles.roles if role.may_exist(when))
    return RoleGroup(together, roles.all_known and bool(together or not roles.roles))


def _without(roles: RoleGroup, taken: RoleGroup) -> RoleGroup:
    """Return the roles that are not in another set."""
    left = tuple(role for role in roles.roles if role.address not in taken.addresses)
    return RoleGroup(left, roles.all_known)


def _combine_by_trust(whole: RoleGroup, parts: Sequence[RoleGroup]) -> RoleGroup:
    """Return the roles that are in the part for the services that they trust."""
    inside = {trusted: part.addresses for trusted, part in zip(whole.by_trust, parts, strict=True)}
    return RoleGroup(
        tuple(role for role in whole.roles if not role.no_service and role.address in inside[role.may_trust]),
        whole.all_known,
    )


def _trusting(roles: RoleGroup, way: PassedRolePath) -> RoleGroup:
    fits = {kind: _may_trust(role, way) for kind, role in roles.kinds.items()}
    return RoleGroup(tuple(role for role in roles.roles if fits[_trust_key(role)]), roles.all_known)


# a role of EKS Pod Identity has to trust pods.eks.amazonaws.com; one for the identity provider of a cluster is no such
# role (Amazon EKS User Guide, "Create IAM role with trust policy required by EKS Pod Identity")
_POD_IDENTITY = ("eks:CreatePodIdentityAssociation", "eks:UpdatePodIdentityAssociation")


def _may_trust(role: KnownRole, way: PassedRolePath) -> bool:
    if role.no_service and way.id in _POD_IDENTITY:
        return False
    if not way.trusted:
        return assumes(role, way.services) is not Ternary.NO
    return trusts(role, way.trusted) is not Ternary.NO and not surely_excludes(role, way.trusted)


def with_deployment(role: StringNode, where: Deployment) -> StringNode:
    """Return the ARN of a role with the (first) partition and, if known, the account filled in."""
    known = {UnresolvedKind.PARTITION: where.partitions[0], UnresolvedKind.ACCOUNT_ID: where.account}
    parts = [known.get(part.kind) or part if isinstance(part, Unresolved) else part for part in role.parts[:4]]
    return StringNode(join([*parts, *role.parts[4:]]), role.at)


def _role_prefix(role: KnownRole) -> str | None:
    """Return the literal start of a role's path and name; None if unknown, or if it has two names."""
    if role.arn is None or role.deployed is not None:
        return None
    written = "".join(part if isinstance(part, str) else "\0" for part in expand(role.arn.parts))
    _, found, name = written.partition(":role/")
    own = name.partition("\0")[0]
    return own if found and not re.search(r"[*?$]", own) else None


def _pattern_prefix(pattern: StringNode) -> str:
    """Return the literal text after ``:role/`` up to the first wildcard or unresolved value; "" if there is none."""
    written = "".join(part if isinstance(part, str) else "\0" for part in pattern.parts)
    _, found, name = written.partition(":role/")
    return re.split(r"[*?$\0]", name, maxsplit=1)[0] if found else ""
