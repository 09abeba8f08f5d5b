"""Match the findings of HEAD with those of BASE: first by equal text, then by the same statement with edited text.

A fingerprint contains neither lines nor files, so it follows a statement that moves; renamed addresses count as equal.
Findings that are equal in all of this, as those of two roots, are matched one to one, those in the same file first.
Findings that BASE silences, by a suppression or baseline, do not count as present there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from passrole_checks.checks import ALL
from passrole_checks.findings import Finding
from passrole_checks.iam.partial_values import Position
from passrole_checks.scan.fingerprint import digest

# Checks that a finding supersedes on its statement: their issues existed before, if they appear when it is gone.
_IMPLIED_CHECKS = {
    "PASSROLE_001": frozenset({"PASSROLE_002", "PASSROLE_006", "PASSROLE_007", "PASSROLE_012"}),
    "PASSROLE_003": frozenset({"PASSROLE_002"}),
}
# Checks that supersede a check if their confidence is no lower: its issue existed before, if it appears later.
_SUPERSEDED_BY = {check.id: frozenset(check.superseded_by) for check in ALL if check.superseded_by}


@dataclass(frozen=True, slots=True)
class Names:
    """Names of files and resources in both versions. ``old`` and ``new`` map a file of BASE and of HEAD to its path in
    HEAD; ``addresses`` maps addresses of BASE to those of HEAD where they differ."""

    old: Callable[[str], str]
    new: Callable[[str], str]
    addresses: Mapping[str, str] = field(default_factory=dict)

    def uses(self, finding: Finding) -> frozenset[str]:
        """Return the addresses of a finding of BASE as they are in HEAD."""
        return frozenset(self.addresses.get(use, use) for use in finding.uses)

    def match_key(self, finding: Finding, *, old: bool = False) -> str:
        """Return a fingerprint without the number that distinguishes equal ones; ``old``: of BASE, with HEAD's
        addresses."""
        address = finding.resource.address
        statement = (finding.managed,) if finding.managed or finding.grant is None else finding.grant.statement.identity
        if old and self.addresses:
            address = self.addresses.get(address, address)
            statement = tuple(self._renamed(text) for text in statement)
        return digest(finding.check_id, finding.framework.value, address, *statement)

    def _renamed(self, text: str) -> str:
        for old, new in self.addresses.items():
            if old in text:
                text = re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w-])", new.replace("\\", r"\\"), text)
        return text


@dataclass(frozen=True, slots=True)
class Matched:
    """``pairs``: findings of HEAD, by number, with their findings of BASE; ``reworded``: those of them whose statement
    was edited; ``gone``: findings of BASE without a pair; ``implied_before``: findings of HEAD without a pair whose
    issue BASE had too, covered there by the finding of another check."""

    pairs: Mapping[int, Finding]
    reworded: frozenset[int]
    gone: tuple[Finding, ...]
    implied_before: frozenset[int]


HasGrown = Callable[[Finding], bool]
"""True if the statement of a finding of HEAD grants more access than in BASE."""

Counterpart = Callable[[Finding], "tuple[Position, str] | None"]
"""Return the position and path in BASE of the statement of a finding of HEAD, if known."""


def match_findings(
    old: Sequence[Finding], new: Sequence[Finding], names: Names, counterpart: Counterpart, has_grown: HasGrown
) -> Matched:
    """Match the findings of two versions."""
    pairs, unmatched = _match_equal(old, new, names)
    reworded: set[int] = set()
    for is_same in _SAME_STATEMENT_TESTS:
        for number, finding in enumerate(new):
            if number in pairs:
                continue
            before = counterpart(finding)
            for other in unmatched:
                if old[other].check_id == finding.check_id and is_same(old[other], finding, names, before):
                    pairs[number] = old[other]
                    reworded.add(number)
                    unmatched.remove(other)
                    break

    gone = tuple(old[number] for number in unmatched)

    def was_implied(finding: Finding) -> bool:
        is_implied = any(
            finding.check_id in _IMPLIED_CHECKS.get(other.check_id, ())
            and _is_same_statement(other, finding, names, counterpart(finding))
            for other in gone
        )
        return is_implied or (was_reported_by_other(old, finding, names, counterpart) and not has_grown(finding))

    implied = {number for number, finding in enumerate(new) if number not in pairs and was_implied(finding)}
    return Matched(pairs, frozenset(reworded), gone, frozenset(implied))


def _match_equal(old: Sequence[Finding], new: Sequence[Finding], names: Names) -> tuple[dict[int, Finding], list[int]]:
    """Match findings with equal text. Return the pairs, and the sorted numbers of findings of BASE without one."""
    pairs: dict[int, Finding] = {}
    old_by_key: dict[str, list[int]] = defaultdict(list)
    for number, finding in enumerate(old):
        old_by_key[names.match_key(finding, old=True)].append(number)
    keys = [names.match_key(finding) for finding in new]
    for same_file in (True, False):
        for number, finding in enumerate(new):
            candidates = old_by_key.get(keys[number], [])
            if number in pairs or not candidates:
                continue
            file = names.new(finding.at.file)
            match = next(
                (other for other in candidates if not same_file or names.old(old[other].at.file) == file), None
            )
            if match is not None:
                pairs[number] = old[match]
                candidates.remove(match)
    return pairs, sorted(number for numbers in old_by_key.values() for number in numbers)


def was_reported_by_other(old: Iterable[Finding], finding: Finding, names: Names, counterpart: Counterpart) -> bool:
    """True if a check that supersedes this one reported the statement in BASE, at least as severely."""
    others = [other for other in old if other.check_id in _SUPERSEDED_BY.get(finding.check_id, ())]
    at_statement = findings_at_statement(others, finding, names, counterpart) if others else ()
    return any(other.severity.rank >= finding.severity.rank for other in at_statement)


def is_still_reported(gone: Finding, new: Iterable[Finding], names: Names, counterpart: Counterpart) -> bool:
    """True if a check that supersedes that of a finding of BASE reports its statement in HEAD."""
    return any(
        finding.check_id in _SUPERSEDED_BY.get(gone.check_id, ())
        and finding.severity.rank >= gone.severity.rank
        and findings_at_statement([gone], finding, names, counterpart)
        for finding in new
    )


def findings_at_statement(
    old: Iterable[Finding], finding: Finding, names: Names, counterpart: Counterpart
) -> list[Finding]:
    """Return the findings of BASE at the statement of a finding of HEAD."""
    before = counterpart(finding)
    return [other for other in old if _is_same_statement(other, finding, names, before)]


def _is_counterpart(old: Finding, _new: Finding, _names: Names, before: tuple[Position, str] | None) -> bool:
    return before is not None and (old.at, old.statement_path) == before


def _has_same_identity(old: Finding, new: Finding, names: Names, _before: object) -> bool:
    """True if one policy contains both, with the same Sid or, without Sids, at the same path."""
    if old.framework is not new.framework or names.uses(old).isdisjoint(new.uses) or old.managed != new.managed:
        return False
    if old.sid or new.sid:
        return old.sid == new.sid
    return old.statement_path == new.statement_path and _lasting_traits(old) == _lasting_traits(new)


def _is_same_text_in_file(old: Finding, new: Finding, names: Names, _before: object) -> bool:
    """True if both have the same text in the same file; their principals may differ."""
    return (
        old.framework is new.framework
        and names.old(old.at.file) == names.new(new.at.file)
        and old.managed == new.managed
        and (old.sid or "") == (new.sid or "")
        and old.grant is not None
        and new.grant is not None
        and old.grant.statement.identity == new.grant.statement.identity
    )


_SAME_STATEMENT_TESTS = (_is_counterpart, _has_same_identity, _is_same_text_in_file)


def _is_same_statement(old: Finding, new: Finding, names: Names, before: tuple[Position, str] | None) -> bool:
    return any(is_same(old, new, names, before) for is_same in _SAME_STATEMENT_TESTS)


def _lasting_traits(finding: Finding) -> Hashable:
    """Return the traits of a statement without a Sid that usually survive an edit."""
    if finding.grant is None:
        return None
    statement = finding.grant.statement
    return statement.effect, statement.actions is None, statement.resources is None
