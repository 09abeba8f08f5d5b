"""Findings: a verdict at its location, with its fingerprint."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.access.holder_trust import least_restricted
from passrole_checks.access.severity import Holder
from passrole_checks.checks.base.context_wording import according_to
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.wording import misspelled_keys
from passrole_checks.findings import Confidence, Finding, FindingDetails, Severity, Verdict
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.subtract_denials import under_condition
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.permissions.principal import PrincipalKind
from passrole_checks.iam.roles import arn
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.iam.values.path_conditions import conjoin, is_off_by_default
from passrole_checks.scan.fingerprint import digest
from passrole_checks.scan.included_access import ACCESS_CHECKS
from passrole_checks.scan.run_checks import CheckVerdict
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, Framework, HandedTo, PolicyKind

_PRESUMED = " By its name or use this policy is a {}, which grants nothing; it is attached nowhere in this code."
_LOWERED = (Severity.LOW, Severity.MEDIUM)
_FORM = lazy_regex(r"_(?:arn|json|document)s?(?:/\d+)?$")  # of the policies that an argument contains
_LIMITS = {PolicyKind.BOUNDARY: "permissions boundary", PolicyKind.SCP: "service control policy"}
_NOT_SENT = " Requests for iam:PassRole do not carry `{}`, so the condition most likely fails and this grants nothing."
_MAY_HAVE_BEFORE = " Other policies, which the change does not name, may have let them do so before."


def finding_of(item: CheckVerdict) -> Finding:
    """Return the finding for a verdict. Its confidence is lower if the configuration is incomplete."""
    check, verdict, context = item.check, item.verdict, item.context
    policy, grant, configuration = context.policy, context.grant, context.model.configuration
    gainers = tuple(gainer.who for gainer in context.beneficiaries) if check.compares_versions else ()
    is_incomplete = bool(configuration.change.incomplete.intersection(gainers))
    confidence, severity = verdict.confidence, verdict.severity
    if confidence is Confidence.HIGH and (is_incomplete or policy.handed_to is not None):
        confidence = Confidence.MEDIUM
    origin = _origin(item)
    if origin:  # service control policies, which may deny it, are not in the context
        confidence = min(confidence, Confidence.MEDIUM, key=lambda one: one.rank)
    if policy.handed_to is HandedTo.TEST_DOCUMENT:
        severity = min(severity, Severity.LOW, key=lambda one: one.rank)
    if policy.presumed is not None or grant.condition.not_sent:
        is_certain = check.about_keys and misspelled_keys(grant) and policy.presumed is None
        confidence = confidence if is_certain else Confidence.LOW
        severity = min(severity, Severity.LOW, key=lambda one: one.rank)
    when = conjoin(grant.statement.when, verdict.when) or grant.statement.when
    if is_off_by_default(when) and configuration.framework is Framework.TERRAFORM:
        confidence = min(confidence, Confidence.MEDIUM, key=lambda one: one.rank)
        severity = min(severity, Severity.LOW, key=lambda one: one.rank)
    grant = under_condition(grant, when) if verdict.when else grant
    return Finding(
        check_id=check.id,
        name=check.name,
        severity=severity,
        confidence=confidence,
        message=verdict.message
        + (_PRESUMED.format(_LIMITS[policy.presumed]) if policy.presumed is not None else "")
        + (_NOT_SENT.format(grant.condition.not_sent[0]) if grant.condition.not_sent else "")
        + (_exempt(context) if severity.rank >= Severity.MEDIUM.rank else "")
        + (_MAY_HAVE_BEFORE if is_incomplete else "")
        + origin,
        remediation=verdict.remediation,
        at=grant.at,
        framework=configuration.framework,
        resource=policy.resource,
        uses=(policy.resource.address,),
        statement_path=policy.path if policy.managed else path_of(policy, grant),
        sid=grant.sid,
        principals=tuple(filter(None, verdict.who)) or policy.holders,
        grant=grant,
        fingerprint=_fingerprint(item, configuration),
        when=(when,) if when else (),
        details=FindingDetails(
            gainers=gainers,
            who=verdict.who,
            managed=policy.managed,
            handed_to=policy.handed_to,
            element=policy.element,
            message_for_several=verdict.message_for_several and verdict.message_for_several + origin,
            is_of_people=severity in _LOWERED and _is_of_people(context, verdict),
            cause=verdict.cause if policy.handed_to in (None, HandedTo.POLICY_DOCUMENT) or policy.people else "",
            reaches=tuple(map(context.located, verdict.reaches)),
            reached_as=tuple(map(context.located, _passed_to_cloudformation(context, verdict))),
            holders=tuple(_holders(context, verdict, grant)) if check.id in ACCESS_CHECKS else (),
            escalations=verdict.escalations,
        ),
    )


def _origin(item: CheckVerdict) -> str:
    """Return a sentence on the context that a verdict on all policies of principals depends on; "" if on none."""
    context, verdict = item.context, item.verdict
    if not item.check.needs_all_policies or not context.model.configuration.surroundings.context.origins:
        return ""
    roles = (*verdict.reaches, *(role for one in verdict.escalations for role in one.roles))
    return according_to(context, roles, verdict.who)


def _holders(context: GrantContext, verdict: Verdict, grant: PassRoleGrant) -> Iterator[tuple[str, PassRoleGrant]]:
    """Yield the principals of a verdict, or the policy if none is known, each with the grant under each path condition
    under which it has the policy.

    Policies in arguments of one module call that differ in their last word, such as ``policy_arns`` and
    ``policy_jsons``, are those of one principal.
    """
    policy = context.policy
    is_policy = any(holder.kind is PrincipalKind.POLICY for holder in context.holders[:1])
    for holder in context.holders if is_policy else context.holders_named(verdict.who):
        if is_policy:
            path = policy.path if policy.handed_to is not HandedTo.MODULE else _FORM.sub("", policy.path)
            yield context.located("/".join((policy.resource.address, path, policy.element))), grant
            if policy.handed_to is HandedTo.MODULE:
                for name in context.model.principals.with_output_of(policy.resource.address):
                    yield context.located(name), grant
        else:
            for condition in context.model.principals.path_conditions(policy, holder.name):
                both = conjoin(grant.statement.when, condition)
                if both is not None:
                    yield context.located(holder.name), under_condition(grant, both) if condition else grant


def _passed_to_cloudformation(context: GrantContext, verdict: Verdict) -> tuple[str, ...]:
    """Return the roles that a verdict says can pass any role, if only CloudFormation can use each of them, for
    principals that pass it one; else none."""
    holders = context.holders_named(verdict.who)
    roles = [context.role_of(holder) for holder in holders]
    is_any = context.grant.scope is arn.Scope.ANY_ROLE
    if not is_any or not all(context.trust_of(one).is_cloudformation for one in holders):
        return ()
    return tuple(role.address for role in roles if role is not None)


def _is_of_people(context: GrantContext, verdict: Verdict) -> bool:
    """True if only people can use the principals of a verdict."""
    holders = context.holders_named(verdict.who)
    return least_restricted(map(context.trust_of, holders)).holder in (Holder.PEOPLE, Holder.ACCOUNTS)


def _exempt(context: GrantContext) -> str:
    """Return a sentence on an SCP with a Deny that may cover the grant, and does not apply in the management account;
    "" if there is none."""
    if context.many_accounts:
        return ""
    variables = context.grant.statement.variables
    for scp in context.model.principals.exempt:
        for denial in context.model.grants(scp):
            overlaps = (
                denial.complement
                or context.grant.complement
                or any(
                    arn.overlaps(role.pattern, denied.pattern, variables=variables) is not Ternary.NO
                    for role in context.grant.roles
                    for denied in denial.roles
                )
            )
            if denial.effect == "Deny" and overlaps:
                return f" {scp.resource.address} does not deny it: SCPs do not restrict the management account."
    return ""


def path_of(policy: AttachedPolicy, grant: PassRoleGrant) -> str:
    """Return the keys that lead from the resource to the statement, joined by ``/``."""
    return "/".join(part for part in (policy.path, grant.statement.path) if part)


def _fingerprint(item: CheckVerdict, configuration: Configuration) -> str:
    policy = item.context.policy
    statement = (policy.managed,) if policy.managed else item.context.grant.statement.identity
    return digest(item.check.id, configuration.framework.value, policy.resource.address, *statement)
