"""Policy values that may be unknown before deployment.

Infrastructure code is full of unresolved values: parameters, references, attributes of other resources. An unresolved
value is a value of its own, so that it leaves the list, statement and document around it intact.

A source turns a policy, in whatever syntax, into a tree of :data:`Node`. Documents, grants and checks see only this
tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from enum import Enum
from typing import overload

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition


class Ternary(Enum):
    """A three-valued answer: yes, no, or unknown because of an unresolved value."""

    NO = "no"
    UNKNOWN = "unknown"
    YES = "yes"

    @staticmethod
    def of(known: bool) -> Ternary:
        """Return YES or NO."""
        return Ternary.YES if known else Ternary.NO

    def __and__(self, other: Ternary) -> Ternary:
        if Ternary.NO in (self, other):
            return Ternary.NO
        return Ternary.UNKNOWN if Ternary.UNKNOWN in (self, other) else Ternary.YES

    def __or__(self, other: Ternary) -> Ternary:
        if Ternary.YES in (self, other):
            return Ternary.YES
        return Ternary.UNKNOWN if Ternary.UNKNOWN in (self, other) else Ternary.NO

    def __invert__(self) -> Ternary:
        return {Ternary.YES: Ternary.NO, Ternary.NO: Ternary.YES, Ternary.UNKNOWN: Ternary.UNKNOWN}[self]


class UnresolvedKind(Enum):
    """The kind of an unresolved value: which strings it can be."""

    ANYTHING = "anything"  # any string, wildcards included; also any list or object
    NAME = "a name"  # not empty; no wildcard, colon or slash: a generated name, a stack name, an id
    ACCOUNT_ID = "an account id"
    PARTITION = "a partition"
    REGION = "a Region"
    POLICY_VARIABLE = "a policy variable"  # ${aws:...}: IAM substitutes one literal string at request time

    __hash__ = object.__hash__  # members are singletons, and this hash is a hot path


@dataclass(frozen=True, slots=True)
class Position:
    """A span in a file: 1-based lines and columns (in characters); the end column is exclusive."""

    file: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0

    def covers(self, line: int) -> bool:
        """True if ``line`` of the same file lies within this span."""
        return self.line <= line <= max(self.line, self.end_line)


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A part of a string that is unknown before deployment.

    ``expression`` is the source expression (``var.role_arn``, ``AWS::AccountId``). ``role`` is the address or logical
    id of the role in this configuration whose ARN (with ``kind`` NAME: whose name) the value is. ``known`` is the known
    structure of the value, which may contain unresolved parts itself (an ARN with an unknown account id). ``reason`` is
    a short phrase for people that says why the value is unknown (``"no default"``, ``"known after apply"``).
    ``true_when`` is the assumption under which an unknown boolean is true, where that is known to be about another
    expression (``var.env == "prod"``, ``!var.flag``). ``document_of`` is the ARN or the name of the managed policy
    whose document the value is.
    """

    expression: str
    kind: UnresolvedKind = UnresolvedKind.ANYTHING
    role: str | None = None
    known: tuple[str | Unresolved, ...] | None = None
    reason: str = ""
    true_when: Assumption | None = field(default=None, compare=False)
    document_of: tuple[str | Unresolved, ...] | None = None

    def __hash__(self) -> int:
        """Hash the fields that distinguish unresolved values; a hot path."""
        return hash((self.expression, self.role, self.known and self.known[-1]))

    @property
    def written(self) -> str:
        """The placeholder as it appears in text: ``${expression}``, or the expression if it has braces of its own."""
        return self.expression if self.expression.startswith("{{") else f"${{{self.expression}}}"


Part = str | Unresolved


@dataclass(frozen=True, slots=True)
class StringNode:
    """A string: a concatenation of literal and unresolved parts.

    A string that is one single unresolved part also represents an unknown value of any type. ``starts`` contains the
    (line, column) at which each part begins, if the string appears verbatim in its file (a heredoc, a block scalar, a
    one-line string without escapes), so that a JSON document inside it keeps its positions. ``indent`` is the number of
    columns that the format strips from each continued line. ``defaults`` names the variables or parameters whose
    defaults were used. An ``optional`` string is a list element that may occur any number of times, or not at all.
    """

    parts: tuple[Part, ...]
    at: Position
    starts: tuple[tuple[int, int], ...] = ()
    indent: int = 0
    defaults: tuple[str, ...] = ()
    optional: bool = False

    @property
    def literal(self) -> str | None:
        """The whole string if every part of it is known, else None."""
        if len(self.parts) == 1:
            only = self.parts[0]
            return only if isinstance(only, str) else None
        if any(isinstance(part, Unresolved) for part in self.parts):
            return None
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def only_unresolved(self) -> Unresolved | None:
        """The unresolved part that is the whole string, else None."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Unresolved):
            return self.parts[0]
        return None

    @property
    def unresolved_parts(self) -> tuple[Unresolved, ...]:
        """The unresolved parts."""
        return tuple(part for part in self.parts if isinstance(part, Unresolved))

    def has_value_of(self, other: StringNode) -> bool:
        """True if another string of the same class is equal apart from its position."""
        return (self.parts, self.defaults) == (other.parts, other.defaults)

    def __hash__(self) -> int:
        """Hash the fields that distinguish strings; a hot path."""
        return hash((self.parts, self.at.line, self.at.column))

    def __str__(self) -> str:
        """Render for people, with unresolved parts as ``${expression}`` or ``{{resolve:…}}``."""
        if len(self.parts) == 1:
            only = self.parts[0]
            return only if isinstance(only, str) else only.written
        return "".join(part if isinstance(part, str) else part.written for part in self.parts)


@dataclass(frozen=True, slots=True)
class UnknownTail(StringNode):
    """List element or object key: any number of unknown elements, each of this form.

    ``of``: the resource or attribute whose instances the elements are, or None.
    """

    optional: bool = True
    of: StringNode | None = field(default=None, compare=False, repr=False)

    @property
    def element(self) -> StringNode:
        """Any one of the elements."""
        return self.of or StringNode(self.parts, self.at, defaults=self.defaults)


@dataclass(frozen=True, slots=True)
class Failure(StringNode):
    """An expression for which the deployment stops with an error; Terraform's ``try`` continues with its next
    argument."""


@dataclass(frozen=True, slots=True)
class Const:
    """A number, a boolean or null."""

    value: int | float | bool | None
    at: Position


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list."""

    items: tuple[Node, ...]
    at: Position


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """A key of an object and its value."""

    key: StringNode
    value: Node


@dataclass(frozen=True, slots=True)
class ObjectNode:
    """An object; entries in file order, duplicates included.

    ``block``: the object is a Terraform ``statement`` block, which uses other element names than IAM.
    """

    entries: tuple[ObjectEntry, ...]
    at: Position
    block: bool = field(default=False, compare=False)

    def get(self, key: str) -> Node | None:
        """Return the value of the last entry with this literal key, or None."""
        for entry in reversed(self.entries):
            if entry.key.literal == key:
                return entry.value
        return None


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives that depend on an unknown condition.

    ``options`` pairs each outcome of the condition, an assumption about it, with a node. The same expression always has
    the same value within one configuration.
    """

    options: tuple[tuple[Assumption, Node], ...]
    at: Position

    @property
    def condition(self) -> str:
        """The condition as the configuration writes it."""
        return self.options[0][0].condition


@dataclass(frozen=True, slots=True)
class Absent:
    """An element that an alternative omits (``AWS::NoValue``, ``null``)."""

    at: Position


Node = StringNode | Const | ListNode | ObjectNode | Choice | Absent


def text(value: str, at: Position) -> StringNode:
    """Return a string node without unresolved parts."""
    return StringNode((value,), at)


def unresolved(
    expression: str, at: Position, reason: str = "", kind: UnresolvedKind = UnresolvedKind.ANYTHING
) -> StringNode:
    """Return an unresolved value of any type, known by its expression only."""
    return StringNode((Unresolved(expression, kind, reason=reason),), at)


def failure(expression: str, at: Position, reason: str) -> Failure:
    """Return a value for an evaluation error: unresolved, except for Terraform's ``try``, ``can`` and similar."""
    return Failure((Unresolved(expression, reason=reason),), at)


def join(parts: Iterator[Part] | tuple[Part, ...] | list[Part]) -> tuple[Part, ...]:
    """Merge adjacent literals and drop empty ones."""
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
    """Return the direct children of a node: elements, values of entries, alternatives."""
    if isinstance(node, ListNode):
        return node.items
    if isinstance(node, ObjectNode):
        return [entry.value for entry in node.entries]
    if isinstance(node, Choice):
        return [option for _, option in node.options]
    return ()


def nodes_in(node: Node) -> Iterator[Node]:
    """Yield a node and all nodes below it, without the keys of objects, in file order.

    Shared nodes are yielded once for each place, so that there may be any number: the limit of time counts.
    """
    pending: list[Node | ObjectEntry] = [node]
    while pending:
        deadline.check()
        current = pending.pop()
        if isinstance(current, ObjectEntry):  # its value may be evaluated now, after those before it
            current = current.value
        yield current
        pending.extend(reversed(current.entries if isinstance(current, ObjectNode) else children_of(current)))


def map_children(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return a node with ``change`` applied to its direct children; the same object if that changes nothing."""
    if isinstance(node, ObjectNode):
        entries = tuple(_changed_entry(entry, change) for entry in node.entries)
        is_same = all(new is old for new, old in zip(entries, node.entries, strict=True))
        return node if is_same else replace(node, entries=entries)
    children = children_of(node)
    changed = tuple(map(change, children))
    if all(new is old for new, old in zip(changed, children, strict=True)):
        return node
    if isinstance(node, ListNode):
        return replace(node, items=changed)
    assert isinstance(node, Choice)  # the only other one with children
    return replace(node, options=tuple(zip((outcome for outcome, _ in node.options), changed, strict=True)))


def _changed_entry(entry: ObjectEntry, change: Callable[[Node], Node]) -> ObjectEntry:
    value = change(entry.value)
    return entry if value is entry.value else ObjectEntry(entry.key, value)


def exists_under(when: PathCondition, node: Node) -> Node:
    """Return a node that exists under a path condition only."""
    for assumption in reversed(when):
        node = Choice(((assumption, node),), node.at)
    return node


def unresolved_in(node: Node) -> Iterator[Unresolved]:
    """Yield every unresolved part in a node's subtree."""
    for text in strings_in(node):
        yield from text.unresolved_parts


def strings_in(node: Node) -> Iterator[StringNode]:
    """Yield every string in a node's subtree, keys included; as :func:`nodes_in`."""
    pending: list[Node | ObjectEntry] = [node]
    while pending:
        deadline.check()
        current = pending.pop()
        if isinstance(current, ObjectEntry):  # its value may be evaluated now, after those before it
            yield current.key
            current = current.value
        if isinstance(current, StringNode):
            yield current
        elif isinstance(current, ObjectNode):
            pending.extend(reversed(current.entries))
        else:
            pending.extend(reversed(children_of(current)))


def at_position(node: StringNode, at: Position) -> StringNode:
    """Return the same string at another position, without the verbatim layout (``starts``)."""
    return replace(node, at=at, starts=(), indent=0)


def relocated(node: Node, position: Callable[[Position], Position]) -> Node:
    """Return the same value with each position replaced, and without the verbatim layout of strings."""
    if isinstance(node, StringNode):
        return at_position(node, position(node.at))
    node = map_children(node, lambda child: relocated(child, position))
    if isinstance(node, ObjectNode):
        entries = (replace(entry, key=at_position(entry.key, position(entry.key.at))) for entry in node.entries)
        node = replace(node, entries=tuple(entries))
    return replace(node, at=position(node.at))


def moved_to(node: Node, at: Position) -> Node:
    """Return the same value with one position: that where it is used."""
    return relocated(node, lambda _: at)


@overload
def escape_policy_variables(node: StringNode) -> StringNode: ...


@overload
def escape_policy_variables(node: Node) -> Node: ...


def escape_policy_variables(node: Node) -> Node:
    """Return a copy in which each literal ``${`` is written as ``${$}{``, so that it starts no policy variable."""
    if isinstance(node, StringNode):
        parts = tuple(part.replace("${", "${$}{") if isinstance(part, str) else part for part in node.parts)
        return node if parts == node.parts else replace(node, parts=parts)
    return map_children(node, escape_policy_variables)


def map_strings(
    node: Node, change: Callable[[StringNode], Node], *, keys: bool = False, subject: Callable[[str], str] = str
) -> Node:
    """Return the node with ``change`` applied to every string below it; the same object if that changes nothing.

    ``keys``: also to the keys of objects, except where the result is not a string. ``subject`` is applied to the
    subjects of the assumptions of choices.
    """
    if isinstance(node, StringNode):
        return change(node)
    node = map_children(node, lambda child: map_strings(child, change, keys=keys, subject=subject))
    if keys and isinstance(node, ObjectNode):
        changed = [(change(entry.key), entry) for entry in node.entries]
        entries = (ObjectEntry(key, entry.value) if isinstance(key, StringNode) else entry for key, entry in changed)
        return replace(node, entries=tuple(entries))
    if isinstance(node, Choice) and subject is not str:
        options = ((replace(outcome, subject=subject(outcome.subject)), option) for outcome, option in node.options)
        return replace(node, options=tuple(options))
    return node
