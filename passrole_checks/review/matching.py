"""Match the findings of HEAD with those of BASE: first by equal text, then by the same statement with edited text.

A fingerprint contains neither lines nor files, so it follows a statement that moves; renamed addresses count as equal.
Findings that are equal in all of this, as those of two roots, are matched one to one, those in the same file first.
Findings that BASE silences, by a suppression or baseline, do not count as present there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import field
from functools import partial

from passrole_checks.checks import ALL
from passrole_checks.findings import Finding
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Position
from passrole_checks.scan.fingerprint import digest
from passrole_checks.scan.matching import Round, match_in_rounds
from passrole_checks.sources.model.configuration import Framework

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
        statement = (
            (finding.details.managed,)
            if finding.details.managed or finding.grant is None
            else finding.grant.statement.identity
        )
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


Growth = Callable[[Finding], str]
"""Return "new" or "widened" if the statement of a finding of HEAD grants access that BASE does not have, else ""."""

Counterpart = Callable[[Finding], "tuple[Position, str] | None"]
"""Return the position and path in BASE of the statement of a finding of HEAD, if known."""


def match_findings(
    old: Sequence[Finding], new: Sequence[Finding], names: Names, counterpart: Counterpart, growth: Growth
) -> Matched:
    """Match the findings of two versions."""
    old_keys = {id(finding): names.match_key(finding, old=True) for finding in old}
    new_keys = {id(finding): names.match_key(finding) for finding in new}
    equal_text = [
        Round[Finding, Finding](
            lambda finding: (new_keys[id(finding)], names.new(finding.at.file)),
            lambda finding: (old_keys[id(finding)], names.old(finding.at.file)),
        ),
        Round[Finding, Finding](
            lambda finding: new_keys[id(finding)],
            lambda finding: old_keys[id(finding)],
            lambda finding, _: growth(finding) != "new" or counterpart(finding) is not None,  # it may be a copy
        ),
    ]
    same_statement = [
        Round(each.left, each.right, partial(_is_same_check, each))
        for each in _same_statement_rounds(names, counterpart)
    ]
    matched = list(match_in_rounds(new, old, [*equal_text, *same_statement]))
    pairs = {number: old[other] for _, number, other in matched}
    reworded = frozenset(number for level, number, _ in matched if level >= len(equal_text))
    paired = {other for _, _, other in matched}
    gone = tuple(finding for number, finding in enumerate(old) if number not in paired)

    def was_implied(finding: Finding) -> bool:
        implying = [other for other in gone if finding.check_id in _IMPLIED_CHECKS.get(other.check_id, ())]
        if findings_at_statement(implying, finding, names, counterpart):
            return True
        if growth(finding):
            return False
        before = counterpart(finding)
        if any(
            (other.at, other.statement_path) == before and _is_same_check_as_severe(other, finding) for other in old
        ):
            return True  # of the part of a statement that moved elsewhere
        administrators = [other for other in old if _allows_everything(other, finding)]
        if findings_at_statement(administrators, finding, names, counterpart):
            return True
        return was_reported_by_other(old, finding, names, counterpart)

    implied = {number for number, finding in enumerate(new) if number not in pairs and was_implied(finding)}
    return Matched(pairs, reworded, gone, frozenset(implied))


def was_reported_by_other(old: Iterable[Finding], finding: Finding, names: Names, counterpart: Counterpart) -> bool:
    """True if a check that supersedes this one reported the statement in BASE, at least as severely."""
    others = [other for other in old if other.check_id in _SUPERSEDED_BY.get(finding.check_id, ())]
    at_statement = findings_at_statement(others, finding, names, counterpart) if others else ()
    return any(other.severity.rank >= finding.severity.rank for other in at_statement)


def is_still_reported(gone: Finding, new: Iterable[Finding], names: Names, counterpart: Counterpart) -> bool:
    """True if a check that supersedes that of a finding of BASE, or includes its issue, reports its statement in
    HEAD."""
    return any(
        (finding.check_id in _SUPERSEDED_BY.get(gone.check_id, ()) or _is_included(gone, finding))
        and finding.severity.rank >= gone.severity.rank
        and findings_at_statement([gone], finding, names, counterpart)
        for finding in new
    )


def _is_same_check_as_severe(old: Finding, finding: Finding) -> bool:
    return old.check_id == finding.check_id and old.severity.rank >= finding.severity.rank


def _allows_everything(old: Finding, finding: Finding) -> bool:
    """True if the statement of a finding of BASE allowed every action, which includes any issue that is less severe."""
    grant = old.grant
    return (
        grant is not None
        and grant.granted_by == "*"
        and grant.scope is Scope.ANY_ROLE
        and grant.services.constraint is Constraint.ABSENT
        and old.severity.rank >= finding.severity.rank
    )


def _is_included(gone: Finding, finding: Finding) -> bool:
    """True if a finding of HEAD also says that the roles can be passed to any service."""
    return (
        gone.check_id == "PASSROLE_002"
        and gone.check_id in _IMPLIED_CHECKS.get(finding.check_id, ())
        and finding.grant is not None
        and finding.grant.services.constraint in (Constraint.ABSENT, Constraint.INEFFECTIVE)
    )


def findings_at_statement(
    old: Iterable[Finding], finding: Finding, names: Names, counterpart: Counterpart
) -> list[Finding]:
    """Return the findings of BASE at the statement of a finding of HEAD."""
    rounds = [
        (each, key) for each in _same_statement_rounds(names, counterpart) if (key := each.left(finding)) is not None
    ]
    return [
        other for other in old if any(key == each.right(other) and each.accepts(finding, other) for each, key in rounds)
    ]


def _same_statement_rounds(names: Names, counterpart: Counterpart) -> tuple[Round[Finding, Finding], ...]:
    """Return the rounds that match findings of HEAD with those of BASE at the same statement: its counterpart; the same
    policy of the same unit with the same Sid or, without Sids, the same path; the same text in the same file, with any
    principals.
    """
    return (
        Round(counterpart, lambda old: (old.at, old.statement_path)),
        Round(
            lambda new: (_unit_of(new, names.new), *_identity(new)),
            lambda old: (_unit_of(old, names.old), *_identity(old)),
            lambda new, old: not names.uses(old).isdisjoint(new.uses),
        ),
        Round(lambda new: _place(new, names.new), lambda old: _place(old, names.old), _has_same_text),
    )


def _is_same_check(each: Round[Finding, Finding], new: Finding, old: Finding) -> bool:
    return new.check_id == old.check_id and each.accepts(new, old)


def _unit_of(finding: Finding, name: Callable[[str], str]) -> str:
    """Return the template, or the folder with the Terraform files."""
    file = name(finding.at.file)
    return os.path.dirname(file) if finding.framework is Framework.TERRAFORM else file


def _identity(finding: Finding) -> tuple[Hashable, ...]:
    """Return the Sid of the statement or, without one, its path and lasting traits."""
    statement = (finding.sid,) if finding.sid else (None, finding.statement_path, _lasting_traits(finding))
    return finding.framework, finding.details.managed, *statement


def _place(finding: Finding, name: Callable[[str], str]) -> Hashable:
    return finding.framework, name(finding.at.file), finding.details.managed, finding.sid or ""


def _has_same_text(new: Finding, old: Finding) -> bool:
    return (
        new.grant is not None and old.grant is not None and new.grant.statement.identity == old.grant.statement.identity
    )


def _lasting_traits(finding: Finding) -> Hashable:
    """Return the traits of a statement without a Sid that usually survive an edit."""
    if finding.grant is None:
        return None
    statement = finding.grant.statement
    return statement.effect, statement.actions is None, statement.resources is None
