"""Follows the paths of knowledge through the parameters of an event, whatever form CloudTrail gives them.

Mostly they are those of the API, with a small first letter. Seen in sample events of EC2 that AWS and others publish:

- lists as ``{"items": [...]}`` (RunInstances);
- the whole request below ``CreateFlowLogsRequest``, with names as the API spells them, an element of a list as
  ``{"tag": 1, "content": ...}`` or, where it is an object, with a ``tag`` among its members, and one element without a
  list.

Names are therefore compared without regard to case, and what stands for a list may be any of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from passrole_checks.aws.cloudtrail_events import RoleLocation
from passrole_checks.iam.patterns.glob import wildcard_match

_MOST = 10_000  # values of one path; nobody passes as many roles in one call


def unwrapped(parameters: Any, event: str, end: str = "Request") -> Any:
    """The parameters of an event without the ``…Request`` (or ``…Response``) that some of EC2 have around them."""
    if isinstance(parameters, Mapping) and len(parameters) == 1:
        ((name, inner),) = parameters.items()
        if name.lower() == f"{event}{end}".lower():
            return inner
    return parameters


def values(parameters: Any, path: Sequence[str], where: Sequence[tuple[str, str]] = ()) -> list[Any]:
    """All that stands at a path, lists and maps gone through; in objects that `where` fits only."""
    found: list[Any] = []
    if not where:
        candidates = _follow(parameters, tuple(path))
    else:
        parents = _follow(parameters, tuple(path[:-1]))
        candidates = (one for parent in parents if _fits(parent, where) for one in _follow(parent, (path[-1],)))
    for one in candidates:
        found.append(_content(one))
        if len(found) == _MOST:
            break
    return found


def texts(parameters: Any, path: Sequence[str], where: Sequence[tuple[str, str]] = ()) -> list[str]:
    """The texts among the `values` of a path that are not empty."""
    return [one for one in values(parameters, path, where) if isinstance(one, str) and one]


def places_of(place: RoleLocation, request: Any, response: Any) -> list[str]:
    """The texts at a place of an event, with its request and its answer already `unwrapped`."""
    return texts(response if place.answered else request, place.path, place.where)


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
    elif isinstance(node, list) and node:  # a list where the model has none, as EC2's
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
    """An element of a list of EC2's without its number."""
    if isinstance(node, Mapping) and "content" in node and node.keys() <= {"content", "tag"}:
        return node["content"]
    return node


def _fits(parent: Any, where: Sequence[tuple[str, str]]) -> bool:
    for name, pattern in where:
        beside = texts(parent, (name,))
        if not any(wildcard_match(pattern.lower(), one.lower()) for one in beside):
            return False
    return True
