"""Render a report as annotations: workflow commands, and the annotations of a check run.

Sources: GitHub Docs, "Workflow commands for GitHub Actions" and "REST API endpoints for check runs" (50 annotations
per request; path, start_line, end_line, annotation_level, message, title). Of workflow commands GitHub shows ten errors
and ten warnings per step, and 50 per job.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from passrole_checks.escaping.markup import command_data, command_property
from passrole_checks.escaping.shorten import truncate
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.findings import Severity
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.output.finding_items import first_sentence, label_of
from passrole_checks.output.github import MOST
from passrole_checks.review.report import Item, ReportNote, ReviewReport

CHECK_ANNOTATIONS = 50  # per request
_COMMANDS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "notice", Severity.INFO: "notice"}
_LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}
_TITLE, _MESSAGE = 200, 8_000  # GitHub's limits: 255 and 65,536


@dataclass(frozen=True, slots=True)
class _Annotation:
    command: str
    file: str
    line: int
    end_line: int
    title: str
    message: str


def workflow_commands(report: ReviewReport) -> str:
    """Return workflow commands, one per line: what could not be read, then the items, worst first; at most ten errors,
    ten warnings and ten notices, and a line that counts the rest. Paths are relative to the repository root."""
    return "".join(f"{line}\n" for line in _commands(report))


def check_run_annotations(report: ReviewReport) -> list[list[dict[str, Any]]]:
    """Return all annotations for a check run, worst first, in lists of at most 50."""
    annotations = [
        {
            "path": annotation.file,
            "start_line": max(annotation.line, 1),
            "end_line": max(annotation.end_line, annotation.line, 1),
            "annotation_level": _LEVELS[annotation.command],
            "title": truncate(sanitize(annotation.title), _TITLE),
            "message": truncate("\n".join(map(sanitize, annotation.message.split("\n"))), _MESSAGE),
        }
        for annotation in _annotations(report)
        if annotation.file
    ]
    return [annotations[start : start + CHECK_ANNOTATIONS] for start in range(0, len(annotations), CHECK_ANNOTATIONS)]


def _commands(report: ReviewReport) -> Iterator[str]:
    written: Counter[str] = Counter()
    omitted: Counter[str] = Counter()
    for annotation in _annotations(report):
        command, file, line, end_line = annotation.command, annotation.file, annotation.line, annotation.end_line
        written[command] += 1
        if written[command] > MOST:
            omitted[command] += 1
            continue
        properties = [f"file={command_property(file)}"] if file else []
        properties += [f"line={line}"] if file and line else []
        properties += [f"endLine={end_line}"] if file and 0 < line < end_line else []
        properties.append(f"title={command_property(truncate(annotation.title, _TITLE))}")
        yield f"::{command} {','.join(properties)}::{command_data(annotation.message)}"
    if omitted:
        counts = ", ".join(f"{number} {command}{'s' * (number > 1)}" for command, number in omitted.items())
        yield f"{sum(omitted.values())} more without an annotation: {counts}"


def _annotations(report: ReviewReport) -> Iterator[_Annotation]:
    yield from (_of_note(note, "internal error") for note in report.faults)
    yield from (_of_note(note, "could not be read") for note in report.unreadable)
    for item in sorted(report.items, key=lambda item: (item.accepted is not None, -item.severity.rank)):
        annotation = _of_item(item)
        # a plan is no file of the repository
        yield replace(annotation, file="") if annotation.file in report.read.plans else annotation


def _of_note(note: ReportNote, what: str) -> _Annotation:
    return _Annotation("error", note.file, note.line, note.line, f"iam:PassRole: {what}", note.reason)


def _of_item(item: Item) -> _Annotation:
    """Annotate the changed line, where reviewers see it, or else the statement."""
    at = item.anchor if item.anchor is not None and item.anchor.line else item.at
    primary = [remark for remark in item.remarks if remark.primary]
    others = [remark for remark in item.remarks if not remark.primary]
    parts = [f"{item.resource}: {remark.message}" for remark in primary]
    parts += [f"+ {label_of(remark)}: {first_sentence(remark.message)}" for remark in others]
    if at.file != item.at.file or at.line > item.at.end_line or at.end_line < item.at.line:
        parts.insert(0, f"This changes what {item.resource} grants in {item.at.file}:{item.at.line}.")
    if item.replacement is not None and item.replacement.says:
        parts.append(f"Suggested change: {item.replacement.says}")
    elif item.advice:
        parts.append(f"Instead: {item.advice}")
    else:
        parts += dict.fromkeys(f"Instead: {remark.remediation}" for remark in primary if remark.remediation)
    checks = ", ".join(dict.fromkeys(f"{remark.check_id} {remark.name}" for remark in item.remarks))
    title = f"{checks or 'iam:PassRole'} ({item.severity.value}, {item.group})"
    command = _COMMANDS[item.severity]
    if item.accepted is not None:
        title, command = f"Accepted: {title}", _COMMANDS[Severity.INFO]
        parts.insert(0, f"Accepted by {item.accepted.by}: {item.accepted.reason}")
    return _Annotation(command, at.file, at.line, at.end_line, title, "\n".join(parts))
