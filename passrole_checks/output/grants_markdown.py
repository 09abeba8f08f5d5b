"""The grants as GitHub Markdown: a Mermaid flowchart, a table, and the findings by severity.

All scanned text is escaped by :mod:`~passrole_checks.escaping.markup`, so that it can neither become markup nor mention
anybody. Mermaid: https://mermaid.js.org/syntax/flowchart.html; GitHub Flavored Markdown:
https://github.github.com/gfm/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from passrole_checks.escaping.markup import code_in_table, label
from passrole_checks.escaping.terminal import display_path
from passrole_checks.findings import Severity
from passrole_checks.output.access_graph import AccessGraph, Column, GraphStatement, Link, build_graph
from passrole_checks.output.counts import count_noun, excluded_summary
from passrole_checks.output.finding_items import items_of
from passrole_checks.output.findings_text import error_summary
from passrole_checks.output.markdown_items import MOST_ROWS, emphasize, finding_item, note_section
from passrole_checks.scan.condition_words import condition_text
from passrole_checks.scan.result import statements_by_effect
from passrole_checks.scan.scanner import LocatedGrant, ScanResult
from passrole_checks.sources.model.configuration import without_faults

MOST_EDGES = 60  # in a readable diagram
_IN_A_CELL = 3

_STYLES = (
    "classDef high fill:#fce8ea,stroke:#bb1f33,stroke-width:3px,color:#1c2330",
    "classDef medium fill:#fbeeda,stroke:#96560a,stroke-width:2px,color:#1c2330",
    "classDef low fill:#e4eff9,stroke:#1f62a0,color:#1c2330",
    "classDef info fill:#eeeaf8,stroke:#5f4b9b,color:#1c2330",
    "classDef none fill:#eef1f5,stroke:#7d899b,color:#1c2330",
)
_COLORS = {"high": "#bb1f33", "medium": "#96560a", "low": "#1f62a0", "info": "#5f4b9b"}
_ARROWS = {"high": "==>", "medium": "-->", "low": "-->", "info": "-.->", "none": "-->"}
_BOXES = {Column.PRINCIPAL: ('(["', '"])'), Column.ROLE: ('["', '"]'), Column.SERVICE: ('{{"', '"}}')}


def grants_markdown(result: ScanResult, grants: Sequence[LocatedGrant]) -> str:
    """Return a Markdown page: ``grants`` with the findings of ``result``, unreadable files, and items not evaluated."""
    graph = build_graph(result, grants)
    return "\n".join(_lines(result, grants, graph)) + "\n"


def _lines(result: ScanResult, grants: Sequence[LocatedGrant], graph: AccessGraph) -> Iterator[str]:
    excluded = f"; {excluded_summary(result.excluded)}" if result.excluded else ""
    yield from ("## PassRole access", "", f"{_counts(result, grants, len(graph.entries))}{excluded}.")
    yield from note_section("Internal errors", result.faults)
    yield from note_section("Could not be read", without_faults(result.unreadable))
    if graph.links:
        yield ""
        yield from diagram(graph)
    if graph.entries:
        yield from ("", "### Statements", "")
        yield from _table(graph)
    findings = [finding for finding in result.findings if not finding.suppressed]
    items = items_of(findings)
    for severity in reversed(Severity):
        matching = [item for item in items if item.primary.severity is severity]
        if matching:
            count = sum(1 + len(item.others) for item in matching)
            yield from ("", f"### {severity.value.capitalize()}: {count_noun(count, 'finding')}", "")
            yield from map(finding_item, matching[:MOST_ROWS])
        if len(matching) > MOST_ROWS:
            yield f"- and {len(matching) - MOST_ROWS} more"
    yield from note_section("Not evaluated", result.not_evaluated)


def _counts(result: ScanResult, grants: Sequence[LocatedGrant], entries: int) -> str:
    effects = statements_by_effect(grants)
    findings = [finding for finding in result.findings if not finding.suppressed]
    files = count_noun(len(result.files), "file")
    error = error_summary(result.unreadable, result.files, anything=bool(grants or findings))
    if error and not grants and not findings:
        return error
    if not result.files:
        return "No Terraform, plan, CloudFormation, SAM or account files found"
    if not grants and not findings:
        return f"No PassRole grants in {files}"
    words = f"{error}; " if error else ""
    words += f"{count_noun(effects['allow'], 'PassRole grant')}"
    words += f", {count_noun(effects['deny'], 'Deny statement')}" if effects["deny"] else ""
    words += f" in {files}; "
    if entries > len(grants):  # of AWS managed policies, and of policies that a plan leaves unchanged
        words += f"{count_noun(entries - len(grants), 'other statement')} with findings; "
    severities = Counter(finding.severity for finding in findings)
    counts = [f"{severities[severity]} {severity.value}" for severity in reversed(Severity) if severities[severity]]
    words += f"{count_noun(len(findings), 'finding')}: {', '.join(counts)}" if findings else "no findings"
    suppressed = len(result.findings) - len(findings)
    return words + (f"; {suppressed} suppressed" if suppressed else "")


def diagram(graph: AccessGraph, arrow: Callable[[Link], str] | None = None) -> Iterator[str]:
    """Yield a flowchart of at most :data:`MOST_EDGES` arrows, and a note on what it omits.

    ``arrow``: returns the Mermaid arrow of a link; by default, arrows show severity.
    """
    drawn, note = graph, ""
    if len(graph.links) > MOST_EDGES:
        drawn = graph.grouped()
        note = f"Too many links to draw ({len(graph.links)}): principals and roles are grouped by folder."
    links = drawn.links[:MOST_EDGES]
    left_out = drawn.links[MOST_EDGES:]
    if left_out:
        worst = left_out[0].severity
        note += f" Shows the {len(links)} most severe of {len(drawn.links)} arrows; "
        note += f"highest severity of the others: {worst.value}." if worst else "the others have no findings."
    yield from ("```mermaid", "flowchart LR")
    used = sorted({number for link in links for number in (link.source, link.target)})
    severity = {}  # links are sorted, most severe first
    for number in used:
        node = drawn.nodes[number]
        before, after = _BOXES[node.column]
        severity[number] = next(_severity_name(link) for link in drawn.links if number in (link.source, link.target))
        second_line = f"<br/>{label(node.description)}" if node.description else ""
        yield f"  n{number}{before}{label(node.label)}{second_line}{after}:::{severity[number]}"
    for link in links:
        yield f"  n{link.source} {_ARROWS[_severity_name(link)] if arrow is None else arrow(link)} n{link.target}"
    for word, color in _COLORS.items() if arrow is None else ():
        numbers = ",".join(str(number) for number, link in enumerate(links) if _severity_name(link) == word)
        if numbers:
            yield f"  linkStyle {numbers} stroke:{color}"
    yield from (f"  {style}" for style in _STYLES if style.split()[1] in severity.values())
    yield "```"
    if note:
        yield from ("", note.strip())


def _severity_name(link: Link) -> str:
    return link.severity.value if link.severity is not None else "none"


def _table(graph: AccessGraph) -> Iterator[str]:
    yield "| severity | who | may pass | to | statement |"
    yield "|---|---|---|---|---|"
    entries = sorted(graph.entries, key=lambda entry: -(entry.severity.rank if entry.severity else -1))
    for entry in entries[:MOST_ROWS]:
        yield "| " + " | ".join(_cells(entry, graph)) + " |"
    if len(entries) > MOST_ROWS:
        yield from ("", f"{count_noun(len(entries) - MOST_ROWS, 'more statement')} not listed.")


def _cells(entry: GraphStatement, graph: AccessGraph) -> Iterator[str]:
    grant = entry.located.grant
    yield emphasize(entry.severity)
    effect = {"allow": "", "deny": "Deny: ", "none": "no effect: "}[entry.effect]
    yield effect + _names(graph.nodes[number].full for number in entry.principals)
    yield _names(graph.nodes[number].full or graph.nodes[number].label for number in entry.roles)
    yield _names(graph.nodes[number].label for number in entry.services)
    when = condition_text(entry.located.when)
    yield " ".join((
        code_in_table(f"{display_path(grant.at.file)}:{grant.at.line}"),
        *([code_in_table(grant.sid)] if grant.sid else ()),
        *([f"when {code_in_table(when)}"] if when else ()),
    ))  # fmt: skip


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _IN_A_CELL} more" if len(listed) > _IN_A_CELL else ""
    return ", ".join(map(code_in_table, listed[:_IN_A_CELL])) + more
