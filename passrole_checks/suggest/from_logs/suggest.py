"""Turn observed use of a statement into a suggestion, verified like all others.

Statements with findings that were accepted, suppressed or not requested stay unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from passrole_checks.findings import Finding
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.from_logs.narrow import (
    HeldStatement,
    UseAdvice,
    advice_by_use,
    count_use,
    unused_questions,
)
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.observed_use import Evidence
from passrole_checks.suggest.passed_roles import PassedRoles
from passrole_checks.suggest.propose import FIXABLE_CHECKS, GET_ROLE, TAGS
from passrole_checks.suggest.split_statement import split_statement
from passrole_checks.suggest.statement_edits import UNCHANGED, StatementEdits
from passrole_checks.suggest.suggestion import Suggestion
from passrole_checks.suggest.verify import TrialUnit


def suggestions_by_use(
    edits: StatementEdits,
    evidence: Evidence,
    uses: Sequence[tuple[TrialUnit, LocatedGrant, PassedRoles]],
    findings: Sequence[Finding],
) -> tuple[Suggestion, ...] | None:
    """Return suggestions for a statement by its ``uses`` in all units; None if the logs suggest no change, or some of
    its findings were accepted.
    """
    known = [
        (unit, one, HeldStatement(over, evidence.used[key]))
        for unit, one, over in uses
        if one.effect_on_passrole == "allow"
        and (key := (one.grant.at, one.resource.address, one.statement_path)) in evidence.used
    ]
    if not known or _is_accepted([(unit, one) for unit, one, _ in uses], findings):
        return None
    unit, first, _ = known[0]
    holdings = [holding for _, _, holding in known]
    seen = count_use(holdings, evidence)
    bare = Suggestion(tuple(findings), first.grant.at, (), "", (), "", seen, first.resource.address, first.grant.sid)
    if not any(holding.observed for holding in holdings):
        return (replace(bare, missing=unused_questions(evidence)),)
    tags = first.grant.condition.tags if any(finding.check_id == TAGS for finding in findings) else ()
    advice = advice_by_use(holdings, evidence, tags)
    if not advice.wider and not (advice.missing and any(finding.check_id in FIXABLE_CHECKS for finding in findings)):
        return None
    try:
        done = _verified_suggestion(edits, bare, unit, first, advice)
    except NotEditableError as error:
        reason = str(error)
        if reason == UNCHANGED:
            return None
        if evidence.grouped and advice.narrowing is not None:  # a pattern for the group may be too wide
            return suggestions_by_use(edits, replace(evidence, grouped=False), uses, findings)
        missing = (*advice.missing, *((reason,) if reason else ()))
        return (replace(bare, missing=missing, statement=_proposed_statement(edits, unit, first, advice)),)
    edits.reserve_sids(first, done.edits)
    left = tuple(finding for finding in findings if finding not in done.findings)
    remedies = tuple(dict.fromkeys(one.remediation for one in left))
    return (done, *((replace(bare, findings=left, missing=remedies),) if left else ()))


def _is_accepted(uses: Sequence[tuple[TrialUnit, LocatedGrant]], findings: Sequence[Finding]) -> bool:
    """True if the statement has a finding that the user does not want to change."""
    asked = {finding.check_id for finding in findings}
    at, units = uses[0][1].grant.at, {id(unit): unit for unit, _ in uses}.values()
    return any(
        finding.at == at
        and finding.check_id in FIXABLE_CHECKS - asked
        and (finding.suppressed is not None or finding.severity.rank)
        for unit in units
        for finding in unit.analyzed.findings
    )


def _verified_suggestion(
    edits: StatementEdits, bare: Suggestion, unit: TrialUnit, located: LocatedGrant, advice: UseAdvice
) -> Suggestion:
    """Return the suggestion with edits. Raises :class:`NotEditableError` if there are none, or they cannot be
    verified.
    """
    narrowing = advice.narrowing
    if narrowing is None:
        raise NotEditableError("")
    parts = [(edits.edits_in(unit, located, part), part.services or ()) for part in narrowing.parts]
    text, taken = edits.texts(bare.at.file), edits.taken_sids(located)
    made = split_statement(located, parts, text, keep_original=narrowing.separate, taken=taken)
    tried = replace(bare, edits=made, says=advice.says, grade=Grade.OBSERVED)
    targets = tuple(finding for finding in bare.findings if finding.check_id in FIXABLE_CHECKS - {GET_ROLE})
    proved = edits.verify_suggestion(replace(tried, findings=targets), narrowing, located)
    return edits.finish(tried, proved)


def _proposed_statement(edits: StatementEdits, unit: TrialUnit, located: LocatedGrant, advice: UseAdvice) -> str:
    """Return the statements known to be needed, for display."""
    grant = located.grant
    if grant.effect != "Allow" or not grant.explicit or not grant.statement.whole or not advice.parts:
        return ""
    several = len(advice.parts) > 1 or grant.other_actions
    drafts = [edits.draft(unit, located, replace(part, separate=several)) for part in advice.parts]
    return (",\n" if drafts[0].startswith("{") else "\n").join(drafts)
