"""Descriptions of CloudTrail usage that several formats share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.cloudtrail.report import UsageReport
from passrole_checks.cloudtrail.summary import DistinctValues
from passrole_checks.escaping.terminal import display_path, typed_path
from passrole_checks.output.counts import count_noun, excluded_summary
from passrole_checks.output.findings_text import unread_summary
from passrole_checks.output.not_evaluated_text import Note
from passrole_checks.sources.model.configuration import faults_in, without_faults

UNKNOWN_PROFILE_ROLE = "instance profile; its role is not in the logs"
_IN_A_ROW = 3
_IN_DETAILS = 20
_MOST_NOTES = 10


def describe_services(edge: Edge) -> str:
    """Return the services of an edge."""
    if edge.services:
        return " or ".join(edge.services)
    return f"unknown service (request to {edge.service})"


def describe_times(edge: Edge) -> str:
    """Return how often an edge was used, and when first and last."""
    passed = edge.counts[RequestOutcome.PASSED]
    words = [f"passed {times(passed)}"] if passed else []
    words += [f"{word} {times(edge.counts[outcome])}" for outcome, word in _OTHER_OUTCOMES if edge.counts[outcome]]
    span = _minute(edge.first) if edge.first == edge.last else f"{_minute(edge.first)} to {_minute(edge.last)}"
    return f"{words[0]}, {span}" + "".join(f"; {word}" for word in words[1:])


_OTHER_OUTCOMES = ((RequestOutcome.DENIED, "denied"), (RequestOutcome.FAILED, "failed"))


def times(number: int) -> str:
    """Return ``once``, ``12 times``."""
    return "once" if number == 1 else f"{number:,} times"


def _minute(time: str) -> str:
    return time[:16].replace("T", " ") or "at an unknown time"


def list_names(listed: DistinctValues, most: int = _IN_A_ROW) -> str:
    """Return the first values of a list, and the number of others."""
    names = list(listed.shown)[:most]
    more = len(listed.shown) - len(names)
    others = f" and {more}{' or more' if listed.others else ''} others" if more or listed.others else ""
    return ", ".join(names) + others


def describe_denied(edge: Edge) -> str:
    """Return the actions that error messages say were denied, and the role if they name it."""
    role = f" on {list_names(edge.denied_roles)}" if edge.denied_roles.shown else ""
    actions = (f"{action}{role}" if action == "iam:PassRole" else action for action in edge.denied_actions.shown)
    return ", ".join(actions)


def edge_details(edge: Edge) -> Iterator[tuple[str, str]]:
    """Yield all listed facts of an edge, each with its label."""
    yield "when", describe_times(edge)
    yield "events", ", ".join(f"{name} ({number})" for name, number in edge.events.most_common())
    for word, listed in (
        ("for", edge.resources), ("from", edge.sources), ("sessions", edge.sessions),
        ("source identities", edge.source_identities), ("regions", edge.regions), ("accounts", edge.accounts),
        ("errors", edge.errors),
    ):  # fmt: skip
        if listed.shown:
            yield word, list_names(listed, _IN_DETAILS)
    if edge.denied_actions.shown:
        yield "denied action", describe_denied(edge)


def summarize(report: UsageReport) -> str:
    """Return the counts in one sentence."""
    reading = report.reading
    read = f"{count_noun(reading.events, 'event')} in {count_noun(reading.files, 'file')}"
    if reading.first:
        read += f", {reading.first[:10]} to {reading.last[:10]}"
    return f"{summarize_passes(report)}{'; ' if report.edges else ': '}{read}"


def summarize_passes(report: UsageReport) -> str:
    """Return the number of passes, roles and principals, preceded by what could not be read."""
    error = unread_summary({entry.file for entry in without_faults(report.unknown)}, faults_in(report.unknown))
    return f"ERROR: {error}; {_passed(report)}" if error else _passed(report)


def _passed(report: UsageReport) -> str:
    edges = report.edges
    if not edges:
        return "0 passes" if report.reading.problems else "no roles were passed"
    passed = [edge for edge in edges if edge.counts[RequestOutcome.PASSED]]
    roles = count_noun(len({edge.passed for edge in passed}), "role")
    words = (
        f"{count_noun(report.count(RequestOutcome.PASSED), 'pass', 'passes')} of {roles}"
        f" by {count_noun(len({edge.principal for edge in passed}), 'principal')}"
    )
    for outcome, word in _OTHER_OUTCOMES:
        if report.count(outcome):
            words += f", {report.count(outcome):,} {word}"
    return words


def report_notes(
    report: UsageReport, not_evaluated: Iterable[Note] | None = None, *, verbose: bool = False
) -> Iterator[str]:
    """Yield notes on gaps and peculiarities of the logs.

    ``not_evaluated``: those on what was not evaluated, for text that names files as typed; without them, the first
    items are named. ``verbose``: name each file that is not a log.
    """
    name = display_path if not_evaluated is None else typed_path
    reading = report.reading
    for number, noun, words in (
        (reading.duplicates, "event", "delivered more than once"),
        (reading.denied_without_role, "denied event", "without request parameters; may have passed a role"),
        (reading.no_parameters, "event", "without request parameters; may have passed a role"),
        (reading.abroad, "role", "of another account named in events; cannot have been passed"),
    ):
        if number:
            yield f"{count_noun(number, noun)} {words}"
    files = [f"{name(file)}: not a CloudTrail log, skipped" for file in reading.not_logs]
    yield from files if verbose else _limit_notes(files, "file", "that are not CloudTrail logs")
    if not_evaluated is None:
        items = [_located(Note(entry.reason, entry.file, entry.line), name) for entry in report.not_evaluated]
        yield from _limit_notes(items, "item", "of the configuration not evaluated")
    else:
        yield from (_located(note, name) for note in not_evaluated)
    if report.excluded:
        yield f"configuration: {excluded_summary(report.excluded)}"
    if reading.others:
        listed = ", ".join(f"{number:,} {kind}" for kind, number in sorted(reading.others.items()))
        yield f"files skipped: {listed}"


def _located(note: Note, name: Callable[[str], str]) -> str:
    location = f"{name(note.file)}{f':{note.line}' if note.line else ''}: " if note.file else ""
    return f"{location}{note.words}"


def _limit_notes(notes: Sequence[str], noun: str, description: str) -> Iterator[str]:
    yield from notes[:_MOST_NOTES]
    if len(notes) > _MOST_NOTES:
        yield f"and {count_noun(len(notes) - _MOST_NOTES, noun)} more {description}"
