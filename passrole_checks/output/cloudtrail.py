"""The ``trail`` report as text and as JSON. The keys are a stable interface: add keys, never rename any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from passrole_checks.cloudtrail import Edge, Pass, RequestOutcome
from passrole_checks.cloudtrail.report import UsageReport
from passrole_checks.cloudtrail.summary import DistinctValues
from passrole_checks.escaping.markup import json_text
from passrole_checks.escaping.terminal import display_path, sanitize
from passrole_checks.output.cloudtrail_grant_usage import against_json, against_lines
from passrole_checks.output.cloudtrail_text import (
    UNKNOWN_PROFILE_ROLE,
    describe_denied,
    describe_services,
    describe_times,
    list_names,
    report_notes,
    summarize,
)
from passrole_checks.output.counts import excluded_paths
from passrole_checks.output.findings_text import Line, StyledText, note_line
from passrole_checks.output.json_output import not_evaluated_entries, problem_entries
from passrole_checks.output.not_evaluated_text import not_evaluated_in_words
from passrole_checks.sources.model.configuration import faults_in, without_faults

VERSION = 1


def trail_json(report: UsageReport) -> str:
    """Return the report as one JSON document. ``events`` is present if passes were read one by one."""
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
        document["events"] = [_pass(item) for item in report.passes]
    if report.against is not None:
        document["against"] = against_json(report.against, report.edges)
    document["unreadable"] = problem_entries(without_faults(report.unknown))
    document["faults"] = problem_entries(faults_in(report.unknown))
    if report.against is not None:
        document["not_evaluated"] = not_evaluated_entries(report.not_evaluated)
        document["excluded"] = excluded_paths(report.excluded)
    document["summary"] = {
        "files": reading.files,
        "events": reading.events,
        **{outcome.value: report.count(outcome) for outcome in RequestOutcome},
        "duplicates": reading.duplicates,
        "denied_without_role": reading.denied_without_role,
        "without_parameters": reading.no_parameters,
        "without_role": reading.no_role,
        "roles_of_other_accounts": reading.abroad,
        "no_logs": [display_path(file) for file in reading.not_logs],
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
        "denied_actions": _listed(edge.denied_actions),
        "denied_roles": _listed(edge.denied_roles),
    }


def _listed(listed: DistinctValues) -> Mapping[str, Any]:
    """Return how often each listed value occurs, and how often values that are not listed do."""
    return {"counts": dict(sorted(listed.shown.items())), "others": listed.others}


def _pass(event: Pass) -> Mapping[str, Any]:
    return {
        "event_id": event.event_id or None,
        "time": event.time or None,
        "principal": event.who.principal or None,
        "identity_type": event.who.type or None,
        "identity": event.who.arn or None,
        "session_issuer": event.who.session_issuer or None,
        "source_identity": event.who.source_identity or None,
        "invoked_by": event.who.invoked_by or None,
        "role": event.role or None,
        "instance_profile": event.instance_profile or None,
        "launch_template": event.launch_template or None,
        "services": list(event.services),
        "event_source": event.service,
        "event_name": event.event,
        "action": event.action or None,
        "outcome": event.outcome.value,
        "error_code": event.error_code or None,
        "denied_action": event.denied_action or None,
        "denied_role": event.denied_role or None,
        "resource": event.resource or None,
        "region": event.region or None,
        "account": event.account or None,
        "source_ip": event.source_ip or None,
        "file": display_path(event.file),
    }


def trail_lines(report: UsageReport, *, quiet: bool = False, verbose: bool = False) -> Iterator[Line]:
    """Return the use of grants, if it is known, and who passed which role to which service, by principal; unless
    ``quiet``, then notes and a summary.

    ``verbose``: name each item of the configuration that was not evaluated, and each file that is not a log.
    """
    if report.against is not None:
        yield from against_lines(report.against)
    for principal, edges in groupby(report.edges, key=lambda edge: edge.principal):
        yield (StyledText(sanitize(principal) or "unknown principal (not in the logs)", "place"),)
        for edge in edges:
            yield from _edge_lines(edge)
        yield ()
    if quiet:
        return
    not_evaluated = not_evaluated_in_words(report.not_evaluated, verbose=verbose)
    notes = list(report_notes(report, not_evaluated, verbose=verbose))
    yield from map(note_line, notes)
    if notes:
        yield ()
    yield (StyledText(summarize(report)),)


def _edge_lines(edge: Edge) -> Iterator[Line]:
    profile = "" if edge.role else f"  ({UNKNOWN_PROFILE_ROLE})"
    yield (StyledText("  -> "), StyledText(sanitize(edge.passed), "code"), StyledText(profile, "quiet"))
    yield _row("to", describe_services(edge))
    yield _row("when", describe_times(edge), "" if edge.counts[RequestOutcome.PASSED] else "medium")
    yield _row("events", ", ".join(f"{name} ({number})" for name, number in edge.events.most_common()))
    for word, listed in (
        ("for", edge.resources), ("from", edge.sources), ("as", edge.source_identities), ("error", edge.errors),
    ):  # fmt: skip
        if listed.shown:
            yield _row(word, list_names(listed))
    if edge.denied_actions.shown:
        yield _row("denied", describe_denied(edge))


def _row(word: str, text: str, style: str = "") -> Line:
    return (StyledText(f"     {word:<7}", "quiet"), StyledText(sanitize(text), style))
