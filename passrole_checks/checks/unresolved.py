"""PASSROLE_014."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.check import Check, Example, Subject, allow, condition_on, seen_from, shortened
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.condition import Constraint
from passrole_checks.iam.passing.passrole import PassRoleGrant
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values import Hole, Kind, Text, Tri

# a role's partition and account are those of whoever passes it, so they decide only where nothing else does
_PLACES = (Kind.PARTITION, Kind.ACCOUNT_ID, Kind.REGION)
_SERVICES = "Which services a role can be passed to"


class Unresolved(Check):
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

    def evaluate(self, subject: Subject) -> Iterator[Verdict]:
        grant = subject.grant
        if grant.effect != "Allow" or grant.denied or grant.condition.dead or grant.scope is Scope.NOT_A_ROLE:
            return
        what, holes = self._open_question(grant)
        if not what:
            return
        names = list(dict.fromkeys(_in_words(hole, subject.module) for hole in holes))
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        malformed = "; ".join(grant.condition.problems).rstrip(".?") if not names else ""
        why = f": it depends on {shown}" if shown else f": {malformed}" if malformed else ""
        yield Verdict(
            Severity.LOW,
            f"{what} cannot be told before deployment{why}.",
            self._remedy(subject, what, holes),
            Confidence.LOW,
        )

    @staticmethod
    def _remedy(subject: Subject, what: str, holes: tuple[Hole, ...]) -> str:
        if any(hole.reason.startswith("the module is not here") for hole in holes):
            return (
                "Scan where the module is installed (after terraform init), or a plan (terraform show -json); or look "
                "at the value and suppress this with a reason."
            )
        if any(hole.reason == "no such file" for hole in holes):
            return (
                "The file is not there: write a path at which it is (${path.module}/…; another one begins where "
                "Terraform is run), or scan once it is made; or look at it and suppress this with a reason."
            )
        services = subject.services_to_name() if what == _SERVICES else ()
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

    @staticmethod
    def _open_question(grant: PassRoleGrant) -> tuple[str, tuple[Hole, ...]]:
        """What cannot be told, in words, and the holes that decide it."""
        statement = grant.statement
        if not statement.whole:
            return "What this policy grants", statement.holes
        if grant.certain is not Tri.YES:
            if statement.effect is None:
                return "Whether this statement allows or denies", statement.holes
            actions = statement.actions if statement.actions is not None else statement.not_actions or ()
            holes = tuple(hole for item in actions for hole in item.holes)
            return "Whether this statement grants iam:PassRole", holes or tuple(map(_undocumented, actions))
        if grant.scope is Scope.UNRESOLVED:
            undecided = [
                hole
                for role in grant.roles
                if role.scope is Scope.UNRESOLVED or grant.complement
                for hole in role.pattern.holes
            ]
            deciding = [hole for hole in undecided if hole.kind not in _PLACES]
            return "Which roles can be passed", tuple(deciding or undecided)
        if grant.services.constraint is Constraint.UNRESOLVED and grant.scope is not Scope.ANY_ROLE:
            return _SERVICES, grant.condition.unresolved
        return "", ()


def _undocumented(action: Text) -> Hole:
    return Hole(str(action), reason="AWS does not say what a wildcard in the service prefix covers")


def _in_words(hole: Hole, module: str) -> str:
    return shortened(seen_from(module, hole.expression)) + (f" ({hole.reason})" if hole.reason else "")
