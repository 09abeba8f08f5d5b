"""The evidence as text and as JSON. The keys are promises: they may be added to, never renamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from passrole_checks.cloudtrail import Edge, Pass, RequestOutcome
from passrole_checks.cloudtrail.report import UsageReport
from passrole_checks.cloudtrail.summary import DistinctValues
from passrole_checks.escaping.markup import json_text
from passrole_checks.escaping.terminal import harmless, shown
from passrole_checks.output.cloudtrail_grant_usage import against_json, against_lines
from passrole_checks.output.cloudtrail_text import names_of, notes_of, services_of, summary_of, when_of
from passrole_checks.output.excluded_files import shown_excluded
from passrole_checks.output.findings_text import Line, StyledText
from passrole_checks.sources.model.configuration import Unreadable, faults_in, without_faults

VERSION = 1


def trail_json(report: UsageReport) -> str:
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
    if report.against is not None:
        document["against"] = against_json(report.against, report.edges)
    document["unreadable"] = list(map(_problem, without_faults(report.unknown)))
    document["faults"] = list(map(_problem, faults_in(report.unknown)))
    if report.against is not None:
        document["not_evaluated"] = list(map(_problem, report.not_evaluated))
        document["excluded"] = shown_excluded(report.excluded)
    document["summary"] = {
        "files": reading.files,
        "events": reading.events,
        **{outcome.value: report.count(outcome) for outcome in RequestOutcome},
        "duplicates": reading.duplicates,
        "denied_without_role": reading.denied_without_role,
        "without_parameters": reading.no_parameters,
        "without_role": reading.no_role,
        "roles_of_other_accounts": reading.abroad,
        "no_logs": [shown(file) for file in reading.not_logs],
        "passed_over": dict(sorted(reading.others.items())),
    }
    return json_text(document)


def _problem(one: Unreadable) -> Mapping[str, Any]:
    return {"file": shown(one.file), "line": one.line or None, "reason": one.reason}


def _edge(edge: Edge) -> Mapping[str, Any]:
    return {
        "principal": edge.principal or None,
        "role": edge.role or None,
        "instance_profile": edge.instance_profile or None,
        "services": list(edge.services),
        "event_source": edge.service,
        **{outcome.value: edge.counts[outcome] for outcome in RequestOutcome},
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


def _listed(listed: DistinctValues) -> Mapping[str, Any]:
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


def trail_lines(report: UsageReport, *, quiet: bool = False) -> Iterator[Line]:
    """Who passed which role to which service, principal by principal; then, unless ``quiet``, notes and a summary."""
    for principal, edges in groupby(report.edges, key=lambda edge: edge.principal):
        yield (StyledText(harmless(principal) or "whoever it was: the log does not tell", "place"),)
        for edge in edges:
            yield from _lines(edge)
        yield ()
    if report.against is not None:
        yield from against_lines(report.against)
    if quiet:
        return
    notes = list(notes_of(report))
    for note in notes:
        yield (StyledText("note: ", "quiet"), StyledText(harmless(note)))
    if notes:
        yield ()
    yield (StyledText(summary_of(report)),)


def _lines(edge: Edge) -> Iterator[Line]:
    profile = "" if edge.role else "  (an instance profile; the logs do not show its role)"
    yield (StyledText("  -> "), StyledText(harmless(edge.passed), "code"), StyledText(profile, "quiet"))
    yield _row("to", services_of(edge))
    yield _row("when", when_of(edge), "" if edge.counts[RequestOutcome.PASSED] else "medium")
    yield _row("events", ", ".join(f"{name} ({number})" for name, number in edge.events.most_common()))
    for word, listed in (
        ("for", edge.resources), ("from", edge.sources), ("as", edge.source_identities), ("error", edge.errors),
    ):  # fmt: skip
        if listed.shown:
            yield _row(word, names_of(listed))


def _row(word: str, text: str, style: str = "") -> Line:
    return (StyledText(f"     {word:<7}", "quiet"), StyledText(harmless(text), style))
