"""PASSROLE_011."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.access.service_trust import assumes, is_documented
from passrole_checks.checks.base.check import TO_LAMBDA, Check, Example, ExampleRole, allow
from passrole_checks.checks.base.context_wording import according_to, is_of_other_code
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special, is_scoped
from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.values.nodes import Ternary

_ROLE = "arn:aws:iam::111122223333:role/nightly-report"


class TrustMismatch(Check):
    """The role's trust policy does not allow the service it can be passed to.

    A role works if three things fit: its permissions, the service in its trust policy, and the service in the
    `iam:PassedToService` condition. Here the last two differ for every role in scope, so each workload with such a role
    fails to start. The danger is the quick repair: someone widens the trust policy or removes the condition. Low if a
    role can pass only itself, and low, at low confidence, if it is undocumented under which name a service receives
    roles.

    Name the service that the role trusts in the condition, or the service that uses the role in the trust policy.
    Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service", Example 1.
    """

    id = "PASSROLE_011"
    name = "trust-mismatch"
    title = "Ensure that a role trusts a service that it can be passed to"
    severity = Severity.MEDIUM
    accepts = frozenset({Special.UNCERTAIN})
    flagged = (
        Example(
            "the role of an instance, to Lambda",
            (allow("iam:PassRole", _ROLE, TO_LAMBDA),),
            roles=(ExampleRole("nightly-report", ("ec2.amazonaws.com",)),),
        ),
    )
    clean = (
        Example(
            "the service that the role trusts",
            (allow("iam:PassRole", _ROLE, TO_LAMBDA),),
            roles=(ExampleRole("nightly-report", ("ec2.amazonaws.com", "lambda.amazonaws.com")),),
        ),
        Example("an unknown role", (allow("iam:PassRole", _ROLE, TO_LAMBDA),)),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        # a request without the key may be of a service that the condition does not name
        if grant.services.constraint not in (Constraint.EXACT, Constraint.PATTERN):
            return
        if not is_scoped(grant) or grant.complement or grant.condition.without_key is not Ternary.NO:
            return
        roles = [context.known_role(role.pattern) for role in grant.roles]
        found = list(dict.fromkeys(role for role in roles if role is not None))
        if None in roles or not found or any(context.is_foreign(role.pattern) for role in grant.roles):
            return
        possible = grant.condition.possible
        if any(assumes(role, possible) is not Ternary.NO for role in found):
            return
        trusted = sorted({name for role in found for name in role.trusted or ()})
        allowed = grant.services.values
        many = len(found) > 1
        names = listed([shortened(role.address) for role in found])
        trust = f"trust{'' if many else 's'} {'only ' if many else ''}{listed(trusted)}"
        if not trusted:
            trust = f"trust{'' if many else 's'} no service at all"
        own = bool(context.holders) and all(context.role_of(holder) in found for holder in context.holders)
        known = all(map(is_documented, allowed)) and not any(is_of_other_code(context, role.address) for role in found)
        ends = "the statement does nothing." if own else "no workload with it can start."
        yield Verdict(
            Severity.MEDIUM if known and not own else Severity.LOW,
            f"{names} can be passed only to {listed(allowed)}, but {'they ' if many else ''}{trust}: {ends}"
            + according_to(context, [role.address for role in found]),
            _remedy(context, found, trusted),
            Confidence.HIGH if known else Confidence.LOW,
        )


def _remedy(context: GrantContext, roles: list[KnownRole], trusted: list[str]) -> str:
    """Return the remedy: the service that this configuration passes the roles to, if any, decides."""
    received = sorted({service for role in roles for service in context.passable_roles.services_of(role)})
    if received and any(assumes(role, received) is Ternary.NO for role in roles):
        return f"Add {listed(received)}, which uses the role here, to its trust policy" + (
            "." if set(received) <= set(context.grant.condition.allowed) else " and to `iam:PassedToService`."
        )
    wanted = received or trusted
    if wanted:
        return f"Name {listed(wanted)} in `iam:PassedToService`, or the service that uses the role in its trust policy."
    return "Name the service that uses the role in its trust policy, or remove the statement."
