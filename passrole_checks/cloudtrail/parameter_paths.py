"""Follow the known parameter paths through the parameters of an event, in every form that CloudTrail writes.

Mostly they are those of the API, with a lower-case first letter. Seen in sample events of EC2 that AWS and others
publish:

- lists as ``{"items": [...]}`` (RunInstances);
- the whole request below ``CreateFlowLogsRequest``, with names as the API spells them, an element of a list as
  ``{"tag": 1, "content": ...}`` or, if it is an object, with a ``tag`` among its members, and one element without a
  list.

Names are therefore compared case-insensitively, and a list may have any of these forms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from passrole_checks.aws.cloudtrail_events import RoleLocation
from passrole_checks.iam.patterns.glob import wildcard_match

_MOST = 10_000  # values of one path; no call passes as many roles


def unwrap(parameters: Any, event: str, end: str = "Request") -> Any:
    """Return the parameters of an event without the ``…Request`` (or ``…Response``) wrapper of some EC2 events."""
    if isinstance(parameters, Mapping) and len(parameters) == 1:
        ((name, inner),) = parameters.items()
        if name.lower() == f"{event}{end}".lower():
            return inner
    return parameters


def values_at(parameters: Any, path: Sequence[str], where: Sequence[tuple[str, str]] = ()) -> list[Any]:
    """Return all values at a path, through lists and maps; if `where` is given, only in objects that match it."""
    if not where:
        candidates = _follow(parameters, tuple(path))
    else:
        parents = _follow(parameters, tuple(path[:-1]))
        candidates = (
            one for parent in parents if _matches_members(parent, where) for one in _follow(parent, (path[-1],))
        )
    return list(islice(map(_content, candidates), _MOST))


def strings_at(parameters: Any, path: Sequence[str], where: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Return the non-empty strings among the `values` of a path."""
    return [one for one in values_at(parameters, path, where) if isinstance(one, str) and one]


def strings_at_location(place: RoleLocation, request: Any, response: Any) -> list[str]:
    """Return the strings at a location in an event, whose request and response are already `unwrapped`."""
    return strings_at(response if place.answered else request, place.path, place.where)


def _follow(node: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if not path:
        yield node
        return
    step, rest = path[0], path[1:]
    node = _content(node)
    if step == "*":
        for one in _elements(node):
            yield from _follow(one, rest)
    elif step == "@json":
        if isinstance(node, str):
            try:
                yield from _follow(json.loads(node), rest)
            except (ValueError, RecursionError):
                return
    elif isinstance(node, Mapping):
        if step == "{}":
            for one in node.values():
                yield from _follow(one, rest)
        elif "*" in step:
            for name, one in node.items():
                if wildcard_match(step.lower(), name.lower()):
                    yield from _follow(one, rest)
        elif step in node:
            yield from _follow(node[step], rest)
        else:
            wanted = step.lower()
            for name, one in node.items():
                if name.lower() == wanted:
                    yield from _follow(one, rest)
    elif isinstance(node, list) and node:  # a list where the API model has none, as in EC2
        for one in node:
            yield from _follow(one, path)


def _elements(node: Any) -> Sequence[Any]:
    if isinstance(node, list):
        return node
    if isinstance(node, Mapping):
        for name in ("items", "item", "member", "members"):
            if isinstance(node.get(name), list):
                listed: list[Any] = node[name]
                return listed
    return [] if node is None else [node]


def _content(node: Any) -> Any:
    """Return an element of an EC2 list without its index."""
    if isinstance(node, Mapping) and "content" in node and node.keys() <= {"content", "tag"}:
        return node["content"]
    return node


def _matches_members(parent: Any, where: Sequence[tuple[str, str]]) -> bool:
    return all(
        any(wildcard_match(pattern.lower(), one.lower()) for one in strings_at(parent, (name,)))
        for name, pattern in where
    )
