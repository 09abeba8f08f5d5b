"""How far principals get with the roles that they can pass, in words, and the worst principals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from passrole_checks.escaping.shorten import listed
from passrole_checks.findings import Escalation, Finding, Outcome, Severity
from passrole_checks.output.principal_names import split_address

ADMINISTRATOR, ANY_ROLE = "be an administrator", "act as any role"


class RatedEscalation(NamedTuple):
    """An escalation with the severity of its finding."""

    escalation: Escalation
    severity: Severity

    @property
    def rank(self) -> tuple[int, int, bool, bool]:
        """Return a key that is greatest for the worst one: severity, outcome, a known launch, any role."""
        escalation = self.escalation
        return self.severity.rank, escalation.outcome.rank, bool(escalation.actions), not escalation.roles


def strongest(findings: Iterable[Finding], principals: Sequence[str]) -> dict[str, RatedEscalation]:
    """Return the worst escalation of each of ``principals`` that unsuppressed findings have; those of principals that
    are unknown are of all."""
    found: dict[str, RatedEscalation] = {}
    for finding in findings:
        for escalation in finding.details.escalations if not finding.suppressed else ():
            rated = RatedEscalation(escalation, finding.severity)
            for name in principals:
                if escalation.principal in (name, "") and (name not in found or found[name].rank < rated.rank):
                    found[name] = rated
    return found


def outcome_label(escalation: Escalation) -> str:
    """Return what a principal can do with passed roles, after "and can then"."""
    if escalation.needs_no_role:
        return ADMINISTRATOR
    if not escalation.roles:
        return ANY_ROLE
    return f"act as {listed([split_address(role.partition(':role/')[2] or role).name for role in escalation.roles], 1)}"


def outcome_note(escalation: Escalation) -> str:
    """Return what the roles can do, as far as it is known."""
    if escalation.needs_no_role:
        return "without another role"
    if not escalation.roles:
        return "administrators included"
    return escalation.gain or "unknown permissions"


def launch_words(escalation: Escalation) -> str:
    """Return how the principal launches a workload with the role; "" if it needs none."""
    if escalation.needs_no_role:
        return ""
    if not escalation.actions:
        return "no permission to launch a workload in this code"
    path = f" ({escalation.path})" if escalation.path not in escalation.actions else ""
    return f"with {', '.join(escalation.actions)}{path}"


def outcome_details(escalation: Escalation) -> str:
    """Return what the roles can do, and how the principal launches a workload with them."""
    return ", ".join(filter(None, (outcome_note(escalation), launch_words(escalation))))


def check_names(findings: Iterable[Finding]) -> list[str]:
    """Return the checks of unsuppressed findings, as ``001 any-role``, the most severe first."""
    shown = sorted((one for one in findings if not one.suppressed), key=lambda one: -one.severity.rank)
    return list(dict.fromkeys(f"{finding.check_id[-3:]} {finding.name}" for finding in shown))


def becomes_administrator(escalation: Escalation) -> bool:
    """True if the principal can change permissions in the end."""
    return escalation.outcome is Outcome.ADMINISTRATOR
