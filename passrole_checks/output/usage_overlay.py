"""Observed use on the access graph: the statements and links through which roles were passed.

A link is used if a pass between its nodes certainly went through one of its statements, possibly used if that is
ambiguous, and otherwise unused in the time window of the logs. Denied requests do not count as use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.cloudtrail.grant_usage import GrantMatch, GrantUsage, UsageComparison
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.patterns.glob import wildcard_match
from passrole_checks.output.access_graph import AccessGraph, GraphStatement, Node, Use
from passrole_checks.scan.scanner import LocatedGrant, ScanResult


class State(str, Enum):
    """Usage of a link or statement. The values appear in the page."""

    USED = "used"
    PERHAPS = "perhaps"
    UNUSED = "unused"


def grants_with_uses(result: ScanResult, against: UsageComparison) -> list[LocatedGrant]:
    """Return the statements of a result that grant or deny PassRole, and those known only from the usage, such as of
    AWS managed policies."""
    listed = [located for located in result.grants if located.is_about_passrole]
    keys = {_key(located) for located in listed}
    for used in (*against.used, *against.perhaps, *against.unused):
        located = LocatedGrant(
            used.grant, used.resource, used.path, tuple(used.holders), "allow", used.when, used.managed
        )
        if used.holders and _key(located) not in keys:
            keys.add(_key(located))
            listed.append(located)
    return listed


def add_uses(graph: AccessGraph, against: UsageComparison) -> tuple[AccessGraph, tuple[Edge, ...]]:
    """Return the graph with observed use, and the CloudTrail edges that the uses refer to by index."""
    by_statement = grouped((_key(used), used) for used in (*against.used, *against.perhaps, *against.unused))
    numbers: dict[int, int] = {}
    edges: list[Edge] = []
    entries = []
    for entry in graph.entries:
        uses_of_entry: dict[Use, None] = {}
        for used in by_statement.get(_key(entry.located), ()) if entry.effect == "allow" else ():
            for through in used.ways:
                uses = list(_uses(entry, graph.nodes, through))
                if uses and id(through.edge) not in numbers:
                    numbers[id(through.edge)] = len(edges)
                    edges.append(through.edge)
                uses_of_entry.update((use._replace(passed=numbers[id(through.edge)]), None) for use in uses)
        entries.append(replace(entry, uses=tuple(uses_of_entry) if entry.effect == "allow" else None))
    return replace(graph, entries=tuple(entries)), tuple(edges)


def usage_state(uses: Mapping[int, bool], edges: Sequence[Edge]) -> State:
    """Return the state of a link or statement. ``uses`` maps indices of edges to True if unambiguous."""
    answered = [surely for number, surely in uses.items() if edges[number].counts[RequestOutcome.PASSED]]
    return State.USED if any(answered) else State.PERHAPS if answered else State.UNUSED


def link_states(entry: GraphStatement, edges: Sequence[Edge]) -> list[State]:
    """Return the states of a statement's links, each once; none if it allows nothing."""
    if entry.uses is None:
        return []
    links: dict[tuple[int, int], dict[int, bool]] = {}
    for sources, targets in ((entry.principals, entry.roles), (entry.roles, entry.services)):
        links.update(((source, target), {}) for source in sources for target in targets)
    for use in entry.uses:
        passes = links[use.source, use.target]
        passes[use.passed] = passes.get(use.passed, False) or use.surely
    states = {usage_state(uses, edges) for uses in links.values()}
    return [state for state in State if state in states]


def statement_passes(entry: GraphStatement) -> dict[int, bool]:
    """Return the passes through a statement; each maps to True if it is unambiguous for any of its links."""
    passes: dict[int, bool] = {}
    for use in entry.uses or ():
        passes[use.passed] = passes.get(use.passed, False) or use.surely
    return passes


def _key(statement: LocatedGrant | GrantUsage) -> tuple[object, ...]:
    path = statement.path if isinstance(statement, GrantUsage) else statement.statement_path
    return statement.resource.address, statement.grant.at, path, statement.grant.meaning


def _uses(entry: GraphStatement, nodes: Sequence[Node], through: GrantMatch) -> Iterator[Use]:
    """Yield the links of a statement that a pass went through; none if the statement belongs to another principal."""
    if not through.holders:
        principals = dict.fromkeys(entry.principals, False)  # unknown attachment
    else:
        principals = {
            node: through.holders[name] for node in entry.principals if (name := nodes[node].full) in through.holders
        }
    roles = {node: through.roles[name] for node in entry.roles if (name := nodes[node].full) in through.roles}
    roles = roles or dict.fromkeys(entry.roles, len(entry.roles) == 1)
    services = _services(entry.services, nodes, through.edge.services)
    for role, covers in roles.items() if principals else ():
        sure = through.surely and covers
        yield from (Use(node, role, 0, sure and surely) for node, surely in principals.items())
        lets = any(principals.values())
        yield from (Use(role, node, 0, sure and lets and surely) for node, surely in services.items())


def _services(numbers: Collection[int], nodes: Sequence[Node], services: Iterable[str]) -> dict[int, bool]:
    """Return the boxes that match any of ``services``, each with True if there is only one match."""
    matches: dict[int, None] = {}
    for service in services:
        exact = [number for number in numbers if nodes[number].label == service]
        fits = exact or [number for number in numbers if wildcard_match(nodes[number].label, service)]
        matches.update(dict.fromkeys(fits or [number for number in numbers if nodes[number].open] or numbers))
    matches = matches or dict.fromkeys(numbers)
    return dict.fromkeys(matches, len(matches) == 1)
