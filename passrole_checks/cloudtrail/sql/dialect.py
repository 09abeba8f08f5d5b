"""The differences of the two SQL dialects. The rest of the view is one text for both.

A *node* is a JSON value while paths are followed: in Athena of the type JSON, in Spark a text (see `spark`).
Expressions are passed as text; an expression that is used several times becomes a column or a lambda variable, so that
the statement stays short.
"""

from __future__ import annotations

from collections.abc import Callable

from passrole_checks.iam.fast_dataclass import dataclass

OfOne = Callable[[str], str]
OfTwo = Callable[[str, str], str]


@dataclass(frozen=True, kw_only=True)
class JsonNodes:
    """How a dialect reads nodes. Functions take and return expressions."""

    #: The type of a node.
    type: str
    #: The node of a JSON text; NULL if it is invalid.
    parsed: OfOne
    #: True if a node is an object, a list, a string.
    is_object: OfOne
    is_list: OfOne
    is_text: OfOne
    #: True if the node is missing or null.
    is_null: OfOne
    #: The map of an object's members; compare keys with `key` and `name_of`.
    members: OfOne
    #: The array of a list's elements.
    elements: OfOne
    #: The key of a name in `members`, and the name of a key.
    key: OfOne
    name_of: OfOne
    #: The string of a string node.
    text_of: OfOne
    #: The text of a number node; undefined for others.
    number_of: OfOne


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """An SQL dialect. Functions take and return expressions; names of columns and variables are expressions as well."""

    #: Its display name.
    name: str
    #: The types of a boolean and a number, the same in both dialects.
    truth = "BOOLEAN"
    number = "BIGINT"
    #: The type of a string.
    text: str
    #: An untyped empty array.
    empty: str
    #: A string literal.
    literal: OfOne
    #: The quotation mark of names.
    quote: str
    #: An array of at least one item.
    array: Callable[..., str]
    #: The item of an array at an index, counted from 1, or of a map at a key; NULL if missing.
    at: OfTwo
    #: A row with members, each an expression and its type.
    row: Callable[..., str]
    #: The type of an array.
    array_type: OfOne
    #: A map with one entry, a key and a value.
    mapping: OfTwo
    #: The fold of an array from a start value: the array, the value, the variables for state and item, the body.
    folded: Callable[[str, str, str, str, str], str]
    #: True if an array contains an item.
    contains: OfTwo
    #: A FROM clause that repeats each row of a relation a number of times, counted from 1 in a column of this name.
    unnested: Callable[[str, str, str], str]
    #: The aggregate of the rows of a group as an array, ordered by a number; each is a `row` whose first member is that
    #: number.
    collected: OfTwo
    #: The rows of a window as an array, in its order.
    gathered: OfTwo
    #: A row column as JSON.
    json: OfOne
    #: A string in such JSON, or NULL: the column and the path, with names as in CloudTrail.
    member_of_json: Callable[..., str]
    #: Such JSON as a string.
    json_text: OfOne
    #: How nodes are read.
    nodes: JsonNodes

    def quoted(self, name: str) -> str:
        """The quoted name of a table; its parts are separated by dots."""
        mark = self.quote
        return ".".join(f"{mark}{part.replace(mark, mark * 2)}{mark}" for part in name.split("."))

    def none(self, kind: str) -> str:
        """An empty array."""
        return f"CAST({self.empty} AS {self.array_type(kind)})"

    def matches(self, text: str, pattern: str) -> str:
        """True if a string contains a match of a pattern."""
        return f"regexp_like({text}, {self.literal(pattern)})"

    def extracted(self, text: str, pattern: str) -> str:
        """The first group of a pattern in a string; empty without a match."""
        return f"coalesce(regexp_extract({text}, {self.literal(pattern)}, 1), '')"

    def last_part(self, text: str) -> str:
        """The part after the last slash."""
        return f"regexp_replace({text}, '^.*/', '')"
