"""The table and the list of the worst principals in the page of grants, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from passrole_checks.escaping.terminal import path_in
from passrole_checks.output.access_graph import AccessGraph, GraphStatement, Node, WorstPrincipal, rank
from passrole_checks.output.counts import count_noun
from passrole_checks.output.outcomes import RatedEscalation, check_names, outcome_details, outcome_label
from passrole_checks.output.page_heading import PageHeading
from passrole_checks.output.page_texts import (
    NO_FINDING,
    SharedTexts,
    badge,
    escape_name,
    escape_text,
    finding_texts,
    statement_text,
)

_IN_A_CELL = 3  # names in a table cell; the others are folded
_MOST_IN_A_CELL = 60
_MOST_WORST = 8  # principals in the list; the others are folded
_MOST_FOLDED = 200


def row_order(graph: AccessGraph) -> list[int]:
    """Return the indices of the statements, worst first: by severity, escalation, effect and place."""

    def order(number: int) -> tuple[object, ...]:
        entry = graph.entries[number]
        worst = max((rated.rank for rated in entry.escalations.values()), default=(0, 0, False, False))
        return -rank(entry.severity), [-part for part in worst], entry.effect != "allow", number

    return sorted(range(len(graph.entries)), key=order)


class Rows:
    """Makes the rows of the table, and collects the texts that they share."""

    def __init__(self, graph: AccessGraph, heading: PageHeading, more: Sequence[Sequence[tuple[str, str]]]) -> None:
        self.graph = graph
        self.heading = heading
        self.more = more
        self.findings, self.statements = SharedTexts("f"), SharedTexts("s")
        self.texts_of = [self._texts(number) for number in range(len(graph.entries))]

    def _texts(self, number: int) -> tuple[list[int], int]:
        entry = self.graph.entries[number]
        findings = [self.findings.number(text) for text in finding_texts(entry.findings)]
        return findings, self.statements.number(statement_text(entry, self.more[number] if self.more else ()))

    def row(self, number: int, extra: Sequence[str]) -> str:
        """Return the row of a statement on one line; ``extra``: a further cell."""
        entry, nodes = self.graph.entries[number], self.graph.nodes
        effect = {"allow": "", "deny": '<span class="tag">Deny</span> ', "none": '<span class="tag">no effect</span> '}
        cells = [
            self._verdict(number, entry),
            effect[entry.effect] + _names([_principal(nodes[one]) for one in entry.principals]),
            _names([f"<code>{escape_name(nodes[one].label)}</code>" for one in entry.roles]),
            _names([f"<code>{escape_name(nodes[one].label)}</code>" for one in entry.services]),
            _names(list(dict.fromkeys(outcome(rated) for rated in entry.escalations.values()))),
            *extra,
            self._place(number, entry),
        ]
        return f'<tr id="g{number + 1}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'

    def _verdict(self, number: int, entry: GraphStatement) -> str:
        severity = severity_word(entry)
        texts, checks = self.texts_of[number][0], check_names(entry.findings)
        words = badge(severity, "no finding" if severity == NO_FINDING else severity)
        if not texts:
            return words
        names = ", ".join(escape(name) for name in checks) or "suppressed"
        others = "".join(f' <a href="#f{text}">+{more}</a>' for more, text in enumerate(texts[1:], 1))
        return f'{words}<span class="detail"><a href="#f{texts[0]}">{names}</a>{others}</span>'

    def _place(self, number: int, entry: GraphStatement) -> str:
        grant, resource = entry.located.grant, entry.located.resource
        place = escape_name(path_in(grant.at.file, self.graph.folder), 300) + f":{grant.at.line}"
        url = self.heading.link(grant.at.file, grant.at.line, grant.at.end_line)
        if url:
            place = f'<a href="{escape(url)}" rel="noopener noreferrer">{place}</a>'
        construct = f" {escape_text(resource.construct)}" if resource.construct else ""
        sid = f' <span class="sid">Sid {escape_text(grant.sid)}</span>' if grant.sid else ""
        about = f'<span class="detail">{escape_name(resource.address, 300)}{construct}{sid}</span>'
        return f'<code>{place}</code>{about}<a class="more" href="#s{self.texts_of[number][1]}">Statement</a>'


def severity_word(entry: GraphStatement) -> str:
    """Return the highest severity of a statement, or the word for none."""
    return entry.severity.value if entry.severity is not None else NO_FINDING


def _principal(node: Node) -> str:
    beside = f'<span class="detail">{escape_name(node.note)}</span>' if node.note else ""
    return f"<code>{escape_name(node.label)}</code>{beside}"


def _names(names: Sequence[str]) -> str:
    """Return the content of a cell: the first names, and the others folded."""
    shown, folded = names[:_IN_A_CELL], names[_IN_A_CELL:_MOST_IN_A_CELL]
    listed = "".join(f"<div>{name}</div>" for name in shown) if len(shown) > 1 else "".join(shown)
    if not folded:
        return listed
    others = "".join(f"<div>{name}</div>" for name in folded)
    left = len(names) - _MOST_IN_A_CELL
    others += f"<div>and {left} more</div>" if left > 0 else ""
    return f"{listed}<details><summary>and {len(names) - _IN_A_CELL} more</summary>{others}</details>"


def outcome(rated: RatedEscalation) -> str:
    """Return what a principal can do then, and how, as HTML."""
    escalation = rated.escalation
    details = escape_text(outcome_details(escalation))
    return f'{escape_name(outcome_label(escalation))}<span class="detail">{details}</span>'


def worst_list(graph: AccessGraph) -> str:
    """Return the section about the principals that can become administrators; "" if the graph allows nothing."""
    allowing = [entry for entry in graph.entries if entry.effect == "allow"]
    allowed = {number for entry in allowing for number in entry.principals}
    if not allowed:
        return ""
    worst = graph.worst_principals
    head = '<section class="worst" aria-labelledby="worst"><h2 id="worst">Who can become administrator'
    if not worst:
        anybody = {
            number
            for entry in allowing
            for number in entry.principals
            if any(graph.nodes[role].open for role in entry.roles)
        }
        words = f"; {count_noun(len(anybody), 'principal')} can pass any role" if anybody else ""
        words = f"This code has no known path from passing a role to that{words}."
        return f'{head}</h2><p class="quiet">{words}</p></section>'
    count = f"{len(worst):,} of {count_noun(len(allowed), 'principal')}"
    items = [_worst(principal, graph) for principal in worst[:_MOST_FOLDED]]
    folded = "".join(items[_MOST_WORST:])
    left = len(worst) - _MOST_WORST
    more = f"<details><summary>{left:,} more</summary><ol>{folded}</ol>" if left > 0 else ""
    if more:
        hidden = len(worst) - _MOST_FOLDED
        more += f"<p>and {hidden:,} more in the table below</p></details>" if hidden > 0 else "</details>"
    return f'{head} <span class="quiet">{count}</span></h2><ol>{"".join(items[:_MOST_WORST])}</ol>{more}</section>'


def _worst(worst: WorstPrincipal, graph: AccessGraph) -> str:
    node, severity = graph.nodes[worst.principal], worst.rated.severity.value
    beside = escape_name(", ".join(filter(None, (node.note, node.place))))
    return (
        f'<li>{badge(severity, severity)} <a href="#g{worst.statement + 1}" data-node="{worst.principal}">'
        f'{escape_name(node.label)}</a> <span class="beside">{beside}</span> '
        f'<span class="then">can {outcome(worst.rated)}</span></li>'
    )
