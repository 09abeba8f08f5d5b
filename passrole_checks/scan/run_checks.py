"""Verdicts: what the checks say of one grant in its context."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from passrole_checks.checks import ALL
from passrole_checks.checks.base.check import Check
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import special
from passrole_checks.findings import Verdict
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.path_conditions import PathCondition, implies_all
from passrole_checks.scan.contexts import split_by_path_condition
from passrole_checks.scan.result import ScanOptions


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """A verdict, the check that returned it, and the context that it is about."""

    check: type[Check]
    verdict: Verdict
    context: GrantContext


OnFault = Callable[[type[Check], Exception], None]
"""Called with each exception that a check raises; what the check yielded before counts for nothing."""


def verdicts_of(
    context: GrantContext, options: ScanOptions, on_fault: OnFault, *, with_severity: bool = True
) -> Iterator[CheckVerdict]:
    """Yield the verdicts of all requested checks on one grant, without those that another one supersedes.

    ``with_severity``: run the checks that decide the severity of requested ones, too; else it may be too low.
    """
    asked = [check for check in ALL if check.checks_managed_policies or not context.policy.managed]
    requested = [check for check in asked if options.runs(check)]
    decisive = {name for check in requested for name in check.depends_on_verdicts_of if context.beneficiaries}
    by_check = {
        check: evaluate(check, context, on_fault)
        for check in asked
        if not check.depends_on_verdicts_of and (options.runs(check) or (with_severity and check.id in decisive))
    }
    severities = {
        check.id: max((item.verdict.severity for item in verdicts), key=lambda severity: severity.rank)
        for check, verdicts in by_check.items()
        if verdicts
    }
    for check in requested:
        if check.depends_on_verdicts_of:
            others = {name: severities[name] for name in check.depends_on_verdicts_of if name in severities}
            by_check[check] = evaluate(check, replace(context, other_severities=others), on_fault)
        superseding = [
            item.verdict for other in requested if other.id in check.superseded_by for item in by_check.get(other, ())
        ]
        for item in by_check[check]:
            if not _is_superseded(item, superseding):
                yield item


def evaluate(check: type[Check], context: GrantContext, on_fault: OnFault) -> Sequence[CheckVerdict]:
    """Return the verdicts of one check, none if it does not accept the grant."""
    if not special(context) <= check.accepts:
        return ()
    contexts = split_by_path_condition(context) if check.needs_all_policies else [context]
    verdicts: list[CheckVerdict] = []
    for part in contexts:
        try:
            verdicts += [CheckVerdict(check, verdict, part) for verdict in check().evaluate(part)]
        except Exception as error:
            on_fault(check, error)
    return verdicts


def _is_superseded(item: CheckVerdict, others: Sequence[Verdict]) -> bool:
    """True if another verdict is about the same principal, holds wherever this one does, and is as severe and sure."""
    holds_under: PathCondition = (*item.context.grant.statement.when, *item.verdict.when)
    return any(
        other.who == item.verdict.who
        and implies_all(holds_under, other.when)
        and other.severity.rank >= item.verdict.severity.rank
        and other.confidence.rank >= item.verdict.confidence.rank
        for other in others
    )
