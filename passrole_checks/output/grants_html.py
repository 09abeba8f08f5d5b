"""The grants as one self-contained HTML page: the worst principals, a graph, filters, and a table of all statements.

All content is in the HTML, escaped. The script only draws the graph, filters, sorts, and shows elements of the page;
without JavaScript the table remains, and what it leads to. With JavaScript, most of this is text of ``noscript``
elements until it is shown, so that large pages open fast. The page's Content-Security-Policy allows no requests, and no
script or style but its own. The page is ASCII, and so independent of encodings. Its only time is that of its heading:
equal input and heading give an equal page.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from html import escape
from importlib import resources
from string import Template
from typing import Any

from passrole_checks.escaping.shorten import cut_in_the_middle
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.findings import Severity
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.output.access_graph import AccessGraph, Column, build_graph, stacks_of
from passrole_checks.output.counts import count_noun, excluded_summary
from passrole_checks.output.findings_text import error_summary
from passrole_checks.output.page_heading import PageHeading
from passrole_checks.output.page_rows import Rows, row_order, severity_word, worst_list
from passrole_checks.output.page_texts import (
    LONGEST_NAME,
    MOST_CHARACTERS,
    NO_FINDING,
    badge,
    escape_name,
    escape_text,
    finding_text,
    location,
)
from passrole_checks.scan.result import statements_by_effect
from passrole_checks.scan.scanner import LocatedGrant, ScanResult
from passrole_checks.sources.model.configuration import Unreadable, without_faults

_FIRST_ROWS = 200  # the script shows others when asked
_MOST_OPTIONS = 300  # of a filter by name; the search finds more
_SEPARATOR = '<span class="dot"> &middot; </span>'


@dataclass(frozen=True, slots=True)
class PageExtras:
    """Additional content of a page. All texts are HTML, already escaped.

    Attributes:
        title: the title and heading, before the name of the repository.
        about: follows the title if there is no repository.
        summary: content below the heading.
        notices: content before the page's own notices.
        style: additional CSS.
        filters: additional filters.
        legend: replaces the page's own legend.
        data: additional data for the script.
        entry_data: additional data for the script, one per statement.
        order: a number for each statement; in the table, statements with low ones come first.
        column: heading of an additional table column.
        cells: its cells, one per statement.
        rows: additional rows (label and value) of each statement's card.
        sections: content at the end of the page.
    """

    title: str = "PassRole access"
    about: str = ": who may pass which role to which service"
    summary: str = ""
    notices: str = ""
    style: str = ""
    filters: str = ""
    legend: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    entry_data: Sequence[Mapping[str, Any]] = ()
    order: Sequence[int] = ()
    column: str = ""
    cells: Sequence[str] = ()
    rows: Sequence[Sequence[tuple[str, str]]] = ()
    sections: str = ""


def grants_html(result: ScanResult, grants: Sequence[LocatedGrant], heading: PageHeading | None = None) -> str:
    """Return a whole page: ``grants`` with the findings of ``result``, unreadable files, and items not evaluated."""
    return render_page(build_graph(result, grants), result, grants, PageExtras(), heading or PageHeading())


def render_page(
    graph: AccessGraph, result: ScanResult, grants: Sequence[LocatedGrant], extras: PageExtras, heading: PageHeading
) -> str:
    """Return the page of a graph of ``grants`` with the findings of ``result``."""
    style, script = read_asset("page.css") + extras.style, read_asset("page.js")
    rows = Rows(graph, heading, extras.rows)
    order = row_order(graph)
    in_table = sorted(order, key=extras.order.__getitem__) if extras.order else order
    table = [rows.row(number, [extras.cells[number]] if extras.cells else []) for number in in_table]
    others = [
        finding_text(finding, place=f"<p><code>{location(finding.at.file, finding.at.line)}</code></p>")
        for finding in graph.others
    ]
    page = Template(read_asset("page.html")).substitute(
        title=escape_text(f"{extras.title} in {heading.repository}" if heading.repository else extras.title)
        + ("" if heading.repository else extras.about),
        scanned=_scanned(heading, graph.folder),
        extra_summary=extras.summary,
        legend=extras.legend or read_asset("legend.html"),
        sections=extras.sections,
        policy=f"default-src 'none'; style-src '{content_hash(style)}'; script-src '{content_hash(script)}'; "
        "base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        summary=_summary(result, grants, len(graph.entries)),
        worst=worst_list(graph),
        notices=extras.notices + _notices(result),
        filters=_filters(graph, extras.filters) if graph.entries else "",
        empty="" if graph.entries else _empty(result),
        table=_table(table[:_FIRST_ROWS], graph, extras.column),
        rest=_table(table[_FIRST_ROWS:], graph, extras.column) if table[_FIRST_ROWS:] else "",
        texts=f"{rows.findings.html()}\n{rows.statements.html()}",
        others="".join(others),
        hide_table="" if graph.entries else " hidden",
        hide_others="" if graph.others else " hidden",
        data=_data(graph, rows, order, extras),
    )
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _table(rows: Sequence[str], graph: AccessGraph, column: str) -> str:
    """Return a table with its head; ``column``: the head of an additional column."""
    heads = {"severity": "Severity", "who": "Who", "role": "May pass", "service": "To", "then": "And can then"}
    heads |= {"used": column} if column else {}
    first = "used" if column else "severity"
    cells = "".join(
        f'<th scope="col" data-sort="{sort}"{" aria-sort=descending" if sort == first else ""}>{words}</th>'
        for sort, words in (heads | {"where": "Where"}).items()
    )
    style = "" if any(entry.escalations for entry in graph.entries) else ' class="without-then"'
    body = "\n".join(rows)
    return (
        f'<div class="wide"><table{style}>\n<thead><tr>{cells}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'
    )


def _scanned(heading: PageHeading, folder: str) -> str:
    """Return the line on what was scanned, when and by what; "" if nothing is known."""
    commit = f"<code>{escape(heading.commit[:12])}</code>"
    if heading.commit_url:
        commit = f'<a href="{escape(heading.commit_url)}" rel="noopener noreferrer">{commit}</a>'
    changed = f", {count_noun(heading.changed, 'file')} changed since" if heading.changed else ""
    parts = [
        f"commit {commit}{changed}" if heading.commit else "",
        f"folder <code>{escape_name(folder, LONGEST_NAME)}</code>" if folder else "",
        f"account {escape(heading.account)}" if heading.account else "",
        f"{escape(heading.time)} UTC" if heading.time else "",
        f"passrole-checks {escape(heading.version)}" if heading.version else "",
    ]
    listed = _SEPARATOR.join(f"<span>{part}</span>" for part in parts if part)
    return f'<p class="scanned">{listed}</p>' if listed else ""


def read_asset(name: str) -> str:
    """Return the content of a file in ``page/``."""
    return resources.files("passrole_checks.output").joinpath("page").joinpath(name).read_text(encoding="ascii")


def content_hash(text: str) -> str:
    """Return the hash of an inline style or script for a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("ascii")).digest()).decode("ascii")


def _data(graph: AccessGraph, rows: Rows, order: Sequence[int], extras: PageExtras) -> str:
    """Return the data for the script as JSON that cannot end its script element. Texts of nodes are in ``strings``."""
    strings: dict[str, int] = {}

    def text(words: str) -> int:
        return strings.setdefault(cut_in_the_middle(sanitize(words), LONGEST_NAME), len(strings))

    stacks = stacks_of(graph)
    nodes = [
        (
            node.column.value,
            *(text(words) for words in (node.label, node.note, node.place, node.full or node.label, node.group)),
            int(node.open),
            stacks.get(number, -1),
        )
        for number, node in enumerate(graph.nodes)
    ]
    entries = [
        {
            "p": entry.principals,
            "r": entry.roles,
            "s": entry.services,
            **({"t": entry.outcomes} if entry.outcomes else {}),
            "v": severity_word(entry),
            "e": entry.effect,
            "k": sorted({finding.check_id[-3:] for finding in entry.findings if not finding.suppressed}),
            "f": rows.texts_of[number][0],
            "d": rows.texts_of[number][1],
            "w": max((rated.rank[1] for rated in entry.escalations.values()), default=0),
            **(extras.entry_data[number] if extras.entry_data else {}),
        }
        for number, entry in enumerate(graph.entries)
    ]
    document = {"strings": list(strings), "nodes": nodes, "entries": entries, "order": order, **extras.data}
    written = json.dumps(document, separators=(",", ":"))
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _summary(result: ScanResult, grants: Sequence[LocatedGrant], entries: int) -> str:
    findings = [finding for finding in result.findings if not finding.suppressed]
    severities = Counter(finding.severity for finding in findings)
    effects = statements_by_effect(grants)
    parts = [
        f"<strong>{count_noun(effects['allow'], 'PassRole grant')}</strong> in {count_noun(len(result.files), 'file')}"
    ]
    if effects["deny"]:
        parts.append(count_noun(effects["deny"], "Deny statement"))
    if entries > len(grants):
        parts.append(f"{count_noun(entries - len(grants), 'other statement')} with findings")
    if findings:
        counts = " ".join(
            f"{badge(severity.value, f'{severities[severity]} {severity.value}')}"
            for severity in reversed(Severity)
            if severities[severity]
        )
        parts.append(f"<strong>{count_noun(len(findings), 'finding')}</strong> {counts}")
    elif grants and not result.unreadable:
        parts.append("<strong>no findings</strong>")
    suppressed = len(result.findings) - len(findings)
    if suppressed:
        parts.append(f"{suppressed:,} suppressed")
    error = error_summary(result.unreadable, result.files, anything=bool(grants or findings))
    if error:
        parts.insert(0, f"<strong>{escape_text(error)}</strong>")
    if result.excluded:
        parts.append(excluded_summary(result.excluded))
    return _SEPARATOR.join(f"<span>{part}</span>" for part in parts)


def _empty(result: ScanResult) -> str:
    if result.unreadable:
        return f'<p class="empty">{escape_text(error_summary(result.unreadable, result.files))}.</p>'
    if not result.files:
        return '<p class="empty">No Terraform, plan, CloudFormation, SAM or account files found.</p>'
    return f'<p class="empty">No PassRole grants in {count_noun(len(result.files), "file")}.</p>'


def _notices(result: ScanResult) -> str:
    unused = [
        Unreadable(one.at.file, f"{one.written or one.check_id} suppresses no finding", one.at.line)
        for one in result.unused_suppressions
    ]
    return (
        _notice("Internal errors", result.faults, "bad", opened=True)
        + _notice("Could not be read", without_faults(result.unreadable), "bad", opened=True)
        + _notice("Not evaluated", result.not_evaluated, "")
        + _notice("Unused suppressions", unused, "")
    )


def _notice(words: str, entries: Sequence[Unreadable], style: str, *, opened: bool = False) -> str:
    if not entries:
        return ""
    items = "".join(
        f"<li><code>{location(entry.file, entry.line)}</code> {escape_text(entry.reason, MOST_CHARACTERS)}</li>"
        for entry in entries
    )
    return (
        f'<details class="notice {style}"{" open" if opened else ""}>'
        f"<summary>{words} ({len(entries):,})</summary><ul>{items}</ul></details>\n"
    )


def chip(name: str, value: str, words: str, count: int, style: str = "", *, ticked: bool = True) -> str:
    """Return a checkbox that the script filters by, with the number of matching statements."""
    return (
        f'<label class="chip{style and f" {style}"}"><input type="checkbox" name="{name}" value="{value}"'
        f"{' checked' if ticked else ''}>{words} <span>{count}</span></label>"
    )


def _filters(graph: AccessGraph, others: str) -> str:
    severities = Counter(severity_word(entry) for entry in graph.entries)
    boxes = "".join(
        chip("severity", value, badge(value, "no finding" if value == NO_FINDING else value), severities[value], value)
        for value in (*(severity.value for severity in reversed(Severity)), NO_FINDING)
        if severities[value]
    )
    effects = Counter(entry.effect for entry in graph.entries)
    words = {"allow": "Allow", "deny": "Deny", "none": "no effect"}
    kinds = "".join(
        chip("effect", value, word, effects[value], ticked=value == "allow" or not effects["allow"])
        for value, word in words.items()
        if effects[value]
    )
    checks = {finding.check_id: finding.name for entry in graph.entries for finding in entry.findings}
    names = [(check[-3:], f"{check[-3:]} {name}") for check, name in sorted(checks.items())]
    return (
        f'<fieldset class="chips"><legend>Severity</legend>{boxes}</fieldset>'
        + (f'<fieldset class="chips"><legend>Effect</legend>{kinds}</fieldset>' if len(effects) > 1 else "")
        + others
        + _select("check", "Check", names)
        + _select("principal", "Who", _options(graph, Column.PRINCIPAL))
        + _select("service", "Service", _options(graph, Column.SERVICE))
    )


def _options(graph: AccessGraph, column: Column) -> list[tuple[str, str]]:
    occurrences = Counter(node.label for node in graph.nodes if node.column is column)
    options = [
        (str(number), f"{node.label} ({node.description})" if occurrences[node.label] > 1 else node.label)
        for number, node in enumerate(graph.nodes)
        if node.column is column
    ]
    return sorted(options, key=lambda option: option[1].casefold())


def _select(name: str, label: str, options: Iterable[tuple[str, str]]) -> str:
    options = list(options)
    if len(options) > _MOST_OPTIONS:
        return ""
    items = "".join(
        f'<option value="{escape(value)}">{escape(cut_in_the_middle(sanitize(words), 90))}</option>'
        for value, words in options
    )
    return f'<label class="field">{label} <select name="{name}"><option value="">all</option>{items}</select></label>'
