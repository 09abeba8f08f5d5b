"""Entries of objects whose values are evaluated on first access.

Most entries of an object of settings are not needed where one of them is read, and some are never needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from passrole_checks.iam.values.nodes import Node, ObjectEntry, ObjectNode, StringNode, unresolved

_MAX_TRIES = 3  # evaluations of a value cut short by the budget


class _Budget(Protocol):
    cut: int


class DeferredEntry(ObjectEntry):
    """An entry whose value is evaluated on first access.

    ``build``: returns the value, for this entry. ``is_pending``: it was not evaluated yet.
    """

    __slots__ = ("_budget", "_build", "_tries", "is_pending")

    _budget: _Budget
    _build: Callable[[ObjectEntry], Node] | None
    _tries: int
    is_pending: bool

    def __init__(self, key: StringNode, build: Callable[[ObjectEntry], Node], budget: _Budget) -> None:
        change = object.__setattr__
        change(self, "key", key)
        change(self, "_build", build)
        change(self, "_budget", budget)
        change(self, "_tries", 0)
        change(self, "is_pending", True)

    def __getattr__(self, name: str) -> Node:
        """Return the value, evaluated: Python calls this for ``value`` as long as it is not set."""
        build, change, cut = self._build, object.__setattr__, self._budget.cut
        if build is None:
            return unresolved(str(self.key), self.key.at, "refers to itself")
        change(self, "_build", None)
        try:
            value = build(self)
        finally:
            change(self, "_build", build)
        change(self, "_tries", self._tries + 1)
        if self._budget.cut == cut or self._tries >= _MAX_TRIES:  # another caller may be less deeply nested
            change(self, "value", value)
            change(self, "is_pending", False)
            change(self, "_build", None)
        return value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectEntry) and self.key == other.key and self.value == other.value

    def __hash__(self) -> int:
        return hash((self.key, self.value))


def is_pending(entry: ObjectEntry) -> bool:
    """True if the value of an entry was not evaluated yet."""
    return isinstance(entry, DeferredEntry) and entry.is_pending


def evaluated_values(node: ObjectNode) -> list[Node]:
    """Return the values of the entries that were evaluated."""
    return [entry.value for entry in node.entries if not (isinstance(entry, DeferredEntry) and entry.is_pending)]
