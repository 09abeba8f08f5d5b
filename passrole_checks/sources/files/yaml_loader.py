"""A faster YAML loader for composing: libyaml if PyYAML has it, without unused features of PyYAML.

The nodes and tags equal those of ``yaml.CSafeLoader``. For each node PyYAML calls Python twice to match registered
paths, which are unused here, and tries its patterns for the tag of each plain scalar. Here a scalar whose first
character starts no pattern is a string at once, and tags of short scalars are cached.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    _Loader = yaml.SafeLoader
else:
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_PATTERNS = yaml.SafeLoader.yaml_implicit_resolvers
_FIRST = frozenset(_PATTERNS)  # first characters of plain scalars that may not be strings
_TEXT = "tag:yaml.org,2002:str"
_TAGS: dict[type[yaml.Node], str] = {
    yaml.MappingNode: "tag:yaml.org,2002:map",
    yaml.SequenceNode: "tag:yaml.org,2002:seq",
}
_LONGEST = 100  # characters of a scalar whose tag is cached


class Loader(_Loader):
    """Loader for ``yaml.compose`` and ``yaml.parse`` with the results of ``yaml.CSafeLoader`` (or
    ``yaml.SafeLoader``)."""

    # No path has a registered tag. These do nothing, without the cost of a Python function.
    descend_resolver: Any = operator.is_
    ascend_resolver: Any = bool

    def resolve(self, kind: type[yaml.Node], value: str, implicit: Sequence[bool]) -> str:
        """Return the tag of a node without an explicit one."""
        if kind is not yaml.ScalarNode:
            return _TAGS[kind]  # collections have no value, and ``implicit`` is a bool
        if not implicit[0] or value[:1] not in _FIRST:
            return _TEXT
        return _cached_tag(value) if len(value) <= _LONGEST else _match_tag(value)


def _match_tag(value: str) -> str:
    """Return the tag of a plain scalar by the patterns of YAML 1.1."""
    return next((tag for tag, pattern in _PATTERNS.get(value[:1], ()) if pattern.match(value)), _TEXT)


_cached_tag = lru_cache(maxsize=10_000)(_match_tag)
