"""PASSROLE_013."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.access.holder_trust import HolderTrust
from passrole_checks.access.severity import PassedAccess, Roles, severity_of
from passrole_checks.checks.base.check import TO_LAMBDA, Check, Element, Example, allow
from passrole_checks.checks.base.escalations import administrators, cause_of_managed_policy, launch_of_any_role
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import narrows_services, services_of_any_role
from passrole_checks.checks.base.wording import (
    UNKNOWN_LIMIT,
    except_denied,
    only_by,
    only_for,
    only_to,
    unless_administrators,
)
from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Ternary


class ManagedPolicyPassRole(Check):
    """An attached AWS managed policy allows passing any role in the account.

    AWS writes these policies for every account, so they cannot name its roles: more than a hundred of them allow
    passing any role. A principal with such a policy passes the most privileged role that the service can assume to a
    function, a job or an instance, and acts with its permissions.

    Severity high: no condition names the service. Medium: one does, so that only roles that trust that service are
    open. Low: that service never runs caller code and makes no calls that callers choose (scaling, replication), or
    only roles that exist for it trust it (launch roles of Service Catalog). A holder that only such a service can
    assume, as AWS prescribes for several, is low, and info with a condition. At most medium for roles that exist to
    deploy (only CloudFormation, Service Catalog, Fault Injection Service, or workflows of the repositories that the
    trust policy names, can assume them) and for administrators that only IAM users or named accounts can assume. At
    most low for administrators that are people: permission sets, groups of users without access keys in this
    configuration, and roles that only a SAML provider, or users with MFA, can assume. They gain nothing by passing
    roles. One policy on several principals with the same trust is one finding. AWS changes its policies without
    notice; this check uses the version that ships with it.

    Replace it with a customer managed policy with role ARNs in `Resource` and an `iam:PassedToService` condition; or
    exclude iam:PassRole with a Deny or a permissions boundary. Source: IAM User Guide, "AWS managed policies" and
    "Grant a user permissions to pass a role to an AWS service".
    """

    id = "PASSROLE_013"
    name = "managed-policy"
    title = "Ensure that no attached AWS managed policy allows passing any role in the account"
    severity = Severity.HIGH
    checks_managed_policies = True
    independent_of = frozenset(Element)
    flagged = (
        Example("AdministratorAccess", (allow("*", "*"),), managed="AdministratorAccess"),
        Example(
            "any role, to one service (medium)",
            (allow("iam:PassRole", "*", TO_LAMBDA),),
            managed="AWSLambda_FullAccess",
        ),
        Example(
            "any role, to a service that only does its own work with it (low)",
            (allow("iam:PassRole", "*", {"StringLike": {"iam:PassedToService": ["kafka.amazonaws.com"]}}),),
            managed="AmazonMSKFullAccess",
        ),
    )
    clean = (
        Example(
            "roles with a prefix",
            (
                allow(
                    "iam:PassRole",
                    "arn:aws:iam::*:role/AWSGlueServiceRole*",
                    {"StringLike": {"iam:PassedToService": ["glue.amazonaws.com"]}},
                ),
            ),
            managed="AWSGlueConsoleFullAccess",
        ),
        Example("a policy of one's own, which is any-role", (allow("iam:PassRole", "*"),)),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if not context.policy.managed:
            return
        for holder in context.holders:
            left = context.effective_grant(holder).for_any_service
            if left is None or left.scope is not Scope.ANY_ROLE:
                continue  # a Deny or a permissions boundary restricts it
            narrowed = narrows_services(grant)
            services = f"to {listed(grant.services.values)} only" if narrowed else "to any service"
            trust, kind = context.trust_of(holder), services_of_any_role(grant)
            sure = left.certain is Ternary.YES
            why = f"{'' if sure else UNKNOWN_LIMIT}{only_by(trust)}{only_for(grant) or only_to(kind, trust)}"
            yield Verdict(
                severity_of(PassedAccess(Roles.ANY, kind, holder=trust.holder)),
                f"can pass any role in the account{except_denied(left)} {services}: granted by AWS managed policy "
                f"{shortened(context.policy.managed)} ({_statement(grant)}).{why}",
                _remedy(context, holder, trust),
                Confidence.HIGH if sure else Confidence.MEDIUM,
                who=(holder.name,),
                escalations=administrators(context, (holder,)) or launch_of_any_role(context, holder),
                cause=cause_of_managed_policy(context, holder),
            )


def _remedy(context: GrantContext, holder: Principal, trust: HolderTrust) -> str:
    """Return what to write; for an administrator, how to limit who is one."""
    is_group = holder.kind is PrincipalKind.GROUP  # a boundary is set for a user or a role
    if context.grant.granted_by != "*":
        limit = "Deny" if is_group else "permissions boundary"
        return f"Replace this policy with {_INSTEAD}, or exclude iam:PassRole with a {limit}."
    return f"{unless_administrators((holder,), trust)}replace this policy with {_INSTEAD}."


_INSTEAD = "a customer managed one that names the roles in `Resource` and has an `iam:PassedToService` condition"


def _statement(grant: PassRoleGrant) -> str:
    """Return the action pattern that grants iam:PassRole, and the Sid or the number of its statement."""
    named = f"Sid `{grant.sid}`" if grant.sid else f"statement {grant.statement.path.rpartition('/')[2]}"
    return f'`Action: "{grant.granted_by}"`, {named}'
