"""PASSROLE_015."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from passrole_checks.check import Check, Example, Subject, allow, is_live, shortened
from passrole_checks.comparison import Gainer
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.condition import Constraint
from passrole_checks.iam.passing.access import ServiceSet, Widening
from passrole_checks.iam.passing.passrole import PassRoleGrant
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values import Text, Tri

_APP = "arn:aws:iam::111122223333:role/app-*"
_LAMBDA = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
_LAMBDA_EC2 = {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}}
_MOST = 3


class NewAccess(Check):
    """A change gives a principal PassRole access that it did not have.

    What a plan leaves alone was decided before; what is new is decided now. An attacker who may change infrastructure
    code widens one policy among many other changes, and a diff of the text does not show it: a wildcard that is one
    character longer, a condition or a Deny that is gone, an attachment to one more role. Compared is what all policies
    of a principal let through, before and after, and not how they are written: a policy that moves, is split, or says
    the same in other words is not new. High where the same statement is also flagged as any-role, any-service,
    ineffective-condition or privilege-escalation, else information.

    Look at the difference that the message names. Where it is not wanted, keep the roles in Resource and the condition
    on `iam:PassedToService` as they were. Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS
    service", which asks for approved roles and services.
    """

    id = "PASSROLE_015"
    name = "new-access"
    title = "Ensure that a change gives nobody iam:PassRole access that is not wanted"
    severity = Severity.HIGH
    compares = True
    weighs = ("PASSROLE_001", "PASSROLE_002", "PASSROLE_003", "PASSROLE_008")
    flagged = (
        Example("from some roles to any", (allow("iam:PassRole", "*"),), before=(allow("iam:PassRole", _APP),)),
        Example("a condition is gone", (allow("iam:PassRole", _APP),), before=(allow("iam:PassRole", _APP, _LAMBDA),)),
        Example(
            "one more service (info)",
            (allow("iam:PassRole", _APP, _LAMBDA_EC2),),
            before=(allow("iam:PassRole", _APP, _LAMBDA),),
        ),
    )
    clean = (
        Example("narrower", (allow("iam:PassRole", _APP, _LAMBDA),), before=(allow("iam:PassRole", "*"),)),
        Example(
            "the same in other words",
            (allow(["iam:GetRole", "iam:Pass*"], "arn:aws:iam::*:role/*"),),
            before=(allow("iam:PassRole", "*"),),
        ),
    )

    def evaluate(self, subject: Subject) -> Iterator[Verdict]:
        grant = subject.grant
        if not subject.gainers or not is_live(grant):
            return
        if grant.roles and not grant.complement and all(subject.is_foreign(role.pattern) for role in grant.roles):
            return  # of an account whose roles cannot be passed here: PASSROLE_005
        certain = any(item.gain.certain is Tri.YES for item in subject.gainers)
        changed = any(
            widening.conditions or widening.denied for item in subject.gainers for widening in item.gain.widenings
        )
        known = (
            grant.certain is Tri.YES
            and grant.scope is not Scope.UNRESOLVED
            and grant.services.constraint is not Constraint.UNRESOLVED
        )
        confidence = Confidence.HIGH
        if not known or not (certain or changed):
            confidence = Confidence.LOW
        elif not certain or grant.statement.when:
            confidence = Confidence.MEDIUM
        yield Verdict(
            Severity.HIGH if subject.flagged and confidence is not Confidence.LOW else Severity.INFO,
            " ".join(_sentences(subject.gainers, grant)),
            "Make sure that this is wanted. If it is not, leave the access as it was.",
            confidence,
        )


def _sentences(gainers: Sequence[Gainer], grant: PassRoleGrant) -> Iterator[str]:
    """One sentence a difference, with the principals (at most three) that it holds for."""
    by_difference: dict[str, list[str]] = {}
    for gainer in gainers:
        by_difference.setdefault(_difference(gainer, grant), []).append(gainer.who)
    for difference, names in list(by_difference.items())[:_MOST]:
        who = [shortened(name) for name in names if name]
        yield f"{_listed(who) if who else 'Whoever holds this policy'} {difference}."
    if len(by_difference) > _MOST:
        yield f"{sum(map(len, list(by_difference.values())[_MOST:]))} more gain something else."


def _difference(gainer: Gainer, grant: PassRoleGrant) -> str:
    widenings = gainer.gain.widenings
    if grant.certain is not Tri.YES:
        before = "had no PassRole access here" if gainer.gain.first else "had some PassRole access here"
        return f"{before}, and whether this gives more cannot be told before deployment"
    groups: dict[_Same, list[Widening]] = {}
    for widening in widenings:
        groups.setdefault(_Same.of(widening), []).append(widening)
    phrases = [_phrase(same, group, grant, gainer.gain.first) for same, group in groups.items()]
    left = len(phrases) - 2
    more = f"; and {left} more difference{'s' * (left > 1)}" if left > 0 else ""
    return "; ".join(dict.fromkeys(phrases[:2])) + more


@dataclass(frozen=True)
class _Same:
    """What widenings of several patterns that are told in one phrase have in common."""

    services: ServiceSet
    kept: ServiceSet | None
    certain: Tri
    earlier: tuple[Text, ...]
    conditions: tuple[str, ...]
    denied: bool

    @classmethod
    def of(cls, item: Widening) -> _Same:
        return cls(item.services, item.kept, item.certain, item.earlier, item.conditions, item.denied)


def _phrase(same: _Same, group: Sequence[Widening], grant: PassRoleGrant, first: bool) -> str:
    roles = _roles(group, grant)
    unresolved = grant.services.constraint is Constraint.UNRESOLVED
    services = "services that are not known yet" if unresolved else _services(same.services, same.kept)
    if first:
        return f"had no PassRole access here, and now can pass {roles} to {services}"
    if same.denied and same.certain is not Tri.YES:
        cause = (
            "a Deny (a permissions boundary counts as one) that is gone now, or has changed, may have been in the way"
        )
        return f"can pass {roles} to {services}, and whether that is new cannot be told: {cause}"
    if same.denied:
        cause = "a Deny that is gone now, or narrower (a permissions boundary counts as one)"
        return f"could not pass {roles} to {services} because of {cause}"
    if same.conditions:
        change = "is gone now" if same.certain is Tri.YES else "has changed, and whether it lets more through is open"
        return f"could pass {roles} to {services} only under a condition on {_listed(same.conditions)}, which {change}"
    if same.certain is not Tri.YES:
        return f"can pass {roles} to {services}, and whether that is new cannot be told before deployment"
    if same.kept is not None:
        return f"could pass {roles} to {_services(same.kept, None)}, and now also to {services}"
    if same.earlier:
        return f"could pass {_listed([shortened(str(item)) for item in same.earlier])} to {services}, and now {roles}"
    return f"now can also pass {roles} to {services}"


def _roles(group: Sequence[Widening], grant: PassRoleGrant) -> str:
    patterns = [widening.role for widening in group if widening.role is not None]
    roles = () if grant.complement else grant.roles
    wide = {str(role.pattern) for role in roles if role.scope is Scope.ANY_ROLE}
    if wide and any(str(pattern) in wide for pattern in patterns):
        return "any role of the account"
    if not patterns:
        return "every role but " + _listed([shortened(str(role.pattern)) for role in grant.roles])
    distinct = list(dict.fromkeys(patterns))
    return _listed([shortened(str(pattern), 140) for pattern in distinct[:_MOST]], len(distinct))


def _services(services: ServiceSet, kept: ServiceSet | None) -> str:
    if not services.others:
        if services.names:
            return _listed(services.names)
        return "a service that does not send iam:PassedToService"
    left_out = [name for name in services.left_out if kept is None or name not in kept.names]
    every = "any service" if kept is None else "any other service"
    return f"{every} but {_listed(left_out)}" if left_out else every


def _listed(names: Sequence[str], count: int | None = None) -> str:
    """The first names; ``count`` says how many there are, where ``names`` has only the first."""
    shown, count = ", ".join(names[:_MOST]), len(names) if count is None else count
    return f"{shown} and {count - _MOST} more" if count > _MOST else shown
