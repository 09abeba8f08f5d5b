"""PASSROLE_015."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from passrole_checks.access.access_change import Beneficiary
from passrole_checks.access.launches import path_rank
from passrole_checks.checks.base.check import TO_LAMBDA, Check, Example, allow, passed_to
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special
from passrole_checks.escaping.shorten import shortened
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.grants.access_set import ServiceSet, Widening
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.permissions.escalation import OpenPath
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import StringNode, Ternary

_APP = "arn:aws:iam::111122223333:role/app-*"
_LAMBDA_EC2 = passed_to("lambda.amazonaws.com", "ec2.amazonaws.com")
_MOST = 3
# checks of access that is open; a privileged role or oneself in a narrow grant is no open access by itself
_DECISIVE = ("PASSROLE_001", "PASSROLE_002", "PASSROLE_003", "PASSROLE_008", "PASSROLE_013")


class NewAccess(Check):
    """A change gives a principal PassRole access that it did not have.

    Reviewers decide about what is new. An attacker who can change infrastructure code widens one policy among many
    other changes, and a text diff hides it: a wildcard that is one character longer, a removed condition or Deny, an
    attachment to one more role. This check compares what all policies of a principal allow, before and after: moving,
    splitting or rephrasing a policy is not new access. If any-role, any-service, ineffective-condition,
    privilege-escalation or managed-policy flag the same statement at medium or higher, it is as severe as the worst of
    these, of stronger-role and of self-pass; else info.

    Check the difference that the message names. If you do not intend it, keep the roles in `Resource` and the
    `iam:PassedToService` condition as they were. Source: IAM User Guide, "Grant a user permissions to pass a role to
    an AWS service", which asks for approved roles and services.
    """

    id = "PASSROLE_015"
    name = "new-access"
    title = "Ensure that a change gives no principal unintended iam:PassRole access"
    severity = Severity.HIGH
    accepts = frozenset({Special.UNCERTAIN})
    compares_versions = True
    checks_managed_policies = True
    depends_on_verdicts_of = (*_DECISIVE, "PASSROLE_009", "PASSROLE_016")
    flagged = (
        Example("from some roles to any", (allow("iam:PassRole", "*"),), before=(allow("iam:PassRole", _APP),)),
        Example(
            "a condition is gone (medium)",
            (allow("iam:PassRole", _APP),),
            before=(allow("iam:PassRole", _APP, TO_LAMBDA),),
        ),
        Example(
            "one more service (info)",
            (allow("iam:PassRole", _APP, _LAMBDA_EC2),),
            before=(allow("iam:PassRole", _APP, TO_LAMBDA),),
        ),
    )
    clean = (
        Example("narrower", (allow("iam:PassRole", _APP, TO_LAMBDA),), before=(allow("iam:PassRole", "*"),)),
        Example(
            "the same in other words",
            (allow(["iam:GetRole", "iam:Pass*"], "arn:aws:iam::*:role/*"),),
            before=(allow("iam:PassRole", "*"),),
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if not context.beneficiaries:
            return
        certain = any(item.certain is Ternary.YES for item in context.beneficiaries)
        changed = any(
            widening.conditions or widening.denied for item in context.beneficiaries for widening in item.gain.widenings
        )
        known = (
            grant.certain is Ternary.YES
            and grant.scope is not Scope.UNRESOLVED
            and grant.services.constraint is not Constraint.UNRESOLVED
        )
        confidence = Confidence.HIGH
        if not known or not (certain or changed):
            confidence = Confidence.LOW
        elif not certain or grant.statement.when:
            confidence = Confidence.MEDIUM
        yield Verdict(
            _severity(context.other_severities) if confidence is not Confidence.LOW else Severity.INFO,
            " ".join(_sentences(context.beneficiaries, grant)),
            "Confirm the change is intended; otherwise revert it.",
            confidence,
        )


def _severity(others: Mapping[str, Severity]) -> Severity:
    """Return the severity of new access by the highest severities of other checks on the same statement."""
    decisive = (severity for check, severity in others.items() if check in _DECISIVE)
    if all(severity.rank < Severity.MEDIUM.rank for severity in decisive):
        return Severity.INFO
    return max(others.values(), key=lambda severity: severity.rank)


def _sentences(gainers: Sequence[Beneficiary], grant: PassRoleGrant) -> Iterator[str]:
    """Yield a sentence for each difference, with at most three of the principals that it applies to."""
    by_difference = grouped((_difference(gainer, grant), gainer.who) for gainer in gainers)
    for difference, names in list(by_difference.items())[:_MOST]:
        who = [shortened(name) for name in names if name]
        yield f"{_listed(who) if who else 'Every principal with this policy'} {difference}."
    if len(by_difference) > _MOST:
        yield f"{sum(map(len, list(by_difference.values())[_MOST:]))} more gain other access."


def _difference(gainer: Beneficiary, grant: PassRoleGrant) -> str:
    if gainer.launches:
        return _launches(gainer.launches)
    if grant.certain is not Ternary.YES:
        before = "had no PassRole access" if gainer.gain.first else "had some PassRole access"
        return f"{before}; before deployment it is unknown if this statement gives more"
    groups = grouped((replace(widening, role=None), widening.role) for widening in gainer.gain.widenings)
    phrases = [_phrase(same, roles, grant, gainer.gain.first) for same, roles in groups.items()]
    left = len(phrases) - 2
    more = f"; and {left} more difference{'s' * (left > 1)}" if left > 0 else ""
    return "; ".join(dict.fromkeys(phrases[:2])) + more


def _launches(ways: Sequence[OpenPath]) -> str:
    first = min(ways, key=lambda way: path_rank(way.way, sure=way.certain is Ternary.YES))
    others = len({way.way.services for way in ways}) - 1
    more = f", and those of {others} more service{'s' * (others > 1)}" if others else ""
    actions, service = _listed([f"`{action}`" for action in first.way.actions]), first.way.services[0]
    return f"could pass these roles already, and can now launch workloads of {service} with {actions}{more}"


def _phrase(same: Widening, passed: Sequence[StringNode | None], grant: PassRoleGrant, first: bool) -> str:
    roles = _roles(passed, grant)
    unresolved = grant.services.constraint is Constraint.UNRESOLVED
    services = "services that are unknown before deployment" if unresolved else _services(same.services, same.kept)
    if first:
        return f"had no PassRole access, and can now pass {roles} to {services}"
    if same.denied and same.certain is not Ternary.YES:
        cause = "a Deny or permissions boundary that was removed or changed may have prevented it"
        return f"can pass {roles} to {services}, which may be new: {cause}"
    if same.denied:
        cause = "a Deny or permissions boundary that was removed or narrowed"
        return f"can now pass {roles} to {services}, which was prevented by {cause}"
    if same.conditions:
        change = "was removed" if same.certain is Ternary.YES else "has changed and may now allow more"
        return f"could pass {roles} to {services} only under a condition on {_listed(same.conditions)}, which {change}"
    if same.certain is not Ternary.YES:
        return f"can pass {roles} to {services}; before deployment it is unknown if that is new"
    if same.kept is not None:
        return f"could pass {roles} to {_services(same.kept, None)}, and now also to {services}"
    if same.other_cases:
        return f"could pass {roles} to {services} in other cases only, and now also in this one"
    if same.earlier:
        return f"could pass {_listed([shortened(str(item)) for item in same.earlier])} to {services}, and now {roles}"
    return f"can now also pass {roles} to {services}"


def _roles(passed: Sequence[StringNode | None], grant: PassRoleGrant) -> str:
    patterns = [pattern for pattern in passed if pattern is not None]
    roles = () if grant.complement else grant.roles
    wide = {str(role.pattern) for role in roles if role.scope is Scope.ANY_ROLE}
    if wide and any(str(pattern) in wide for pattern in patterns):
        return "any role in the account"
    if not patterns:
        return "every role except " + _listed([shortened(str(role.pattern)) for role in grant.roles])
    distinct = list(dict.fromkeys(patterns))
    return _listed([shortened(str(pattern), 140) for pattern in distinct[:_MOST]], len(distinct))


def _services(services: ServiceSet, kept: ServiceSet | None) -> str:
    if not services.others:
        if services.names:
            return _listed(services.names)
        return "a service that does not send iam:PassedToService"
    left_out = [name for name in services.left_out if kept is None or name not in kept.names]
    every = "any service" if kept is None else "any other service"
    return f"{every} except {_listed(left_out)}" if left_out else every


def _listed(names: Sequence[str], count: int | None = None) -> str:
    """Return the first names. ``count``: how many there are, if ``names`` contains only the first."""
    shown, count = ", ".join(names[:_MOST]), len(names) if count is None else count
    return f"{shown} and {count - _MOST} more" if count > _MOST else shown
