"""The evidence in words that its formats have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from passrole_checks.evidence import Edge, Outcome
from passrole_checks.evidence.report import Report
from passrole_checks.evidence.summary import Listed
from passrole_checks.output.markdown_items import count
from passrole_checks.output.paths import shown

_IN_A_ROW = 3
_MOST_NOTES = 10


def services_of(edge: Edge) -> str:
    """The services of an edge in words."""
    if edge.services:
        return " or ".join(edge.services)
    return f"a service that the log does not tell (asked of {edge.service})"


def when_of(edge: Edge) -> str:
    """How often, and when first and last."""
    passed = edge.counts[Outcome.PASSED]
    words = [f"passed {times(passed)}"] if passed else []
    words += [f"{word} {times(edge.counts[one])}" for one, word in _OTHERWISE if edge.counts[one]]
    span = _minute(edge.first) if edge.first == edge.last else f"{_minute(edge.first)} to {_minute(edge.last)}"
    return f"{words[0]}, {span}" + "".join(f"; {word}" for word in words[1:])


_OTHERWISE = ((Outcome.DENIED, "denied"), (Outcome.FAILED, "failed"))


def times(number: int) -> str:
    """``once``, ``12 times``."""
    return "once" if number == 1 else f"{number:,} times"


def _minute(time: str) -> str:
    return time[:16].replace("T", " ") or "at a time that is not told"


def names_of(listed: Listed, most: int = _IN_A_ROW) -> str:
    """Some of the texts of a list, and how many there are beside them."""
    names = list(listed.shown)[:most]
    more = len(listed.shown) - len(names)
    others = f" and {more}{' or more' if listed.others else ''} others" if more or listed.others else ""
    return ", ".join(names) + others


def summary_of(report: Report) -> str:
    """The counts, in one sentence."""
    reading, edges = report.reading, report.edges
    read = f"{count_of(reading.events, 'event')} in {count_of(reading.files, 'file')}"
    if reading.first:
        read += f", {reading.first[:10]} to {reading.last[:10]}"
    if not edges:
        return f"no role was passed: {read}"
    passed = [edge for edge in edges if edge.counts[Outcome.PASSED]]
    words = (
        f"{count_of(report.count(Outcome.PASSED), 'pass')} of {count_of(len({one.passed for one in passed}), 'role')}"
        f" by {count_of(len({one.principal for one in passed}), 'principal')}"
    )
    for outcome, word in _OTHERWISE:
        if report.count(outcome):
            words += f", {report.count(outcome):,} {word}"
    return f"{words}; {read}"


def count_of(number: int, noun: str) -> str:
    """A number with its noun, thousands apart."""
    plural = "passes" if noun == "pass" else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def notes_of(report: Report) -> Iterator[str]:
    """What has to be known to read the evidence right."""
    reading = report.reading
    for number, one, several in (
        (reading.duplicates, "1 event was delivered more than once", "events were delivered more than once"),
        (
            reading.denied_without_role,
            "1 denied event may have passed a role: the log has no parameters of it",
            "denied events may have passed a role: the log has no parameters of them",
        ),
        (
            reading.no_parameters,
            "1 event may have passed a role, and is without its parameters",
            "events may have passed a role, and are without their parameters",
        ),
        (
            reading.abroad,
            "1 role of another account is named in an event, and cannot have been passed",
            "roles of other accounts are named in events, and cannot have been passed",
        ),
    ):
        if number:
            yield f"{number:,} {several}" if number > 1 else one
    yield from _some(f"{shown(file)}: no log of CloudTrail, passed over" for file in reading.not_logs)
    if reading.others:
        listed = ", ".join(f"{number:,} {what}" for what, number in sorted(reading.others.items()))
        yield f"files passed over: {listed}"


def _some(notes: Iterable[str]) -> Iterator[str]:
    listed = list(notes)
    yield from listed[:_MOST_NOTES]
    if len(listed) > _MOST_NOTES:
        yield f"and {count(len(listed) - _MOST_NOTES, 'file')} more that are no logs of CloudTrail"
