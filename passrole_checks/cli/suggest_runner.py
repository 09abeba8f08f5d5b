"""Implementation of the commands ``suggest`` and ``fix``.

As in all of the command line, modules other than the standard library are imported where they are used.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passrole_checks.cli.options import apply_baseline, check_ids, result_store, scan_options
from passrole_checks.cli.write_outputs import problems_to_report
from passrole_checks.iam.fast_dataclass import dataclass

if TYPE_CHECKING:
    from passrole_checks.api import SuggestResult
    from passrole_checks.cli.observed_use import Logs
    from passrole_checks.findings import Finding, Severity
    from passrole_checks.output.findings_text import Line
    from passrole_checks.scan.result import ScanOptions, ScanResult
    from passrole_checks.sources.files.read_boundary import Boundary
    from passrole_checks.suggest.grade import Grade
    from passrole_checks.suggest.observed_use import Evidence
    from passrole_checks.suggest.suggestion import Suggestion


def grades_asked_for(options: dict[str, Any]) -> tuple[Grade, ...]:
    """Return the grades of the edits to write: equivalent, those of ``--grade``, and with ``--evidence`` observed."""
    from passrole_checks.suggest.grade import Grade, grades_to_write

    return grades_to_write([Grade(one) for one in options["grade"]], with_evidence=bool(options["evidence"]))


def find_suggestions(
    paths: Sequence[str], options: dict[str, Any], severity: Severity, logs: Logs | None = None
) -> SuggestResult:
    """Scan, and suggest changes for findings at or above a severity; with ``logs`` also for statements broader than
    observed use.

    Raises:
        ConfigurationError: the baseline cannot be used; also what :func:`scan_options` raises.
    """
    from passrole_checks import api

    settings = _scan_options(paths, options, severity)
    found = api.suggest(
        paths,
        settings,
        select=lambda result: _select(result, paths, options, severity),
        include_info=severity is api.Severity.INFO,
        observe=None if logs is None else lambda units: logs.find_evidence(units, settings),
        grades=grades_asked_for(options),
        jobs=options["jobs"],
    )
    return replace(found, unread=problems_to_report(found.unread, found.files, paths, options, found.excluded))


def remaining_findings(
    paths: Sequence[str], options: dict[str, Any], severity: Severity, would_be: FixResult | None
) -> tuple[Finding, ...]:
    """Return the current findings at or above a severity, without those that a dry run (``would_be``) would fix."""
    from passrole_checks import api

    fixes = would_be.made if would_be is not None else ()
    fixed, less_severe = (
        {(finding.check_id, finding.at, finding.message) for some in findings for finding in some}
        for findings in ([one.findings for one in fixes], [one.less_severe for one in fixes])
    )
    settings, cache = _scan_options(paths, options, severity), result_store(paths, options)
    result = api.scan(paths, settings, cache=cache, jobs=options["jobs"])
    remaining = []
    for finding in _select(result, paths, options, severity):
        key = (finding.check_id, finding.at, finding.message)
        if key in less_severe:  # by one level at least
            finding = replace(finding, severity=list(api.Severity)[max(finding.severity.rank - 1, 0)])
        if key not in fixed and finding.severity.rank >= severity.rank:
            remaining.append(finding)
    return tuple(remaining)


def _scan_options(paths: Sequence[str], options: dict[str, Any], severity: Severity) -> ScanOptions:
    """Return the options of a scan that reports findings at or above a severity; a baseline covers all findings."""
    from passrole_checks.findings import Severity

    checks, skip_checks = check_ids(options["check"]), check_ids(options["skip_check"])
    least = Severity.INFO if options["baseline"] else severity
    return scan_options(options, paths, checks=checks, skip_checks=skip_checks, minimum_severity=least)


def _select(
    result: ScanResult, paths: Sequence[str], options: dict[str, Any], severity: Severity
) -> tuple[Finding, ...]:
    """Return the findings at or above a severity that are neither suppressed nor in the baseline."""
    findings: Sequence[Finding] = result.findings
    if options["baseline"]:
        unreadable = problems_to_report(result.unreadable, result.files, paths, options, result.excluded)
        checks, skip_checks = check_ids(options["check"]), check_ids(options["skip_check"])
        result = replace(result, unreadable=unreadable)
        findings = apply_baseline(result, paths, checks, skip_checks, options["baseline"]).open
    return tuple(one for one in findings if one.suppressed is None and one.severity.rank >= severity.rank)


def _error(suggested: SuggestResult) -> str:
    """Return the start of the summary if something was not read or checked; "" otherwise."""
    from passrole_checks.output.findings_text import error_summary

    return error_summary(suggested.unreadable, suggested.files, anything=bool(suggested.findings))


def _notes(evidence: Evidence | None) -> tuple[str, ...]:
    """Return notes on the logs."""
    from passrole_checks.suggest.observed_use import SHORT_WINDOW_DAYS

    if evidence is None or evidence.days >= SHORT_WINDOW_DAYS:
        return ()
    days = f"{evidence.days} {'day' if evidence.days == 1 else 'days'}"
    return (f"the logs cover only {days} (recommended: {SHORT_WINDOW_DAYS}); they lack rare, such as quarterly, use",)


def render(
    suggested: SuggestResult, output_format: str, *, terminal: bool, shown: Collection[Grade] | None = None
) -> str:
    """Return the suggestions as ``json``, of these grades only if they are given, or as ``patch``."""
    from passrole_checks.output import suggest as output

    if output_format == "patch":
        return render_patch(suggested.changed, suggested, terminal=terminal)
    return output.suggestions_json(
        output.suggestions_of_grades(suggested.suggestions, shown),
        render_patch(suggested.changed, suggested, terminal=False),
        suggested.unreadable,
        suggested.not_evaluated,
        suggested.excluded,
    )


def render_patch(changed: Mapping[str, str], suggested: SuggestResult, *, terminal: bool) -> str:
    """Return the changes of files as a patch; on a terminal it is sanitized for display."""
    from passrole_checks.escaping.terminal import sanitize
    from passrole_checks.output import suggest as output

    patch = output.patch_of(changed, suggested.session.texts)
    return "\n".join(map(sanitize, patch.split("\n"))) if terminal else patch


def suggestion_lines(
    suggested: SuggestResult, *, width: int, quiet: bool, verbose: bool, shown: Collection[Grade] | None = None
) -> Iterator[Line]:
    """Return the suggestions, of these grades only if they are given, as lines of text."""
    from passrole_checks.output import suggest as output
    from passrole_checks.output.suggest_summary import suggest_summary

    yield from suggestions_only(output.suggestions_of_grades(suggested.suggestions, shown), suggested, width)
    if not quiet:
        yield from _end(suggested, suggest_summary(suggested.suggestions), verbose=verbose)


def suggestions_only(suggestions: Sequence[Suggestion], suggested: SuggestResult, width: int) -> Iterator[Line]:
    """Return some of the suggestions as lines of text, without notes and summary."""
    from passrole_checks.output import suggest as output
    from passrole_checks.suggest.edits import edited_files

    texts = suggested.session.texts
    return output.suggestion_lines(suggestions, texts, lambda one: edited_files(one.edits, texts), width)


@dataclass(frozen=True)
class FixResult:
    """The outcome of a fix.

    Attributes:
        made: suggestions that were written (in a dry run: would be).
        left: all other suggestions; those that were not asked for still have edits.
        refused: files that were not written, each with the reason.
        changed: the text of each file that would be written in a dry run.
    """

    made: tuple[Suggestion, ...]
    left: tuple[Suggestion, ...]
    refused: tuple[tuple[str, str], ...]
    changed: Mapping[str, str]


def write_fixes(suggested: SuggestResult, *, dry_run: bool, chosen: Collection[Suggestion] | None = None) -> FixResult:
    """Write the suggestions of the grades asked for into the files, each file at once; with ``chosen`` only those.

    A file is skipped if it is a symbolic link or reached through one, lies outside of the repository or the given
    folder, or was modified since it was read. Suggestions that also edit a skipped file are skipped as a whole.
    """
    data, boundary = suggested.session.texts.data, suggested.session.boundary
    combine = partial(suggested.session.combine, grades=suggested.grades, on_request=False, chosen=chosen)
    plan = combine()
    refused: dict[str, str] = {}
    while new := {
        file: reason
        for file in plan.changed
        if file not in refused and (reason := _refusal_reason(file, data[file], boundary))
    }:  # the plan without them may edit other files
        refused |= new
        plan = combine(without=refused)
    written: set[str] = set()
    for file, text in plan.changed.items() if not dry_run else ():
        reason = _write_file(file, text.encode("utf-8"), data[file], boundary)
        if reason:
            refused[file] = reason
        else:
            written.add(file)
    made = tuple(
        suggestion for suggestion in plan.made if dry_run or {edit.file for edit in suggestion.edits} <= written
    )
    wanted = {
        id(suggestion)
        for suggestion in suggested.suggestions
        if (
            suggestion in chosen
            if chosen is not None
            else suggestion.grade in suggested.grades and not suggestion.on_request
        )
    }
    remaining = tuple(_remaining_suggestions(suggested.suggestions, made, wanted))
    return FixResult(made, remaining, tuple(sorted(refused.items())), plan.changed)


_MOST_ROUNDS = 5  # two are enough in all known cases; limits endless loops


def write_all_fixes(
    suggested: SuggestResult,
    paths: Sequence[str],
    options: dict[str, Any],
    severity: Severity,
    logs: Logs | None = None,
    *,
    dry_run: bool,
) -> FixResult:
    """Write the suggestions, then repeat with the suggestions that only become possible by them.

    After one statement is narrowed, another may lack what the first had allowed as well. A dry run covers the first
    round only.
    """
    written = write_fixes(suggested, dry_run=dry_run)
    made, refused = list(written.made), dict(written.refused)
    for _ in range(_MOST_ROUNDS):
        if dry_run or not written.made:
            break
        written = write_fixes(find_suggestions(paths, options, severity, logs), dry_run=False)
        made += written.made
        refused |= dict(written.refused)
    return FixResult(tuple(made), written.left, tuple(sorted(refused.items())), written.changed)


def write_chosen_fixes(
    chosen: Collection[Suggestion],
    suggested: SuggestResult,
    paths: Sequence[str],
    options: dict[str, Any],
    severity: Severity,
    logs: Logs | None = None,
    *,
    dry_run: bool,
) -> FixResult:
    """Write the suggestions that were chosen; what is left then is suggested again, for the files as they are now."""
    written = write_fixes(suggested, dry_run=dry_run, chosen=chosen)
    if dry_run or not written.made:
        return written
    return replace(written, left=find_suggestions(paths, options, severity, logs).suggestions)


def _remaining_suggestions(
    suggestions: Sequence[Suggestion], made: Sequence[Suggestion], wanted: Collection[int]
) -> Iterator[Suggestion]:
    """Yield the suggestions that are left after ``made`` were applied, without the findings that are fixed.

    Those that were ``wanted``, by id, and not made need manual review; the others keep their edits.
    """
    gone = {id(finding) for suggestion in made for finding in suggestion.findings}
    fixed_positions = {suggestion.at for suggestion in made}
    for suggestion in suggestions:
        findings = tuple(finding for finding in suggestion.findings if id(finding) not in gone)
        if not findings and (suggestion.findings or suggestion.at in fixed_positions):
            continue
        if suggestion.edits and id(suggestion) in wanted:
            missing = ("the suggested change was not written",)
            yield replace(suggestion, findings=findings, edits=(), grade=None, missing=missing)
        else:
            yield replace(suggestion, findings=findings)


def _refusal_reason(file: str, data: bytes, boundary: Boundary) -> str:
    """Return why a file must not be written; "" if it may be."""
    from passrole_checks.sources.recognize import LARGEST_PLAN

    try:
        mode = os.lstat(file).st_mode
        if stat.S_ISLNK(mode):
            return "not written, because it is a symbolic link"
        if os.path.realpath(file) != os.path.normpath(file):
            return "not written, because it is reached through a symbolic link"
        if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            return "not written, because it is read-only"
        if boundary.read(file, LARGEST_PLAN) != data:
            return "not written, because it was changed since it was read"
    except OSError as error:
        return f"not written: {error.strerror or error}"
    return ""


def _write_file(file: str, content: bytes, before: bytes, boundary: Boundary) -> str:
    """Replace a file's content. Return the reason if that is refused or fails, else ""."""
    from passrole_checks.files.write_atomically import replace_file

    try:
        replace_file(file, content, guarded=list(map(Path, boundary.folders or ())), contained=True, expected=before)
    except OSError as error:
        return f"not written: {error.strerror or error}"
    return ""


def fixed_lines(
    written: FixResult, suggested: SuggestResult, *, width: int, quiet: bool, verbose: bool
) -> Iterator[Line]:
    """Return what was written and what remains as lines of text."""
    from passrole_checks.output.suggest import fixed_lines as lines
    from passrole_checks.output.suggest_summary import fix_summary

    yield from lines(written.made, written.left, suggested.grades, width)
    if not quiet:
        yield from _end(suggested, fix_summary(written.made, written.left, dry_run=False), verbose=verbose)


def dry_run_summary(written: FixResult, suggested: SuggestResult, *, quiet: bool, verbose: bool) -> Iterator[Line]:
    """Return notes and the summary of a dry run as lines of text."""
    from passrole_checks.output.suggest_summary import fix_summary

    if not quiet:
        yield from _end(suggested, fix_summary(written.made, written.left, dry_run=True), verbose=verbose)


def _end(suggested: SuggestResult, summary: Sequence[Line], *, verbose: bool) -> Iterator[Line]:
    """Return the notes and the summary, with what was not read or checked."""
    from passrole_checks.output.suggest_summary import notes_and_summary

    return notes_and_summary(
        summary,
        _notes(suggested.evidence),
        error=_error(suggested),
        not_evaluated=suggested.not_evaluated,
        excluded=suggested.excluded,
        verbose=verbose,
    )
