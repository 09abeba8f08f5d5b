"""Two tellings of one policy document, each with holes: what a plan shows of it, and what the configuration says.

Where they agree, each fills the holes of the other; where what is known differs, the configuration is not that of the
plan. Statements keep their order in both; the elements of a list need not, as the provider sorts them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    Position,
    StringNode,
    UnresolvedKind,
)

_MAX_TRIES = 20_000  # pairs of statements that are looked at for one document
_MAX_STATEMENTS = 300
_MAX_DEPTH = 20
_MAX_UNRESOLVED = 6
_KINDS = {UnresolvedKind.ACCOUNT_ID: r"\d+", UnresolvedKind.PARTITION: r"aws[\w-]*", UnresolvedKind.REGION: r"[\w-]+"}


def merge_documents(shown: Node, written: Node) -> Node | None:
    """The document as it is ``written``, completed by what a plan has ``shown``; None where they contradict.

    Positions are those of the configuration, but for parts that only the plan tells.
    """
    return _DocumentMerger().merge_document(shown, written)


class _DocumentMerger:
    def __init__(self) -> None:
        self.tries_left = _MAX_TRIES

    def merge_document(self, shown: Node, written: Node, depth: int = 0) -> Node | None:
        if isinstance(written, Choice) and depth < _MAX_DEPTH:
            return _remaining_options(
                written, [self.merge_document(shown, option, depth + 1) for _, option in written.options]
            )
        if _is_unresolved(shown):
            return written
        if _is_unresolved(written):
            return shown
        first, second = _parse_tree(shown), _parse_tree(written)
        if not isinstance(first, ObjectNode) or not isinstance(second, ObjectNode):
            return None
        statements = self.merge_statements(_as_list(first.get("Statement")), _as_list(second.get("Statement")))
        if statements is None:
            return None
        version = self.merge_value(first.get("Version"), second.get("Version"))
        if version is None and first.get("Version") is not None and second.get("Version") is not None:
            return None
        at = second.at
        entries = [entry for entry in second.entries if entry.key.literal not in ("Statement", "Version")]
        if version is not None:
            entries.append(ObjectEntry(StringNode(("Version",), at), version))
        entries.append(ObjectEntry(StringNode(("Statement",), at), ListNode(tuple(statements), at)))
        return ObjectNode(tuple(entries), at)

    # -- statements, in order; a hole on either side may stand for any number of them

    def merge_statements(self, shown: Sequence[Node], written: Sequence[Node]) -> list[Node] | None:
        dead: set[tuple[int, int]] = set()
        return self.match_from(shown, written, 0, 0, dead)

    def match_from(
        self, shown: Sequence[Node], written: Sequence[Node], i: int, j: int, dead: set[tuple[int, int]]
    ) -> list[Node] | None:
        if (i, j) in dead or self.tries_left < 0 or i + j > _MAX_STATEMENTS:
            return None
        self.tries_left -= 1
        if i == len(shown) and j == len(written):
            return []
        for first, rest in self.next_steps(shown, written, i, j):
            found = self.match_from(shown, written, *rest, dead)
            if found is not None:
                return [*first, *found]
        dead.add((i, j))
        return None

    def next_steps(
        self, shown: Sequence[Node], written: Sequence[Node], i: int, j: int
    ) -> list[tuple[list[Node], tuple[int, int]]]:
        """What the next statements can be, and where to go on."""
        one = shown[i] if i < len(shown) else None
        other = written[j] if j < len(written) else None
        found: list[tuple[list[Node], tuple[int, int]]] = []
        if one is not None and other is not None:
            both = self.merge_statement(one, other)
            if both is not None:
                found.append(([both], (i + 1, j + 1)))
        if one is not None and _is_unresolved(one):
            if other is not None:
                found.append(([other], (i, j + 1)))
            found.append(([], (i + 1, j)))
        if other is not None and _is_unresolved(other):
            if one is not None:
                found.append(([one], (i + 1, j)))
            found.append(([], (i, j + 1)))
        if isinstance(other, Absent) or (
            isinstance(other, Choice) and any(isinstance(option, Absent) for _, option in other.options)
        ):
            found.append(([], (i, j + 1)))
        return found

    def merge_statement(self, shown: Node, written: Node, depth: int = 0) -> Node | None:
        if isinstance(written, Choice) and depth < _MAX_DEPTH:
            return _remaining_options(
                written, [self.merge_statement(shown, option, depth + 1) for _, option in written.options]
            )
        if _is_unresolved(shown):
            return written if not isinstance(written, Absent) else None
        if _is_unresolved(written):
            return shown
        if not isinstance(shown, ObjectNode) or not isinstance(written, ObjectNode):
            return None
        return self.merge_objects(_without_blank(shown), _without_blank(written))

    # -- what is in a statement

    def merge_objects(self, shown: ObjectNode, written: ObjectNode, depth: int = 0) -> ObjectNode | None:
        first = {str(entry.key): entry.value for entry in shown.entries}
        second = {str(entry.key): entry.value for entry in written.entries}
        if first.keys() != second.keys() or depth > _MAX_DEPTH:
            return None
        entries: list[ObjectEntry] = []
        for entry in written.entries:
            value = self.merge_value(first[str(entry.key)], entry.value, depth + 1)
            if value is None:
                return None
            entries.append(ObjectEntry(entry.key, value))
        return ObjectNode(tuple(entries), written.at, written.block)

    def merge_value(self, shown: Node | None, written: Node | None, depth: int = 0) -> Node | None:
        if shown is None or written is None or depth > _MAX_DEPTH:
            return shown if written is None else written
        if isinstance(written, Choice):
            options = [self.merge_value(shown, option, depth + 1) for _, option in written.options]
            return _remaining_options(written, options)
        if isinstance(shown, ObjectNode) and isinstance(written, ObjectNode):
            return self.merge_objects(shown, written, depth + 1)
        if _is_unresolved(shown) and not isinstance(written, ListNode):
            return written
        if _is_unresolved(written) and not isinstance(shown, StringNode):
            return shown
        if isinstance(shown, ObjectNode) or isinstance(written, ObjectNode):
            return None
        return self.merge_elements(shown, written)

    def merge_elements(self, shown: Node, written: Node) -> Node | None:
        """One element or a list of them on either side, in any order."""
        if _is_unresolved(shown):
            return written
        left, right = _as_list(shown), _as_list(written)
        fits = [[_can_be_equal(one, other) for other in right] for one in left]
        if not all(any(row) for row in fits):
            return None  # the plan has something that is not written
        for place, other in enumerate(right):
            if not _may_be_missing(other) and not any(row[place] for row in fits):
                return None  # something is written that the plan has not
        if any(not _literal(one) for one in left):
            return written  # which of them is which is not told
        open_places = [place for place, other in enumerate(right) if not _literal(other)]
        said = {_literal(other) for other in right}
        rest = [number for number, one in enumerate(left) if _literal(one) not in said]
        filled: list[Node] = []
        for place, other in enumerate(right):
            own = [number for number in rest if fits[number][place]]
            alone = all(not fits[number][rival] for number in own for rival in open_places if rival != place)
            if place in open_places and own and alone and (len(own) == 1 or _may_repeat(other)):
                filled.extend(_relocated(left[number], other.at) for number in own)
            else:
                filled.append(other)
        return (
            filled[0] if len(filled) == 1 and not isinstance(written, ListNode) else ListNode(tuple(filled), written.at)
        )


def _remaining_options(written: Choice, results: Sequence[Node | None]) -> Node | None:
    """The alternatives that the plan leaves."""
    left = [(outcome, node) for (outcome, _), node in zip(written.options, results, strict=True) if node is not None]
    if len(left) <= 1:
        return left[0][1] if left else None
    return Choice(written.condition, tuple(left), written.at)


def _is_unresolved(node: Node) -> bool:
    """Whether nothing of a node is known but its words."""
    return isinstance(node, StringNode) and node.only_hole is not None


def _as_list(node: Node | None) -> list[Node]:
    if isinstance(node, ListNode):
        return list(node.items)
    return [node] if node is not None else []


def _parse_tree(node: Node) -> Node | None:
    if not isinstance(node, StringNode):
        return node
    try:
        return parse_json(node)
    except MalformedDocument:
        return None


def _without_blank(statement: ObjectNode) -> ObjectNode:
    """A statement without an empty Sid, which a data document writes and nobody means."""
    blank = (entry for entry in statement.entries if not (str(entry.key) == "Sid" and _literal(entry.value) == ""))
    return ObjectNode(tuple(blank), statement.at, statement.block)


def _literal(node: Node) -> str | None:
    """The text that a node certainly is; of a number or a boolean the text that IAM takes it for."""
    if isinstance(node, Const):
        return json.dumps(node.value)
    return node.literal if isinstance(node, StringNode) else None


def _can_be_equal(shown: Node, written: Node) -> bool:
    """Whether two elements can be the same text."""
    if isinstance(written, Choice):
        return any(_can_be_equal(shown, option) for _, option in written.options)
    one, other = _literal(shown), _literal(written)
    if one is not None and other is not None:
        return one == other
    if one is not None:
        return isinstance(written, StringNode) and _matches(written, one)
    if other is not None:
        return isinstance(shown, StringNode) and _matches(shown, other)
    if not isinstance(shown, StringNode) or not isinstance(written, StringNode):
        return False
    roles = {hole.role for text in (shown, written) if (hole := text.only_hole) is not None}
    return len(roles) < 2 or None in roles  # two roles of the configuration are two


def _matches(pattern: StringNode, value: str) -> bool:
    expression = _regex_of(pattern.parts)
    if expression.count(".*") > _MAX_UNRESOLVED:
        return True
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _regex_of(parts: Sequence[Part]) -> str:
    """What a text can be, as a regular expression."""
    pieces: list[str] = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(re.escape(part))
        elif part.known is not None:
            pieces.append(_regex_of(part.known))
        else:
            pieces.append(_KINDS.get(part.kind, ".*"))
    return "".join(pieces)


def _may_be_missing(node: Node) -> bool:
    if isinstance(node, Choice):
        return any(_may_be_missing(option) for _, option in node.options)
    return isinstance(node, Absent) or _may_repeat(node)


def _may_repeat(node: Node) -> bool:
    """Whether an element may stand for any number of them."""
    return isinstance(node, StringNode) and node.optional


def _relocated(node: Node, at: Position) -> Node:
    return StringNode((_literal(node) or "",), at)
