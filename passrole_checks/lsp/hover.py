"""The inventory of one statement as Markdown, for a hover: who may pass which roles to which services."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from passrole_checks.escaping.markup import code, prose
from passrole_checks.lsp.diagnostics import page_of
from passrole_checks.output.access_graph import AccessGraph, GraphStatement, build_graph
from passrole_checks.output.finding_items import in_short, items_of, label_of
from passrole_checks.scan.condition_words import condition_text
from passrole_checks.scan.result import LocatedGrant, ScanResult

_MOST_NAMES = 10
_EFFECTS = {
    "allow": "may pass",
    "deny": "must not pass",
    "none": "may not pass (the statement has no effect, or another one denies it)",
}


def statement_markdown(result: ScanResult, grants: Sequence[LocatedGrant]) -> str:
    """Return what the variants of one statement let principals pass, and its findings."""
    places = {located.grant.at for located in grants}
    own = tuple(finding for finding in result.findings if finding.at in places)
    graph = build_graph(replace(result, findings=own), grants)
    wanted = set(map(id, grants))
    entries = [entry for entry in graph.entries if id(entry.located) in wanted]
    lines = [_statement(entry, graph) for entry in entries]
    findings = dict.fromkeys(
        finding.fingerprint for entry in entries for finding in entry.findings if finding.suppressed is None
    )
    for item in items_of(finding for finding in result.findings if finding.fingerprint in findings):
        one = item.primary
        lines.append(f"- [{one.check_id}]({page_of(one.check_id)}) {prose(label_of(one).partition(' ')[2])}: "
                     f"{prose(in_short(one, with_principals=True))}")  # fmt: skip
    return "\n".join(lines)


def _statement(entry: GraphStatement, graph: AccessGraph) -> str:
    nodes = graph.nodes
    who = _names(nodes[number].full or nodes[number].label for number in entry.principals)
    roles = _names(nodes[number].full or nodes[number].label for number in entry.roles)
    services = _names(nodes[number].label for number in entry.services)
    when = condition_text(entry.located.when)
    words = f"{who or 'any principal with this policy'} **{_EFFECTS[entry.effect]}** {roles} **to** {services}"
    return words + (f", when {code(when)}" if when else "") + "\n"


def _names(names: Iterable[str]) -> str:
    every = list(dict.fromkeys(names))
    more = f" and {len(every) - _MOST_NAMES} more" if len(every) > _MOST_NAMES else ""
    return ", ".join(map(code, every[:_MOST_NAMES])) + more
