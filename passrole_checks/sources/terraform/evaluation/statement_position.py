"""Position of a statement that is made of other objects: by a loop, ``merge`` or a ``dynamic`` block."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, Position

_ACTION_ELEMENTS = ("Action", "NotAction")


def at_actions(statement: Node, objects: Iterable[Node | None]) -> Node:
    """Return a statement at the position of the first of some objects that contains its actions; unchanged if none
    does, if its own text contains them, or if it has none.

    A reader of a finding looks for the actions, which a module's caller or a local contains.
    """
    if not isinstance(statement, ObjectNode):
        return statement
    actions = [entry.value for entry in statement.entries if entry.key.literal in _ACTION_ELEMENTS]
    positions = [one.at for value in actions for one in (value.items if isinstance(value, ListNode) else (value,))]
    if not positions or any(_contains(statement.at, position) for position in positions):
        return statement
    around = (one.at for one in objects if isinstance(one, ObjectNode))
    at = next((at for at in around if all(_contains(at, position) for position in positions)), None)
    return statement if at is None else replace(statement, at=at)


def _contains(span: Position, position: Position) -> bool:
    """True if a position lies within a span."""
    end = (position.end_line, position.end_column) if position.end_line else (position.line, position.column)
    return (
        span.file == position.file
        and (span.line, span.column) <= (position.line, position.column)
        and end <= (span.end_line, span.end_column)
    )
