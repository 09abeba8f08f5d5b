"""What ``suggest`` and ``fix`` do, for the command line.

As in the command line itself, only the standard library is imported before it is needed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passrole_checks.cli.options import applied_baseline, scan_options
from passrole_checks.cli.write_outputs import that_matter

if TYPE_CHECKING:
    from passrole_checks.cli.observed_use import Logs
    from passrole_checks.findings import Finding, Severity
    from passrole_checks.output.findings_text import Line
    from passrole_checks.scan.scanner import ReadPaths, ScanOptions
    from passrole_checks.sources.files.read_boundary import Boundary
    from passrole_checks.sources.model.configuration import Unreadable
    from passrole_checks.suggest.observed_use import Evidence
    from passrole_checks.suggest.suggest import Session, Texts
    from passrole_checks.suggest.suggestion import Suggestion


@dataclass(frozen=True)
class Suggested:
    """What was found and what is suggested for it. ``findings`` are those that count: asked for, not suppressed, not
    in the baseline. ``evidence``: what logs say, where they were asked. ``excluded``: the paths that were left out."""

    findings: tuple[Finding, ...]
    session: Session
    unread: tuple[Unreadable, ...]
    not_evaluated: tuple[Unreadable, ...]
    files: tuple[str, ...]
    evidence: Evidence | None = None
    excluded: tuple[str, ...] = ()

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """What could not be read, and the faults of this package, those in what is suggested included."""
        return tuple(dict.fromkeys([*self.unread, *self.session.faults]))

    @property
    def error(self) -> str:
        """How the summary begins where not everything was read and judged; "" where it was."""
        from passrole_checks.output.findings_text import error_in_words

        return error_in_words(self.unreadable, self.files, anything=bool(self.findings))

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        return self.session.suggestions

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be told of the logs."""
        from passrole_checks.suggest.observed_use import SHORT

        if self.evidence is None or self.evidence.days >= SHORT:
            return ()
        days = f"{self.evidence.days} {'day' if self.evidence.days == 1 else 'days'}"
        return (f"the logs hold {days}, less than {SHORT}: what runs once a quarter is not in them",)


def suggested(paths: Sequence[str], options: dict[str, Any], severity: Severity, logs: Logs | None = None) -> Suggested:
    """Scan, and say what can be written instead of what is found at this severity or above; with ``logs`` also instead
    of what is wider than they show.

    Raises a :class:`~passrole_checks.errors.ConfigurationError` for a baseline that cannot be used, and what
    :func:`scan_options` raises.
    """
    from passrole_checks.iam import deadline

    with deadline.pooled():
        return _suggested(paths, options, severity, logs)


def _suggested(paths: Sequence[str], options: dict[str, Any], severity: Severity, logs: Logs | None) -> Suggested:
    from passrole_checks.findings import Severity
    from passrole_checks.scan.scanner import isolated
    from passrole_checks.suggest.suggest import Session

    read, asked, findings, unreadable, not_evaluated, files = _found(paths, options, severity)
    evidence = None
    if logs is not None:
        evidence, faults = isolated(read, lambda units: logs.evidence(units, options["account"]))
        unreadable = (*unreadable, *faults)
    session = Session(read, findings, asked, informs=severity is Severity.INFO, evidence=evidence)
    return Suggested(findings, session, unreadable, not_evaluated, files, evidence, read.excluded)


def left_after(
    paths: Sequence[str], options: dict[str, Any], severity: Severity, would_be: FixResult | None
) -> tuple[Finding, ...]:
    """What is found now at a severity or above, less what ``would_be`` written would mend."""
    made = would_be.made if would_be is not None else ()
    gone = {(one.check_id, one.at, one.message) for suggestion in made for one in suggestion.findings}
    left = _found(paths, options, severity)[2]
    return tuple(one for one in left if (one.check_id, one.at, one.message) not in gone)


def _found(
    paths: Sequence[str], options: dict[str, Any], severity: Severity
) -> tuple[
    ReadPaths,
    ScanOptions,
    tuple[Finding, ...],
    tuple[Unreadable, ...],
    tuple[Unreadable, ...],
    tuple[str, ...],
]:
    from passrole_checks.findings import Severity
    from passrole_checks.output import check_pages
    from passrole_checks.scan.scanner import read_paths, scan_configurations

    checks, skip_checks = check_pages.ids(options["check"]), check_pages.ids(options["skip_check"])
    least = Severity.INFO if options["baseline"] else severity
    asked = scan_options(options, paths, checks=checks, skip_checks=skip_checks, minimum_severity=least)
    read = read_paths([Path(path) for path in paths], asked)
    result = scan_configurations([configuration for _, configuration in read.units], asked)
    unreadable = tuple(dict.fromkeys([*read.unreadable, *result.unreadable]))
    unreadable = that_matter(unreadable, result.files, paths, options, read.excluded)
    result = replace(result, unreadable=unreadable, excluded=read.excluded)
    findings: Sequence[Finding] = result.findings
    if options["baseline"]:
        findings = applied_baseline(result, paths, checks, skip_checks, options["baseline"]).open
    counting = tuple(one for one in findings if one.suppressed is None and one.severity.rank >= severity.rank)
    skipped = tuple(dict.fromkeys([*result.not_evaluated, *read.notes]))
    return read, asked, counting, unreadable, skipped, result.files


def rendered(found: Suggested, output_format: str, *, terminal: bool) -> str:
    """The suggestions as ``json`` or as ``patch``, which on a terminal is for people."""
    from passrole_checks.escaping.terminal import harmless
    from passrole_checks.output import suggest as output

    patch = output.patch_of(found.session.together().changed, found.session.texts)
    if output_format == "patch":
        return "\n".join(map(harmless, patch.split("\n"))) if terminal else patch
    return output.suggestions_json(found.suggestions, patch, found.unreadable, found.not_evaluated, found.excluded)


def lines(found: Suggested, *, width: int, quiet: bool) -> Iterator[Line]:
    """The suggestions as people read them."""
    from passrole_checks.output import suggest as output

    return output.suggestion_lines(
        found.suggestions,
        found.session.texts,
        lambda one: changed_by(one, found.session.texts),
        notes=found.notes,
        error=found.error,
        excluded=found.excluded,
        width=width,
        quiet=quiet,
    )


def changed_by(one: Suggestion, texts: Texts) -> Mapping[str, str]:
    """The files that a suggestion changes, as they would be."""
    from passrole_checks.suggest.edits import apply

    files = dict.fromkeys(edit.file for edit in one.edits)
    return {file: apply(texts(file), [edit for edit in one.edits if edit.file == file]) for file in files}


@dataclass(frozen=True)
class FixResult:
    """``made`` are the suggestions that were written (or would be), ``left`` all others; ``refused``: files that were
    not written, each with the reason."""

    made: tuple[Suggestion, ...]
    left: tuple[Suggestion, ...]
    refused: tuple[tuple[str, str], ...]


def fix(found: Suggested, *, dry_run: bool) -> FixResult:
    """Write what is suggested, each file at once, in its place. A file is not written that is a symbolic link or is
    reached through one, that lies outside of the repository or the folder that was given, or that was changed since it
    was read; its statements are left as they are, and so are those that share edits with it."""
    data, boundary = found.session.texts.data, found.session.boundary
    plan = found.session.together()
    refused = {file: reason for file in plan.changed if (reason := _why_not(file, data[file], boundary))}
    if refused:
        plan = found.session.together(without=refused)
    written: set[str] = set()
    for file, text in plan.changed.items() if not dry_run else ():
        reason = _replace(file, text.encode("utf-8"), data[file], boundary)
        if reason:
            refused[file] = reason
        else:
            written.add(file)
    made = tuple(one for one in plan.made if dry_run or {edit.file for edit in one.edits} <= written)
    gone = {id(finding) for one in made for finding in one.findings}
    return FixResult(made, tuple(_left_of(found.suggestions, made, gone)), tuple(sorted(refused.items())))


_MOST_ROUNDS = 5  # two are enough for all that is known; what goes on and on ends here


def fix_all(
    found: Suggested,
    paths: Sequence[str],
    options: dict[str, Any],
    severity: Severity,
    logs: Logs | None = None,
    *,
    dry_run: bool,
) -> FixResult:
    """Write what is suggested, and then what is suggested only because of that: where one statement became narrower,
    another one may lack what the first had allowed as well. A dry run tells the first of it only."""
    written = fix(found, dry_run=dry_run)
    made, refused = list(written.made), dict(written.refused)
    for _ in range(_MOST_ROUNDS):
        if dry_run or not written.made:
            break
        written = fix(suggested(paths, options, severity, logs), dry_run=False)
        made += written.made
        refused |= dict(written.refused)
    return FixResult(tuple(made), written.left, tuple(sorted(refused.items())))


def _left_of(
    suggestions: Sequence[Suggestion], made: Sequence[Suggestion], gone: Collection[int]
) -> Iterator[Suggestion]:
    """What is left for a person of suggestions, once some are made and these findings are gone."""
    places = {one.at for one in made}
    for one in suggestions:
        left = tuple(finding for finding in one.findings if id(finding) not in gone)
        if not left and (one.findings or one.at in places):
            continue
        if one.edits:
            yield replace(one, findings=left, edits=(), missing=("what is suggested, which was not written",))
        else:
            yield replace(one, findings=left)


def _why_not(file: str, data: bytes, boundary: Boundary) -> str:
    """Return why a file will not be written, "" where it will be."""
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


def _replace(file: str, content: bytes, before: bytes, boundary: Boundary) -> str:
    """Replace a file's content. Return the reason where that is refused or fails, else ""."""
    from passrole_checks.files.write_atomically import replace_file

    try:
        replace_file(file, content, guarded=list(map(Path, boundary.folders or ())), contained=True, expected=before)
    except OSError as error:
        return f"not written: {error.strerror or error}"
    return ""


def fixed_lines(written: FixResult, found: Suggested, *, dry_run: bool, width: int, quiet: bool) -> Iterator[Line]:
    """What was written and what is left, as people read it."""
    from passrole_checks.output import suggest as output

    return output.fixed_lines(
        written.made,
        written.left,
        found.notes,
        error=found.error,
        excluded=found.excluded,
        dry_run=dry_run,
        width=width,
        quiet=quiet,
    )
