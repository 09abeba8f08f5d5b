"""PASSROLE_014."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import TO_LAMBDA, Check, Element, Example, allow, passed_to
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special
from passrole_checks.checks.base.wording import condition_on
from passrole_checks.escaping.shorten import shortened
from passrole_checks.files.safe_read import NO_SUCH_FILE
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import StringNode, Ternary, Unresolved, UnresolvedKind
from passrole_checks.sources.model.addresses import seen_from
from passrole_checks.sources.model.configuration import MODULE_NOT_AVAILABLE

# partition and account are those of the passing principal, so they matter only if nothing else is unresolved
_PLACES = (UnresolvedKind.PARTITION, UnresolvedKind.ACCOUNT_ID, UnresolvedKind.REGION)


class UnresolvedScope(Check):
    """The scope of iam:PassRole cannot be determined before deployment.

    A value that decides is unknown: a parameter without a default, an attribute of another resource, a policy that is
    "known after apply". It may be a wildcard or a single role. The finding names the expression.

    Constrain the value: `role/app-${name}` instead of `${role_arn}`, a reference to the role itself, a literal service
    in the condition. Or review the value, and suppress this with a justification.
    """

    id = "PASSROLE_014"
    name = "unresolved"
    title = "Ensure that the scope of iam:PassRole is known before deployment"
    severity = Severity.LOW
    accepts = frozenset({Special.UNCERTAIN, Special.OTHER_ACCOUNT})
    flagged = (
        Example("a role from outside", (allow("iam:PassRole", "UNKNOWN", TO_LAMBDA),), unknown=("UNKNOWN",)),
        Example("actions from outside", (allow(["s3:GetObject", "UNKNOWN"], "*"),), unknown=("UNKNOWN",)),
        Example(
            "a service from outside",
            (allow("iam:PassRole", "arn:aws:iam::111122223333:role/app", passed_to("UNKNOWN")),),
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

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if grant.scope is Scope.NOT_A_ROLE:
            return
        question = open_question(grant)
        if question is None:
            return
        holes = question.unresolved_parts
        names = list(dict.fromkeys(_in_words(hole, context.module) for hole in holes))
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        malformed = "; ".join(grant.condition.problems).rstrip(".?") if not names else ""
        why = f": depends on {shown}" if shown else f": {malformed}" if malformed else ""
        yield Verdict(
            Severity.LOW, f"{question.words} before deployment{why}.", self._remedy(context, question), Confidence.LOW
        )

    @staticmethod
    def _remedy(context: GrantContext, question: OpenQuestion) -> str:
        holes = question.unresolved_parts
        if any(hole.reason == MODULE_NOT_AVAILABLE for hole in holes):
            return (
                "Run `terraform init` before the scan, or scan a plan (`terraform show -json`); or review the value "
                "and suppress this with a justification."
            )
        if any(hole.reason == NO_SUCH_FILE for hole in holes):
            return (
                "The file does not exist: use a path below `${path.module}` (other paths start where Terraform runs), "
                "or scan after it is created; or review it and suppress this with a justification."
            )
        services = context.services_to_name() if question.element is Element.SERVICES else ()
        if services:
            return (
                f"Write {condition_on(context.grant, services)}, or review the value and suppress this with a "
                "justification."
            )
        if any(hole.reason == "no default" for hole in holes):
            return (
                "Pass its value to the scan (`--var-file`, `--parameters`), constrain it (`role/app-${name}` instead "
                "of a whole ARN), or review it and suppress this with a justification."
            )
        return (
            "Constrain the value (`role/app-${name}` instead of a whole ARN), refer to the role itself, or review it "
            "and suppress this with a justification."
        )


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that only unresolved values can answer, and the element of the statement that it is about."""

    words: str
    element: Element
    unresolved_parts: tuple[Unresolved, ...]


def open_question(grant: PassRoleGrant) -> OpenQuestion | None:
    """Return the first question about a grant that unresolved values decide; None if there is none."""
    statement = grant.statement
    if not statement.whole:
        return OpenQuestion("What this policy grants is unknown", Element.STATEMENT, statement.unresolved_parts)
    if grant.certain is not Ternary.YES:
        if statement.effect is None:
            return OpenQuestion(
                "The effect of this statement is unknown", Element.STATEMENT, statement.unresolved_parts
            )
        actions = statement.actions if statement.actions is not None else statement.not_actions or ()
        holes = tuple(hole for item in actions for hole in item.unresolved_parts) or tuple(map(_undocumented, actions))
        return OpenQuestion("It is unknown if this statement grants iam:PassRole", Element.STATEMENT, holes)
    if grant.scope is Scope.UNRESOLVED:
        undecided = [
            hole
            for role in grant.roles
            if role.scope is Scope.UNRESOLVED or grant.complement
            for hole in role.pattern.unresolved_parts
        ]
        deciding = [hole for hole in undecided if hole.kind not in _PLACES]
        return OpenQuestion("Passable roles are unknown", Element.ROLES, tuple(deciding or undecided))
    if grant.services.constraint is Constraint.UNRESOLVED and grant.scope is not Scope.ANY_ROLE:
        return OpenQuestion(
            "The services that the roles can be passed to are unknown", Element.SERVICES, grant.condition.unresolved
        )
    return None


def unresolved_elements(grant: PassRoleGrant) -> frozenset[Element]:
    """Return the elements of a statement that unresolved values leave open; all if the grant itself is open."""
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
