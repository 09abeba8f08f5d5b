"""The evidence as Markdown: a Mermaid flowchart of who passed what to which service, and a table.

Whatever the logs hold goes through :mod:`~passrole_checks.escaping.markup`: names in them are chosen by whoever makes
requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.cloudtrail.grant_usage import UsageComparison
from passrole_checks.cloudtrail.report import UsageReport
from passrole_checks.escaping.markup import code, label, prose
from passrole_checks.output.access_graph import Link, graph_of
from passrole_checks.output.cloudtrail_grant_usage import against_markdown
from passrole_checks.output.cloudtrail_text import names_of, notes_of, summary_of, times
from passrole_checks.output.findings_text import located
from passrole_checks.output.grants_markdown import diagram
from passrole_checks.output.usage_overlay import State, grants_with_uses, state_of, with_uses
from passrole_checks.scan.scanner import ScanResult
from passrole_checks.sources.model.configuration import faults_in, without_faults

MOST_DRAWN = 40  # edges that the eye can follow
MOST_ROWS = 500


def trail_markdown(report: UsageReport, result: ScanResult | None = None) -> str:
    """A page of Markdown. ``result`` is that of a scan of the configuration that the evidence is held against."""
    return "\n".join(_lines(report, result)) + "\n"


def _lines(report: UsageReport, result: ScanResult | None) -> Iterator[str]:
    yield from ("## Which roles were passed to which services", "", f"{summary_of(report)}.")
    for heading, entries in (
        ("Internal errors", faults_in(report.unknown)),
        ("Could not be read", without_faults(report.unknown)),
    ):
        if entries:
            yield from ("", f"### {heading}", "")
            yield from (f"- {code(located(one.file, one.line))}: {prose(one.reason)}" for one in entries[:MOST_ROWS])
    if report.against is not None and result is not None:
        yield from _granted(report.against, result)
    elif report.edges:
        yield ""
        yield from _diagram(report.edges)
    if report.edges:
        yield from (
            "",
            "| who | passed | to | passed | denied | failed | last | for |",
            "|---|---|---|--:|--:|--:|---|---|",
        )
        yield from (_row(edge) for edge in report.edges[:MOST_ROWS])
        if len(report.edges) > MOST_ROWS:
            yield from ("", f"{len(report.edges) - MOST_ROWS} more are not listed.")
    if report.against is not None:
        yield from against_markdown(report.against)
    notes = list(notes_of(report))
    if notes:
        yield ""
        yield from (f"- {prose(note)}" for note in notes)


def _granted(against: UsageComparison, result: ScanResult) -> Iterator[str]:
    """A flowchart of what is granted, by what of it was used."""
    graph, edges = with_uses(graph_of(result, grants_with_uses(result, against)), against)

    def arrow(link: Link) -> str:
        state = state_of(link.uses, edges)
        count = sum(edges[number].counts[RequestOutcome.PASSED] for number, surely in link.uses.items() if surely)
        if state is State.USED:
            return f"== {label(times(count))} ==>"
        return "-. perhaps .->" if state is State.PERHAPS else "-.->"

    if graph.links:
        yield ""
        yield from diagram(graph, arrow)
        yield from ("", "Thick arrows were used in these logs, so often; dotted ones perhaps, or never.")


def _row(edge: Edge) -> str:
    cells = [
        _cell(edge.principal or "?"),
        _cell(edge.passed) + ("" if edge.role else " (instance profile)"),
        ", ".join(map(_cell, edge.services)) or _cell(edge.service) + "?",
        *(f"{edge.counts[outcome]:,}" for outcome in RequestOutcome),
        edge.last[:10] and _cell(edge.last[:10]),
        _cell(names_of(edge.resources, 2)) if edge.resources.shown else "",
    ]
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return code(text, in_table=True)


def _diagram(edges: Sequence[Edge]) -> Iterator[str]:
    """A flowchart of the edges that were used most; what was only tried is dotted."""
    most = sorted(edges, key=lambda edge: (-edge.counts[RequestOutcome.PASSED], edge.principal, edge.passed))[
        :MOST_DRAWN
    ]
    numbers: dict[tuple[str, str], int] = {}
    yield from ("```mermaid", "flowchart LR")
    drawn: list[str] = []
    for edge in most:
        who, role = ("who", edge.principal or "?"), ("role", edge.passed)
        for service in edge.services or (f"{edge.service}?",):
            ends = (who, role, ("service", service))
            for end in ends:
                if end not in numbers:
                    numbers[end] = len(numbers)
                    before, after = {"who": ('(["', '"])'), "role": ('["', '"]'), "service": ('{{"', '"}}')}[end[0]]
                    yield f"  n{numbers[end]}{before}{label(end[1])}{after}"
            passed = edge.counts[RequestOutcome.PASSED]
            first = f"-- {label(times(passed))} -->" if passed else "-. not passed .->"
            drawn.append(f"  n{numbers[who]} {first} n{numbers[role]}")
            drawn.append(f"  n{numbers[role]} {'-->' if passed else '-.->'} n{numbers[ends[2]]}")
    yield from dict.fromkeys(drawn)
    yield "```"
    if len(edges) > len(most):
        yield from ("", f"Drawn are the {len(most)} of {len(edges)} that were used most.")
