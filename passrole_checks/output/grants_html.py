"""The grants as one self-contained HTML page: a graph, filters, and a table of all statements.

All content is in the HTML, escaped. The script only draws the graph, filters, and shows copies of existing elements;
without JavaScript the table remains. The page's Content-Security-Policy allows no requests, and no script or style but
its own. The page is ASCII, and so independent of encodings, and contains no timestamp: equal input gives an equal page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from string import Template
from typing import Any

from passrole_checks.escaping.shorten import truncate
from passrole_checks.escaping.terminal import display_path, sanitize
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.output.access_graph import AccessGraph, Column, GraphStatement, build_graph
from passrole_checks.output.counts import count_noun
from passrole_checks.output.excerpt import statement_lines
from passrole_checks.output.excluded_files import excluded_summary
from passrole_checks.output.finding_items import FindingItem, items_of, others_in_short
from passrole_checks.output.findings_text import error_summary
from passrole_checks.scan.condition_words import condition_text
from passrole_checks.scan.result import statements_by_effect
from passrole_checks.scan.scanner import LocatedGrant, ScanResult
from passrole_checks.sources.model.configuration import Suppression, Unreadable, without_faults

MOST_LINES, MOST_COLUMNS = 60, 800  # of a statement
MOST_CHARACTERS = 2_000  # of a message; names are shorter
_NAME = 300
_IN_A_CELL = 3  # names in a table cell; the statement's card lists all
_IN_A_CARD = 60

# link our own references only; URLs in scanned names stay text
_REFERENCE = re.compile(r"https://(?:pathfinding\.cloud/paths/[\w-]+|docs\.aws\.amazon\.com/[\w./-]*\w)")
_CODE = re.compile("`([^`]+)`")
_NONE = "none"


@dataclass(frozen=True, slots=True)
class PageExtras:
    """Additional content of a page. All texts are HTML, already escaped.

    Attributes:
        title: the title and heading.
        summary: content below the heading.
        notices: content before the page's own notices.
        style: additional CSS.
        filters: additional filters.
        legend: replaces the page's own legend.
        data: additional data for the script.
        of_entries: additional data for the script, one per statement.
        column: heading of an additional table column.
        cells: its cells, one per statement.
        rows: additional rows (label and value) of each statement's card.
        sections: content at the end of the page.
    """

    title: str = "PassRole access: who may pass which role to which service"
    summary: str = ""
    notices: str = ""
    style: str = ""
    filters: str = ""
    legend: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    entry_data: Sequence[Mapping[str, Any]] = ()
    column: str = ""
    cells: Sequence[str] = ()
    rows: Sequence[Sequence[tuple[str, str]]] = ()
    sections: str = ""


def grants_html(result: ScanResult, grants: Sequence[LocatedGrant]) -> str:
    """Return a whole page: ``grants`` with the findings of ``result``, unreadable files, and items not evaluated."""
    return render_page(build_graph(result, grants), result, grants, PageExtras())


def render_page(graph: AccessGraph, result: ScanResult, grants: Sequence[LocatedGrant], extras: PageExtras) -> str:
    """Return the page of a graph of ``grants`` with the findings of ``result``."""
    style, script = read_asset("page.css") + extras.style, read_asset("page.js")
    page = Template(read_asset("page.html")).substitute(
        title=extras.title,
        extra_summary=extras.summary,
        legend=extras.legend or read_asset("legend.html"),
        column=f'<th scope="col">{extras.column}</th>' if extras.column else "",
        sections=extras.sections,
        policy=f"default-src 'none'; style-src '{content_hash(style)}'; script-src '{content_hash(script)}'; "
        "base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        summary=_summary(result, grants, len(graph.entries)),
        notices=extras.notices + _notices(result),
        filters=_filters(graph, extras.filters) if graph.entries else "",
        empty="" if graph.entries else _empty(result),
        rows="\n".join(_row(number, entry, graph, extras) for number, entry in enumerate(graph.entries)),
        others="".join(_finding(finding, placed=True) for finding in graph.others),
        hide_table="" if graph.entries else " hidden",
        hide_others="" if graph.others else " hidden",
        data=_data(graph, extras),
    )
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def read_asset(name: str) -> str:
    """Return the content of a file in ``page/``."""
    return resources.files("passrole_checks.output").joinpath("page").joinpath(name).read_text(encoding="ascii")


def content_hash(text: str) -> str:
    """Return the hash of an inline style or script for a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("ascii")).digest()).decode("ascii")


def escape_text(text: str, most: int = _NAME) -> str:
    """Escape untrusted text for the page: sanitize, truncate and escape HTML."""
    text = sanitize(text)
    return escape(text if len(text) <= most else f"{text[: most - 1]}… ({len(text):,} characters)")


def _data(graph: AccessGraph, extras: PageExtras) -> str:
    """Return the data for the script as JSON that cannot end its script element."""
    document = {
        "nodes": [
            {
                "c": node.column.value,
                "l": _plain(node.label),
                "n": _plain(node.note),
                "t": _plain(node.full or node.label),
                "g": _plain(node.group),
                "o": int(node.open),
            }
            for node in graph.nodes
        ],
        "entries": [
            {
                "p": entry.principals,
                "r": entry.roles,
                "s": entry.services,
                "v": _severity(entry),
                "e": entry.effect,
                "k": sorted({finding.check_id for finding in entry.findings if not finding.suppressed}),
                **(extras.entry_data[number] if extras.entry_data else {}),
            }
            for number, entry in enumerate(graph.entries)
        ],
        **extras.data,
    }
    text = json.dumps(document, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _plain(text: str) -> str:
    return truncate(sanitize(text), _NAME)


def _severity(entry: GraphStatement) -> str:
    return entry.severity.value if entry.severity is not None else _NONE


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
            f"{_badge(severity.value, f'{severities[severity]} {severity.value}')}"
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
    return '<span class="dot"> &middot; </span>'.join(f"<span>{part}</span>" for part in parts)


def _empty(result: ScanResult) -> str:
    if result.unreadable:
        return f'<p class="empty">{escape_text(error_summary(result.unreadable, result.files))}.</p>'
    if not result.files:
        return '<p class="empty">No Terraform, plan, CloudFormation or SAM files found.</p>'
    return f'<p class="empty">No PassRole grants in {count_noun(len(result.files), "file")}.</p>'


def _notices(result: ScanResult) -> str:
    return (
        _notice("Internal errors", result.faults, "bad", opened=True)
        + _notice("Could not be read", without_faults(result.unreadable), "bad", opened=True)
        + _notice("Not evaluated", result.not_evaluated, "")
        + _suppressions(result.unused_suppressions)
    )


def _notice(words: str, entries: Sequence[Unreadable], style: str, *, opened: bool = False) -> str:
    if not entries:
        return ""
    items = "".join(
        f"<li><code>{_location(entry.file, entry.line)}</code> {escape_text(entry.reason, MOST_CHARACTERS)}</li>"
        for entry in entries
    )
    return (
        f'<details class="notice {style}"{" open" if opened else ""}>'
        f"<summary>{words} ({len(entries):,})</summary><ul>{items}</ul></details>\n"
    )


def _suppressions(unused: Sequence[Suppression]) -> str:
    reason = "suppresses no finding"
    entries = [
        Unreadable(suppression.at.file, f"{suppression.written or suppression.check_id} {reason}", suppression.at.line)
        for suppression in unused
    ]
    return _notice("Unused suppressions", entries, "")


def _location(file: str, line: int | None) -> str:
    return escape_text(display_path(file)) + (f":{line}" if line else "")


def chip(name: str, value: str, words: str, count: int, style: str = "", *, ticked: bool = True) -> str:
    """Return a checkbox that the script filters by, with the number of matching statements."""
    return (
        f'<label class="chip{style and f" {style}"}"><input type="checkbox" name="{name}" value="{value}"'
        f"{' checked' if ticked else ''}>{words} <span>{count}</span></label>"
    )


def _filters(graph: AccessGraph, others: str) -> str:
    severities = Counter(_severity(entry) for entry in graph.entries)
    boxes = "".join(
        chip("severity", value, _badge(value, "no finding" if value == _NONE else value), severities[value], value)
        for value in (*(severity.value for severity in reversed(Severity)), _NONE)
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
    names = [(check, f"{check[-3:]} {name}") for check, name in sorted(checks.items())]
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
        (str(number), f"{node.label} ({node.note})" if occurrences[node.label] > 1 and node.note else node.label)
        for number, node in enumerate(graph.nodes)
        if node.column is column
    ]
    return sorted(options, key=lambda option: option[1].casefold())


def _select(name: str, label: str, options: Iterable[tuple[str, str]]) -> str:
    items = "".join(f'<option value="{escape(value)}">{escape_text(words, 90)}</option>' for value, words in options)
    return f'<label class="field">{label} <select name="{name}"><option value="">all</option>{items}</select></label>'


def _badge(severity: str, words: str) -> str:
    return f'<span class="badge {severity}">{words}</span>'


def _row(number: int, entry: GraphStatement, graph: AccessGraph, extras: PageExtras) -> str:
    grant, severity = entry.located.grant, _severity(entry)
    findings = sorted(
        (finding for finding in entry.findings if not finding.suppressed), key=lambda node: -node.severity.rank
    )
    checks = ", ".join(dict.fromkeys(f"{finding.check_id[-3:]} {finding.name}" for finding in findings))
    effect = {"allow": "", "deny": '<span class="tag">Deny</span> ', "none": '<span class="tag">no effect</span> '}
    cells = [
        _badge(severity, "no finding" if severity == _NONE else severity)
        + f'<span class="detail">{escape_text(checks)}</span>',
        effect[entry.effect] + _names([graph.nodes[node].label for node in entry.principals]),
        _names([graph.nodes[node].label for node in entry.roles]),
        _names([graph.nodes[node].label for node in entry.services]),
        f"<code>{_location(grant.at.file, grant.at.line)}</code>",
    ]
    heads = ["Severity", "Who", "May pass", "To", "Where"]
    if extras.column:
        heads.insert(-1, extras.column)
        cells.insert(-1, extras.cells[number])
    card = _card(entry, findings, extras.rows[number] if extras.rows else ())
    columns = "".join(f'<td data-head="{head}">{cell}</td>' for head, cell in zip(heads, cells, strict=True))
    return (
        f'<tbody id="g{number + 1}" class="{severity}"><tr>{columns}</tr><tr class="more"><td colspan="{len(heads)}">'
        f"<details><summary>Statement{_finding_count_suffix(len(findings))}</summary>"
        f'<article class="card">{card}</article></details></td></tr></tbody>'
    )


def _finding_count_suffix(number: int) -> str:
    return f" and {count_noun(number, 'finding')}" if number else ""


def _names(names: Sequence[str]) -> str:
    listed = "".join(f"<code>{escape_text(name, 120)}</code> " for name in names[:_IN_A_CELL])
    return listed + (f"and {len(names) - _IN_A_CELL} more" if len(names) > _IN_A_CELL else "")


def _card(entry: GraphStatement, findings: Sequence[Finding], more: Sequence[tuple[str, str]]) -> str:
    located = entry.located
    grant, resource = located.grant, located.resource
    last = f"&ndash;{grant.at.end_line}" if grant.at.end_line > grant.at.line else ""
    head = f'<p class="place"><code>{_location(grant.at.file, grant.at.line)}{last}</code></p>'
    head += f'<p class="resource"><code>{escape_text(resource.address)}</code>'
    head += f" {escape_text(resource.construct)}" if resource.construct else ""
    head += f' <span class="sid">Sid {escape_text(grant.sid)}</span>' if grant.sid else ""
    rows = [
        ("Effect", f"{escape(grant.effect)} <code>{escape_text(grant.granted_by)}</code>{_effect_note(entry)}"),
        ("Who", _name_list(located.principals) or "not attached"),
        ("All roles except" if grant.complement else "Roles", _name_list([str(role.pattern) for role in grant.roles])),
        ("Services", _services(located)),
        ("Condition", _name_list(grant.other_conditions)),
        ("When", escape_text(condition_text(located.when))),
        ("Policy", f"<code>{escape_text(located.managed)}</code> (AWS managed)" if located.managed else ""),
        *more,
    ]
    listed = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in rows if value)
    code = "\n".join(escape(line) for line in statement_lines(grant.at, grant, MOST_LINES, MOST_COLUMNS))
    suppressed = [finding for finding in entry.findings if finding.suppressed]
    return f'{head}</p><dl>{listed}</dl><pre tabindex="0" aria-label="Statement">{code}</pre>' + "".join(
        (*map(_item, items_of(findings)), *map(_finding, suppressed))
    )


def _effect_note(entry: GraphStatement) -> str:
    if entry.located.grant.denied:
        return " (denied by a Deny statement or a permissions boundary)"
    return " (no effect on PassRole)" if entry.effect == "none" else ""


def _name_list(names: Sequence[str]) -> str:
    listed = "".join(f"<code>{escape_text(name)}</code> " for name in names[:_IN_A_CARD])
    return listed + (f"and {len(names) - _IN_A_CARD} more" if len(names) > _IN_A_CARD else "")


_CONSTRAINTS = {
    Constraint.ABSENT: "any service (missing iam:PassedToService condition)",
    Constraint.INEFFECTIVE: "any service (the condition does not restrict the service)",
    Constraint.NEVER: "none (the condition never matches)",
    Constraint.EXACT_IF_PRESENT: "and requests without the key",
    Constraint.UNRESOLVED: "unresolved",
    Constraint.PATTERN: "pattern",
}


def _services(located: LocatedGrant) -> str:
    grant = located.grant
    words = _CONSTRAINTS.get(grant.services.constraint, "")
    if grant.open_to_other_services:
        words = "any service except these"
    return _name_list(grant.services.values) + (f'<span class="quiet">{words}</span>' if words else "")


def _item(item: FindingItem) -> str:
    """Return the primary finding of a group in full, and the others in one line each."""
    others = "".join(f"<li>{escape(label)}: {_prose(words)}</li>" for label, words in others_in_short(item))
    return _finding(item.primary, others=f"<ul>{others}</ul>" if others else "")


def _finding(finding: Finding, *, placed: bool = False, others: str = "") -> str:
    sure = "" if finding.confidence is Confidence.HIGH else f" ({finding.confidence.value} confidence)"
    where = f"<p><code>{_location(finding.at.file, finding.at.line)}</code></p>" if placed else ""
    suppressed, style = "", finding.severity.value
    if finding.suppressed is not None:
        reason = finding.suppressed.reason.strip()
        suppressed = f'<p class="quiet">Suppressed{": " + escape_text(reason, MOST_CHARACTERS) if reason else ""}</p>'
        style = _NONE
    return (
        f'<section class="finding {style}"><h4>{_badge(style, finding.severity.value)} '
        f"{escape(finding.check_id)} {escape(finding.name)}{sure}</h4>{where}{suppressed}"
        f"<p>{_prose(finding.message)}</p><p><b>Instead:</b> {_prose(finding.remediation)}</p>{others}</section>"
    )


def _prose(words: str) -> str:
    text = _CODE.sub(r"<code>\1</code>", escape_text(" ".join(words.split()), MOST_CHARACTERS))
    return _REFERENCE.sub(lambda match: f'<a href="{match[0]}" rel="noopener noreferrer">{match[0]}</a>', text)
