"""From two versions of a repository to the report of a review."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path, PurePath
from typing import Any

from passrole_checks import __version__
from passrole_checks.diff import AccessDifference, GrantChange
from passrole_checks.diff.repository import (
    InputsOf,
    compare_snapshots,
    note_changed_configuration,
    path_finder,
    snapshot_roots,
    versions_with_inputs,
)
from passrole_checks.diff.trusted_suppressions import IGNORED
from passrole_checks.errors import ConfigurationError
from passrole_checks.escaping.terminal import shown
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.git_versions import Snapshots, VersionPair, relocate
from passrole_checks.git_versions.snapshot import may_contain_code
from passrole_checks.iam import deadline
from passrole_checks.review.build_items import NEW_ACCESS, Thresholds, Told, judged
from passrole_checks.review.comment_lines import Anchors
from passrole_checks.review.find_fix import MOST, FixOutcome, Mending, remediation_of
from passrole_checks.review.report import Item, ReportNote, ReviewReport, files_of
from passrole_checks.review.report_json import fitted
from passrole_checks.scan import baseline
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import ScanResult
from passrole_checks.sources.model.configuration import Unreadable, faults_in, noting_faults, without_faults


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What is asked for: the least ``severity`` and ``confidence`` to be told, the least severity that fails (None:
    none does), a ``baseline`` as it was given on the command line, whether what has changed and is not evaluated is as
    if it could not be read (``strict``), and whether the findings of HEAD are wanted even where nothing differs."""

    severity: Severity = Severity.LOW
    confidence: Confidence = Confidence.LOW
    fail_on: Severity | None = Severity.MEDIUM
    baseline: str = ""
    strict: bool = False
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """``report``, and what the scan of HEAD says in all: ``scan``, with the ``states`` of its findings by fingerprint
    (``new``, ``updated``, ``unchanged``), those of BASE that are ``gone``, and those that the baseline accepts."""

    report: ReviewReport
    scan: ScanResult
    states: Mapping[str, str]
    gone: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, baseline.BaselineEntry], ...] = ()


@deadline.pooled()
def reviewed(asked: VersionPair, options: ScanOptions, inputs_of: InputsOf, wanted: ReportOptions) -> Review:
    """Compare and scan two versions. ``options`` says which checks are asked for; its severity does not count.

    Raises what :meth:`VersionPair.snapshots` raises; a :class:`ConfigurationError` for a baseline that cannot be used,
    and an :class:`InputError` for values that cannot.
    """
    with asked.snapshots() as snapshots:
        if not snapshots.changed and not wanted.everything:
            return _nothing(asked, wanted)
        return _Making(asked, snapshots, options, inputs_of, wanted).review()


def _nothing(asked: VersionPair, wanted: ReportOptions) -> Review:
    empty = ScanResult((), (), (), (), (), ())
    return Review(_report(asked, wanted, notes=_noted(asked.notes)), empty, {}, ())


def _noted(words: Iterable[str]) -> tuple[ReportNote, ...]:
    return tuple(ReportNote("", 0, one) for one in words)


def _report(asked: VersionPair, wanted: ReportOptions, **fields: Any) -> ReviewReport:
    known: dict[str, Any] = {
        "items": (), "fixed": (), "less": (), "unchanged": 0, "unreadable": (), "not_evaluated": (), "notes": (),
        "files": 0,
    }  # fmt: skip
    return ReviewReport(
        tool=f"passrole-checks {__version__}",
        base=asked.base.id or asked.base.name,
        head=asked.head.id or asked.head.name,
        base_name=asked.base.name,
        head_name=asked.head.name,
        fail_on=wanted.fail_on,
        **(known | fields),
    )


class _Making:
    def __init__(
        self, asked: VersionPair, snapshots: Snapshots, options: ScanOptions, inputs_of: InputsOf, wanted: ReportOptions
    ) -> None:
        self._asked, self._snapshots, self._wanted = asked, snapshots, wanted
        self._options = replace(options, minimum_severity=Severity.INFO, minimum_confidence=Confidence.LOW)
        self._sides = versions_with_inputs(asked, snapshots, inputs_of)
        self._notes: list[ReportNote] = [*_noted(asked.notes)]

    def review(self) -> Review:
        found = compare_snapshots(self._sides, self._snapshots, self._options, with_scans=True)
        assert found.scans is not None
        before, after = (self._accepted(scan.findings, side) for side, scan in enumerate(found.scans))
        told = Thresholds(
            self._wanted.severity,
            self._wanted.confidence,
            self._runs(NEW_ACCESS),
            (_prints(before), _prints(after)),
        )
        outcome = self._outcome(found, told)
        result = outcome.judged
        unlike_head = self._asked.unlike_head()
        anchors = Anchors(self._snapshots, unlike_head)
        with Mending(self._sides, self._snapshots, outcome, lambda top: self._tried(found, top, told)) as mending:
            if found.touched is not None and result.told:
                with noting_faults("", mending.faults):
                    mending.suggested(result.told[:MOST], found.touched.read, self._options_of_head)
            items = tuple(
                self._placed_alone(one, anchors, mending, number < MOST) for number, one in enumerate(result.told)
            )
            faults = [*faults_in(found.unreadable), *mending.faults]
        self._about_configuration()
        self._about_exclusions(found)
        self._notes += map(self._moved, found.moved)
        unreadable, not_evaluated = self._unread(replace(found, unreadable=without_faults(found.unreadable)))
        report = _report(
            self._asked,
            self._wanted,
            items=items,
            fixed=result.fixed,
            less=result.less,
            more=result.more,
            unchanged=result.unchanged,
            unreadable=unreadable,
            faults=tuple(dict.fromkeys(map(self._note, faults))),
            not_evaluated=not_evaluated,
            notes=tuple(dict.fromkeys(self._notes)),
            files=len(found.files[1]),
            excluded=tuple(sorted({self._excluded_name(path) for path in found.excluded})),
        )
        known = relocate(
            (report, self._shown(found, after), tuple(filter(self._shows, result.gone)), after),
            snapshot_roots(self._snapshots),
        )
        report = replace(known[0], unlike_head=tuple(sorted(files_of(known[0]) & unlike_head.keys())))
        return Review(fitted(report), known[1], result.states, known[2], known[3])

    def _runs(self, check: str) -> bool:
        options = self._options
        return (not options.checks or check in options.checks) and check not in options.skip_checks

    def _tried(self, found: AccessDifference, top: Path, told: Thresholds) -> FixOutcome | None:
        """The outcome for another folder in the place of HEAD."""
        again = found.touched.again(top) if found.touched is not None else None
        return self._outcome(again, told) if again is not None else None

    def _outcome(self, found: AccessDifference, told: Thresholds) -> FixOutcome:
        result = judged(found, told, self._name, self._snapshots.renames or {}, self._is_old)
        return FixOutcome(result, tuple(sorted({entry.reason for entry in found.unreadable})))

    def _shown(self, found: AccessDifference, accepted: Iterable[tuple[Finding, baseline.BaselineEntry]]) -> ScanResult:
        """HEAD's findings that are severe enough to be told, without those of the baseline; and what of either version
        is not known."""
        assert found.scans is not None
        silenced = _prints(accepted)
        findings = (one for one in found.scans[1].findings if one.fingerprint not in silenced)
        known = relocate((found.unreadable, (*found.not_evaluated, *found.standing)), snapshot_roots(self._snapshots))
        unreadable, not_evaluated = (tuple(dict.fromkeys(entries)) for entries in known)
        return replace(
            found.scans[1],
            findings=tuple(filter(self._shows, findings)),
            unreadable=unreadable,
            not_evaluated=not_evaluated,
            excluded=tuple(path for path in found.excluded if path.startswith(f"{self._snapshots.folders[1]}/")),
        )

    def _shows(self, finding: Finding) -> bool:
        wanted = self._wanted
        return finding.severity.rank >= wanted.severity.rank and finding.confidence.rank >= wanted.confidence.rank

    # -- items

    @property
    def _options_of_head(self) -> ScanOptions:
        return replace(self._options, inputs=self._sides[1].inputs, unchanged=True)

    def _placed_alone(self, told: Told, anchors: Anchors, mending: Mending, mends: bool) -> Item:
        """An item with its place and what to write instead; without them where this package fails at that."""
        item = replace(told.item, advice=remediation_of(told.item))
        with noting_faults(str(told.at.file), mending.faults):
            item = self._placed(told, anchors, mending if mends else None)
        return item

    def _placed(self, told: Told, anchors: Anchors, mending: Mending | None) -> Item:
        item = mending.with_cause(told, anchors) if mending is not None else told.item
        anchor = anchors.anchor(item.at, item.cause, cause_removed=item.cause_removed)
        if mending is None:
            return replace(item, anchor=anchor, advice=remediation_of(item))
        replacement = mending.narrowed(told, anchors) or mending.taken_back(item, told, anchors)
        advice = "" if replacement is not None else mending.advice(told)
        return replace(item, anchor=anchor, replacement=replacement, advice=advice)

    # -- files

    def _moved(self, change: GrantChange) -> ReportNote:
        now, before = change.grant, change.before or change.grant
        where = f"{self._name(before.grant.at.file)}:{before.grant.at.line}"
        reason = f"{', '.join(now.principals)} had this access before, by {where} in {self._asked.base.name}"
        return ReportNote(self._name(now.grant.at.file), now.grant.at.line, reason)

    def _name(self, file: str) -> str:
        """A file that is laid out, from the top of the repository."""
        for folder in self._snapshots.folders:
            if file == str(folder):
                return "."
            if file.startswith(f"{folder}/"):
                return PurePath(file[len(str(folder)) + 1 :]).as_posix()
        return file

    def _excluded_name(self, path: str) -> str:
        return f"{self._name(path)}{'/' if path.endswith('/') else ''}"

    def _unread(self, found: AccessDifference) -> tuple[tuple[ReportNote, ...], tuple[ReportNote, ...]]:
        """What could not be read, and what is not evaluated of what has changed. What both versions say alike of the
        same file, or of the same module, is no news, wherever it stands."""
        said: dict[tuple[str, str], set[bool]] = {}
        for entry in found.not_evaluated:
            said.setdefault(self._subject(entry), set()).add(self._is_old(entry))
        unreadable = [*map(self._note, found.unreadable)]
        left_out = [self._note(entry) for entry in found.left_out_files]
        for entry in found.not_evaluated:
            note = self._note(entry)
            if entry.reason.endswith(IGNORED):
                self._notes.append(note)
            elif len(said[self._subject(entry)]) == 1:
                is_past = self._is_old(entry) and entry not in found.left_out_files
                left_out.append(replace(note, reason=f"in {self._asked.base.name}: {note.reason}") if is_past else note)
        left_out = list(dict.fromkeys(left_out))
        if self._wanted.strict:
            touched = self._snapshots.touched()
            lost = [one for one in left_out if one.file in touched and _may_matter(one.file)]
            unreadable += [replace(one, reason=f"not evaluated: {one.reason}") for one in lost]
            left_out = [one for one in left_out if one not in lost]
        return tuple(dict.fromkeys(unreadable)), tuple(left_out)

    def _subject(self, entry: Unreadable) -> tuple[str, str]:
        if entry.subject:
            return self._name(entry.subject), ""
        name = self._name(entry.file)
        return (self._snapshots.renames or {}).get(name, name) if self._is_old(entry) else name, entry.reason

    def _is_old(self, entry: Unreadable) -> bool:
        return entry.file.startswith(f"{self._snapshots.folders[0]}/")

    def _note(self, entry: Unreadable) -> ReportNote:
        name = self._name(entry.file)
        if name == "." or os.path.isabs(name) or name.split("/")[0] == "..":  # of no file of the repository
            return ReportNote("", 0, entry.reason if name == "." else f"{shown(entry.file)}: {entry.reason}")
        return ReportNote(name, entry.line or 0, entry.reason)

    def _about_configuration(self) -> None:
        self._notes += map(self._note, note_changed_configuration(self._asked, self._snapshots))

    def _about_exclusions(self, found: AccessDifference) -> None:
        """A note if files have changed that are excluded, and that no module call brings in."""
        folder, exclusions = self._snapshots.folders[1], self._sides[1].inputs.exclusions
        changed = [
            f"{folder}/{change.new}"
            for change in self._snapshots.changed
            if change.new and may_contain_code(change.new)
        ]
        excluded = [file for file in changed if file not in found.files[1] and exclusions.excludes(file)]
        if excluded:
            files = "1 changed file is" if len(excluded) == 1 else f"{len(excluded)} changed files are"
            self._notes.append(ReportNote("", 0, f"{files} excluded, and not compared"))

    # -- the baseline, which is that of BASE

    def _accepted(self, findings: tuple[Finding, ...], side: int) -> tuple[tuple[Finding, baseline.BaselineEntry], ...]:
        entries = self._entries()
        if not entries:
            return ()
        today = datetime.now(timezone.utc).date()
        renames = self._snapshots.renames or {}

        def entry_name(file: str) -> str:
            name = self._name(file)
            prefix = self._asked.repository.prefix
            return os.path.relpath(renames.get(name, name) if side == 0 else name, prefix or ".")

        return baseline.apply("", entries, findings, entry_name, lambda _: False, today).accepted

    def _entries(self) -> tuple[baseline.BaselineEntry, ...]:
        given = self._wanted.baseline
        if not given:
            return ()
        path = path_finder(self._asked, self._snapshots, 0)(given)
        if path is None:
            self._notes.append(
                ReportNote(self._below(given), 0, "the baseline is new here, and counts when it is merged")
            )
            return ()
        there = path_finder(self._asked, self._snapshots, 1)(given)
        if there is None or (there != path and Path(there).read_bytes() != Path(path).read_bytes()):
            reason = f"the baseline differs from that of {self._asked.base.name}, which is used"
            self._notes.append(ReportNote(self._name(path), 0, reason))
        try:
            return baseline.load(path)
        except ConfigurationError as error:
            raise ConfigurationError(relocate(str(error), snapshot_roots(self._snapshots))) from None

    def _below(self, given: str) -> str:
        there = path_finder(self._asked, self._snapshots, 1)(given)
        return self._name(there) if there is not None else given


def _prints(accepted: Iterable[tuple[Finding, baseline.BaselineEntry]]) -> frozenset[str]:
    return frozenset(finding.fingerprint for finding, _ in accepted)


def _may_matter(file: str) -> bool:
    """Whether what has this name may hold infrastructure code: a file of such a kind, or a folder, as links lead to."""
    return may_contain_code(file) or "." not in os.path.basename(file)


__all__ = ["ReportOptions", "Review", "reviewed"]
