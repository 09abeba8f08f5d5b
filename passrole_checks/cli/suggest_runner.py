"""Implementation of the commands ``suggest`` and ``fix``.

As in all of the command line, modules other than the standard library are imported where they are used.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passrole_checks.cli.options import apply_baseline, check_ids, scan_options
from passrole_checks.cli.write_outputs import problems_to_report

if TYPE_CHECKING:
    from passrole_checks.api import SuggestResult
    from passrole_checks.cli.observed_use import Logs
    from passrole_checks.findings import Finding, Severity
    from passrole_checks.output.findings_text import Line
    from passrole_checks.scan.result import ScanOptions, ScanResult
    from passrole_checks.sources.files.read_boundary import Boundary
    from passrole_checks.suggest.observed_use import Evidence
    from passrole_checks.suggest.suggest import FileTexts
    from passrole_checks.suggest.suggestion import Suggestion


def find_suggestions(
    paths: Sequence[str], options: dict[str, Any], severity: Severity, logs: Logs | None = None
) -> SuggestResult:
    """Scan, and suggest changes for findings at or above a severity; with ``logs`` also for statements broader than
    observed use.

    Raises:
        ConfigurationError: the baseline cannot be used; also what :func:`scan_options` raises.
    """
    from passrole_checks import api

    found = api.suggest(
        paths,
        _scan_options(paths, options, severity),
        select=lambda result: _select(result, paths, options, severity),
        include_info=severity is api.Severity.INFO,
        observe=None if logs is None else lambda units: logs.find_evidence(units, options["account"]),
    )
    return replace(found, unread=problems_to_report(found.unread, found.files, paths, options, found.excluded))


def remaining_findings(
    paths: Sequence[str], options: dict[str, Any], severity: Severity, would_be: FixResult | None
) -> tuple[Finding, ...]:
    """Return the current findings at or above a severity, without those that a dry run (``would_be``) would fix."""
    fixes = would_be.made if would_be is not None else ()
    fixed = {(finding.check_id, finding.at, finding.message) for suggestion in fixes for finding in suggestion.findings}
    from passrole_checks import api

    result = api.scan(paths, _scan_options(paths, options, severity))
    findings = _select(result, paths, options, severity)
    return tuple(finding for finding in findings if (finding.check_id, finding.at, finding.message) not in fixed)


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


def render(suggested: SuggestResult, output_format: str, *, terminal: bool) -> str:
    """Return the suggestions as ``json`` or ``patch``; a patch on a terminal is sanitized for display."""
    from passrole_checks.escaping.terminal import sanitize
    from passrole_checks.output import suggest as output

    patch = output.patch_of(suggested.changed, suggested.session.texts)
    if output_format == "patch":
        return "\n".join(map(sanitize, patch.split("\n"))) if terminal else patch
    return output.suggestions_json(
        suggested.suggestions, patch, suggested.unreadable, suggested.not_evaluated, suggested.excluded
    )


def suggestion_lines(suggested: SuggestResult, *, width: int, quiet: bool, verbose: bool) -> Iterator[Line]:
    """Return the suggestions as lines of text."""
    from passrole_checks.output import suggest as output

    return output.suggestion_lines(
        suggested.suggestions,
        suggested.session.texts,
        lambda suggestion: apply_suggestion(suggestion, suggested.session.texts),
        notes=_notes(suggested.evidence),
        error=_error(suggested),
        not_evaluated=suggested.not_evaluated,
        excluded=suggested.excluded,
        width=width,
        quiet=quiet,
        verbose=verbose,
    )


def apply_suggestion(suggestion: Suggestion, texts: FileTexts) -> Mapping[str, str]:
    """Return the new contents of the files that a suggestion changes."""
    from passrole_checks.suggest.edits import apply_edits

    files = dict.fromkeys(edit.file for edit in suggestion.edits)
    return {file: apply_edits(texts(file), [edit for edit in suggestion.edits if edit.file == file]) for file in files}


@dataclass(frozen=True)
class FixResult:
    """The outcome of a fix.

    Attributes:
        made: suggestions that were written (in a dry run: would be).
        left: all other suggestions.
        refused: files that were not written, each with the reason.
    """

    made: tuple[Suggestion, ...]
    left: tuple[Suggestion, ...]
    refused: tuple[tuple[str, str], ...]


def write_fixes(suggested: SuggestResult, *, dry_run: bool) -> FixResult:
    """Write the suggestions into the files, each file at once.

    A file is skipped if it is a symbolic link or reached through one, lies outside of the repository or the given
    folder, or was modified since it was read. Suggestions that also edit a skipped file are skipped as a whole.
    """
    data, boundary = suggested.session.texts.data, suggested.session.boundary
    plan = suggested.session.combine()
    refused = {file: reason for file in plan.changed if (reason := _refusal_reason(file, data[file], boundary))}
    if refused:
        plan = suggested.session.combine(without=refused)
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
    fixed = {id(finding) for suggestion in made for finding in suggestion.findings}
    remaining = tuple(_remaining_suggestions(suggested.suggestions, made, fixed))
    return FixResult(made, remaining, tuple(sorted(refused.items())))


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
    return FixResult(tuple(made), written.left, tuple(sorted(refused.items())))


def _remaining_suggestions(
    suggestions: Sequence[Suggestion], made: Sequence[Suggestion], gone: Collection[int]
) -> Iterator[Suggestion]:
    """Yield the suggestions that need manual review after ``made`` were applied and the findings with ids ``gone`` are
    fixed."""
    fixed_positions = {suggestion.at for suggestion in made}
    for suggestion in suggestions:
        findings = tuple(finding for finding in suggestion.findings if id(finding) not in gone)
        if not findings and (suggestion.findings or suggestion.at in fixed_positions):
            continue
        if suggestion.edits:
            yield replace(suggestion, findings=findings, edits=(), missing=("the suggested change was not written",))
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
    written: FixResult, suggested: SuggestResult, *, dry_run: bool, width: int, quiet: bool, verbose: bool
) -> Iterator[Line]:
    """Return what was written and what remains as lines of text."""
    from passrole_checks.output import suggest as output

    return output.fixed_lines(
        written.made,
        written.left,
        _notes(suggested.evidence),
        error=_error(suggested),
        not_evaluated=suggested.not_evaluated,
        excluded=suggested.excluded,
        dry_run=dry_run,
        width=width,
        quiet=quiet,
        verbose=verbose,
    )
