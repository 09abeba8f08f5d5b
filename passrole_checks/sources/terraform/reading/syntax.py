"""Syntax tree of HCL: built by every reader, walked by the evaluator.

Readers differ in speed and in where they can be installed, not in the tree. Positions are 1-based lines and columns in
characters; the end is exclusive. Bodies of blocks and values of attributes are built on first access, because most of
a configuration contains no policy.
Source: HCL Native Syntax Specification, "Structural Elements", "Expressions", "Templates".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from functools import cached_property
from typing import NamedTuple

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.terraform.reading.source import SourceText


class Span(NamedTuple):
    """Range of a node in its file."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a boolean or null; a string only as the name of an object's key (``a`` in ``{ a = 1 }``)."""

    value: str | int | float | bool | None
    span: Span


@dataclass(frozen=True, slots=True)
class Fragment:
    """Literal text of a template, without escapes, trimmed whitespace and the indentation of ``<<-``.

    ``line`` and ``column``: position of the first character. ``exact``: True if the file contains the same characters
    (no escapes), so that positions inside can be counted.
    """

    value: str
    line: int
    column: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Interpolation:
    """``${ expression }``."""

    expression: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class IfDirective:
    """``%{ if condition }then%{ else }otherwise%{ endif }``."""

    condition: Expression
    then: tuple[TemplatePart, ...]
    otherwise: tuple[TemplatePart, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ForDirective:
    """``%{ for key, value in collection }body%{ endfor }``."""

    key: str | None
    value: str
    collection: Expression
    body: tuple[TemplatePart, ...]
    span: Span


TemplatePart = Fragment | Interpolation | IfDirective | ForDirective


@dataclass(frozen=True, slots=True)
class TemplateExpression:
    """A quoted string or a heredoc. ``indent``: number of columns that ``<<-`` removes from each line."""

    parts: tuple[TemplatePart, ...]
    span: Span
    heredoc: bool = False
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Name:
    """The first step of a reference (``var``, ``aws_iam_role``), or a variable of a ``for``."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class GetAttribute:
    """``target.name``."""

    target: Expression
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Index:
    """``target[key]`` or ``target.0``."""

    target: Expression
    key: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Splat:
    """``target[*].a.b`` (``full``) or ``target.*.a.b``. ``each``: steps applied to every element."""

    target: Expression
    each: tuple[str | Expression, ...]
    full: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """``name(arguments)``. ``expand``: True if ``...`` follows the last argument."""

    name: str
    arguments: tuple[Expression, ...]
    expand: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Conditional:
    """``condition ? then : otherwise``."""

    condition: Expression
    then: Expression
    otherwise: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x`` or ``!x``."""

    operator: str
    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operator right``."""

    operator: str
    left: Expression
    right: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Tuple:
    """``[a, b]``."""

    items: tuple[Expression, ...]
    span: Span


class Object:
    """``{ key = value }``. A bare name as a key is a :class:`Literal`.

    ``items`` are built on first access, because most parts of large settings are never read.
    """

    __match_args__ = ("items",)

    def __init__(self, span: Span, build: Callable[[], Iterable[tuple[Expression, Expression]]]) -> None:
        self.span, self._build = span, build

    @cached_property
    def items(self) -> tuple[tuple[Expression, Expression], ...]:
        """The entries, built on first access."""
        return tuple(self._build())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Object) and (self.span, self.items) == (other.span, other.items)

    def __hash__(self) -> int:
        return hash(self.span)

    def __repr__(self) -> str:
        return f"Object(items={self.items!r}, span={self.span!r})"


@dataclass(frozen=True, slots=True)
class For:
    """``[for key, value in collection : result if condition]``; an object if ``result_key`` is set."""

    key: str | None
    value: str
    collection: Expression
    result_key: Expression | None
    result: Expression
    condition: Expression | None
    grouping: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Unparsed:
    """An expression that the reader could not parse, with the ``reason``."""

    reason: str
    span: Span


Expression = (
    Literal
    | TemplateExpression
    | Name
    | GetAttribute
    | Index
    | Splat
    | Call
    | Conditional
    | Unary
    | Binary
    | Tuple
    | Object
    | For
    | Unparsed
)


def children_of(node: object) -> Iterable[object]:
    """Return the direct parts of an expression, or of a part of one: expressions, names, and tuples of them."""
    if isinstance(node, tuple):
        return node
    if isinstance(node, Object):
        return node.items
    return (getattr(node, name) for name in getattr(node, "__dataclass_fields__", ()))


@dataclass(frozen=True)
class Attribute:
    """``name = value``. ``value`` is built on first access. ``place``: its offsets in the text, if the reader has
    them."""

    name: str
    span: Span
    source: SourceText
    build: Callable[[], Expression] = field(repr=False, compare=False)
    place: slice | None = field(default=None, repr=False, compare=False)

    @cached_property
    def value(self) -> Expression:
        """The expression, built on first access."""
        return self.build()

    @cached_property
    def source_bytes(self) -> bytes:
        """Source text of the attribute."""
        return self.source.data[self.place or self.source.place(self.span)]


@dataclass(frozen=True)
class Block:
    """``type "label" "label" { body }``. ``body`` is built on first access. ``place``: as of :class:`Attribute`."""

    type: str
    labels: tuple[str, ...]
    span: Span
    source: SourceText
    build: Callable[[], Body] = field(repr=False, compare=False)
    literal: bool = field(default=True, repr=False, compare=False)  # the span contains every name of the body
    place: slice | None = field(default=None, repr=False, compare=False)

    @property
    def address(self) -> str:
        """Address of a resource, data source, module, output or action within its module, without an instance key."""
        return ".".join(self.labels if self.type == "resource" else (self.type, *self.labels))

    @property
    def generated_type(self) -> str:
        """Type of a nested block; for ``dynamic``, of the blocks that it generates."""
        return self.labels[0] if self.type == "dynamic" and self.labels else self.type

    @cached_property
    def source_bytes(self) -> bytes | None:
        """Source text of the block, or None if it may lack names of attributes or blocks (JSON, merged overrides)."""
        if not self.literal:
            return None
        return self.source.data[self.place or self.source.place(self.span)]

    @cached_property
    def body(self) -> Body:
        """Content between the braces, built on first access."""
        return self.build()


@dataclass(frozen=True)
class Body:
    """Attributes and blocks of a file or of a block, in source order."""

    attributes: tuple[Attribute, ...] = ()
    blocks: tuple[Block, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Attribute]:
        """The last attribute of each name. In override files, the last one applies."""
        return {attribute.name: attribute for attribute in self.attributes}

    def get(self, name: str) -> Attribute | None:
        """Return the last attribute of this name, or None."""
        return self.by_name.get(name)

    def all(self, *types: str) -> Iterator[Block]:
        """Iterate over the direct child blocks of these types."""
        return (block for block in self.blocks if block.type in types)

    def walk(self) -> Iterator[Body]:
        """Iterate over this body and the bodies of all blocks in it."""
        pending = [self]
        while pending:
            body = pending.pop()
            yield body
            pending.extend(block.body for block in body.blocks)


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """A parse error. ``line`` is 0 if the file could not be opened."""

    line: int
    reason: str


@dataclass(frozen=True)
class ParsedFile:
    """Parsed content of a file and its parse errors."""

    source: SourceText
    body: Body
    problems: tuple[SyntaxProblem, ...] = ()


MAX_DEPTH = 100  # nesting levels of one expression; real code stays below 20


def nested_too_deeply(span: Span) -> Unparsed:
    """Return the node for an expression beyond :data:`MAX_DEPTH`."""
    return Unparsed(f"nested more than {MAX_DEPTH} levels deep", span)


def parse_number(text: str) -> int | float | None:
    """Parse a numeric literal; None if it is none."""
    for number_type in (int, float):
        try:
            return number_type(text)
        except ValueError:
            continue
    return None
