"""Turn observed use of a statement into a suggestion, verified like all others.

Statements with findings that were accepted, suppressed or not requested stay unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from passrole_checks.findings import Finding
from passrole_checks.iam.partial_values import Position
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.suggest.from_logs.narrow import (
    HeldStatement,
    UseAdvice,
    advice_by_use,
    count_use,
    unused_questions,
)
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.observed_use import Evidence, Narrowing
from passrole_checks.suggest.propose import FIXABLE_CHECKS, GET_ROLE, TAGS, Proposer
from passrole_checks.suggest.referable_roles import Read
from passrole_checks.suggest.split_statement import split_statement
from passrole_checks.suggest.suggestion import Edit, StatementChange, Suggestion
from passrole_checks.suggest.trial_scan import TrialScans, VerifiedEdits
from passrole_checks.suggest.verify import NotVerifiedError, TrialUnit

_UNCHANGED = "the statement already matches the suggestion"


class EditVerifier(Protocol):
    """Makes and verifies edits; implemented by :class:`~passrole_checks.suggest.suggest.Session`."""

    @property
    def texts(self) -> Read: ...

    def edits_in(self, unit: TrialUnit, located: LocatedGrant, change: StatementChange) -> tuple[Edit, ...] | str: ...

    def sids_by_policy(self, located: LocatedGrant) -> Iterable[set[str]]: ...

    def reserve_sids(self, located: LocatedGrant, edits: Iterable[Edit]) -> None: ...

    def verify_suggestion(
        self, one: Suggestion, change: Narrowing, located: LocatedGrant, trials: TrialScans
    ) -> VerifiedEdits: ...

    def finish(self, one: Suggestion, proved: VerifiedEdits) -> Suggestion: ...

    def draft(self, unit: TrialUnit, located: LocatedGrant, change: StatementChange) -> str: ...


class UsageSuggester:
    """Suggestions from observed use. ``at``: the statements of all units by position; ``proposers`` by unit id."""

    def __init__(
        self,
        verifier: EditVerifier,
        evidence: Evidence,
        at: Mapping[Position, Sequence[tuple[TrialUnit, LocatedGrant]]],
        proposers: Mapping[int, Proposer],
    ) -> None:
        self._verifier, self._evidence, self._at, self._proposers = verifier, evidence, at, proposers

    def of(self, at: Position, findings: Sequence[Finding], trials: TrialScans) -> tuple[Suggestion, ...] | None:
        """Return suggestions for the statement at a position; None if the logs suggest no change, or some of its
        findings were accepted.
        """
        evidence = self._evidence
        known = [
            (unit, one, HeldStatement(self._proposers[id(unit)].passed_roles(one), evidence.used[key]))
            for unit, one in self._at.get(at, ())
            if one.effect_on_passrole == "allow"
            and (key := (at, one.resource.address, one.statement_path)) in evidence.used
        ]
        if not known or self._is_accepted(at, findings):
            return None
        unit, first, _ = known[0]
        holdings = [holding for _, _, holding in known]
        seen = count_use(holdings, evidence)
        bare = Suggestion(tuple(findings), at, (), "", (), "", seen, first.resource.address, first.grant.sid)
        if not any(holding.observed for holding in holdings):
            return (replace(bare, missing=unused_questions(evidence)),)
        tags = first.grant.condition.tags if any(finding.check_id == TAGS for finding in findings) else ()
        advice = advice_by_use(holdings, evidence, tags)
        if not advice.wider and not (
            advice.missing and any(finding.check_id in FIXABLE_CHECKS for finding in findings)
        ):
            return None
        try:
            done = self._verified_suggestion(bare, unit, first, advice, trials)
        except NotVerifiedError as error:
            reason = str(error)
            if reason == _UNCHANGED:
                return None
            if evidence.grouped and advice.narrowing is not None:  # a pattern for the group may be too wide
                separate = UsageSuggester(self._verifier, replace(evidence, grouped=False), self._at, self._proposers)
                return separate.of(at, findings, trials)
            missing = (*advice.missing, *((reason,) if reason else ()))
            return (replace(bare, missing=missing, statement=self._proposed_statement(unit, first, advice)),)
        self._verifier.reserve_sids(first, done.edits)
        left = tuple(finding for finding in findings if finding not in done.findings)
        remedies = tuple(dict.fromkeys(one.remediation for one in left))
        return (done, *((replace(bare, findings=left, missing=remedies),) if left else ()))

    def _is_accepted(self, at: Position, findings: Sequence[Finding]) -> bool:
        """True if the statement has a finding that the user does not want to change."""
        asked = {finding.check_id for finding in findings}
        units = {id(unit): unit for unit, _ in self._at.get(at, ())}.values()
        found = [
            finding
            for unit in units
            for finding in unit.analyzed.findings
            if finding.at == at and finding.check_id in FIXABLE_CHECKS
        ]
        return any(one.check_id not in asked and (one.suppressed is not None or one.severity.rank) for one in found)

    def _verified_suggestion(
        self, bare: Suggestion, unit: TrialUnit, located: LocatedGrant, advice: UseAdvice, trials: TrialScans
    ) -> Suggestion:
        """Return the suggestion with edits. Raises :class:`NotVerifiedError` if there are none, or they cannot be
        verified.
        """
        narrowing = advice.narrowing
        if narrowing is None:
            raise NotVerifiedError("")
        parts: list[tuple[tuple[Edit, ...], tuple[str, ...]]] = []
        for part in narrowing.parts:
            found = self._verifier.edits_in(unit, located, part)
            if isinstance(found, str):
                raise NotVerifiedError(found)
            parts.append((found, part.services or ()))
        text = self._verifier.texts(bare.at.file)
        taken = set[str]().union(*self._verifier.sids_by_policy(located))
        edits = split_statement(located, parts, text, keep_original=narrowing.separate, taken=taken)
        if isinstance(edits, str):
            raise NotVerifiedError(edits)
        if not edits:
            raise NotVerifiedError(_UNCHANGED)
        tried = replace(bare, edits=edits, says=advice.says, grade=Grade.OBSERVED)
        targets = tuple(finding for finding in bare.findings if finding.check_id in FIXABLE_CHECKS - {GET_ROLE})
        proved = self._verifier.verify_suggestion(replace(tried, findings=targets), narrowing, located, trials)
        return self._verifier.finish(tried, proved)

    def _proposed_statement(self, unit: TrialUnit, located: LocatedGrant, advice: UseAdvice) -> str:
        """Return the statements known to be needed, for display."""
        grant = located.grant
        if grant.effect != "Allow" or not grant.explicit or not grant.statement.whole or not advice.parts:
            return ""
        several = len(advice.parts) > 1 or grant.other_actions
        drafts = [self._verifier.draft(unit, located, replace(part, separate=several)) for part in advice.parts]
        return (",\n" if drafts[0].startswith("{") else "\n").join(drafts)
