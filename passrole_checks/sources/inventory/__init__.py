"""The file format of inventories: what the roots of repositories declare by name and pass to others.

::

    {"format": "passrole-checks inventory", "version": 1,
     "repositories": {"org/network": {"roots": [{"path": "iam", "framework": "terraform", "passes": […]}]}}}

The documentation has its JSON Schema. Files of a folder are one inventory, each with other repositories.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position
from passrole_checks.sources.files.json_positions import replace_lone_surrogates
from passrole_checks.sources.inventory.roots import root_from_json, root_to_json
from passrole_checks.sources.inventory.values import MalformedInventoryError, list_from_json, object_from_json
from passrole_checks.sources.model.recorded_roots import RecordedRoot

FORMAT = "passrole-checks inventory"
VERSION = 1
_NAME = lazy_regex(r"(?!\.{1,2}(?:/|$))[\w.@+-]+(?:/(?!\.{1,2}(?:/|$))[\w.@+-]+)*")
_LONGEST_NAME = 200

Repositories = Mapping[str, Any]
"""The JSON of repositories, by their names."""


def is_repository_name(name: str) -> bool:
    """True for a name such as ``network`` or ``org/network``."""
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def parse(data: bytes) -> Repositories:
    """Return the JSON of the repositories in an inventory, without reading it further. Raises
    :class:`MalformedInventoryError`."""
    try:
        document = object_from_json(json.loads(replace_lone_surrogates(data.decode("utf-8-sig"))))
    except UnicodeDecodeError:
        raise MalformedInventoryError("not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise MalformedInventoryError(f"invalid JSON in line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError):  # a number of too many digits, or too many levels
        raise MalformedInventoryError("not an inventory of passrole-checks") from None
    if document.get("format") != FORMAT:
        raise MalformedInventoryError("not an inventory of passrole-checks")
    if document.get("version") != VERSION:
        raise MalformedInventoryError(f"version {str(document.get('version'))[:20]}: this release reads {VERSION}")
    repositories = object_from_json(document.get("repositories"))
    for name, content in repositories.items():
        if not is_repository_name(name):
            raise MalformedInventoryError(f"{name[:60]!r} is not the name of a repository")
        if not isinstance(content, dict) or not isinstance(content.get("roots"), list):
            raise MalformedInventoryError(f"{name}: no list of roots")
    return repositories


def roots_in(repositories: Repositories, file: str) -> Iterator[RecordedRoot]:
    """Yield the roots of repositories, with ``file`` as their position. Raises :class:`MalformedInventoryError`."""
    at = Position(file, 1)
    for name, content in repositories.items():
        try:
            roots = list_from_json(object_from_json(content).get("roots"), object_from_json)
            yield from [root_from_json(root, name, at) for root in roots]
        except MalformedInventoryError as error:
            raise MalformedInventoryError(f"{name}: {error}") from None


def roots_of(repositories: Repositories, name: str) -> Mapping[str, Any]:
    """Return the JSON of the roots of a repository by their paths. Raises :class:`MalformedInventoryError`."""
    roots = list_from_json(object_from_json(repositories.get(name, {})).get("roots", []), object_from_json)
    return {str(root.get("path")): root for root in roots}


def with_roots(
    repositories: Repositories, name: str, roots: Iterable[RecordedRoot], kept: Sequence[Any] = ()
) -> Repositories:
    """Return the JSON of repositories with other roots of one of them. ``kept``: the JSON of further roots of it."""
    found = sorted([*map(root_to_json, roots), *kept], key=lambda root: str(root["path"]))
    others = {other: content for other, content in repositories.items() if other != name}
    return others | {name: {"roots": found}}


def to_bytes(repositories: Repositories) -> bytes:
    """Return an inventory of repositories, with a line for each root: equal ones are equal bytes."""
    found = []
    for name, content in sorted(repositories.items()):
        roots = ",".join(f"\n   {json.dumps(root)}" for root in content["roots"])
        found.append(f'\n  {json.dumps(name)}: {{"roots": [{roots}]}}')
    head = f'"format": {json.dumps(FORMAT)}, "version": {VERSION}'
    return f'{{{head},\n "repositories": {{{",".join(found)}}}}}\n'.encode("ascii")


__all__ = [
    "FORMAT",
    "VERSION",
    "MalformedInventoryError",
    "Repositories",
    "is_repository_name",
    "parse",
    "roots_in",
    "roots_of",
    "to_bytes",
    "with_roots",
]
