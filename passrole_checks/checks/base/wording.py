"""Phrases that the messages and remedies of several checks share."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from passrole_checks.access.holder_trust import HolderTrust
from passrole_checks.access.passable_roles import RoleGains
from passrole_checks.access.role_privilege import PrivilegeGain
from passrole_checks.access.service_trust import has_roles_of_one_purpose, works_for_callers
from passrole_checks.access.severity import Holder, Services
from passrole_checks.checks.base.grants import narrows_services
from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.iam.conditions.condition_block import PASSED_TO_SERVICE
from passrole_checks.iam.conditions.likely_typos import NOT_A_KEY
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.grants.grant import PassRoleGrant, RoleScope
from passrole_checks.iam.grants.limits import PassableSet
from passrole_checks.iam.identity_cache import cached_by_identity
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles.arn import Scope, is_any_role_if_empty, resource_scope
from passrole_checks.iam.values.nodes import UnresolvedKind
from passrole_checks.sources.model.addresses import seen_from
from passrole_checks.sources.model.configuration import Framework

_NAMED = 3  # more privileged roles that a message names


def by_short_name(roles: RoleGains) -> list[tuple[str, PrivilegeGain]]:
    """Return the first roles with what they can do, by their short names: of roles with one short name, as in several
    instances of a module, the first."""
    named: dict[str, PrivilegeGain] = {}
    for role, gain in roles:
        named.setdefault(shortened(role.address), gain)
        if len(named) == _NAMED:
            break
    return list(named.items())


def configuration_in_words(framework: Framework) -> str:
    """Return what one configuration is called in a framework."""
    return _CONFIGURATIONS.get(framework, "template")


_CONFIGURATIONS = {
    Framework.TERRAFORM: "root module",
    Framework.TERRAFORM_PLAN: "plan",
    Framework.POLICY_DOCUMENT: "file",
    Framework.ACCOUNT: "account",
}


def equals(grant: PassRoleGrant, services: Sequence[str]) -> str:
    """Return the condition operator on iam:PassedToService for these services.

    It is JSON, which HCL objects and YAML accept as well, or the content of a ``condition`` block if the statement is a
    ``statement`` block.
    """
    if grant.statement.block:
        return f'test = "StringEquals", variable = "iam:PassedToService", values = {json.dumps(list(services))}'
    value = json.dumps(services[0] if len(services) == 1 else list(services))
    return f'"StringEquals": {{"iam:PassedToService": {value}}}'


def condition_on(grant: PassRoleGrant, services: Sequence[str]) -> str:
    """Return the whole condition, in the syntax of the statement."""
    operator = equals(grant, services)
    return f"a condition ({operator})" if grant.statement.block else f'"Condition": {{{operator}}}'


def resource_of(grant: PassRoleGrant) -> str:
    """Return the element that names the roles, in the syntax of the statement."""
    return "resources = […]" if grant.statement.block else "Resource"


def roles_in_words(grant: PassRoleGrant, roles: tuple[RoleScope, ...] = ()) -> str:
    """Return up to three role patterns of a grant, or of ``roles`` if given, without non-role ARNs if there are
    others."""
    names = _names_of(roles or grant.roles)
    shown = ("every role except " if grant.complement else "") + ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


@cached_by_identity(64)
def _names_of(roles: tuple[RoleScope, ...]) -> tuple[str, ...]:
    """Return the distinct names of roles, without non-role ARNs if there are others."""
    named = [role for role in roles if role.scope is not Scope.NOT_A_ROLE] or roles
    return tuple(dict.fromkeys(shortened(str(role.pattern), 140) for role in named))


def and_condition(grant: PassRoleGrant) -> str:
    """Return the part of a remedy that limits the services, after the part on the roles; "" if a condition does."""
    if narrows_services(grant) or grant.services.constraint is Constraint.UNRESOLVED:
        return ""
    misspelled = misspelled_keys(grant)
    if misspelled:
        return f" and rename `{misspelled[0]}` to `{PASSED_TO_SERVICE}`"
    verb = "add" if grant.condition.constraint is Constraint.ABSENT else "correct"
    return f" and {verb} {'an' if verb == 'add' else 'the'} `iam:PassedToService` condition"


def unless_administrators(holders: Sequence[Principal], trust: HolderTrust) -> str:
    """Return the first part of a remedy for principals that may do everything: how to limit who is one."""
    kinds = {holder.kind for holder in holders}
    kind = kinds.pop() if len(kinds) == 1 else PrincipalKind.POLICY
    limit = "limit who can assume it, or " if kind is PrincipalKind.ROLE else ""
    if limit and trust.is_cloudformation:
        limit = "limit who can pass it to CloudFormation, or "
    if limit and trust.holder is Holder.ACCOUNTS:
        limit = "require MFA in its trust policy (`aws:MultiFactorAuthPresent`), limit who can assume it, or "
    limit = "limit who is a member" if kind is PrincipalKind.GROUP else f"{limit}add a permissions boundary"
    name = "principal" if kind is PrincipalKind.POLICY else kind.value
    return f"If this {name} must be an administrator, {limit}. If not, "


def narrow_execution_role(grant: PassRoleGrant, holder: Principal, *, is_bootstrap: bool) -> str:
    """Return a remedy for the passing of a role that CloudFormation deploys with, which has to be privileged.

    ``is_bootstrap``: it is that of a bootstrap template of the AWS CDK, whose parameters decide on it (AWS CDK
    Developer Guide, "Customize AWS CDK bootstrapping").
    """
    if is_bootstrap:
        return (
            "Set `CloudFormationExecutionPolicies` of this AWS CDK bootstrap template (`cdk bootstrap "
            "--cloudformation-execution-policies ARN`) to policies with what the stacks need, and `TrustedAccounts` "
            "(`--trust`) to accounts that may deploy."
        )
    bind = (
        ""
        if narrows_services(grant)
        else ", add an `iam:PassedToService` condition with `cloudformation.amazonaws.com`"
    )
    can = "can assume this principal" if holder.kind is PrincipalKind.ROLE else "has this policy"
    return f"Remove permissions that deployments do not need from the execution role{bind}, and limit who {can}."


def how_granted(grant: PassRoleGrant) -> str:
    """Return a sentence that names the action pattern that grants iam:PassRole; "" if that is its own name."""
    return "" if grant.explicit else f" Granted through `{grant.granted_by}`."


def beside(grant: PassRoleGrant) -> str:
    """Return sentences that name misspelled keys, and conditions that restrict neither roles nor services; "" if there
    are none."""
    left = dict.fromkeys(key for key in grant.other_conditions if key not in grant.condition.not_sent)
    misspelled = [key for key in left if key in misspelled_keys(grant)]
    names = ", ".join(f"`{key}`" for key in left if key not in misspelled)
    words = "".join(f" {did_you_mean(key)}" for key in misspelled)
    return words + (f" The condition on {names} restricts neither the roles nor the services." if names else "")


def misspelled_keys(grant: PassRoleGrant) -> tuple[str, ...]:
    """Return the condition keys that look like iam:PassedToService and do not exist, as written."""
    typos = grant.condition.likely_typos
    return tuple(dict.fromkeys(item.value for item in typos if item.reason.startswith(NOT_A_KEY)))


def did_you_mean(key: str) -> str:
    """Return a sentence on a misspelled condition key."""
    return f"`{key}` {NOT_A_KEY}: did you mean `{PASSED_TO_SERVICE}`?"


def limited_by_tags(grant: PassRoleGrant) -> str:
    """Return a sentence on the role tags that a condition requires; "" if there are none."""
    names = list(dict.fromkeys(grant.condition.tags))
    return f" Limited by role tags ({listed([f'`{name}`' for name in names])}), which is not reliable." if names else ""


def if_any_role(grant: PassRoleGrant, module: str) -> str:
    """Return a sentence on the values of variables in a pattern that make it any role; "" if there are none."""
    for role in grant.roles if not grant.complement else ():
        holes = [
            hole
            for hole in role.pattern.unresolved_parts
            if hole.kind is UnresolvedKind.ANYTHING and hole.known is None
        ]
        if role.scope is Scope.UNRESOLVED and holes and role.pattern.only_unresolved is None:
            names = listed(list(dict.fromkeys(f"`{shortened(seen_from(module, hole.expression))}`" for hole in holes)))
            empty = "empty or " if is_any_role_if_empty(role.pattern, variables=grant.statement.variables) else ""
            return f" If {names} is {empty}a wildcard, this is any role."
    return ""


def only_by(trust: HolderTrust) -> str:
    """Return a sentence on who can use a principal; "" if that is unknown."""
    if not trust.names:
        return ""
    words = _ONLY_BY[trust.holder] if trust.by_trust_policy else " Only {} can use this."
    return words.format(listed(list(map(_user_in_words, trust.names))))


def only_by_own_account(trust: HolderTrust, *, is_deployment: bool) -> str:
    """Return :func:`only_by`, or a sentence on the account of a principal that deploys."""
    return only_by(trust) or (" Only its own account can assume the principal." if is_deployment else "")


def _user_in_words(name: str) -> str:
    """Return a service, a kind of people or a subject of tokens; of GitHub's for a whole repository, what can run."""
    match = re.fullmatch(r"(repo:[^:]+):\*", name)
    return f"{shortened(match[1])} (any branch, tag or pull request)" if match is not None else shortened(name)


_ONLY_BY = {
    Holder.OWN_WORK: " Only {} can use this, and it never runs caller code.",
    Holder.TASKS: " Only {} can use this, to run ECS tasks.",
    Holder.PEOPLE: " Only {} can assume the principal.",
    Holder.ACCOUNTS: " Only {} can assume the principal.",
    Holder.DEPLOYMENT: " Only {} can assume the principal.",
    Holder.ANYONE: " Only {} can assume the principal.",
}


def except_denied(passed: PassableSet | None) -> str:
    """Return words after "any role in the account" on the roles that a Deny excludes; "" if there are none."""
    denied = [
        role for role in (passed.denied if passed is not None else ()) if resource_scope(role) is not Scope.NOT_A_ROLE
    ]
    names = listed(list(dict.fromkeys(f"`{shortened(str(role), 140)}`" for role in denied)))
    return f" except those that a Deny excludes ({names})" if denied else ""


MAY_BE_NONE = " A permissions boundary or an SCP may exclude all of them."
UNKNOWN_LIMIT = " A Deny, a permissions boundary or an SCP of unknown content may limit it."


def only_to(services: Services, trust: HolderTrust) -> str:
    """Return a sentence on services that do their own work; "" for others, or if only such services use the holder."""
    if services is not Services.OWN_WORK or trust.holder is Holder.OWN_WORK:
        return ""
    return " The services that can receive the roles never run caller code."


def only_for(grant: PassRoleGrant) -> str:
    """Return a sentence on services that only roles made for them trust; "" if there are others."""
    values = grant.services.values if narrows_services(grant) else ()
    own = [value for value in values if works_for_callers(value)]
    if not own or not all(map(has_roles_of_one_purpose, own)):
        return ""
    if len(own) < len(values):
        return f" Only roles that exist for {listed(own)} trust it; the other services never run caller code."
    return f" Only roles that exist for {'this service trust it' if len(own) == 1 else 'these services trust them'}."
