"""Cause of what an AWS managed policy allows: equal for principals that the same users have."""

from __future__ import annotations

from passrole_checks.access.severity import Holder
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.iam.permissions.principal import Principal

_NAMED = (Holder.DEPLOYMENT, Holder.ACCOUNTS, Holder.PEOPLE)


def cause_of(context: GrantContext, holder: Principal) -> str:
    """Return the policy and the services, repositories or kinds of people that alone can use a principal; "" if these
    are unknown."""
    role, people = context.role_of(holder), context.trust_of(holder)
    services = role.trusted if role is not None and role.only_services and role.trusted else ()
    trusted = people.names if people.names and people.holder in _NAMED else tuple(sorted(services))
    return " ".join((context.managed, *trusted)) if trusted else ""
