"""Our small tree of HCL: what every reader builds and the evaluator walks.

Readers differ in speed and in where they can be installed; behind this tree they do not differ. Positions are 1-based
lines and columns in characters, the end exclusive. Bodies of blocks and values of attributes are built when they are
first asked for: most of a configuration holds no policy.
Source: HCL Native Syntax Specification, "Structural Elements", "Expressions", "Templates".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from passrole_checks.sources.terraform.reading.source import SourceText


class Span(NamedTuple):
    """Where something stands in its file."""

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
    """Literal text of a template after escapes, trims and the indentation of ``<<-`` are taken away.

    ``line`` and ``column`` are where its first character stands; ``exact`` says whether it stands there letter for
    letter (no escapes), so that positions inside can be counted.
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
    """A quoted string or a heredoc. ``indent``: the columns that ``<<-`` takes from each line."""

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
    """``target[*].a.b`` (full) or ``target.*.a.b``; ``each`` is applied to every element."""

    target: Expression
    each: tuple[str | Expression, ...]
    full: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """``name(arguments)``; ``expand``: the last argument is followed by ``...``."""

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
    """Two operands and the operator between them, as it is written."""

    operator: str
    left: Expression
    right: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Tuple:
    """``[a, b]``."""

    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Object:
    """``{ key = value }``; a key that is a bare name is a literal."""

    items: tuple[tuple[Expression, Expression], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class For:
    """``[for key, value in collection : result if condition]``; an object where ``result_key`` is given."""

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
    """An expression that the reader gave up on; ``reason`` says why."""

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


@dataclass(frozen=True)
class Attribute:
    """``name = value``. ``value`` is built when it is first asked for."""

    name: str
    span: Span
    source: SourceText
    build: Callable[[], Expression] = field(repr=False, compare=False)

    @cached_property
    def value(self) -> Expression:
        """The expression, built when it is first asked for."""
        return self.build()


@dataclass(frozen=True)
class Block:
    """``type "label" "label" { body }``. ``body`` is built when it is first asked for."""

    type: str
    labels: tuple[str, ...]
    span: Span
    source: SourceText
    build: Callable[[], Body] = field(repr=False, compare=False)
    literal: bool = field(default=True, repr=False, compare=False)  # every name in it is written within its span

    @cached_property
    def words(self) -> bytes | None:
        """The text of the block, None where names of attributes and blocks may be missing in it."""
        if not self.literal:
            return None
        source, span = self.source, self.span
        return source.data[source.offset(span.line, span.column) : source.offset(span.end_line, span.end_column)]

    @cached_property
    def body(self) -> Body:
        """What stands between the braces, built when it is first asked for."""
        return self.build()


@dataclass(frozen=True)
class Body:
    """The attributes and blocks of a file or of a block, in the order of the file."""

    attributes: tuple[Attribute, ...] = ()
    blocks: tuple[Block, ...] = ()

    def get(self, name: str) -> Attribute | None:
        """The last attribute of this name: in override files the later one holds."""
        for attribute in reversed(self.attributes):
            if attribute.name == name:
                return attribute
        return None

    def all(self, *types: str) -> Iterator[Block]:
        """The nested blocks of these types."""
        return (block for block in self.blocks if block.type in types)


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """A place that could not be read."""

    line: int
    reason: str


@dataclass(frozen=True)
class ParsedFile:
    """A file: what could be read of it, and what could not."""

    source: SourceText
    body: Body
    problems: tuple[SyntaxProblem, ...] = ()


MAX_DEPTH = 100  # levels of nesting in one expression; real code stays below 20
