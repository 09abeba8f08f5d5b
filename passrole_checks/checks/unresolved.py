"""PASSROLE_014."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from passrole_checks.checks.base.check import (
    Check,
    Element,
    Example,
    GrantContext,
    allow,
    condition_on,
    seen_from,
    shortened,
)
from passrole_checks.files.safe_read import NO_SUCH_FILE
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.partial_values import StringNode, Ternary, Unresolved, UnresolvedKind
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.sources.model.configuration import MODULE_NOT_AVAILABLE

# a role's partition and account are those of whoever passes it, so they decide only where nothing else does
_PLACES = (UnresolvedKind.PARTITION, UnresolvedKind.ACCOUNT_ID, UnresolvedKind.REGION)


class UnresolvedScope(Check):
    """Whether PassRole is scoped cannot be told before deployment.

    A value that decides is not known: a parameter without a default, a result of another resource, a policy that is
    "known after apply". It may be a wildcard as well as one role. The finding names the expression.

    Give the value a form that bounds it whatever it holds: `role/app-${name}` instead of `${role_arn}`, a reference to
    the role itself, a literal service in the condition. Or look at the value, and suppress with a reason.
    """

    id = "PASSROLE_014"
    name = "unresolved"
    title = "Ensure that what iam:PassRole grants can be told before deployment"
    severity = Severity.LOW
    flagged = (
        Example(
            "a role from outside",
            (allow("iam:PassRole", "UNKNOWN", {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}),),
            unknown=("UNKNOWN",),
        ),
        Example("actions from outside", (allow(["s3:GetObject", "UNKNOWN"], "*"),), unknown=("UNKNOWN",)),
        Example(
            "a service from outside",
            (
                allow(
                    "iam:PassRole",
                    "arn:aws:iam::111122223333:role/app",
                    {"StringEquals": {"iam:PassedToService": "UNKNOWN"}},
                ),
            ),
            unknown=("UNKNOWN",),
        ),
    )
    clean = (
        Example(
            "an unknown that cannot be a role",
            (allow(["s3:GetObject", "UNKNOWN"], "arn:aws:s3:::app/*"),),
            unknown=("UNKNOWN",),
        ),
    )

    def evaluate(self, subject: GrantContext) -> Iterator[Verdict]:
        grant = subject.grant
        if grant.effect != "Allow" or grant.denied or grant.condition.dead or grant.scope is Scope.NOT_A_ROLE:
            return
        question = open_question(grant)
        if question is None:
            return
        holes = question.holes
        names = list(dict.fromkeys(_in_words(hole, subject.module) for hole in holes))
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        malformed = "; ".join(grant.condition.problems).rstrip(".?") if not names else ""
        why = f": it depends on {shown}" if shown else f": {malformed}" if malformed else ""
        yield Verdict(
            Severity.LOW,
            f"{question.words} cannot be told before deployment{why}.",
            self._remedy(subject, question),
            Confidence.LOW,
        )

    @staticmethod
    def _remedy(subject: GrantContext, question: OpenQuestion) -> str:
        holes = question.holes
        if any(hole.reason == MODULE_NOT_AVAILABLE for hole in holes):
            return (
                "Scan where the module is installed (after terraform init), or a plan (terraform show -json); or look "
                "at the value and suppress this with a reason."
            )
        if any(hole.reason == NO_SUCH_FILE for hole in holes):
            return (
                "The file is not there: write a path at which it is (${path.module}/…; another one begins where "
                "Terraform is run), or scan once it is made; or look at it and suppress this with a reason."
            )
        services = subject.services_to_name() if question.element is Element.SERVICES else ()
        if services:
            return (
                f"Write {condition_on(subject.grant, services)}, or look at the value and suppress this with a reason."
            )
        if any(hole.reason == "no default" for hole in holes):
            return (
                "Give its value to the scan (--var-file, --parameters), bound it (role/app-${name} instead of a whole "
                "ARN), or look at it and suppress this with a reason."
            )
        return (
            "Bound the value (role/app-${name} instead of a whole ARN), refer to the role itself, or look at the value "
            "and suppress this with a reason."
        )


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that only unresolved values (``holes``) can answer, and the element of the statement it is about."""

    words: str
    element: Element
    holes: tuple[Unresolved, ...]


def open_question(grant: PassRoleGrant) -> OpenQuestion | None:
    """The first question about a grant that unresolved values decide; None if there is none."""
    statement = grant.statement
    if not statement.whole:
        return OpenQuestion("What this policy grants", Element.STATEMENT, statement.holes)
    if grant.certain is not Ternary.YES:
        if statement.effect is None:
            return OpenQuestion("Whether this statement allows or denies", Element.STATEMENT, statement.holes)
        actions = statement.actions if statement.actions is not None else statement.not_actions or ()
        holes = tuple(hole for item in actions for hole in item.holes) or tuple(map(_undocumented, actions))
        return OpenQuestion("Whether this statement grants iam:PassRole", Element.STATEMENT, holes)
    if grant.scope is Scope.UNRESOLVED:
        undecided = [
            hole
            for role in grant.roles
            if role.scope is Scope.UNRESOLVED or grant.complement
            for hole in role.pattern.holes
        ]
        deciding = [hole for hole in undecided if hole.kind not in _PLACES]
        return OpenQuestion("Which roles can be passed", Element.ROLES, tuple(deciding or undecided))
    if grant.services.constraint is Constraint.UNRESOLVED and grant.scope is not Scope.ANY_ROLE:
        return OpenQuestion("Which services a role can be passed to", Element.SERVICES, grant.condition.unresolved)
    return None


def unresolved_elements(grant: PassRoleGrant) -> frozenset[Element]:
    """The elements of a statement that unresolved values leave open; all of them where the grant itself is open."""
    question = open_question(grant)
    if question is None:
        return frozenset()
    if question.element is Element.STATEMENT:
        return frozenset(Element)
    services = {Element.SERVICES} if grant.services.constraint is Constraint.UNRESOLVED else set()
    return frozenset({question.element, *services})


def _undocumented(action: StringNode) -> Unresolved:
    return Unresolved(str(action), reason="AWS does not say what a wildcard in the service prefix covers")


def _in_words(hole: Unresolved, module: str) -> str:
    return shortened(seen_from(module, hole.expression)) + (f" ({hole.reason})" if hole.reason else "")
