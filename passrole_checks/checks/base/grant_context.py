"""GrantContext: one grant of PassRole with what a check may ask about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import cached_property

from passrole_checks.access.access_change import Beneficiary
from passrole_checks.access.access_model import AccessModel, serves_many_accounts
from passrole_checks.access.holder_trust import HolderTrust, least_restricted, trust_of, trust_of_people
from passrole_checks.access.known_roles import resolve_role
from passrole_checks.access.passable_roles import PassableRoles
from passrole_checks.access.service_trust import passed_to_service_values
from passrole_checks.access.severity import Holder
from passrole_checks.findings import Severity
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.documents.trust import KnownRole, requires_mfa, service_of_linked_role
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.limits import PassableSet
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles.arn import Scope, account_of
from passrole_checks.iam.values.nodes import StringNode, Ternary
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.sources.model.addresses import module_of
from passrole_checks.sources.model.configuration import AttachedPolicy

_BOOTSTRAP_VERSION = "CdkBootstrapVersion"
_UNLISTED = "unlisted.amazonaws.com"  # a service that does not exist


@dataclass(frozen=True)
class GrantContext:
    """One grant (or denial) of PassRole in its policy, its configuration, and the hands of its holders.

    ``grant`` is ``denied`` if the other policies of every holder leave nothing of it. ``statements``: all statements of
    its document. ``holders``: the principals that hold the policy, or the policy itself if none is known here.
    ``beneficiaries``: the principals that gain access by the change under review, if there is one.
    ``other_severities``: the highest severity of each check in :attr:`Check.depends_on_verdicts_of` that flags the
    grant.
    """

    grant: PassRoleGrant
    policy: AttachedPolicy
    statements: tuple[Statement, ...]
    model: AccessModel
    holders: tuple[Principal, ...]
    beneficiaries: tuple[Beneficiary, ...]
    other_severities: Mapping[str, Severity] = field(default_factory=dict)

    @property
    def many_accounts(self) -> bool:
        """True if the policy is deployed to several accounts."""
        return serves_many_accounts(self.policy.resource)

    @property
    def module(self) -> str:
        """The address of the Terraform module of the policy, with a dot at its end; "" for a root module."""
        return module_of(self.policy.resource.address)

    @property
    def passable_roles(self) -> PassableRoles:
        """The roles of the configuration that can be passed, and the escalation paths through them."""
        return self.model.passable_roles

    def holders_named(self, who: Sequence[str]) -> Sequence[Principal]:
        """Return the holders that a verdict is about; all if it names none."""
        if not who:
            return self.holders
        return [self.holders[place] for place in sorted(self._places[name] for name in who if name in self._places)]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {holder.name: place for place, holder in enumerate(self.holders)}

    def effective_grant(self, holder: Principal) -> EffectiveGrant:
        """Return what Deny statements, boundaries and SCPs leave of the grant for one holder."""
        return self.model.effective_grant(self.policy, self.grant, holder)

    @property
    def widest_effective(self) -> PassableSet | None:
        """The roles that Deny statements, boundaries and SCPs leave of the grant for its least limited holder; None if
        they leave none."""
        found = [self.effective_grant(holder).for_any_service for holder in self.holders]
        return max(
            (one for one in found if one is not None),
            key=lambda one: (
                one.scope is Scope.ANY_ROLE or one.complement,
                one.certain is Ternary.YES,
                one.scope is not Scope.EXACT,
                -len(one.denied),
                -len(one.when),
            ),
            default=None,
        )

    def limit_may_exclude_all(self, holder: Principal) -> bool:
        """True if a permissions boundary or an SCP of known content allows the roles of the grant for some values of
        variables only: both name patterns that may have no role in common. Limits of many statements are not compared.
        """
        left = self.effective_grant(holder).for_any_service
        if not holder.permissions.limits or (left is not None and left.certain is Ternary.YES):
            return False
        roles = [role.pattern for role in self.grant.roles if not self.grant.complement]
        return bool(roles) and any(
            len(limit.statements) <= _MOST_COMPARED
            and all(statement.whole for statement in limit.statements)
            and not any(_surely_allows(limit, role) for role in roles)
            for limit in holder.permissions.each_limit
        )

    @property
    def is_open_to_unlisted_services(self) -> bool:
        """True if a holder can pass roles to a service that no statement names."""
        return any(self.effective_grant(holder).for_service(_UNLISTED) is not None for holder in self.holders)

    @property
    def is_of_other_account(self) -> bool:
        """True if all roles of the grant are of an account that is surely not the one deployed to."""
        grant = self.grant
        return bool(grant.roles) and not grant.complement and all(self.is_foreign(role.pattern) for role in grant.roles)

    def is_foreign(self, pattern: StringNode) -> bool:
        """True if a Resource names an account that is surely not the one deployed to."""
        named = account_of(pattern)
        return None not in (named, self.model.account) and named != self.model.account and not self.many_accounts

    def known_role(self, pattern: StringNode) -> KnownRole | None:
        """Return the role of this configuration that a Resource names, if it names exactly one."""
        return resolve_role(pattern, self.model.roles, self.model.roles_by_name)

    def with_first(self, patterns: Sequence[StringNode], roles: Sequence[str]) -> list[StringNode]:
        """Return patterns, first those that name one of some roles (addresses), in the order of these."""
        places = {address: place for place, address in reversed([*enumerate(roles)])}
        known = (self.known_role(pattern) for pattern in patterns)
        ranks = [places.get(role.address, len(roles)) if role is not None else len(roles) for role in known]
        return [pattern for _, pattern in sorted(zip(ranks, patterns, strict=True), key=lambda pair: pair[0])]

    def has_boundary(self, pattern: StringNode) -> Ternary:
        """Return whether the role that a Resource names has a permissions boundary; UNKNOWN for roles not known
        here."""
        role = self.known_role(pattern)
        return self.model.principals.has_boundary(role.address) if role is not None else Ternary.UNKNOWN

    def boundary_excludes(self, pattern: StringNode, actions: Iterable[str]) -> Ternary:
        """Return whether the permissions boundary of the role that a Resource names excludes actions."""
        role = self.known_role(pattern)
        return self.model.principals.boundary_excludes(role.address, actions) if role is not None else Ternary.NO

    def role_of(self, holder: Principal) -> KnownRole | None:
        """Return the role of this configuration that a principal is, if any."""
        return self.model.roles.get(holder.name) or self.model.roles_by_name.get(holder.name)

    def name_of(self, holder: Principal) -> str:
        """Return the name of a principal with a file of its configuration; that of the policy if none is known."""
        if holder.kind is not PrincipalKind.POLICY:
            return self.located(holder.name)
        return self.located("/".join((self.policy.resource.address, self.policy.path, self.policy.element)))

    def located(self, address: str) -> str:
        """Return the address of a resource with a file of its configuration, since others may have equal ones."""
        return " ".join((*self.model.configuration.files[:1], address))

    def trust_of(self, holder: Principal) -> HolderTrust:
        """Return who can use the permissions of a holder."""
        if self.policy.people and self.grant.granted_by == "*":
            return trust_of_people(self.policy.people)
        if self.policy.repositories:
            return HolderTrust(Holder.DEPLOYMENT, self.policy.repositories)
        when = self.grant.statement.when
        if self._requires_mfa:
            return HolderTrust(Holder.PEOPLE, ("users with MFA",), by_trust_policy=False)
        if self._is_of_group(holder, when):
            return HolderTrust(Holder.PEOPLE, ("members of the group",), by_trust_policy=False)
        return trust_of(holder, self.role_of(holder), lambda: self.passable_roles.open_ways(holder, ()), when)

    @property
    def is_cdk_bootstrap(self) -> bool:
        """True if the policy is that of the deployment role in a bootstrap template of the AWS CDK, which reads the
        version of the template in a parameter (AWS CDK Developer Guide, "Customize AWS CDK bootstrapping")."""
        resources = (resource for statement in self.statements for resource in statement.resources or ())
        return any(_BOOTSTRAP_VERSION in str(resource) for resource in resources)

    def _is_of_group(self, holder: Principal, when: PathCondition) -> bool:
        """True if a holder is a group, or a user that has the policy by one, that is an administrator and surely has no
        access keys."""
        is_group = holder.kind is PrincipalKind.GROUP
        is_member = holder.kind is PrincipalKind.USER and holder.name not in self.policy.holders
        is_people = (is_group or is_member) and not self.model.creates_access_keys
        return is_people and holder.certain_permissions.is_administrator_when(when)

    @property
    def _requires_mfa(self) -> bool:
        """True if the statement is that of an administrator, for requests of users with MFA only."""
        is_all = self.grant.granted_by == "*" and any(role.pattern.literal == "*" for role in self.grant.roles)
        return is_all and not self.grant.complement and requires_mfa(self.grant.statement.condition)

    @property
    def least_restricted(self) -> HolderTrust:
        """The users of the permissions of the least restricted holder."""
        return least_restricted(map(self.trust_of, self.holders))

    def services_to_name(self) -> tuple[str, ...]:
        """Return the services that the condition should name.

        For each role in scope: the services that resources pass it to here, or else those that its trust policy names;
        for a service-linked role the one in its path. Empty if a role in scope is unknown, or says neither.
        """
        if self.grant.complement or not self.grant.roles:
            return ()
        services: dict[str, None] = {}
        for item in self.grant.roles:
            role = self.known_role(item.pattern)
            if role is not None:
                own = self.passable_roles.services_of(role) or passed_to_service_values(role.trusted or ())
            else:
                linked = service_of_linked_role(item.pattern)
                own = passed_to_service_values((linked,)) if linked else ()
            if not own:
                return ()
            services.update(dict.fromkeys(own))
        return tuple(sorted(services))


_MOST_COMPARED = 30  # of the statements of a boundary or an SCP: each grant is compared with each of them


def _surely_allows(limit: Permissions, role: StringNode) -> bool:
    """True if the statements of a limit allow passing roles of a pattern."""
    allowed = limit.allows("iam:PassRole", (role,))
    return allowed is not None and allowed.certain is Ternary.YES
