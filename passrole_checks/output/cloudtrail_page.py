"""The HTML page of ``trail --against``: the page of ``grants`` with observed use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.cloudtrail.grant_usage import UsageComparison
from passrole_checks.cloudtrail.report import UsageReport
from passrole_checks.output.access_graph import AccessGraph, build_graph
from passrole_checks.output.cloudtrail_grant_usage import count_usage, describe_edge, describe_item, sections
from passrole_checks.output.cloudtrail_text import (
    UNKNOWN_PROFILE_ROLE,
    describe_services,
    describe_times,
    edge_details,
    report_notes,
    summarize_passes,
    times,
)
from passrole_checks.output.counts import count_noun
from passrole_checks.output.grants_html import PageExtras, chip, read_asset, render_page
from passrole_checks.output.page_heading import PageHeading
from passrole_checks.output.page_texts import LONGEST_NAME, escape_name, escape_text
from passrole_checks.output.usage_overlay import (
    State,
    add_uses,
    grants_with_uses,
    link_states,
    statement_passes,
    usage_state,
)
from passrole_checks.scan.scanner import ScanResult

_TITLE = "Granted and observed PassRole access"
_MOST_IN_CARD = 40  # passes per statement
_MOST_ROWS = 3_000  # passes in total
_USE_ORDER = {State.USED: 0, State.PERHAPS: 1, State.UNUSED: 2, None: 3}
_STATE_NAMES = {State.USED: "used", State.PERHAPS: "possibly used", State.UNUSED: "never used"}


def trail_page(
    report: UsageReport, against: UsageComparison, result: ScanResult, heading: PageHeading | None = None
) -> str:
    """Return the whole page: the grants of a scan result with findings, and their use in the logs of a report."""
    grants = grants_with_uses(result, against)
    graph, edges = add_uses(build_graph(result, grants), against)
    result = replace(result, unreadable=tuple(dict.fromkeys([*result.unreadable, *report.unknown])))
    uses = [statement_passes(entry) for entry in graph.entries]
    states = [usage_state(passes, edges) for passes in uses]
    known_states = [
        state if entry.uses is not None else None for state, entry in zip(states, graph.entries, strict=True)
    ]
    extras = PageExtras(
        title=_TITLE,
        about="",
        summary=_summary(report, against),
        order=[_USE_ORDER[state] for state in known_states],
        notices=_notices(report),
        style=read_asset("cloudtrail.css"),
        filters=_filters(known_states),
        legend=read_asset("legend_cloudtrail.html"),
        data={
            "passes": [
                (passes.counts[RequestOutcome.PASSED], passes.last[:10], passes.counts[RequestOutcome.DENIED])
                for passes in edges
            ]
        },
        entry_data=list(_entry_data(graph, edges)),
        column="Used",
        cells=[_usage_cell(state, passes, edges) for state, passes in zip(known_states, uses, strict=True)],
        rows=[_card_rows(state, passes, edges) for state, passes in zip(known_states, uses, strict=True)],
        sections="".join(_sections(report, against)),
    )
    return render_page(graph, result, grants, extras, heading or PageHeading())


def _entry_data(graph: AccessGraph, edges: Sequence[Edge]) -> Iterator[Mapping[str, object]]:
    for entry in graph.entries:
        uses = [(use.source, use.target, use.passed, int(use.surely)) for use in entry.uses or ()]
        yield {"u": uses, "x": [state.value for state in link_states(entry, edges)]}


def _summary(report: UsageReport, against: UsageComparison) -> str:
    """Return the counts of grants and passes, used ones first, and the time window of the logs."""
    counters = ("used", "perhaps", "unused", "denied", "unknown", "unknown")
    counts = " ".join(
        f'<span class="badge {style if number else "none"}">{number:,} {words}</span>'
        for style, (words, number) in zip(counters, count_usage(against), strict=True)
    )
    reading = report.reading
    parts = [f"<strong>{summarize_passes(report)}</strong>"]
    window = f"{count_noun(reading.events, 'event')} in {count_noun(reading.files, 'file')}" if reading.events else ""
    if reading.first:
        window += f", from <strong>{_time(reading.first)}</strong> to <strong>{_time(reading.last)}</strong> UTC"
        window += f" ({_days(reading.first, reading.last)})"
    parts += [window] if window else []
    listed = '<span class="dot"> &middot; </span>'.join(f"<span>{part}</span>" for part in parts)
    return f'\n<p class="counters">{counts}</p>\n<p class="summary">In the logs: {listed}</p>'


def _time(time: str) -> str:
    return escape_text(time[:16].replace("T", " "))


def _days(first: str, last: str) -> str:
    try:
        days = (datetime.fromisoformat(last[:10]) - datetime.fromisoformat(first[:10])).days + 1
    except ValueError:
        return "unknown duration"
    return count_noun(days, "day")


def _notices(report: UsageReport) -> str:
    if report.reading.events:
        return ""
    bounds = report.wanted.bounds
    selection = " that match the selection" if bounds.since or bounds.until or bounds.accounts else ""
    return (
        f'<p class="notice bad">The logs contain no events{selection}; this does not show that grants are unused.</p>\n'
    )


def _filters(states: Sequence[State | None]) -> str:
    counts = Counter(states)
    boxes = "".join(
        chip("use", state.value, _badge(state), counts[state], state.value) for state in State if any(states)
    )
    return boxes and f'<fieldset class="chips"><legend>Use</legend>{boxes}</fieldset>'


def _badge(state: State) -> str:
    return f'<span class="badge {state.value}">{_STATE_NAMES[state]}</span>'


def _usage_cell(state: State | None, uses: Mapping[int, bool], edges: Sequence[Edge]) -> str:
    """Return a table cell: whether a statement was used, how often, and when last."""
    if state is None:
        return ""
    lines = [_badge(state)]
    for sure, word in ((True, ""), (False, "possibly ")):
        matching = [edges[number] for number, surely in uses.items() if surely is sure]
        count = sum(edge.counts[RequestOutcome.PASSED] for edge in matching)
        if count:
            last = max(edge.last for edge in matching if edge.counts[RequestOutcome.PASSED])
            lines.append(f'<span class="detail">{word}{times(count)}, last {escape_text(last[:10])}</span>')
    denied = sum(edges[number].counts[RequestOutcome.DENIED] for number in uses)
    lines += [f'<span class="detail">denied {times(denied)}</span>'] if denied else []
    return " ".join(lines)


def _card_rows(state: State | None, uses: Mapping[int, bool], edges: Sequence[Edge]) -> list[tuple[str, str]]:
    """Return the rows about use in the card of a statement: each edge that it covers."""
    if state is None:
        return []
    listed = sorted(uses, key=lambda number: (not uses[number], -edges[number].counts[RequestOutcome.PASSED], number))
    items = [
        f"<li>{'' if uses[number] else 'possibly: '}{escape_text(describe_edge(edges[number], chr(0x2192)), 600)}: "
        f"{escape_text(describe_times(edges[number]))}</li>"
        for number in listed[:_MOST_IN_CARD]
    ]
    if len(listed) > _MOST_IN_CARD:
        items.append(f"<li>and {len(listed) - _MOST_IN_CARD:,} more</li>")
    if state is State.UNUSED:
        items.insert(0, "<li>no pass in these logs</li>")
    return [("Used", f'{_badge(state)}<ul class="uses">{"".join(items)}</ul>')]


def _sections(report: UsageReport, against: UsageComparison) -> Iterator[str]:
    """Yield the sections on passes that belong to no statement, all passes, and notes on the logs."""
    without_statement = [against.denied, against.strangers, against.elsewhere]
    for heading, items in sections(against):
        if any(items is item for item in without_statement):
            yield f'<section><h2>{heading} ({len(items):,})</h2>\n<ul class="facts">\n'
            for item in items:
                first, *rest = (escape_text(line, 600) for line in describe_item(item))
                yield f"<li><code>{first}</code>" + "".join(f"<br>{line}" for line in rest) + "</li>\n"
            yield "</ul></section>\n"
    if report.edges:
        heads = ("who", "passed", "to", *(item.value for item in RequestOutcome), "last")
        yield f'<section id="passes"><h2>All passes ({len(report.edges):,})</h2>\n'
        yield '<div class="wide"><table>\n<thead><tr>'
        yield "".join(f'<th scope="col">{head}</th>' for head in heads) + "</tr></thead>\n"
        most = sorted(report.edges, key=lambda edge: -edge.counts[RequestOutcome.PASSED])[:_MOST_ROWS]
        shown = {id(edge) for edge in most}
        yield from (_pass_row(edge) for edge in report.edges if id(edge) in shown)
        yield "</table></div>\n"
        if len(report.edges) > len(most):
            yield f'<p class="hint">Shows the {len(most):,} most frequent; --format json lists all.</p>\n'
        yield "</section>\n"
    notes = "".join(f"<li>{escape_text(note, 600)}</li>" for note in report_notes(report))
    if notes:
        yield f'<section><h2>Notes</h2><ul class="facts">{notes}</ul></section>\n'


def _pass_row(edge: Edge) -> str:
    profile = "" if edge.role else f" ({UNKNOWN_PROFILE_ROLE})"
    details = "".join(f"<dt>{word}</dt><dd>{escape_text(fact, 4_000)}</dd>" for word, fact in edge_details(edge))
    cells = [
        ("Who", f"<code>{escape_name(edge.principal or '?', LONGEST_NAME)}</code>"),
        (
            "Passed",
            f"<div><code>{escape_name(edge.passed, LONGEST_NAME)}</code>{profile}"
            f"<details><summary>details</summary><dl>{details}</dl></details></div>",
        ),
        ("To", escape_name(describe_services(edge), LONGEST_NAME)),
        *(
            (outcome.value.capitalize(), f'<span class="number">{edge.counts[outcome]:,}</span>')
            for outcome in RequestOutcome
        ),
        ("Last", f'<span class="day">{escape_text(edge.last[:10])}</span>'),
    ]
    row = "".join(f'<td data-head="{head}">{cell}</td>' for head, cell in cells)
    tried = "" if edge.counts[RequestOutcome.PASSED] else ' class="tried"'
    return f"<tbody{tried}><tr>{row}</tr></tbody>\n"
