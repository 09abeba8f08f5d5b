"""What a configuration grants as one page, with what the logs tell of it: the page of ``grants`` with the evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.cloudtrail.grant_usage import UsageComparison
from passrole_checks.cloudtrail.report import UsageReport
from passrole_checks.output.access_graph import AccessGraph, graph_of
from passrole_checks.output.cloudtrail_grant_usage import edge_in_words, facts_of, sections
from passrole_checks.output.cloudtrail_text import (
    count_of,
    details_of,
    notes_of,
    passed_in,
    services_of,
    times,
    when_of,
)
from passrole_checks.output.grants_html import Beside, chip, file_of_page, page_of, text_of_page
from passrole_checks.output.usage_overlay import State, grants_with_uses, state_of, states_of, whole, with_uses
from passrole_checks.scan.scanner import ScanResult

_TITLE = "Who may pass which role to which service, and what was passed"
_IN_A_CARD = 40  # passes of a statement
_MOST_ROWS = 3_000  # of all passes
_WORDS = {State.USED: "used", State.PERHAPS: "perhaps", State.UNUSED: "never used"}


def trail_page(report: UsageReport, against: UsageComparison, result: ScanResult) -> str:
    """A whole page: the grants of a result with its findings, and what of them was used in the logs of a report."""
    grants = grants_with_uses(result, against)
    graph, edges = with_uses(graph_of(result, grants), against)
    result = replace(result, unreadable=tuple(dict.fromkeys([*result.unreadable, *report.unknown])))
    uses = [whole(entry) for entry in graph.entries]
    states = [state_of(one, edges) for one in uses]
    told = [state if entry.uses is not None else None for state, entry in zip(states, graph.entries, strict=True)]
    beside = Beside(
        title=_TITLE,
        summary=_summary(report),
        notices=_notices(report),
        style=file_of_page("evidence.css"),
        filters=_filters(told),
        legend=file_of_page("legend_evidence.html"),
        data={
            "passes": [
                (one.counts[RequestOutcome.PASSED], one.last[:10], one.counts[RequestOutcome.DENIED]) for one in edges
            ]
        },
        of_entries=list(_of_entries(graph, edges)),
        column="Used",
        cells=[_cell(state, one, edges) for state, one in zip(told, uses, strict=True)],
        rows=[_rows(state, one, edges) for state, one in zip(told, uses, strict=True)],
        sections="".join(_sections(report, against)),
    )
    return page_of(graph, result, grants, beside)


def _of_entries(graph: AccessGraph, edges: Sequence[Edge]) -> Iterator[Mapping[str, object]]:
    for entry in graph.entries:
        uses = [(use.source, use.target, use.passed, int(use.surely)) for use in entry.uses or ()]
        yield {"u": uses, "x": [state.value for state in states_of(entry, edges)]}


def _summary(report: UsageReport) -> str:
    reading = report.reading
    parts = [f"<strong>{passed_in(report)}</strong>"]
    window = f"{count_of(reading.events, 'event')} in {count_of(reading.files, 'file')}" if reading.events else ""
    if reading.first:
        window += f", from <strong>{_time(reading.first)}</strong> to <strong>{_time(reading.last)}</strong> UTC"
        window += f" ({_days(reading.first, reading.last)})"
    parts += [window] if window else []
    listed = '<span class="dot"> &middot; </span>'.join(f"<span>{part}</span>" for part in parts)
    return f'\n<p class="summary">In the logs: {listed}</p>'


def _time(time: str) -> str:
    return text_of_page(time[:16].replace("T", " "))


def _days(first: str, last: str) -> str:
    try:
        days = (datetime.fromisoformat(last[:10]) - datetime.fromisoformat(first[:10])).days + 1
    except ValueError:
        return "how long is not told"
    return count_of(days, "day")


def _notices(report: UsageReport) -> str:
    if report.reading.events:
        return ""
    bounds = report.wanted.bounds
    asked = " that is asked for" if bounds.since or bounds.until or bounds.accounts else ""
    return (
        f'<p class="notice bad">No event{asked} is in these logs: that nothing was used says nothing of what is'
        " granted.</p>\n"
    )


def _filters(states: Sequence[State | None]) -> str:
    counts = Counter(states)
    boxes = "".join(
        chip("use", state.value, _badge(state), counts[state], state.value) for state in State if any(states)
    )
    return boxes and f'<fieldset class="chips"><legend>Use</legend>{boxes}</fieldset>'


def _badge(state: State) -> str:
    return f'<span class="badge {state.value}">{_WORDS[state]}</span>'


def _cell(state: State | None, uses: Mapping[int, bool], edges: Sequence[Edge]) -> str:
    """What a row of the table tells: whether a statement was used, how often, and when last."""
    if state is None:
        return ""
    lines = [_badge(state)]
    for sure, word in ((True, ""), (False, "perhaps ")):
        found = [edges[number] for number, surely in uses.items() if surely is sure]
        count = sum(edge.counts[RequestOutcome.PASSED] for edge in found)
        if count:
            last = max(edge.last for edge in found if edge.counts[RequestOutcome.PASSED])
            lines.append(f'<span class="told">{word}{times(count)}, last {text_of_page(last[:10])}</span>')
    denied = sum(edges[number].counts[RequestOutcome.DENIED] for number in uses)
    lines += [f'<span class="told">denied {times(denied)}</span>'] if denied else []
    return " ".join(lines)


def _rows(state: State | None, uses: Mapping[int, bool], edges: Sequence[Edge]) -> list[tuple[str, str]]:
    """What the card of a statement tells: each edge that it let through."""
    if state is None:
        return []
    listed = sorted(uses, key=lambda number: (not uses[number], -edges[number].counts[RequestOutcome.PASSED], number))
    items = [
        f"<li>{'' if uses[number] else 'perhaps: '}{text_of_page(edge_in_words(edges[number], chr(0x2192)), 600)}: "
        f"{text_of_page(when_of(edges[number]))}</li>"
        for number in listed[:_IN_A_CARD]
    ]
    if len(listed) > _IN_A_CARD:
        items.append(f"<li>and {len(listed) - _IN_A_CARD:,} more</li>")
    if state is State.UNUSED:
        items.insert(0, "<li>nothing was passed by it in these logs</li>")
    return [("Used", f'{_badge(state)}<ul class="uses">{"".join(items)}</ul>')]


def _sections(report: UsageReport, against: UsageComparison) -> Iterator[str]:
    """What belongs to no statement, then all passes, then what is to be said of the logs."""
    beside = [against.denied, against.strangers, against.elsewhere]
    for heading, items in sections(against):
        if any(items is one for one in beside):
            yield f'<section><h2>{heading} ({len(items):,})</h2>\n<ul class="facts">\n'
            for one in items:
                first, *rest = (text_of_page(line, 600) for line in facts_of(one))
                yield f"<li><code>{first}</code>" + "".join(f"<br>{line}" for line in rest) + "</li>\n"
            yield "</ul></section>\n"
    if report.edges:
        heads = ("who", "passed", "to", *(one.value for one in RequestOutcome), "last")
        yield f'<section id="passes"><h2>All passes ({len(report.edges):,})</h2>\n<table>\n<thead><tr>'
        yield "".join(f'<th scope="col">{head}</th>' for head in heads) + "</tr></thead>\n"
        most = sorted(report.edges, key=lambda edge: -edge.counts[RequestOutcome.PASSED])[:_MOST_ROWS]
        shown = {id(edge) for edge in most}
        yield from (_pass(edge) for edge in report.edges if id(edge) in shown)
        yield "</table>\n"
        if len(report.edges) > len(most):
            yield f'<p class="hint">The {len(most):,} that were passed most; --format json tells all.</p>\n'
        yield "</section>\n"
    notes = "".join(f"<li>{text_of_page(note, 600)}</li>" for note in notes_of(report))
    if notes:
        yield f'<section><h2>Notes</h2><ul class="facts">{notes}</ul></section>\n'


def _pass(edge: Edge) -> str:
    profile = "" if edge.role else " (an instance profile; the logs do not show its role)"
    details = "".join(f"<dt>{word}</dt><dd>{text_of_page(told, 4_000)}</dd>" for word, told in details_of(edge))
    cells = [
        ("Who", f"<code>{text_of_page(edge.principal or '?')}</code>"),
        (
            "Passed",
            f"<div><code>{text_of_page(edge.passed)}</code>{profile}"
            f"<details><summary>details</summary><dl>{details}</dl></details></div>",
        ),
        ("To", text_of_page(services_of(edge))),
        *((one.value.capitalize(), f'<span class="number">{edge.counts[one]:,}</span>') for one in RequestOutcome),
        ("Last", f'<span class="day">{text_of_page(edge.last[:10])}</span>'),
    ]
    row = "".join(f'<td data-head="{head}">{cell}</td>' for head, cell in cells)
    tried = "" if edge.counts[RequestOutcome.PASSED] else ' class="tried"'
    return f"<tbody{tried}><tr>{row}</tr></tbody>\n"
