"""Values that may not be known yet.

Infrastructure code is full of holes: parameters, references, results of other resources. Here a hole is a value that
keeps its place, so that one unknown leaves the list, the statement and the document around it intact.

A source turns a policy, however it is written, into a tree of :data:`Node`. Everything behind it (documents, grants,
checks) sees only this tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import overload


class Tri(Enum):
    """The answer to a question about a value that may hold holes: yes, no, or it cannot be told."""

    NO = "no"
    UNKNOWN = "cannot be told"
    YES = "yes"

    @staticmethod
    def of(known: bool) -> Tri:
        """Yes or no, for what is known."""
        return Tri.YES if known else Tri.NO

    def __and__(self, other: Tri) -> Tri:
        if Tri.NO in (self, other):
            return Tri.NO
        return Tri.UNKNOWN if Tri.UNKNOWN in (self, other) else Tri.YES

    def __or__(self, other: Tri) -> Tri:
        if Tri.YES in (self, other):
            return Tri.YES
        return Tri.UNKNOWN if Tri.UNKNOWN in (self, other) else Tri.NO

    def __invert__(self) -> Tri:
        return {Tri.YES: Tri.NO, Tri.NO: Tri.YES, Tri.UNKNOWN: Tri.UNKNOWN}[self]


class Kind(Enum):
    """What is known of a hole's value without knowing the value."""

    ANYTHING = "anything"  # any text, wildcards included; in the place of a list or an object, any list or object
    NAME = "a name"  # not empty; no wildcard, no colon, no slash: a generated name, a stack's name, an id
    ACCOUNT_ID = "an account id"
    PARTITION = "a partition"
    REGION = "a Region"
    POLICY_VARIABLE = "a policy variable"  # ${aws:...}: filled in by IAM at request time with one literal text

    __hash__ = object.__hash__  # there is one of each, and holes are hashed a great deal


@dataclass(frozen=True, slots=True)
class Position:
    """Where something stands: 1-based lines and columns (in characters); the end is exclusive in its column."""

    file: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0

    def covers(self, line: int) -> bool:
        """Whether ``line`` of the same file lies within this span."""
        return self.line <= line <= max(self.line, self.end_line)


@dataclass(frozen=True, slots=True)
class Hole:
    """A part of a text that is not known before deployment.

    ``expression`` is the source's own words (``var.role_arn``, ``AWS::AccountId``). ``role`` is the address or logical
    id of the role of this configuration whose ARN (or, with ``kind`` NAME, whose name) the value is. ``known`` spells
    out what is known of the text, itself with holes (an ARN with an unknown account id). ``reason`` says in a few
    words why the value is not known, for people (``"no default"``, ``"known after apply"``).
    """

    expression: str
    kind: Kind = Kind.ANYTHING
    role: str | None = None
    known: tuple[str | Hole, ...] | None = None
    reason: str = ""

    def __hash__(self) -> int:
        """A hash of what tells holes apart; they are hashed a great deal."""
        return hash((self.expression, self.role, self.known and self.known[-1]))

    @property
    def written(self) -> str:
        """The hole as it stands in a text: ``${expression}``, or in the brackets that it has of its own."""
        return self.expression if self.expression.startswith("{{") else f"${{{self.expression}}}"


Part = str | Hole


@dataclass(frozen=True, slots=True)
class Text:
    """A string: literal parts and holes, joined.

    A text that is one single hole also stands for "a value of any type that is not known".
    ``starts`` gives, where the text stands letter for letter in its file (a heredoc, a block scalar, a one-line string
    without escapes), the (line, column) at which each part begins, so that a JSON document inside it keeps its
    positions; ``indent`` is the number of columns that the format strips from each continued line. ``defaults`` names
    the variables or parameters whose default value was taken for parts of this text. An ``optional`` text is an element
    of a list that may stand there any number of times, or not at all.
    """

    parts: tuple[Part, ...]
    at: Position
    starts: tuple[tuple[int, int], ...] = ()
    indent: int = 0
    defaults: tuple[str, ...] = ()
    optional: bool = False

    @property
    def literal(self) -> str | None:
        """The whole text if every part of it is known, else None."""
        if len(self.parts) == 1:
            only = self.parts[0]
            return only if isinstance(only, str) else None
        if any(isinstance(part, Hole) for part in self.parts):
            return None
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def only_hole(self) -> Hole | None:
        """The hole that is the whole text, if it is one."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Hole):
            return self.parts[0]
        return None

    @property
    def holes(self) -> tuple[Hole, ...]:
        """Its parts that are not known."""
        return tuple(part for part in self.parts if isinstance(part, Hole))

    def __hash__(self) -> int:
        """A hash of what tells texts apart; texts are hashed a great deal."""
        return hash((self.parts, self.at.line, self.at.column))

    def __str__(self) -> str:
        """The text as people read it: holes as ``${expression}`` or ``{{resolve:…}}``."""
        if len(self.parts) == 1:
            only = self.parts[0]
            return only if isinstance(only, str) else only.written
        return "".join(part if isinstance(part, str) else part.written for part in self.parts)


@dataclass(frozen=True, slots=True)
class Const:
    """A number, a boolean or null."""

    value: int | float | bool | None
    at: Position


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    at: Position


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of an object, with its value."""

    key: Text
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """An object; entries in the order of the file, duplicates kept.

    ``block``: it is a statement that is written in other words than IAM's, those of Terraform's ``statement`` blocks.
    """

    entries: tuple[Entry, ...]
    at: Position
    block: bool = field(default=False, compare=False)

    def get(self, key: str) -> Node | None:
        """The value of the last entry with this literal key, or None."""
        for entry in reversed(self.entries):
            if entry.key.literal == key:
                return entry.value
        return None


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives under a condition that is not known.

    ``condition`` is the expression; ``options`` pairs its outcome, in words (``"true"``, ``"false"``), with a node.
    The same condition text always has the same outcome within one configuration.
    """

    condition: str
    options: tuple[tuple[str, Node], ...]
    at: Position


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing at all, where an alternative leaves an element out (``AWS::NoValue``, ``null``)."""

    at: Position


Node = Text | Const | Items | Mapping | Choice | Absent


def text(value: str, at: Position) -> Text:
    """A text that is wholly known."""
    return Text((value,), at)


def unknown(expression: str, at: Position, reason: str = "", kind: Kind = Kind.ANYTHING) -> Text:
    """A value of any type of which only the expression is known."""
    return Text((Hole(expression, kind, reason=reason),), at)


def join(parts: Iterator[Part] | tuple[Part, ...] | list[Part]) -> tuple[Part, ...]:
    """The same text with neighbouring literals merged and empty ones dropped."""
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str):
            if not part:
                continue
            if merged and isinstance(merged[-1], str):
                merged[-1] += part
                continue
        merged.append(part)
    return tuple(merged) if merged else ("",)


def children_of(node: Node) -> Sequence[Node]:
    """The nodes right below one: elements, values of entries, alternatives."""
    if isinstance(node, Items):
        return node.items
    if isinstance(node, Mapping):
        return [entry.value for entry in node.entries]
    if isinstance(node, Choice):
        return [option for _, option in node.options]
    return ()


def holes_in(node: Node) -> Iterator[Hole]:
    """Every hole anywhere below a node."""
    for text in texts_in(node):
        yield from text.holes


def texts_in(node: Node) -> Iterator[Text]:
    """Every text anywhere below a node, keys included."""
    pending = [node]
    while pending:
        found = pending.pop()
        if isinstance(found, Text):
            yield found
        elif isinstance(found, Mapping):
            pending.extend(part for entry in reversed(found.entries) for part in (entry.value, entry.key))
        else:
            pending.extend(reversed(children_of(found)))


def moved(node: Text, at: Position) -> Text:
    """The same text standing elsewhere; its letter-for-letter layout is lost."""
    return replace(node, at=at, starts=(), indent=0)


@overload
def without_variables(node: Text) -> Text: ...


@overload
def without_variables(node: Node) -> Node: ...


def without_variables(node: Node) -> Node:
    """The same node with each literal ``${`` written as ``${$}{``, which is no policy variable."""
    if isinstance(node, Text):
        parts = tuple(part.replace("${", "${$}{") if isinstance(part, str) else part for part in node.parts)
        return node if parts == node.parts else replace(node, parts=parts)
    if isinstance(node, Items):
        return replace(node, items=tuple(map(without_variables, node.items)))
    if isinstance(node, Mapping):
        return replace(node, entries=tuple(Entry(one.key, without_variables(one.value)) for one in node.entries))
    if isinstance(node, Choice):
        return replace(node, options=tuple((outcome, without_variables(one)) for outcome, one in node.options))
    return node


__all__ = [
    "Absent", "Choice", "Const", "Entry", "Hole", "Items", "Kind", "Mapping", "Node", "Part", "Position", "Text",
    "Tri", "holes_in", "join", "moved", "text", "texts_in", "unknown", "without_variables",
]  # fmt: skip
