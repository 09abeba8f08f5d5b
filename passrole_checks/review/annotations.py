"""A report as annotations: workflow commands, and the annotations of a check run.

Sources: GitHub Docs, "Workflow commands for GitHub Actions" and "REST API endpoints for check runs" (50 annotations a
request; path, start_line, end_line, annotation_level, message, title); of workflow commands GitHub shows ten errors and
ten warnings a step, and 50 a job.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from passrole_checks.escaping.markup import command_data, command_property, truncate
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.findings import Severity
from passrole_checks.output.github import MOST
from passrole_checks.review.report import Item, ReportNote, ReviewReport

CHECK_ANNOTATIONS = 50  # a request of the API takes
_COMMANDS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "notice", Severity.INFO: "notice"}
_LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}
_TITLE, _MESSAGE = 200, 8_000  # of the 255 and the 65,536 that a check run takes


@dataclass(frozen=True, slots=True)
class _Annotation:
    command: str
    file: str
    line: int
    end_line: int
    title: str
    message: str


def annotations(report: ReviewReport) -> str:
    """Workflow commands, a line each: what could not be read, then the items, worst first, at most ten errors, ten
    warnings and ten notices; then, where there are more, a line that counts them. Paths are from the top of the
    repository."""
    return "".join(f"{line}\n" for line in _commands(report))


def check_annotations(report: ReviewReport) -> list[list[dict[str, Any]]]:
    """All of them as a check run takes them, the worst first, in lists of at most 50."""
    every = [
        {
            "path": one.file,
            "start_line": max(one.line, 1),
            "end_line": max(one.end_line, one.line, 1),
            "annotation_level": _LEVELS[one.command],
            "title": truncate(sanitize(one.title), _TITLE),
            "message": truncate("\n".join(map(sanitize, one.message.split("\n"))), _MESSAGE),
        }
        for one in _all(report)
        if one.file
    ]
    return [every[start : start + CHECK_ANNOTATIONS] for start in range(0, len(every), CHECK_ANNOTATIONS)]


def _commands(report: ReviewReport) -> Iterator[str]:
    written: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for one in _all(report):
        written[one.command] += 1
        if written[one.command] > MOST:
            left_out[one.command] += 1
            continue
        where = [f"file={command_property(one.file)}"] if one.file else []
        where += [f"line={one.line}"] if one.file and one.line else []
        where += [f"endLine={one.end_line}"] if one.file and 0 < one.line < one.end_line else []
        where.append(f"title={command_property(truncate(one.title, _TITLE))}")
        yield f"::{one.command} {','.join(where)}::{command_data(one.message)}"
    if left_out:
        words = ", ".join(f"{number} {command}{'s' * (number > 1)}" for command, number in left_out.items())
        yield f"{sum(left_out.values())} more without an annotation: {words}"


def _all(report: ReviewReport) -> Iterator[_Annotation]:
    yield from (_of_note(note, "internal error") for note in report.faults)
    yield from (_of_note(note, "could not be read") for note in report.unreadable)
    yield from map(_of_item, sorted(report.items, key=lambda item: -item.severity.rank))


def _of_note(note: ReportNote, what: str) -> _Annotation:
    return _Annotation("error", note.file, note.line, note.line, f"iam:PassRole: {what}", note.reason)


def _of_item(item: Item) -> _Annotation:
    """At the line that has changed, which is where people see it, and else at the statement."""
    at = item.anchor if item.anchor is not None and item.anchor.line else item.at
    words = [f"{item.resource}: {remark.message}" for remark in item.remarks]
    if at.file != item.at.file or at.line > item.at.end_line or at.end_line < item.at.line:
        words.insert(0, f"This changes what {item.resource} grants in {item.at.file}:{item.at.line}.")
    if item.replacement is not None and item.replacement.says:
        words.append(f"Suggested change: {item.replacement.says}")
    elif item.advice:
        words.append(f"Instead: {item.advice}")
    else:
        words += dict.fromkeys(f"Instead: {remark.remediation}" for remark in item.remarks if remark.remediation)
    rules = ", ".join(dict.fromkeys(f"{remark.check_id} {remark.name}" for remark in item.remarks))
    title = f"{rules or 'iam:PassRole'} ({item.severity.value}, {item.group})"
    return _Annotation(_COMMANDS[item.severity], at.file, at.line, at.end_line, title, "\n".join(words))
