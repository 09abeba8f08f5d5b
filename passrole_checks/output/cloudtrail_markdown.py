"""The ``trail`` report as Markdown: a Mermaid flowchart of who passed which role to which service, and a table.

All text from logs is escaped by :mod:`~passrole_checks.escaping.markup`, since callers choose the names in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.cloudtrail.grant_usage import UsageComparison
from passrole_checks.cloudtrail.report import UsageReport
from passrole_checks.escaping.markup import code_in_table, label, prose
from passrole_checks.output.access_graph import Link, build_graph
from passrole_checks.output.cloudtrail_grant_usage import against_markdown
from passrole_checks.output.cloudtrail_text import list_names, report_notes, summarize, times
from passrole_checks.output.grants_markdown import diagram
from passrole_checks.output.markdown_items import note_section
from passrole_checks.output.usage_overlay import State, add_uses, grants_with_uses, usage_state
from passrole_checks.scan.scanner import ScanResult
from passrole_checks.sources.model.configuration import faults_in, without_faults

MOST_DRAWN = 40  # edges in a readable diagram
MOST_ROWS = 500


def trail_markdown(report: UsageReport, result: ScanResult | None = None) -> str:
    """Return a Markdown page. ``result``: the scan of the configuration that the report is compared with."""
    return "\n".join(_lines(report, result)) + "\n"


def _lines(report: UsageReport, result: ScanResult | None) -> Iterator[str]:
    yield from ("## Roles passed to services", "", f"{summarize(report)}.")
    yield from note_section("Internal errors", faults_in(report.unknown))
    yield from note_section("Could not be read", without_faults(report.unknown))
    if report.against is not None:
        yield from against_markdown(report.against)
    if report.against is not None and result is not None:
        yield from _grant_diagram(report.against, result)
    elif report.edges:
        yield ""
        yield from _pass_diagram(report.edges)
    if report.edges:
        yield from (
            "",
            "| who | passed | to | passed | denied | failed | last | for |",
            "|---|---|---|--:|--:|--:|---|---|",
        )
        yield from (_row(edge) for edge in report.edges[:MOST_ROWS])
        if len(report.edges) > MOST_ROWS:
            yield from ("", f"{len(report.edges) - MOST_ROWS} more not listed.")
    notes = list(report_notes(report))
    if notes:
        yield ""
        yield from (f"- {prose(note)}" for note in notes)


def _grant_diagram(against: UsageComparison, result: ScanResult) -> Iterator[str]:
    """Yield a flowchart of the grants, with arrows by usage."""
    graph, edges = add_uses(build_graph(result, grants_with_uses(result, against)), against)

    def arrow(link: Link) -> str:
        state = usage_state(link.uses, edges)
        count = sum(edges[number].counts[RequestOutcome.PASSED] for number, surely in link.uses.items() if surely)
        if state is State.USED:
            return f"== {label(times(count))} ==>"
        return "-. possibly .->" if state is State.PERHAPS else "-.->"

    if graph.links:
        yield ""
        yield from diagram(graph, arrow)
        yield from ("", "Thick arrows: used in these logs, with counts. Dotted arrows: possibly or never used.")


def _row(edge: Edge) -> str:
    cells = [
        code_in_table(edge.principal or "?"),
        code_in_table(edge.passed) + ("" if edge.role else " (instance profile)"),
        ", ".join(map(code_in_table, edge.services)) or code_in_table(edge.service) + "?",
        *(f"{edge.counts[outcome]:,}" for outcome in RequestOutcome),
        edge.last[:10] and code_in_table(edge.last[:10]),
        code_in_table(list_names(edge.resources, 2)) if edge.resources.shown else "",
    ]
    return f"| {' | '.join(cells)} |"


def _pass_diagram(edges: Sequence[Edge]) -> Iterator[str]:
    """Yield a flowchart of the most used edges; edges that were only denied or failed are dotted."""
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
        yield from ("", f"Shows the {len(most)} most used of {len(edges)}.")
