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
from passrole_checks.suggest.from_logs.narrow import HeldStatement, UseAdvice, advice_by_use, seen_by, unused
from passrole_checks.suggest.observed_use import Evidence, Narrowing
from passrole_checks.suggest.propose import GET_ROLE, MENDED, TAGS, Narrower
from passrole_checks.suggest.referable_roles import Read
from passrole_checks.suggest.render_statement import statement_for, written_in
from passrole_checks.suggest.split_statement import parted
from passrole_checks.suggest.suggestion import Edit, StatementChange, Suggestion
from passrole_checks.suggest.trial_scan import Proved, Trials
from passrole_checks.suggest.verify import NotProvedError, TrialUnit, place_of

_SAYS_SO = "the statement already matches the suggestion"


class Bench(Protocol):
    """Makes and verifies edits; implemented by :class:`~passrole_checks.suggest.suggest.Session`."""

    @property
    def texts(self) -> Read: ...

    def edits_in(self, unit: TrialUnit, located: LocatedGrant, wish: StatementChange) -> tuple[Edit, ...] | str: ...

    def policies_of(self, located: LocatedGrant) -> Iterable[set[str]]: ...

    def take_sids(self, located: LocatedGrant, edits: Iterable[Edit]) -> None: ...

    def proof_of(self, one: Suggestion, wish: Narrowing, located: LocatedGrant, trials: Trials) -> Proved: ...

    def done(self, one: Suggestion, proved: Proved) -> Suggestion: ...


class ByUse:
    """Suggestions from observed use. ``at``: the statements of all units by position; ``narrowers`` by unit id."""

    def __init__(
        self,
        bench: Bench,
        evidence: Evidence,
        at: Mapping[Position, Sequence[tuple[TrialUnit, LocatedGrant]]],
        narrowers: Mapping[int, Narrower],
    ) -> None:
        self._bench, self._evidence, self._at, self._narrowers = bench, evidence, at, narrowers

    def of(self, at: Position, findings: Sequence[Finding], trials: Trials) -> tuple[Suggestion, ...] | None:
        """Return suggestions for the statement at a position; None if the logs suggest no change, or some of its
        findings were accepted.
        """
        evidence = self._evidence
        known = [
            (unit, one, HeldStatement(self._narrowers[id(unit)].over(one), evidence.used[key]))
            for unit, one in self._at.get(at, ())
            if one.effect_on_passrole == "allow"
            and (key := (at, one.resource.address, one.statement_path)) in evidence.used
        ]
        if not known or self._is_accepted(at, findings):
            return None
        unit, first, _ = known[0]
        holdings = [holding for _, _, holding in known]
        seen = seen_by(holdings, evidence)
        bare = Suggestion(tuple(findings), at, (), "", (), "", seen, first.resource.address, first.grant.sid)
        if not any(holding.observed for holding in holdings):
            return (replace(bare, missing=unused(evidence)),)
        tags = first.grant.condition.tags if any(one.check_id == TAGS for one in findings) else ()
        advice = advice_by_use(holdings, evidence, tags)
        if not advice.wider and not (advice.missing and any(one.check_id in MENDED for one in findings)):
            return None
        try:
            done = self._narrowed(bare, unit, first, advice, trials)
        except NotProvedError as error:
            reason = str(error)
            if reason == _SAYS_SO:
                return None
            if evidence.grouped and advice.narrowing is not None:  # a pattern for the group may be too wide
                apart = ByUse(self._bench, replace(evidence, grouped=False), self._at, self._narrowers)
                return apart.of(at, findings, trials)
            missing = (*advice.missing, *((reason,) if reason else ()))
            return (replace(bare, missing=missing, statement=self._would_read(first, advice)),)
        self._bench.take_sids(first, done.edits)
        left = tuple(one for one in findings if one not in done.findings)
        told = tuple(dict.fromkeys(one.remediation for one in left))
        return (done, *((replace(bare, findings=left, missing=told),) if left else ()))

    def _is_accepted(self, at: Position, findings: Sequence[Finding]) -> bool:
        """True if the statement has a finding that the user does not want to change."""
        asked = {one.check_id for one in findings}
        units = {id(unit): unit for unit, _ in self._at.get(at, ())}.values()
        found = [one for unit in units for one in unit.analyzed.findings if one.at == at and one.check_id in MENDED]
        return any(one.check_id not in asked and (one.suppressed is not None or one.severity.rank) for one in found)

    def _narrowed(
        self, bare: Suggestion, unit: TrialUnit, located: LocatedGrant, advice: UseAdvice, trials: Trials
    ) -> Suggestion:
        """Return the suggestion with edits. Raises :class:`NotProvedError` if there are none, or they cannot be
        verified.
        """
        narrowing = advice.narrowing
        if narrowing is None:
            raise NotProvedError("")
        parts: list[tuple[tuple[Edit, ...], tuple[str, ...]]] = []
        for part in narrowing.parts:
            found = self._bench.edits_in(unit, located, part)
            if isinstance(found, str):
                raise NotProvedError(found)
            parts.append((found, part.services or ()))
        text = self._bench.texts(bare.at.file)
        taken = set[str]().union(*self._bench.policies_of(located))
        edits = parted(located, parts, text, beside=narrowing.apart, taken=taken)
        if isinstance(edits, str):
            raise NotProvedError(edits)
        if not edits:
            raise NotProvedError(_SAYS_SO)
        tried = replace(bare, edits=edits, says=advice.says)
        targets = tuple(one for one in bare.findings if one.check_id in MENDED - {GET_ROLE})
        proved = self._bench.proof_of(replace(tried, findings=targets), narrowing, located, trials)
        return self._bench.done(tried, proved)

    def _would_read(self, located: LocatedGrant, advice: UseAdvice) -> str:
        """Return the statements known to be needed, for display."""
        grant = located.grant
        if grant.effect != "Allow" or not grant.explicit or not grant.statement.whole or not advice.parts:
            return ""
        text = self._bench.texts(grant.at.file)
        place = place_of(grant.at, text)
        language = written_in(located, text[place.start : place.end])
        sid = grant.sid if len(advice.parts) == 1 and not grant.other_actions else None
        return "\n".join(
            statement_for(language, sid, "iam:PassRole", part.roles or (), part.services) for part in advice.parts
        )
