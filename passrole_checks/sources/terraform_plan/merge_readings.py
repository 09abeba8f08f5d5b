"""Merge two partially known versions of one policy document: from the plan, and from the configuration.

Where they agree, each completes the other; where known values differ, the configuration is not that of the plan.
Statements have the same order in both; elements of a list may not, as the provider sorts them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from passrole_checks.iam.documents.json_document import json_or_none
from passrole_checks.iam.documents.trust import as_list
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    StringNode,
    UnresolvedKind,
)

_MAX_TRIES = 20_000  # compared pairs of statements in one document
_MAX_STATEMENTS = 300
_MAX_DEPTH = 20
_MAX_UNRESOLVED = 6
_KINDS = {UnresolvedKind.ACCOUNT_ID: r"\d+", UnresolvedKind.PARTITION: r"aws[\w-]*", UnresolvedKind.REGION: r"[\w-]+"}


def merge_documents(shown: Node, written: Node) -> Node | None:
    """Return the ``written`` document, completed by what the plan has ``shown``; None if they contradict.

    Positions are those of the configuration, except for parts that only the plan contains.
    """
    return _DocumentMerger().merge_document(shown, written)


class _DocumentMerger:
    """Merges two documents, with a budget of compared pairs of statements."""

    def __init__(self) -> None:
        self.tries_left = _MAX_TRIES

    def merge_document(self, shown: Node, written: Node, depth: int = 0) -> Node | None:
        if isinstance(written, Choice) and depth < _MAX_DEPTH:
            return _consistent(written, lambda option: self.merge_document(shown, option, depth + 1))
        if _is_unresolved(shown):
            return written
        if _is_unresolved(written):
            return shown
        first, second = parse_tree(shown), parse_tree(written)
        if not isinstance(first, ObjectNode) or not isinstance(second, ObjectNode):
            return None
        statements = self.match_from(as_list(first.get("Statement")), as_list(second.get("Statement")), 0, 0, set())
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

    # -- statements, in order; an unresolved one on either side may be any number of them

    def match_from(
        self, shown: Sequence[Node], written: Sequence[Node], i: int, j: int, dead: set[tuple[int, int]]
    ) -> list[Node] | None:
        if (i, j) in dead or self.tries_left < 0 or i + j > _MAX_STATEMENTS:
            return None
        self.tries_left -= 1
        if i == len(shown) and j == len(written):
            return []
        for first, rest in self.next_steps(shown, written, i, j):
            merged = self.match_from(shown, written, *rest, dead)
            if merged is not None:
                return [*first, *merged]
        dead.add((i, j))
        return None

    def next_steps(
        self, shown: Sequence[Node], written: Sequence[Node], i: int, j: int
    ) -> list[tuple[list[Node], tuple[int, int]]]:
        """Return the possible next statements with the indexes to continue at."""
        left = shown[i] if i < len(shown) else None
        right = written[j] if j < len(written) else None
        result: list[tuple[list[Node], tuple[int, int]]] = []
        if left is not None and right is not None:
            both = self.merge_statement(left, right)
            if both is not None:
                result.append(([both], (i + 1, j + 1)))
        if left is not None and _is_unresolved(left):
            if right is not None:
                result.append(([right], (i, j + 1)))
            result.append(([], (i + 1, j)))
        if right is not None and _is_unresolved(right):
            if left is not None:
                result.append(([left], (i + 1, j)))
            result.append(([], (i, j + 1)))
        if isinstance(right, Absent) or (
            isinstance(right, Choice) and any(isinstance(option, Absent) for _, option in right.options)
        ):
            result.append(([], (i, j + 1)))
        return result

    def merge_statement(self, shown: Node, written: Node, depth: int = 0) -> Node | None:
        if isinstance(written, Choice) and depth < _MAX_DEPTH:
            return _consistent(written, lambda option: self.merge_statement(shown, option, depth + 1))
        if _is_unresolved(shown):
            return written if not isinstance(written, Absent) else None
        if _is_unresolved(written):
            return shown
        if not isinstance(shown, ObjectNode) or not isinstance(written, ObjectNode):
            return None
        return self.merge_objects(_without_blank(shown), _without_blank(written))

    # -- elements of a statement

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
            return _consistent(written, lambda option: self.merge_value(shown, option, depth + 1))
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
        """Merge two elements or lists of elements, in any order."""
        if _is_unresolved(shown):
            return written
        planned, configured = as_list(shown), as_list(written)
        fits = [[_may_equal(item, entry) for entry in configured] for item in planned]
        if not all(any(row) for row in fits):
            return None  # an element of the plan is not in the configuration
        for index, entry in enumerate(configured):
            if not _may_be_missing(entry) and not any(row[index] for row in fits):
                return None  # an element of the configuration is not in the plan
        if any(not _literal(item) for item in planned):
            return written  # the mapping of unknown elements is undecidable
        open_indexes = [index for index, entry in enumerate(configured) if not _literal(entry)]
        literals = {_literal(entry) for entry in configured}
        rest = [number for number, item in enumerate(planned) if _literal(item) not in literals]
        filled: list[Node] = []
        for index, entry in enumerate(configured):
            matches = [number for number in rest if fits[number][index]]
            unique = all(not fits[number][rival] for number in matches for rival in open_indexes if rival != index)
            if index in open_indexes and matches and unique and (len(matches) == 1 or _may_repeat(entry)):
                filled.extend(StringNode((_literal(planned[number]) or "",), entry.at) for number in matches)
            else:
                filled.append(entry)
        return (
            filled[0] if len(filled) == 1 and not isinstance(written, ListNode) else ListNode(tuple(filled), written.at)
        )


def _consistent(written: Choice, merge: Callable[[Node], Node | None]) -> Node | None:
    """Return the alternatives that are consistent with the plan, each merged with it."""
    options = [(outcome, node) for outcome, option in written.options if (node := merge(option)) is not None]
    if len(options) <= 1:
        return options[0][1] if options else None
    return Choice(tuple(options), written.at)


def _is_unresolved(node: Node) -> bool:
    """True if a node is unresolved as a whole."""
    return isinstance(node, StringNode) and node.only_unresolved is not None


def parse_tree(node: Node) -> Node | None:
    """Return the content of a JSON text, and any other node as it is; None if the text is not valid JSON."""
    return json_or_none(node) if isinstance(node, StringNode) else node


def _without_blank(statement: ObjectNode) -> ObjectNode:
    """Return a statement without an empty Sid, which a data source writes by default."""
    blank = (entry for entry in statement.entries if not (str(entry.key) == "Sid" and _literal(entry.value) == ""))
    return ObjectNode(tuple(blank), statement.at, statement.block)


def _literal(node: Node) -> str | None:
    """Return the string that a node certainly is; for a number or boolean, its JSON text, as IAM reads it."""
    if isinstance(node, Const):
        return json.dumps(node.value)
    return node.literal if isinstance(node, StringNode) else None


def _may_equal(shown: Node, written: Node) -> bool:
    """True if two elements can be the same string."""
    if isinstance(written, Choice):
        return any(_may_equal(shown, option) for _, option in written.options)
    shown_text, written_text = _literal(shown), _literal(written)
    if shown_text is not None and written_text is not None:
        return shown_text == written_text
    if shown_text is not None:
        return isinstance(written, StringNode) and _matches(written, shown_text)
    if written_text is not None:
        return isinstance(shown, StringNode) and _matches(shown, written_text)
    if not isinstance(shown, StringNode) or not isinstance(written, StringNode):
        return False
    roles = {only.role for text in (shown, written) if (only := text.only_unresolved) is not None}
    return len(roles) < 2 or None in roles  # two roles of the configuration are different


def _matches(pattern: StringNode, value: str) -> bool:
    expression = _regex_of(pattern.parts)
    if expression.count(".*") > _MAX_UNRESOLVED:
        return True
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _regex_of(parts: Sequence[Part]) -> str:
    """Return a regular expression of the possible values of a string."""
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
    """True if an element may stand for any number of elements."""
    return isinstance(node, StringNode) and node.optional
