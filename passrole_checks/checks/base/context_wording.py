"""Phrases on what is known from the context of a configuration, such as the details of its account."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.escaping.shorten import listed
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.sources.model.configuration import Framework

CODE_OF = "the code of "
"""Beginning of an origin that is another root module or template, not an account."""


def matching_roles(context: GrantContext) -> str:
    """Return a sentence on how many known roles a grant covers, and which are privileged; "" without context."""
    origins = context.model.configuration.surroundings.context.origins
    left = context.widest_effective
    if not origins or left is None:
        return ""
    roles = context.passable_roles.reached(left, context.grant)
    if left.scope is Scope.UNRESOLVED and not roles.roles:
        return ""
    known = context.model.configuration.surroundings.context.roles
    here = " and this code" if any(role.address not in known for role in roles.roles) else ""
    count = len(roles.roles)
    matching = "1 role matches" if count == 1 else f"{count} roles match" if count else "no role matches"
    words = f" According to {listed(origins)}{here}, {matching}"
    privileged = context.passable_roles.administrators(roles)
    if not privileged:
        return f"{words}." if not count else f"{words}; none of them can administer IAM."
    which = "it" if count == 1 else str(len(privileged))
    return f"{words}; {which} can administer IAM: {listed([role_name(role.address) for role in privileged])}."


def role_name(address: str) -> str:
    """Return the path and name of a role whose address is its ARN; another address unchanged."""
    return address.partition(":role/")[2] or address


def according_to(context: GrantContext, roles: Iterable[str], principals: Iterable[str] = ()) -> str:
    """Return a sentence on the origin of what is known of roles and principals, by their addresses; "" if that is the
    configuration itself."""
    names = context.model.configuration.surroundings.context
    known = [*roles]  # of one that is declared here, policies may be from the context
    found = (*map(names.roles.get, known), *map(names.principals.get, (*known, *principals)))
    origins = list(dict.fromkeys(filter(None, found)))
    return f" This is according to {listed(origins)}." if origins else ""


def is_of_other_code(context: GrantContext, role: str) -> bool:
    """True if only another scanned root declares a role, which may be deployed to another account."""
    return context.model.configuration.surroundings.context.roles.get(role, "").startswith(CODE_OF)


def place_of(context: GrantContext, roles: Collection[str] | Sequence[str]) -> str:
    """Return where roles are known: in this code, in its context (``the account``), or in both.

    Of an account file, which is no code, ``the account``.
    """
    if context.model.configuration.framework is Framework.ACCOUNT:
        return "the account"
    known = context.model.configuration.surroundings.context.roles
    around = {role for role in roles if role in known}
    if not around:
        return "this code"
    others = dict.fromkeys(known[role] for role in sorted(around))
    where = listed([origin for origin in others if origin.startswith(CODE_OF)]) or "the account"
    return where if len(around) == len(set(roles)) else f"this code and {where}"
