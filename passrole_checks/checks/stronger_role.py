"""PASSROLE_009."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress

from passrole_checks.check import Check, Example, ExampleRole, Subject, allow, is_live, only_by, shortened
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.outcomes import When, implies
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values import Tri
from passrole_checks.reach import Reach
from passrole_checks.strength import Strength

_LAMBDA = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
_PASS = allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-worker", _LAMBDA)


class StrongerRole(Check):
    """A principal may pass a role that can do more than the principal itself.

    Compared are all permissions of both, by meaning: actions and resources, wildcards, Deny statements, boundaries,
    AWS managed policies. Whatever the role has in excess is within reach of its passer, who only needs a function, an
    instance or a job that runs with it. Looked at are the roles of this configuration that a service in scope can
    assume. High where the excess reaches IAM, STS, organizations or everything; medium where it changes things by a
    wildcard, or reads secrets and data, in the whole account; low where such a wildcard is limited to some resources,
    or named changes are not; and information for a few named actions on named resources, which is what a role is for.
    Reading what is named and writing logs, traces and metrics count for nothing. Of a policy that is attached to nobody
    here it is not known what else its holders can do: medium where the excess would be high, else information.
    Low at most is what a role may pass that only a service can assume which runs nothing of its callers. Administrators
    are not flagged. Where the principal can also start what acts as the role, privilege-escalation says so instead.

    Give the role what its work needs and no more, or let only principals pass it that can do all of that themselves.
    Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service", which asks that a user should
    not pass a role with more permissions than the user should have.
    """

    id = "PASSROLE_009"
    name = "stronger-role"
    title = "Ensure that nobody may pass a role that can do more than the passer"
    severity = Severity.HIGH
    joint = True
    yields_to = ("PASSROLE_008",)
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

    def evaluate(self, subject: Subject) -> Iterator[Verdict]:
        grant, reach = subject.grant, subject.reach
        if reach is None or not is_live(grant) or grant.certain is not Tri.YES or grant.scope is Scope.UNRESOLVED:
            return
        for holder in subject.holders:
            if not holder.permissions.administers(grant.statement.when):
                yield from _about(subject, reach, holder)


def _about(subject: Subject, reach: Reach, holder: Principal) -> Iterator[Verdict]:
    passing = reach.passing(holder, subject.grant, many_accounts=subject.many_accounts)
    left = passing.anything
    facts = left.when if left is not None else subject.grant.statement.when
    stronger, complete = reach.strongest(reach.passable(passing), holder, facts)
    while stronger:  # those that are there under the same facts are told together
        facts = stronger[0][1].when
        held = [all(implies(facts, fact) for fact in strength.when) for _, strength in stronger]
        together = list(compress(stronger, held))
        stronger = [item for item, holds in zip(stronger, held, strict=True) if not holds]
        yield _verdict(subject, holder, together, facts, complete)


def _verdict(
    subject: Subject, holder: Principal, stronger: Sequence[tuple[KnownRole, Strength]], facts: When, complete: bool
) -> Verdict:
    worst = stronger[0][1].severity
    decided = [strength for _, strength in stronger if strength.severity is worst]
    named = [f"{shortened(role.address)}, which can also do {strength.words}" for role, strength in stronger[:3]]
    more = f"; and {len(stronger) - 3} more" if len(stronger) > 3 else "" if complete else "; and perhaps others"
    unknown = (
        f" Not known here is what {', '.join(map(shortened, holder.unknown[:2]))} allows." if holder.unknown else ""
    )
    alone = holder.kind is PrincipalKind.POLICY
    if alone:
        unknown = " What else its holders can do is not known here."
    only = subject.only_for(holder)
    if alone:
        worst = Severity.MEDIUM if worst is Severity.HIGH else Severity.INFO
    elif only and worst.rank > Severity.LOW.rank:
        worst = Severity.LOW
    unknown += only_by(only)
    return Verdict(
        worst,
        f"can pass {'stronger roles' if len(stronger) > 1 else 'a stronger role'}: {'; '.join(named)}{more}.{unknown}",
        "Take from the role what its work does not need, or let only principals pass it that can do as much.",
        _confidence(subject, holder, any(one.certain is Tri.YES for one in decided), facts),
        who=(holder.name if not alone else "",),
        when=facts,
    )


def _confidence(subject: Subject, holder: Principal, certain: bool, facts: When) -> Confidence:
    if not certain or not holder.permissions.complete or holder.kind is PrincipalKind.POLICY:
        return Confidence.LOW
    if facts or subject.grant.other_conditions:
        return Confidence.MEDIUM
    return Confidence.HIGH
