"""PASSROLE_013."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.access.service_trust import works_for_callers
from passrole_checks.checks.base.check import Check, Element, Example, allow
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import narrows_services
from passrole_checks.checks.base.wording import listed, only_by, shortened
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.permissions.principal import Principal
from passrole_checks.iam.roles.arn import Scope


class ManagedPolicyPassRole(Check):
    """An AWS managed policy that is attached lets any role of the account be passed.

    AWS writes these policies for every account, so they cannot name the roles of one: more than a hundred of them let
    any role be passed. Whoever holds such a policy hands the most powerful role that the service can assume to a
    function, a job or an instance, and acts as that role. High where no condition names the service, medium where one
    does, because then only roles that trust that service are open; low where that service runs no code of its callers
    and makes no calls that they choose (scaling, replication). The same goes for who can act as the holder: for a role
    that only such a service can assume, as AWS prescribes for several, it is low, and with a condition information. AWS
    changes its policies without notice; judged is the version that this program ships.

    Attach a policy of your own in its place, which names the roles in Resource and the service in a condition on
    `iam:PassedToService`; or take PassRole away again with a Deny or a permissions boundary. Source: IAM User Guide,
    "AWS managed policies" and "Grant a user permissions to pass a role to an AWS service".
    """

    id = "PASSROLE_013"
    name = "managed-policy"
    title = "Ensure that no attached AWS managed policy lets any role of the account be passed"
    severity = Severity.HIGH
    checks_managed_policies = True
    independent_of = frozenset(Element)
    flagged = (
        Example("AdministratorAccess", (allow("*", "*"),), managed="AdministratorAccess"),
        Example(
            "any role, to one service (medium)",
            (allow("iam:PassRole", "*", {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}),),
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
        if not context.managed:
            return
        for holder in context.holders:
            left = context.effective_grant(holder).for_any_service
            if left is None or left.scope is not Scope.ANY_ROLE:
                continue  # a Deny or a permissions boundary beside it takes it away
            narrowed = narrows_services(grant)
            services = f"to {listed(grant.services.values)} only" if narrowed else "to any service"
            named = f", Sid {grant.sid}" if grant.sid else ""
            statement = f"statement {grant.statement.path.rpartition('/')[2]}{named}"
            severity, why = _severity(context, holder, narrowed)
            yield Verdict(
                severity,
                f"can pass any role of the account {services}: the AWS managed policy {shortened(context.managed)} "
                f"says so ({statement}{'' if grant.explicit else f', through {grant.granted_by}'}).{why}",
                "Attach a policy of your own in its place, with the roles in Resource and the service in a condition "
                "on iam:PassedToService, or take iam:PassRole away with a permissions boundary.",
                who=(holder.name,),
            )


def _severity(context: GrantContext, holder: Principal, narrowed: bool) -> tuple[Severity, str]:
    """How bad that is, and what makes it less so in words."""
    only = context.only_for(holder)
    if only:
        return Severity.INFO if narrowed else Severity.LOW, only_by(only)
    if narrowed and not any(map(works_for_callers, context.grant.services.values)):
        return Severity.LOW, " No code of callers runs with a role there."
    return Severity.MEDIUM if narrowed else Severity.HIGH, ""
