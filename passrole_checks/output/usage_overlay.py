"""The evidence on the graph: by which statements and between which of their nodes roles were passed.

A link is used where something surely went between its nodes by one of its statements, perhaps used where that cannot be
told, and else unused: nothing did in the window of the logs. Requests that were denied are no use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.cloudtrail.grant_usage import Against, Through, Used
from passrole_checks.iam.patterns.glob import wildcard_match
from passrole_checks.output.access_graph import AccessGraph, GraphStatement, Node, Use
from passrole_checks.scan.scanner import LocatedGrant, ScanResult


class State(str, Enum):
    """Whether anything was passed. The values stand in the page."""

    USED = "used"
    PERHAPS = "perhaps"
    UNUSED = "unused"


def grants_with_uses(result: ScanResult, against: Against) -> list[LocatedGrant]:
    """The statements of a result that grant or deny PassRole, with those that only the evidence is held against, as of
    AWS managed policies."""
    listed = [one for one in result.grants if one.grant.denied or one.effect_on_passrole != "none"]
    known = {_key(one) for one in listed}
    for used in (*against.used, *against.perhaps, *against.unused):
        located = LocatedGrant(used.grant, used.resource, used.path, tuple(used.holders), "allow")
        if used.holders and _key(located) not in known:
            known.add(_key(located))
            listed.append(located)
    return listed


def with_uses(graph: AccessGraph, against: Against) -> tuple[AccessGraph, tuple[Edge, ...]]:
    """A graph with what was used of it, and the edges that its uses name by their numbers."""
    by_statement: dict[tuple[object, ...], list[Used]] = {}
    for used in (*against.used, *against.perhaps, *against.unused):
        by_statement.setdefault(_key(used), []).append(used)
    numbers: dict[int, int] = {}
    edges: list[Edge] = []
    entries = []
    for entry in graph.entries:
        known: dict[Use, None] = {}
        for used in by_statement.get(_key(entry.located), ()) if entry.effect == "allow" else ():
            for way in used.ways:
                uses = list(_uses(entry, graph.nodes, way))
                if uses and id(way.edge) not in numbers:
                    numbers[id(way.edge)] = len(edges)
                    edges.append(way.edge)
                known.update((one._replace(passed=numbers[id(way.edge)]), None) for one in uses)
        entries.append(replace(entry, uses=tuple(known) if entry.effect == "allow" else None))
    return replace(graph, entries=tuple(entries)), tuple(edges)


def state_of(uses: Mapping[int, bool], edges: Sequence[Edge]) -> State:
    """What the passes between two nodes, each with whether that is sure, make of their link."""
    answered = [surely for number, surely in uses.items() if edges[number].counts[RequestOutcome.PASSED]]
    return State.USED if any(answered) else State.PERHAPS if answered else State.UNUSED


def states_of(entry: GraphStatement, edges: Sequence[Edge]) -> list[State]:
    """The states of the links of a statement, each once; none where it allows nothing."""
    if entry.uses is None:
        return []
    found: dict[tuple[int, int], dict[int, bool]] = {}
    for left, right in ((entry.principals, entry.roles), (entry.roles, entry.services)):
        found.update(((source, target), {}) for source in left for target in right)
    for use in entry.uses:
        known = found[use.source, use.target]
        known[use.passed] = known.get(use.passed, False) or use.surely
    there = {state_of(uses, edges) for uses in found.values()}
    return [state for state in State if state in there]


def whole(entry: GraphStatement) -> dict[int, bool]:
    """The passes by a statement, each with whether that is sure of any part of it."""
    found: dict[int, bool] = {}
    for use in entry.uses or ():
        found[use.passed] = found.get(use.passed, False) or use.surely
    return found


def _key(one: LocatedGrant | Used) -> tuple[object, ...]:
    path = one.path if isinstance(one, Used) else one.statement_path
    return one.resource.address, one.grant.at, path


def _uses(entry: GraphStatement, nodes: Sequence[Node], way: Through) -> Iterator[Use]:
    """The links of a statement that an edge goes along; none where it is the statement of another principal."""
    if not way.holders:
        principals = dict.fromkeys(entry.principals, False)  # whoever it is attached to
    else:
        principals = {one: way.holders[name] for one in entry.principals if (name := nodes[one].full) in way.holders}
    roles = {one: way.roles[name] for one in entry.roles if (name := nodes[one].full) in way.roles}
    roles = roles or dict.fromkeys(entry.roles, len(entry.roles) == 1)
    services = _services(entry.services, nodes, way.edge.services)
    for role, covers in roles.items() if principals else ():
        sure = way.surely and covers
        yield from (Use(one, role, 0, sure and surely) for one, surely in principals.items())
        lets = any(principals.values())
        yield from (Use(role, one, 0, sure and lets and surely) for one, surely in services.items())


def _services(numbers: Collection[int], nodes: Sequence[Node], services: Iterable[str]) -> dict[int, bool]:
    """The boxes of services that are meant, with whether that is sure: of several services any may be."""
    found: dict[int, None] = {}
    for service in services:
        exact = [one for one in numbers if nodes[one].label == service]
        fits = exact or [one for one in numbers if wildcard_match(nodes[one].label, service)]
        found.update(dict.fromkeys(fits or [one for one in numbers if nodes[one].open] or numbers))
    found = found or dict.fromkeys(numbers)
    return dict.fromkeys(found, len(found) == 1)
