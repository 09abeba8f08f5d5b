"""Boxes of the access graph that are identical but for their account, file or folder."""

from __future__ import annotations

from collections.abc import Hashable

from passrole_checks.iam.grouped import grouped
from passrole_checks.output.access_graph import AccessGraph, Column


def stacks_of(graph: AccessGraph) -> dict[int, int]:
    """Return the number of its stack for each principal and role that has an identical one elsewhere: of the same name
    and kind, with the same roles, services, findings and outcomes."""
    own: dict[int, set[Hashable]] = {}
    for entry in graph.entries:
        services, verdict = frozenset(entry.services), (entry.severity, entry.effect)
        roles = frozenset(_name(graph, number) for number in entry.roles)
        outcomes = dict(entry.outcomes)
        for number in entry.principals:
            own.setdefault(number, set()).add((roles, services, verdict, outcomes.get(number)))
    principals = _numbered(graph, own)
    own = {}
    for entry in graph.entries:
        services, verdict = frozenset(entry.services), (entry.severity, entry.effect)
        holders = frozenset(principals.get(number, (number,)) for number in entry.principals)
        for number in entry.roles if not entry.located.grant.complement else ():
            own.setdefault(number, set()).add((holders, services, verdict))
    found = principals | _numbered(graph, own)
    numbers = {key: number for number, key in enumerate(dict.fromkeys(found.values()))}
    return {node: numbers[key] for node, key in found.items()}


def _name(graph: AccessGraph, number: int) -> tuple[Column, str, str]:
    node = graph.nodes[number]
    return node.column, node.label, node.note


def _numbered(graph: AccessGraph, own: dict[int, set[Hashable]]) -> dict[int, Hashable]:
    """Return a key for each node that shares its name and access with others."""
    members = grouped(((_name(graph, number), frozenset(access)), number) for number, access in own.items())
    return {number: key for key, numbers in members.items() if len(numbers) > 1 for number in numbers}
