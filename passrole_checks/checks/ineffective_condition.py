"""PASSROLE_003."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.access.service_trust import passed_to_service_values
from passrole_checks.checks.base.check import Check, Element, Example, allow, passed_to
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special
from passrole_checks.checks.base.wording import did_you_mean, equals, misspelled_keys
from passrole_checks.escaping.shorten import listed
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.condition_block import PASSED_TO_SERVICE
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.permissions.escalation import normalize_service
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.iam.values.path_conditions import Assumption

_SERVICE = lazy_regex(r"[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?")
_ROLE = "arn:aws:iam::111122223333:role/app-worker"


class IneffectiveCondition(Check):
    """A condition on iam:PassedToService does not restrict what it seems to restrict.

    A wildcard over all services or a negated operator leaves the grant open, although it looks restricted. A value
    that no service has (`lambda`, `lambda.amazon.com`, an ARN) never matches: nothing can be passed, until someone
    "repairs" the policy by removing the condition. `...IfExists` and `ForAllValues` also allow requests without the
    key, and some services do not send it. A misspelled key (`iam:PassToService`) is no key: no request carries it. Low
    if it is so in other partitions than `aws` only. Some principals that assume roles are not the service that receives
    them (`credentials.iot.amazonaws.com` and `iot.amazonaws.com`); which one requests carry is not always documented
    (low confidence).

    Use `StringEquals` with the full service principal, such as `lambda.amazonaws.com`. Sources: IAM User Guide, "IAM
    JSON policy elements: Condition operators" and "Single-valued vs. multivalued context keys".
    """

    id = "PASSROLE_003"
    name = "ineffective-condition"
    title = "Ensure that an iam:PassedToService condition restricts the services"
    severity = Severity.MEDIUM
    accepts = frozenset({Special.NEVER_MATCHES, Special.UNCERTAIN, Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.ROLES})
    about_keys = True
    flagged = (
        Example("every service", (allow("iam:PassRole", _ROLE, passed_to("*", operator="StringLike")),)),
        Example(
            "negation only", (allow("iam:PassRole", _ROLE, passed_to("ec2.amazonaws.com", operator="StringNotEquals")),)
        ),
        Example("no service's name", (allow("iam:PassRole", _ROLE, passed_to("lambda")),)),
        Example(
            "the principal that a trust policy names (low confidence)",
            (allow("iam:PassRole", _ROLE, passed_to("credentials.iot.amazonaws.com")),),
        ),
        Example(
            "without the key as well (low)",
            (allow("iam:PassRole", _ROLE, passed_to("ec2.amazonaws.com", operator="StringEqualsIfExists")),),
        ),
    )
    clean = (
        Example(
            "two services by name",
            (allow("iam:PassRole", _ROLE, passed_to("ec2.amazonaws.com", "lambda.amazonaws.com")),),
        ),
        Example(
            "one service in two partitions",
            (allow("iam:PassRole", _ROLE, passed_to("ec2.amazonaws.com*", operator="StringLike")),),
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if grant.certain is Ternary.NO or grant.scope is Scope.NOT_A_ROLE:
            return
        found = self._problem(grant)
        if found is None:
            yield from self._named_by_trust(grant)
            return
        severity, message = found
        if any(map(_is_other_partition, grant.statement.when)):
            severity = Severity.LOW
        named = grant.services.values
        misspelled = misspelled_keys(grant)
        if misspelled and grant.condition.constraint is Constraint.ABSENT:
            remedy = f"Rename the key to `{PASSED_TO_SERVICE}`."
        elif grant.services.constraint is Constraint.EXACT_IF_PRESENT and all(map(_SERVICE.fullmatch, named)):
            doubtful = _without_evidence(grant)
            unless = f", unless {listed(doubtful)} does not send the key" if doubtful else ""
            remedy = f"Write {equals(grant, named)}{unless}."
        else:
            written = equals(grant, ["SERVICE.amazonaws.com"])
            remedy = f"Write {written}, with the service principal that uses the role."
        yield Verdict(severity, message, remedy, Confidence.HIGH if grant.certain is Ternary.YES else Confidence.MEDIUM)

    @staticmethod
    def _named_by_trust(grant: PassRoleGrant) -> Iterator[Verdict]:
        """Yield a verdict if a condition names a principal that trust policies name, and not the service that receives
        the role (``iot.amazonaws.com``, whose roles ``credentials.iot.amazonaws.com`` assumes)."""
        values = grant.services.values if grant.services.constraint in _EXACT else ()
        receivers = {value: passed_to_service_values([value]) for value in values if _SERVICE.fullmatch(value)}
        assuming = [value for value, others in receivers.items() if not {value, *values} & set(others) and others]
        if not assuming:
            return
        sent = list(dict.fromkeys(name for value in assuming for name in receivers[value]))
        code = [listed([f"`{name}`" for name in names]) for names in (assuming, sent)]
        yield Verdict(
            Severity.LOW,
            f"Trust policies name {code[0]}, but such roles are passed to {code[1]}. AWS does not document which name "
            "requests carry, so it is unknown to which services this statement allows passing the role.",
            f"Write {equals(grant, sent)}.",
            Confidence.LOW,
        )

    @staticmethod
    def _problem(grant: PassRoleGrant) -> tuple[Severity, str] | None:
        condition, constraint = grant.condition, grant.services.constraint
        reasons = "; ".join(f'"{item.value}" {item.reason}' for item in condition.likely_typos)
        because = f" ({reasons})." if reasons else "."
        if condition.dead or constraint is Constraint.INEFFECTIVE:
            problem = "does not restrict the service"
            if condition.dead:
                problem = "never matches, so nothing can be passed"
            elif not condition.possible:
                problem = "allows only requests without the key, so it names no service"
            return Severity.MEDIUM, f"The `iam:PassedToService` condition {problem}{because}"
        if constraint is Constraint.PATTERN and condition.negated_only and grant.open_to_other_services:
            return Severity.MEDIUM, (
                f"The `iam:PassedToService` condition only excludes {', '.join(grant.services.values)}: it allows "
                "every other service, including future ones."
            )
        misspelled = misspelled_keys(grant)
        if misspelled and len(misspelled) == len(condition.likely_typos):
            return Severity.LOW, " ".join(map(did_you_mean, misspelled))
        if reasons:
            return Severity.LOW, f"Part of the `iam:PassedToService` condition never matches ({reasons})."
        patterns = constraint is condition.constraint is Constraint.PATTERN and not condition.negated_only
        if constraint is Constraint.EXACT_IF_PRESENT or (patterns and grant.services.without_key):
            doubtful = _without_evidence(grant)
            silent = f", and AWS does not document that {listed(doubtful)} sends it" if doubtful else ""
            silent = ", and some services do not send it" if patterns else silent
            return Severity.LOW, f"The `iam:PassedToService` condition also allows requests without the key{silent}."
        return None


_EXACT = (Constraint.EXACT, Constraint.EXACT_IF_PRESENT)
_PARTITIONS = ("AWS::Partition", "the partition")


def _is_other_partition(one: Assumption) -> bool:
    """True if an assumption holds in no Region of the partition `aws`."""
    return one.subject in _PARTITIONS and one.lists_values and ("aws" in one.values) is one.negated


def _without_evidence(grant: PassRoleGrant) -> list[str]:
    """Return the services of a grant of which no source says that their requests carry iam:PassedToService."""
    from passrole_checks.aws.passing_actions import services_sent  # much data that few findings need

    return [f"`{name}`" for name in grant.services.values if normalize_service(name) not in services_sent()]
