"""The grants as a tree for terminals: principals, the roles that each may pass, and the services below; worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from passrole_checks.escaping.shorten import cut_in_the_middle
from passrole_checks.escaping.terminal import sanitize, typed_path
from passrole_checks.findings import Severity
from passrole_checks.iam.grouped import grouped
from passrole_checks.output.access_graph import AccessGraph, GraphStatement, build_graph, rank, worst
from passrole_checks.output.findings_text import Line, StyledText, grants_summary
from passrole_checks.output.outcomes import RatedEscalation, check_names, outcome_details, outcome_label
from passrole_checks.scan.result import LocatedGrant, ScanResult

_EFFECTS = {"allow": "", "deny": "deny: ", "none": "denied: "}
_MOST_PLACES = 3  # of the statements of one role
_MOST_BRANCHES = 50  # roles of one principal, and services of one role
_LONGEST_NAME = 200


def tree_lines(
    result: ScanResult, grants: Sequence[LocatedGrant], *, quiet: bool = False, verbose: bool = False
) -> Iterator[Line]:
    """Return the inventory as a tree; unless ``quiet``, then notes and a summary. ``verbose``: name each item that was
    not evaluated."""
    graph = build_graph(result, grants)
    by_principal = grouped((principal, entry) for entry in graph.entries for principal in entry.principals)
    for principal in sorted(by_principal, key=lambda number: _badness(number, by_principal[number], graph)):
        yield from _principal(principal, by_principal[principal], graph)
        yield ()
    if not quiet:
        yield from grants_summary(result, grants, verbose=verbose)


def _badness(principal: int, entries: Sequence[GraphStatement], graph: AccessGraph) -> tuple[object, ...]:
    """Return a key that is least for the worst principals."""
    escalation = _worst_escalation(principal, entries)
    ranks = [-part for part in escalation.rank] if escalation is not None else [0]
    return -rank(_severity(entries)), ranks, graph.nodes[principal].label.casefold(), principal


def _worst_escalation(principal: int, entries: Iterable[GraphStatement]) -> RatedEscalation | None:
    found = [entry.escalations[principal] for entry in entries if principal in entry.escalations]
    return max(found, key=lambda rated: rated.rank, default=None)


def _severity(entries: Iterable[GraphStatement]) -> Severity | None:
    return worst(entry.severity for entry in entries)


def _principal(number: int, entries: Sequence[GraphStatement], graph: AccessGraph) -> Iterator[Line]:
    node = graph.nodes[number]
    yield (
        StyledText(_name(node.label), "place"),
        *_quiet(", ".join(filter(None, (node.note, node.place and typed_path(f"{graph.folder}{node.place}"))))),
        *_severity_words(_severity(entries)),
    )
    escalation = _worst_escalation(number, entries)
    if escalation is not None:
        words = f"can {_name(outcome_label(escalation.escalation))}"
        yield (StyledText(words, escalation.severity.value), *_quiet(outcome_details(escalation.escalation)))
    branches = grouped(((role, entry.effect), entry) for entry in entries for role in entry.roles)
    ranked = sorted(
        branches.items(),
        key=lambda branch: (branch[0][1] != "allow", -rank(_severity(branch[1])), not graph.nodes[branch[0][0]].open),
    )
    shown = ranked[:_MOST_BRANCHES]
    left = len(ranked) - len(shown)
    for position, ((role, effect), of_role) in enumerate(shown):
        last = position == len(shown) - 1 and not left
        yield from _role(role, effect, of_role, graph, last=last)
    if left:
        yield (StyledText("└─ ", "quiet"), StyledText(f"and {left} more (--format json lists them all)", "quiet"))


def _role(
    number: int, effect: str, entries: Sequence[GraphStatement], graph: AccessGraph, *, last: bool
) -> Iterator[Line]:
    node, severity = graph.nodes[number], _severity(entries)
    positions = [entry.located.grant.at for entry in entries]
    places = list(dict.fromkeys(f"{typed_path(at.file)}:{at.line}" for at in positions))
    more = f" and {len(places) - _MOST_PLACES} more" if len(places) > _MOST_PLACES else ""
    checks = dict.fromkeys(name for entry in entries for name in check_names(entry.findings))
    yield (
        StyledText("└─ " if last else "├─ ", "quiet"),
        StyledText(f"{_EFFECTS[effect]}{_name(node.label)}", severity.value if severity and node.open else ""),
        *_quiet(f"{node.note}, {node.place}" if node.place.isdigit() else node.note),
        *_severity_words(severity, ", ".join(checks)),
        StyledText(f"  {sanitize(', '.join(places[:_MOST_PLACES]))}{more}", "quiet"),
    )
    services = list(dict.fromkeys(service for entry in entries for service in entry.services))
    ranked = sorted(services, key=lambda service: -rank(_severity(one for one in entries if service in one.services)))
    for position, service in enumerate(ranked[:_MOST_BRANCHES]):
        is_last = position == len(ranked) - 1
        label = graph.nodes[service]
        yield (
            StyledText(f"{'   ' if last else '│  '}{'└─ ' if is_last else '├─ '}", "quiet"),
            StyledText(_name(label.label)),
            *_quiet(label.note),
        )
    if len(ranked) > _MOST_BRANCHES:
        words = f"and {len(ranked) - _MOST_BRANCHES} more (--format json lists them all)"
        yield (StyledText(f"{'   ' if last else '│  '}└─ {words}", "quiet"),)


def _name(name: str) -> str:
    return cut_in_the_middle(sanitize(name), _LONGEST_NAME)


def _quiet(words: str) -> Iterator[StyledText]:
    if words:
        yield StyledText(f"  {sanitize(words)}", "quiet")


def _severity_words(severity: Severity | None, checks: str = "") -> Iterator[StyledText]:
    if severity is not None:
        yield StyledText("  ")
        yield StyledText(severity.value, severity.value)
        yield StyledText(f" {checks}" if checks else "")
