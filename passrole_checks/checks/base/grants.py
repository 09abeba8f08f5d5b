"""Properties of grants that several checks ask for."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from passrole_checks.access.service_trust import has_roles_of_one_purpose, passed_to_service_values, works_for_callers
from passrole_checks.access.severity import Roles, Services
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.permissions.principal import Principal
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.iam.values.path_conditions import PathCondition

_CLOUDFORMATION = frozenset({"cloudformation.amazonaws.com"})


class Special(Enum):
    """Why a grant lets no role be passed here, or may not: a check gets such grants only if it accepts them.

    `DENY`: it is no Allow. `DENIED`: Deny statements leave nothing of it. `NEVER_MATCHES`: its condition never matches.
    `UNCERTAIN`: it is unknown whether it grants PassRole. `OTHER_ACCOUNT`: all its roles are of another account.
    """

    DENY = "deny"
    DENIED = "denied"
    NEVER_MATCHES = "never matches"
    UNCERTAIN = "uncertain"
    OTHER_ACCOUNT = "other account"


def special(context: GrantContext) -> frozenset[Special]:
    """Return what is special about the grant of a context; empty for a live, certain grant of this account."""
    grant = context.grant
    applies = {
        Special.DENY: grant.effect != "Allow",
        Special.DENIED: grant.denied,
        Special.NEVER_MATCHES: grant.condition.dead,
        Special.UNCERTAIN: grant.certain is not Ternary.YES,
        Special.OTHER_ACCOUNT: context.is_of_other_account,
    }
    return frozenset(kind for kind, holds in applies.items() if holds)


def is_scoped(grant: PassRoleGrant) -> bool:
    """True if the grant is limited to some roles, and surely to roles."""
    return grant.scope in (Scope.PREFIX, Scope.EXACT, Scope.ROLE_IN_TEMPLATE)


def least_scope(grant: PassRoleGrant) -> Scope:
    """Return the scope of a grant, or if unresolved values decide it, the narrowest that it has for any of them."""
    if grant.scope is not Scope.UNRESOLVED or grant.complement:
        return grant.scope
    return arn.widest([arn.least_scope(role.pattern, variables=grant.statement.variables) for role in grant.roles])


def narrows_services(grant: PassRoleGrant) -> bool:
    """True if a condition on ``iam:PassedToService`` reliably excludes services."""
    constraint = grant.services.constraint
    if constraint is Constraint.PATTERN:
        return not grant.open_to_other_services
    return constraint in (Constraint.EXACT, Constraint.EXACT_IF_PRESENT)


def services_of(grant: PassRoleGrant) -> Services:
    """Return which services a grant lets roles be passed to. An unresolved condition counts as one that names them."""
    if grant.services.constraint is Constraint.UNRESOLVED:
        return Services.CALLER_CODE
    if not narrows_services(grant):
        return Services.ANY
    values = grant.services.values
    return Services.CALLER_CODE if not values or any(map(works_for_callers, values)) else Services.OWN_WORK


def services_of_any_role(grant: PassRoleGrant) -> Services:
    """Return which services a grant lets unknown roles be passed to; those with roles of one purpose count as services
    that do their own work."""
    values = grant.services.values if narrows_services(grant) else ()
    runs = [value for value in values if works_for_callers(value)]
    return Services.OWN_WORK if runs and all(map(has_roles_of_one_purpose, runs)) else services_of(grant)


def is_handover(context: GrantContext, roles: Iterable[KnownRole], holder: Principal) -> bool:
    """True if only services use a principal, and the grant names these roles exactly, each of which one service alone
    can assume."""
    own = context.role_of(holder)
    if own is None or not own.only_services or not _names_roles(context.grant):
        return False
    return all(len(role.trusted or ()) == 1 for role in roles)


def is_deployment(context: GrantContext, roles: Iterable[KnownRole], holder: Principal, when: PathCondition) -> bool:
    """True if only principals of its own account use a principal under a path condition, and the grant names these
    roles exactly, which only CloudFormation can assume."""
    own = context.role_of(holder)
    is_own = own is not None and own.is_of_own_account(when) and _names_roles(context.grant)
    return is_own and is_execution_role(roles)


def is_execution_role(roles: Iterable[KnownRole]) -> bool:
    """True if there are roles, and only CloudFormation can assume each of them."""
    found = list(roles)
    return bool(found) and all(role.only_services and role.presumed == _CLOUDFORMATION for role in found)


def _names_roles(grant: PassRoleGrant) -> bool:
    """True if a grant surely names its roles exactly."""
    return roles_of(grant.scope, grant.complement) is Roles.EXACT and grant.scope is not Scope.UNRESOLVED


def services_for(context: GrantContext, role: KnownRole, holder: Principal) -> Services:
    """Return which services a principal can pass a role of this configuration to, as far as its trust policy is
    known."""
    passing = context.effective_grant(holder)
    names = [name for name in passed_to_service_values(role.trusted or ()) if passing.for_service(name) is not None]
    if not names:
        return services_of(context.grant)
    return Services.CALLER_CODE if any(map(works_for_callers, names)) else Services.OWN_WORK


def roles_of(scope: Scope, complement: bool = False) -> Roles:
    """Return which roles a scope means. Unresolved ones count as named."""
    if complement or scope is Scope.ANY_ROLE:
        return Roles.ANY
    return Roles.PATTERN if scope is Scope.PREFIX else Roles.EXACT
