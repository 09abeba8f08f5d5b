"""Build the report of a review from two versions of a repository."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from passrole_checks import __version__
from passrole_checks.diff import AccessDifference, GrantChange
from passrole_checks.diff.affected_files import select_affected
from passrole_checks.diff.plans import RootPlan, shown_names
from passrole_checks.diff.repository import (
    InputsOf,
    compare_snapshots,
    note_changed_configuration,
    path_finder,
    snapshot_roots,
    versions_with_inputs,
    with_details_of_base,
)
from passrole_checks.diff.trusted_suppressions import IGNORED
from passrole_checks.diff.units import NOT_COMPARED
from passrole_checks.errors import ConfigurationError
from passrole_checks.escaping.terminal import display_path
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.git_versions import Snapshots, VersionPair, relocate
from passrole_checks.git_versions.git import OBJECT_ID
from passrole_checks.git_versions.selection import Select
from passrole_checks.git_versions.snapshot import may_contain_code
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.review.build_items import NEW_ACCESS, ReviewState, Thresholds, TracedItem, build_items
from passrole_checks.review.comment_lines import Anchors
from passrole_checks.review.find_fix import MAX_ITEMS, FixFinder, FixOutcome, remediation_of
from passrole_checks.review.new_notes import is_touched, new_notes, starts_comment
from passrole_checks.review.report import Item, ReadInput, ReportNote, ReviewReport, named_files
from passrole_checks.review.report_json import truncate_to_limits
from passrole_checks.scan import baseline
from passrole_checks.scan.fingerprint import digest
from passrole_checks.scan.group_findings import group_findings
from passrole_checks.scan.merge_variants import applies_with_value_file
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import ScanResult
from passrole_checks.sources.model.configuration import Unreadable, faults_in, recording_faults, without_faults
from passrole_checks.sources.terraform.modules.downloaded_modules import NOT_DOWNLOADED

_NOT_IN_REPOSITORY = "is not in the repository"  # what NOT_DOWNLOADED means for a version that is not checked out

_FINGERPRINT = "passroleItemFingerprint/1"


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Options of a report. ``severity`` and ``confidence``: minimum to report; ``fail_on``: minimum severity that
    fails, None for none; ``baseline``: as on the command line; ``strict``: treat changed files that are not evaluated
    as unreadable; ``everything``: scan HEAD even if nothing differs."""

    severity: Severity = Severity.LOW
    confidence: Confidence = Confidence.LOW
    fail_on: Severity | None = Severity.MEDIUM
    baseline: str = ""
    strict: bool = False
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """``report``, and the whole ``scan`` of HEAD with the ``states`` of its findings by fingerprint (``new``,
    ``updated``, ``unchanged``), the findings of BASE that are ``gone``, and those that the baseline accepts.
    ``findings_of``: the fingerprints of the findings behind each item of the report, by its key."""

    report: ReviewReport
    scan: ScanResult
    states: Mapping[str, str]
    gone: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, baseline.BaselineEntry], ...] = ()
    findings_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def accepted_findings(self, report: ReviewReport) -> dict[str, str]:
        """Return the fingerprints of the findings that owners have accepted in ``report``, a later version of
        :attr:`report`, each with who did and why."""
        return {
            fingerprint: f"Accepted by {item.accepted.by}: {item.accepted.reason}"
            for item in report.items
            if item.accepted is not None
            for fingerprint in self.findings_of.get(item.key, ())
        }


@deadline.pooled()
def build_review(
    versions: VersionPair,
    options: ScanOptions,
    inputs_of: InputsOf,
    report_options: ReportOptions,
    plans: Sequence[RootPlan] = (),
    jobs: int | None = 1,
) -> Review:
    """Compare and scan two versions. ``options`` selects the checks; its severity is ignored. ``plans`` are compared in
    place of their roots. ``jobs``: how many processes read units; None: as many as pay.

    Raise the errors of :meth:`VersionPair.snapshots`, a :class:`ConfigurationError` for an unusable baseline, and an
    :class:`InputError` for unusable values.
    """
    folders = ["" if plan.folder == "." else plan.folder for plan in plans]
    with versions.snapshots(_select(options, report_options), folders) as snapshots:
        if not snapshots.changed and not report_options.everything and not plans:
            return _empty_review(versions, report_options)
        return _ReviewBuilder(versions, snapshots, options, inputs_of, report_options, plans, jobs).build()


def _select(options: ScanOptions, report_options: ReportOptions) -> Select | None:
    """Return what chooses the files to read; None for all."""
    # equal findings are numbered, and a baseline contains the numbers that they have in a scan of everything
    if report_options.everything or report_options.baseline:
        return None
    return partial(select_affected, has_exclusions=bool(options.inputs.exclusions.patterns))


def _empty_review(versions: VersionPair, report_options: ReportOptions) -> Review:
    empty = ScanResult((), (), (), (), (), ())
    return Review(_new_report(versions, report_options, notes=_notes_of(versions.notes)), empty, {}, ())


def _notes_of(reasons: Iterable[str]) -> tuple[ReportNote, ...]:
    return tuple(ReportNote("", 0, reason) for reason in reasons)


def _new_report(versions: VersionPair, report_options: ReportOptions, **fields: Any) -> ReviewReport:
    defaults: dict[str, Any] = {
        "items": (), "fixed": (), "less": (), "unchanged": 0, "unreadable": (), "not_evaluated": (), "notes": (),
        "read": ReadInput(0),
    }  # fmt: skip
    return ReviewReport(
        tool=f"passrole-checks {__version__}",
        base=versions.base.id or versions.base.name,
        head=versions.head.id or versions.head.name,
        base_name=versions.base.name,
        head_name=versions.head.name,
        fail_on=report_options.fail_on,
        **(defaults | fields),
    )


class _ReviewBuilder:
    """One run of :func:`build_review`. Paths of checkouts become paths of the repository at the end."""

    def __init__(
        self,
        versions: VersionPair,
        snapshots: Snapshots,
        options: ScanOptions,
        inputs_of: InputsOf,
        report_options: ReportOptions,
        plans: Sequence[RootPlan] = (),
        jobs: int | None = 1,
    ) -> None:
        self._versions, self._snapshots, self._report_options = versions, snapshots, report_options
        self._plans, self._jobs = plans, jobs
        self._plans_of_base = {str(plan.before.path) for plan in plans if plan.before is not None}
        options = with_details_of_base(options, versions, snapshots)
        self._options = replace(options, minimum_severity=Severity.INFO, minimum_confidence=Confidence.LOW)
        self._sides = versions_with_inputs(versions, snapshots, inputs_of)
        self._notes: list[ReportNote] = [*_notes_of(versions.notes)]
        self._touched = snapshots.touched()

    def build(self) -> Review:
        difference = compare_snapshots(
            self._sides, self._snapshots, self._options, with_scans=True, plans=self._plans, jobs=self._jobs
        )
        assert difference.scans is not None
        before, after = (self._accepted(scan.findings, side) for side, scan in enumerate(difference.scans))
        thresholds = Thresholds(
            self._report_options.severity,
            self._report_options.confidence,
            self._is_enabled(NEW_ACCESS),
            (_fingerprints(before), _fingerprints(after)),
        )
        outcome = self._outcome(difference, thresholds)
        unlike_head = self._versions.unlike_head()
        items, faults = self._items(difference, outcome, thresholds, unlike_head)
        self._add_configuration_notes()
        self._add_exclusion_note(difference)
        names = shown_names(self._plans)
        self._notes += (_plan_note(plan, names) for plan in self._plans)
        report = self._report(difference, outcome.state, items, faults)
        gone = tuple(filter(self._is_reported, outcome.state.gone))
        states = tuple((traced.item.key, traced.state) for traced in outcome.state.items)
        report, scan, gone, after, states = relocate(
            (report, self._visible_scan(difference, after), gone, after, states),
            {**names, **snapshot_roots(self._snapshots)},
        )
        items = _with_fingerprints(report.items, dict(states))
        report = replace(
            report,
            items=items,
            read=replace(report.read, plans=tuple(sorted(names.values()))),
            unlike_head=tuple(sorted(named_files(report) & unlike_head.keys())),
        )
        state = outcome.state
        return Review(truncate_to_limits(report), scan, state.states, gone, after, _findings_of(state))

    def _report(
        self, difference: AccessDifference, state: ReviewState, items: tuple[Item, ...], faults: Iterable[Unreadable]
    ) -> ReviewReport:
        unreadable, not_evaluated = self._skipped_notes(
            replace(difference, unreadable=without_faults(difference.unreadable))
        )
        return _new_report(
            self._versions,
            self._report_options,
            items=items,
            fixed=state.fixed,
            less=state.less,
            more=state.more,
            unchanged=state.unchanged,
            unreadable=unreadable,
            faults=tuple(dict.fromkeys(map(self._note, faults))),
            not_evaluated=not_evaluated,
            notes=tuple(dict.fromkeys(self._notes)),
            read=ReadInput(
                len(difference.files[1]),
                tuple(sorted({self._excluded_name(path) for path in difference.excluded})),
                only_affected=self._snapshots.selection is not None,
            ),
            moved=tuple(dict.fromkeys(map(self._moved_note, difference.moved))),
        )

    def _is_enabled(self, check: str) -> bool:
        options = self._options
        return (not options.checks or check in options.checks) and check not in options.skip_checks

    def _outcome_with(self, difference: AccessDifference, top: Path, thresholds: Thresholds) -> FixOutcome | None:
        """Compare BASE with the folder ``top`` in place of HEAD; None if that cannot be read."""
        again = difference.touched.compare_with(top) if difference.touched is not None else None
        return self._outcome(again, thresholds) if again is not None else None

    def _outcome(self, difference: AccessDifference, thresholds: Thresholds) -> FixOutcome:
        state = build_items(difference, thresholds, self._name, self._snapshots.renames or {}, self._is_old)
        return FixOutcome(state, tuple(sorted({entry.reason for entry in difference.unreadable})))

    def _visible_scan(
        self, difference: AccessDifference, accepted: Iterable[tuple[Finding, baseline.BaselineEntry]]
    ) -> ScanResult:
        """Return the scan of HEAD with the findings above the thresholds and not in the baseline, and with what is
        unknown in either version."""
        assert difference.scans is not None
        accepted_fingerprints = _fingerprints(accepted)
        findings = (
            finding for finding in difference.scans[1].findings if finding.fingerprint not in accepted_fingerprints
        )
        skipped = relocate(
            (difference.unreadable, (*difference.not_evaluated, *difference.standing)), snapshot_roots(self._snapshots)
        )
        unreadable, not_evaluated = (tuple(dict.fromkeys(entries)) for entries in skipped)
        return replace(
            difference.scans[1],
            findings=group_findings(filter(self._is_reported, findings)),
            unreadable=unreadable,
            not_evaluated=not_evaluated,
            excluded=tuple(path for path in difference.excluded if path.startswith(f"{self._snapshots.folders[1]}/")),
        )

    def _is_reported(self, finding: Finding) -> bool:
        minimum = self._report_options
        return finding.severity.rank >= minimum.severity.rank and finding.confidence.rank >= minimum.confidence.rank

    # -- items

    def _items(
        self, difference: AccessDifference, outcome: FixOutcome, thresholds: Thresholds, unlike_head: Mapping[str, bool]
    ) -> tuple[tuple[Item, ...], list[Unreadable]]:
        """Return the items with their anchors and fixes, and the internal errors so far."""
        anchors = Anchors(self._snapshots, unlike_head)

        def compare(top: Path) -> FixOutcome | None:
            return self._outcome_with(difference, top, thresholds)

        traced = outcome.state.items
        with FixFinder(self._sides, self._snapshots, outcome, compare, with_plans=bool(self._plans)) as fixes:
            if difference.touched is not None and traced:
                options = replace(self._options, inputs=self._sides[1].inputs, unchanged=True)
                with recording_faults("", fixes.faults):
                    fixes.prepare_suggestions(traced[:MAX_ITEMS], difference.touched.read, options)
            items = tuple(
                self._complete_safely(item, anchors, fixes, number < MAX_ITEMS and _can_be_tried(item))
                for number, item in enumerate(traced)
            )
            return items, [*faults_in(difference.unreadable), *fixes.faults]

    def _complete_safely(self, traced: TracedItem, anchors: Anchors, fixes: FixFinder, seek_fix: bool) -> Item:
        """Add the anchor and fix of an item; neither if that raises an internal error."""
        item = replace(traced.item, advice=remediation_of(traced.item))
        with recording_faults(str(traced.at.file), fixes.faults):
            item = self._complete(traced, anchors, fixes if seek_fix else None)
        return item

    def _complete(self, traced: TracedItem, anchors: Anchors, fixes: FixFinder | None) -> Item:
        item = fixes.with_cause(traced, anchors) if fixes is not None else traced.item
        anchor = anchors.anchor(item.at, item.cause, cause_removed=item.cause_removed)
        if fixes is None:
            return replace(item, anchor=anchor, advice=remediation_of(item))
        replacement = fixes.narrower_statement(traced, anchors) or fixes.reverted_change(item, traced, anchors)
        advice = "" if replacement is not None else fixes.advice(traced)
        return replace(item, anchor=anchor, replacement=replacement, advice=advice)

    # -- files

    def _moved_note(self, change: GrantChange) -> ReportNote:
        now, before = change.grant, change.before or change.grant
        source = f"{self._name(before.grant.at.file)}:{before.grant.at.line}"
        who = ", ".join(now.principals) or f"every principal with {now.resource.address}"
        reason = f"{who} had this access in {self._base_name} too, from {source}"
        if change.repeats:
            reason = f"{who} has the access that {change.repeats} had in {self._base_name}, from {source}"
        if values := change.values:
            reason += f" (if {' and '.join(values)} {'has' if len(values) == 1 else 'have'} the same value there)"
        return ReportNote(self._name(now.grant.at.file), now.grant.at.line, reason)

    @property
    def _base_name(self) -> str:
        """The name of BASE, for messages; a commit id is shortened."""
        name = self._versions.base.name
        return name[:12] if OBJECT_ID.fullmatch(name) else name

    def _name(self, file: str) -> str:
        """Return a file of a checkout relative to the repository root."""
        for folder in self._snapshots.folders:
            if file == str(folder):
                return "."
            if file.startswith(f"{folder}/"):
                return PurePath(file[len(str(folder)) + 1 :]).as_posix()
        return file

    def _excluded_name(self, path: str) -> str:
        return f"{self._name(path)}{'/' if path.endswith('/') else ''}"

    def _skipped_notes(self, difference: AccessDifference) -> tuple[tuple[ReportNote, ...], tuple[ReportNote, ...]]:
        """Return what could not be read, and what is not evaluated because of the change."""
        unreadable = [*map(self._note, difference.unreadable)]
        entries = difference.not_evaluated
        self._notes += (self._note(entry) for entry in entries if entry.reason.endswith(IGNORED))
        skipped = []
        evaluated = (entry for entry in entries if not entry.reason.endswith(IGNORED))
        for entry in new_notes(evaluated, difference.left_out_files, self._snapshots):
            note = self._note(entry)
            is_past = self._is_old(entry) and entry not in difference.left_out_files
            reason = f"in {self._base_name}: {note.reason}"
            skipped.append(replace(note, reason=reason, starts_comment=False) if is_past else note)
        unread = {note.file for note in unreadable}
        skipped = [
            note for note in dict.fromkeys(skipped) if not (note.file in unread and note.reason.endswith(NOT_COMPARED))
        ]
        if self._report_options.strict:
            current = [note for note in skipped if not note.reason.startswith(f"in {self._base_name}: ")]
            failing = [note for note in current if is_touched(note.file, self._touched) and _may_be_iac(note.file)]
            unreadable += [replace(note, reason=f"not evaluated: {note.reason}") for note in failing]
            skipped = [note for note in skipped if note not in failing]
        return tuple(dict.fromkeys(unreadable)), tuple(skipped)

    def _is_old(self, entry: Unreadable) -> bool:
        return entry.file.startswith(f"{self._snapshots.folders[0]}/") or entry.file in self._plans_of_base

    def _note(self, entry: Unreadable) -> ReportNote:
        name = self._name(entry.file)
        if name == "." or os.path.isabs(name) or name.split("/")[0] == "..":  # no file of the repository
            return ReportNote("", 0, entry.reason if name == "." else f"{display_path(entry.file)}: {entry.reason}")
        reason = entry.reason.replace(NOT_DOWNLOADED, _NOT_IN_REPOSITORY)
        starts = starts_comment(entry, self._touched, name)
        return ReportNote(name, entry.line or 0, reason, entry.kind.value, starts)

    def _add_configuration_notes(self) -> None:
        self._notes += map(self._note, note_changed_configuration(self._versions, self._snapshots))

    def _add_exclusion_note(self, difference: AccessDifference) -> None:
        """Add a note if excluded files have changed that no module call brings in."""
        folder, exclusions = self._snapshots.folders[1], self._sides[1].inputs.exclusions
        changed = [
            f"{folder}/{change.new}"
            for change in self._snapshots.changed
            if change.new and may_contain_code(change.new)
        ]
        excluded = [file for file in changed if file not in difference.files[1] and exclusions.excludes(file)]
        if excluded:
            files = "1 changed file is" if len(excluded) == 1 else f"{len(excluded)} changed files are"
            self._notes.append(ReportNote("", 0, f"{files} excluded, and not compared"))

    # -- the baseline, which is that of BASE

    def _accepted(self, findings: tuple[Finding, ...], side: int) -> tuple[tuple[Finding, baseline.BaselineEntry], ...]:
        entries = self._baseline_entries()
        if not entries:
            return ()
        today = datetime.now(timezone.utc).date()
        renames = self._snapshots.renames or {}

        def entry_name(file: str) -> str:
            name = self._name(file)
            prefix = self._versions.repository.prefix
            return os.path.relpath(renames.get(name, name) if side == 0 else name, prefix or ".")

        applied = baseline.apply("", entries, findings, entry_name, lambda _: False, today)
        return applied.restricted(Severity.INFO, Confidence.LOW).accepted

    def _baseline_entries(self) -> tuple[baseline.BaselineEntry, ...]:
        option = self._report_options.baseline
        if not option:
            return ()
        path = path_finder(self._versions, self._snapshots, 0)(option)
        path_in_head = path_finder(self._versions, self._snapshots, 1)(option)
        if path is None:
            name = self._name(path_in_head) if path_in_head is not None else option
            reason = "the baseline is new and applies once it is merged"
            self._notes.append(ReportNote(name, 0, reason, starts_comment=True))
            return ()
        if path_in_head is None or (
            path_in_head != path and Path(path_in_head).read_bytes() != Path(path).read_bytes()
        ):
            reason = f"the baseline differs from that of {self._base_name}, which is used"
            self._notes.append(ReportNote(self._name(path), 0, reason, starts_comment=True))
        try:
            return baseline.load(path)
        except ConfigurationError as error:
            raise ConfigurationError(relocate(str(error), snapshot_roots(self._snapshots))) from None


def _can_be_tried(traced: TracedItem) -> bool:
    """True if a trial shows whether a replacement fixes an item: trials do not use the values of files."""
    return not any(map(applies_with_value_file, traced.findings))


def _with_fingerprints(items: Iterable[Item], states: Mapping[str, tuple[tuple[str, ...], ...]]) -> tuple[Item, ...]:
    """Return the items with their fingerprints, from their states without paths of checkouts, in any order."""
    return tuple(
        replace(item, fingerprint=digest(_FINGERPRINT, item.key, *sorted(digest(*part) for part in states[item.key])))
        for item in items
    )


def _findings_of(state: ReviewState) -> dict[str, tuple[str, ...]]:
    """Return the fingerprints of the findings that the remarks of each item are about, by the item's key."""
    return {
        traced.item.key: tuple(
            finding.fingerprint
            for finding in traced.findings
            if finding.check_id in {remark.check_id for remark in traced.item.remarks}
            and state.states.get(finding.fingerprint) != "unchanged"
        )
        for traced in state.items
    }


def _fingerprints(accepted: Iterable[tuple[Finding, baseline.BaselineEntry]]) -> frozenset[str]:
    return frozenset(finding.fingerprint for finding, _ in accepted)


def _plan_note(plan: RootPlan, names: Mapping[str, str]) -> ReportNote:
    """Return a note that says what is from a plan."""
    before = f"plan {names[str(plan.before.path)]}" if plan.before is not None else "what it changes"
    return ReportNote("", 0, f"{plan.place}: from plan {names[str(plan.plan.path)]}, compared with {before}")


def _may_be_iac(file: str) -> bool:
    """True if a path may be infrastructure code: by its extension, or a folder, as links lead to."""
    return may_contain_code(file) or "." not in os.path.basename(file)


__all__ = ["ReportOptions", "Review", "build_review"]
