"""Verdicts on access that a principal has after it removes a limit of its own.

Without the limit a verdict stays as it is. With the limit the access does not exist yet, so the severity is at most
that with the limit, and at least low.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.permissions.principal import PrincipalKind
from passrole_checks.iam.permissions.removable_limits import RemovableLimit
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.scan.run_checks import CheckVerdict


def with_removable_limits(verdicts: Iterable[CheckVerdict], limited: Iterable[CheckVerdict]) -> list[CheckVerdict]:
    """Return the verdicts on the grants of a policy. ``limited``: those where every limit counts.

    A verdict of a check on a statement that only the latter have is kept. One that differs at most in its remediation
    is unchanged: a remediation suggests no Deny to holders that can remove it.
    """
    with_limits: dict[tuple[object, ...], list[CheckVerdict]] = {}
    for verdict in limited:
        with_limits.setdefault(_key(verdict), []).append(verdict)
    found = []
    for verdict in verdicts:
        same = [one.verdict for one in with_limits.get(_key(verdict), ())]
        is_same = any(replace(one, remediation=verdict.verdict.remediation) == verdict.verdict for one in same)
        found.append(verdict if is_same else _adjusted(verdict, same))
    known = set(map(_key, found))
    return found + [verdict for key, same in with_limits.items() if key not in known for verdict in same]


def _key(verdict: CheckVerdict) -> tuple[object, ...]:
    statement = verdict.context.grant.statement
    return verdict.check, statement.at, statement.path


def _adjusted(item: CheckVerdict, limited: Sequence[Verdict]) -> CheckVerdict:
    """Return a verdict that limits change, with the action that removes them."""
    verdict = item.verdict
    severities = [Severity.LOW, *(one.severity for one in limited)]
    severity = min(verdict.severity, max(severities, key=_rank), key=_rank)
    with_limits = max((one.confidence for one in limited), default=verdict.confidence, key=_rank)
    confidence = min(verdict.confidence, with_limits, key=_rank)
    added = " ".join(_removals(item.context, verdict))
    return replace(
        item,
        verdict=replace(
            verdict,
            severity=severity,
            confidence=confidence,
            message=f"{verdict.message} {added}",
            message_for_several=verdict.message_for_several and f"{verdict.message_for_several} {added}",
        ),
    )


def _rank(level: Severity | Confidence) -> int:
    return level.rank


def _removals(context: GrantContext, verdict: Verdict) -> Iterator[str]:
    """Yield a sentence for each limit with the action that removes it."""
    found: dict[tuple[str, str, bool, bool], dict[str, None]] = {}
    for holder in context.holders:
        if not verdict.who or holder.name in verdict.who or holder.kind is PrincipalKind.POLICY:
            name = holder.name if holder.kind is not PrincipalKind.POLICY else "a principal with this policy"
            for one in _deciding(holder.removable):
                key = (one.limit.name, one.action, one.limit.is_boundary, one.certain is Ternary.YES)
                found.setdefault(key, {})[name] = None
    for (name, action, is_boundary, is_certain), holders in found.items():
        what = "permissions boundary" if is_boundary else "Deny in"
        can = "can" if is_certain else "can perhaps"
        yield f"The {what} {shortened(name)} limits this, but {listed([*holders])} {can} remove it with `{action}`."


def _deciding(removable: Sequence[RemovableLimit]) -> Sequence[RemovableLimit]:
    """Return the limits on passing roles, all limits if there is none."""
    passing = [one for one in removable if one.limit.limits_passing]
    return passing or removable
