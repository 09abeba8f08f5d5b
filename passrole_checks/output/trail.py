"""The evidence as text and as JSON. The keys are promises: they may be added to, never renamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from passrole_checks.evidence import Edge, Outcome, Pass
from passrole_checks.evidence.report import Report
from passrole_checks.evidence.summary import Listed
from passrole_checks.output.escaping import json_text
from passrole_checks.output.markdown_items import count
from passrole_checks.output.paths import harmless, shown
from passrole_checks.output.text import Line, Span

VERSION = 1
_IN_A_ROW = 3
_MOST_NOTES = 10


def trail_json(report: Report) -> str:
    """All of it. ``events`` is there where passes were asked for one by one."""
    bounds, reading = report.wanted.bounds, report.reading
    document: dict[str, Any] = {
        "version": VERSION,
        "window": {
            "since": bounds.since or None,
            "until": bounds.until or None,
            "first": reading.first or None,
            "last": reading.last or None,
        },
        "passes": [_edge(edge) for edge in report.edges],
    }
    if report.passes is not None:
        document["events"] = [_pass(one) for one in report.passes]
    document["unreadable"] = [{"file": shown(one.file), "line": None, "reason": one.reason} for one in reading.problems]
    document["summary"] = {
        "files": reading.files,
        "events": reading.events,
        **{outcome.value: report.count(outcome) for outcome in Outcome},
        "duplicates": reading.duplicates,
        "denied_without_role": reading.denied_without_role,
        "without_parameters": reading.no_parameters,
        "without_role": reading.no_role,
        "roles_of_other_accounts": reading.abroad,
        "no_logs": [shown(file) for file in reading.not_logs],
        "passed_over": dict(sorted(reading.others.items())),
    }
    return json_text(document)


def _edge(edge: Edge) -> Mapping[str, Any]:
    return {
        "principal": edge.principal or None,
        "role": edge.role or None,
        "instance_profile": edge.instance_profile or None,
        "services": list(edge.services),
        "event_source": edge.service,
        **{outcome.value: edge.counts[outcome] for outcome in Outcome},
        "first": edge.first or None,
        "last": edge.last or None,
        "event_names": dict(sorted(edge.events.items())),
        "resources": _listed(edge.resources),
        "source_ips": _listed(edge.sources),
        "sessions": _listed(edge.sessions),
        "source_identities": _listed(edge.source_identities),
        "regions": _listed(edge.regions),
        "accounts": _listed(edge.accounts),
        "error_codes": _listed(edge.errors),
    }


def _listed(listed: Listed) -> Mapping[str, Any]:
    """How often each occurs, and how often others do that are not listed."""
    return {"counts": dict(sorted(listed.shown.items())), "others": listed.others}


def _pass(one: Pass) -> Mapping[str, Any]:
    return {
        "event_id": one.event_id or None,
        "time": one.time or None,
        "principal": one.who.principal or None,
        "identity_type": one.who.type or None,
        "identity": one.who.arn or None,
        "session_issuer": one.who.session_issuer or None,
        "source_identity": one.who.source_identity or None,
        "invoked_by": one.who.invoked_by or None,
        "role": one.role or None,
        "instance_profile": one.instance_profile or None,
        "launch_template": one.launch_template or None,
        "services": list(one.services),
        "event_source": one.service,
        "event_name": one.event,
        "action": one.action or None,
        "outcome": one.outcome.value,
        "error_code": one.error_code or None,
        "resource": one.resource or None,
        "region": one.region or None,
        "account": one.account or None,
        "source_ip": one.source_ip or None,
        "file": shown(one.file),
    }


def trail_lines(report: Report, *, quiet: bool = False) -> Iterator[Line]:
    """Who passed which role to which service, principal by principal; then, unless ``quiet``, notes and a summary."""
    for principal, edges in groupby(report.edges, key=lambda edge: edge.principal):
        yield (Span(harmless(principal) or "whoever it was: the log does not tell", "place"),)
        for edge in edges:
            yield from _lines(edge)
        yield ()
    if quiet:
        return
    notes = list(notes_of(report))
    for note in notes:
        yield (Span("note: ", "quiet"), Span(harmless(note)))
    if notes:
        yield ()
    yield (Span(summary_of(report)),)


def _lines(edge: Edge) -> Iterator[Line]:
    profile = "" if edge.role else "  (an instance profile; the logs do not show its role)"
    yield (Span("  -> "), Span(harmless(edge.passed), "code"), Span(profile, "quiet"))
    yield _row("to", services_of(edge))
    yield _row("when", when_of(edge), "" if edge.counts[Outcome.PASSED] else "medium")
    yield _row("events", ", ".join(f"{name} ({number})" for name, number in edge.events.most_common()))
    for word, listed in (
        ("for", edge.resources), ("from", edge.sources), ("as", edge.source_identities), ("error", edge.errors),
    ):  # fmt: skip
        if listed.shown:
            yield _row(word, names_of(listed))


def _row(word: str, text: str, style: str = "") -> Line:
    return (Span(f"     {word:<7}", "quiet"), Span(harmless(text), style))


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
