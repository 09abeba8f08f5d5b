"""The evidence in words that its formats have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.cloudtrail.report import UsageReport
from passrole_checks.cloudtrail.summary import DistinctValues
from passrole_checks.escaping.terminal import shown
from passrole_checks.output.excluded_files import in_words
from passrole_checks.output.findings_text import not_read_in_words
from passrole_checks.output.markdown_items import count
from passrole_checks.sources.model.configuration import faults_in, without_faults

_IN_A_ROW = 3
_IN_DETAILS = 20
_MOST_NOTES = 10


def services_of(edge: Edge) -> str:
    """The services of an edge in words."""
    if edge.services:
        return " or ".join(edge.services)
    return f"a service that the log does not tell (asked of {edge.service})"


def when_of(edge: Edge) -> str:
    """How often, and when first and last."""
    passed = edge.counts[RequestOutcome.PASSED]
    words = [f"passed {times(passed)}"] if passed else []
    words += [f"{word} {times(edge.counts[one])}" for one, word in _OTHERWISE if edge.counts[one]]
    span = _minute(edge.first) if edge.first == edge.last else f"{_minute(edge.first)} to {_minute(edge.last)}"
    return f"{words[0]}, {span}" + "".join(f"; {word}" for word in words[1:])


_OTHERWISE = ((RequestOutcome.DENIED, "denied"), (RequestOutcome.FAILED, "failed"))


def times(number: int) -> str:
    """``once``, ``12 times``."""
    return "once" if number == 1 else f"{number:,} times"


def _minute(time: str) -> str:
    return time[:16].replace("T", " ") or "at a time that is not told"


def names_of(listed: DistinctValues, most: int = _IN_A_ROW) -> str:
    """Some of the texts of a list, and how many there are beside them."""
    names = list(listed.shown)[:most]
    more = len(listed.shown) - len(names)
    others = f" and {more}{' or more' if listed.others else ''} others" if more or listed.others else ""
    return ", ".join(names) + others


def details_of(edge: Edge) -> Iterator[tuple[str, str]]:
    """All facts of an edge that are listed, each with a word for it."""
    yield "when", when_of(edge)
    yield "events", ", ".join(f"{one} ({number})" for one, number in edge.events.most_common())
    for word, listed in (
        ("for", edge.resources), ("from", edge.sources), ("sessions", edge.sessions),
        ("source identities", edge.source_identities), ("regions", edge.regions), ("accounts", edge.accounts),
        ("errors", edge.errors),
    ):  # fmt: skip
        if listed.shown:
            yield word, names_of(listed, _IN_DETAILS)


def summary_of(report: UsageReport) -> str:
    """The counts, in one sentence."""
    reading = report.reading
    read = f"{count_of(reading.events, 'event')} in {count_of(reading.files, 'file')}"
    if reading.first:
        read += f", {reading.first[:10]} to {reading.last[:10]}"
    return f"{passed_in(report)}{'; ' if report.edges else ': '}{read}"


def passed_in(report: UsageReport) -> str:
    """How much was passed, by how many; before that, what could not be read, which may say more."""
    error = not_read_in_words(without_faults(report.unknown), faults_in(report.unknown))
    return f"ERROR: {error}; {_passed(report)}" if error else _passed(report)


def _passed(report: UsageReport) -> str:
    edges = report.edges
    if not edges:
        return "0 passes" if report.reading.problems else "no role was passed"
    passed = [edge for edge in edges if edge.counts[RequestOutcome.PASSED]]
    roles = count_of(len({one.passed for one in passed}), "role")
    words = (
        f"{count_of(report.count(RequestOutcome.PASSED), 'pass')} of {roles}"
        f" by {count_of(len({one.principal for one in passed}), 'principal')}"
    )
    for outcome, word in _OTHERWISE:
        if report.count(outcome):
            words += f", {report.count(outcome):,} {word}"
    return words


def count_of(number: int, noun: str) -> str:
    """A number with its noun, thousands apart."""
    plural = "passes" if noun == "pass" else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def notes_of(report: UsageReport) -> Iterator[str]:
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
    files = [f"{shown(file)}: no log of CloudTrail, passed over" for file in reading.not_logs]
    yield from _some(files, "file", "that are no logs of CloudTrail")
    skipped = [f"{shown(one.file)}{f':{one.line}' if one.line else ''}: {one.reason}" for one in report.not_evaluated]
    yield from _some(skipped, "part", "of the configuration that are not evaluated")
    if report.excluded:
        yield f"of the configuration, {in_words(report.excluded)}"
    if reading.others:
        listed = ", ".join(f"{number:,} {what}" for what, number in sorted(reading.others.items()))
        yield f"files passed over: {listed}"


def _some(notes: Sequence[str], noun: str, what: str) -> Iterator[str]:
    yield from notes[:_MOST_NOTES]
    if len(notes) > _MOST_NOTES:
        yield f"and {count(len(notes) - _MOST_NOTES, noun)} more {what}"
