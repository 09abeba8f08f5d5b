"""PASSROLE_009."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from passrole_checks.access.passable_roles import RoleGains
from passrole_checks.access.severity import PassedAccess, Roles, severity_of
from passrole_checks.checks.base.check import TO_LAMBDA, Check, Example, ExampleRole, allow
from passrole_checks.checks.base.escalations import principal_name, verdicts_on_holders
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import (
    Special,
    is_deployment,
    is_execution_role,
    is_handover,
    narrows_services,
    services_for,
)
from passrole_checks.checks.base.wording import by_short_name, narrow_execution_role, only_by_own_account, only_to
from passrole_checks.escaping.shorten import shortened
from passrole_checks.findings import Confidence, Escalation, Outcome, Severity, Verdict
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.iam.values.path_conditions import PathCondition, implies_all, is_off_by_default

_PASS = allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-worker", TO_LAMBDA)


class StrongerRole(Check):
    """A principal can pass a role more privileged than itself.

    The check compares all permissions of both by meaning: actions and resources, wildcards, Deny statements,
    boundaries, AWS managed policies. The principal obtains the additional permissions with any function, instance or
    job that runs with the role. It considers the roles of this configuration that a service in scope can assume.

    Severity high: the additional permissions reach IAM, STS, Organizations or everything. Medium: changes by a
    wildcard, or reading secrets and data, in the whole account. Low: such a wildcard restricted to some resources,
    or named changes of any resource. Info: a few named actions on named resources, which is the purpose of a role.
    Reading named resources and writing logs, traces and metrics do not count. For a policy that is attached to no
    principal of this configuration: medium instead of high, else info. Low instead of medium if only services use
    the principal, and it passes roles that are named exactly, each to the one service that can assume it. At most
    low if only services that never run caller code can receive the roles. At most medium at low confidence, for
    principals that exist to deploy (only CloudFormation, Service Catalog, Fault Injection Service, or workflows of
    named repositories, can assume them), and for those that only their own account can assume, if they pass exactly
    named roles that only CloudFormation can assume. High becomes low, and the rest info, if only a service that
    never runs caller code can assume the principal, or only EventBridge or Step Functions to run ECS tasks.
    Administrators, and principals that can grant themselves every permission, are not flagged. If the principal can
    also launch a workload with the role, privilege-escalation reports it instead.

    Remove unneeded permissions from the role, or limit who may pass it. Source: IAM User Guide, "Grant a user
    permissions to pass a role to an AWS service", which asks that a user should not pass a role with more permissions
    than the user should have.
    """

    id = "PASSROLE_009"
    name = "stronger-role"
    title = "Ensure that no principal can pass a role more privileged than itself"
    severity = Severity.HIGH
    accepts = frozenset({Special.OTHER_ACCOUNT})
    needs_all_policies = True
    superseded_by = ("PASSROLE_008",)
    flagged = (
        Example("a role that is an administrator", (_PASS,),
                roles=(ExampleRole("app-worker", ("lambda.amazonaws.com",), (allow("*", "*"),)),)),
        Example("a role with all of S3 (medium)", (_PASS,), beside=(allow("s3:Get*", "*"),),
                roles=(ExampleRole("app-worker", ("lambda.amazonaws.com",), (allow("s3:*", "*"),)),)),
        Example("a role with one action more (info)", (_PASS,),
                roles=(ExampleRole("app-worker", ("lambda.amazonaws.com",),
                                   (allow("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:orders"),)),)),
    )  # fmt: skip
    clean = (
        Example("a role that can do less", (_PASS,), beside=(allow("s3:*", "*"),),
                roles=(ExampleRole("app-worker", ("lambda.amazonaws.com",), (allow("s3:GetObject", "*"),)),)),
        Example("a role of another service", (_PASS,),
                roles=(ExampleRole("app-worker", ("ec2.amazonaws.com",), (allow("*", "*"),)),)),
        Example("an administrator passes it", (_PASS, allow("*", "*")),
                roles=(ExampleRole("app-worker", ("lambda.amazonaws.com",), (allow("iam:*", "*"),)),)),
    )  # fmt: skip

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        if context.grant.scope is not Scope.UNRESOLVED:
            yield from verdicts_on_holders(context, partial(_about, context))


def _about(context: GrantContext, holder: Principal) -> Iterator[Verdict]:
    reach = context.passable_roles
    passing = context.effective_grant(holder)
    left = passing.for_any_service
    facts = left.when if left is not None else context.grant.statement.when
    found, complete = reach.strongest(reach.passable(passing), holder, facts)
    # a role that is off by default must not take the others into its verdict
    left_over = sorted(found, key=lambda item: is_off_by_default(item[1].when))
    while left_over:  # one verdict for roles under the same path condition
        facts = left_over[0][1].when
        stronger = [
            item for item in (found if is_off_by_default(facts) else left_over) if implies_all(facts, item[1].when)
        ]
        left_over = [item for item in left_over if not implies_all(facts, item[1].when)]
        yield _verdict(context, holder, stronger, facts, complete)


def _verdict(
    context: GrantContext, holder: Principal, stronger: RoleGains, facts: PathCondition, complete: bool
) -> Verdict:
    worst = stronger[0][1].severity
    decided = [strength for _, strength in stronger if strength.severity is worst]
    first = by_short_name(stronger)
    named = [f"{name} (additional permissions: {strength.words})" for name, strength in first]
    left = len(stronger) - len(first)
    more = f"; and {left} more" if left else "" if complete else "; and possibly others"
    unknown = (
        f" The permissions in {', '.join(map(shortened, holder.unknown[:2]))} are unknown." if holder.unknown else ""
    )
    alone = holder.kind is PrincipalKind.POLICY
    if alone:
        unknown = " The other permissions of its principals are unknown here."
    trust = context.trust_of(holder)
    confidence = _confidence(context, holder, any(one.certain is Ternary.YES for one in decided), facts)
    accesses = [
        PassedAccess(
            Roles.NONE,
            services_for(context, role, holder),
            gain=strength.severity,
            gain_is_known=not alone,
            is_handover=is_handover(context, [role], holder),
            is_deployment=is_deployment(context, [role], holder, facts),
            holder=trust.holder,
            confidence=confidence,
        )
        for role, strength in stronger
    ]
    only = only_by_own_account(trust, is_deployment=all(access.is_deployment for access in accesses))
    unknown += only + only_to(max(access.services for access in accesses), trust)
    return Verdict(
        max(map(severity_of, accesses), key=lambda severity: severity.rank),
        f"can pass {'more privileged roles' if len(stronger) > 1 else 'a more privileged role'}: "
        f"{'; '.join(named)}{more}.{unknown}",
        narrow_execution_role(context.grant, holder, is_bootstrap=context.is_cdk_bootstrap)
        if len(stronger) == 1 and context.grant.scope in _NAMED and is_execution_role(role for role, _ in stronger)
        else _remedy(context.grant, len(stronger) > 1),
        confidence,
        who=(principal_name(holder),),
        when=facts,
        reaches=() if context.grant.scope is Scope.ANY_ROLE else tuple(role.address for role, _ in stronger),
        escalations=(
            Escalation(
                principal_name(holder),
                Outcome.ADMINISTRATOR if worst is Severity.HIGH else Outcome.MORE,
                tuple(role.address for role, strength in stronger if strength.severity is worst),
                stronger[0][1].words,
            ),
        ),
    )


_NAMED = (Scope.EXACT, Scope.ROLE_IN_TEMPLATE)


def _remedy(grant: PassRoleGrant, several: bool) -> str:
    """Return what to write: narrower ARNs or fewer permissions, and the service if the statement does not name it."""
    them = "these roles" if several else "this role"
    if grant.complement or grant.scope in (Scope.ANY_ROLE, Scope.PREFIX):
        leave_out = f"Restrict `Resource` to the ARNs of other roles than {them}"
    else:
        leave_out = f"Remove the {'ARNs' if several else 'ARN'} of {them} from `Resource`"
    words = f"{leave_out}, or remove the permissions that {'the roles do' if several else 'the role does'} not need."
    if narrows_services(grant) or grant.services.constraint is Constraint.UNRESOLVED:
        return words
    return f"{words} Name the service that uses {'them' if several else 'it'} in an `iam:PassedToService` condition."


def _confidence(context: GrantContext, holder: Principal, certain: bool, facts: PathCondition) -> Confidence:
    if not certain or not holder.certain_permissions.complete or holder.kind is PrincipalKind.POLICY:
        return Confidence.LOW
    if facts or context.grant.other_conditions:
        return Confidence.MEDIUM
    return Confidence.HIGH
