"""What composes YAML here: libyaml where PyYAML has it, without the parts of PyYAML that plain documents never use.

The nodes are those of ``yaml.CSafeLoader``, tag by tag. For each node PyYAML asks Python twice whether it stands on a
path that a tag was registered for, which nobody does here, and looks through its patterns for the tag of each plain
scalar; here one that begins as none of those patterns does is a text at once, and a short one is looked through once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    _Loader = yaml.SafeLoader
else:
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_PATTERNS = yaml.SafeLoader.yaml_implicit_resolvers
_FIRST = frozenset(_PATTERNS)  # what a plain scalar begins with that may be no text
_TEXT = "tag:yaml.org,2002:str"
_TAGS: dict[type[yaml.Node], str] = {
    yaml.MappingNode: "tag:yaml.org,2002:map",
    yaml.SequenceNode: "tag:yaml.org,2002:seq",
}
_LONGEST = 100  # characters of a scalar whose tag is remembered


class Loader(_Loader):
    """Gives to ``yaml.compose`` and ``yaml.parse`` what ``yaml.CSafeLoader`` gives (or ``yaml.SafeLoader``)."""

    def descend_resolver(self, current_node: yaml.Node | None, current_index: object) -> None:
        """Nothing: no path has a tag of its own."""

    def ascend_resolver(self) -> None:
        """Nothing."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: Sequence[bool]) -> str:
        """The tag of a node that has none."""
        if kind is not yaml.ScalarNode:
            return _TAGS[kind]  # there is no value, and ``implicit`` is no sequence
        if not implicit[0] or value[:1] not in _FIRST:
            return _TEXT
        return _tag(value) if len(value) <= _LONGEST else _matched(value)


def _matched(value: str) -> str:
    """The tag of a plain scalar by the patterns of YAML 1.1."""
    return next((tag for tag, pattern in _PATTERNS.get(value[:1], ()) if pattern.match(value)), _TEXT)


_tag = lru_cache(maxsize=10_000)(_matched)
