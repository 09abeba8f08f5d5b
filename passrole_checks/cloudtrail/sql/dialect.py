"""The differences of the two SQL dialects. The rest of the view is one text for both.

A *node* is a JSON value while paths are followed: in Athena of the type JSON, in Spark a text (see `spark`).
Expressions are passed as text; an expression that is used several times becomes a column or a lambda variable, so that
the statement stays short.
"""

from __future__ import annotations

from abc import ABC, abstractmethod


class Dialect(ABC):
    """An SQL dialect. Methods take and return expressions; names of columns and variables are expressions as well."""

    #: Its display name.
    name: str
    #: The types of a string, a boolean, a number and a node.
    text: str
    truth: str
    number: str
    node: str
    #: An untyped empty array.
    empty: str

    @abstractmethod
    def literal(self, text: str) -> str:
        """A string literal."""

    @abstractmethod
    def quoted(self, name: str) -> str:
        """The quoted name of a table; its parts are separated by dots."""

    @abstractmethod
    def array(self, *items: str) -> str:
        """An array of at least one item."""

    @abstractmethod
    def at(self, array: str, place: str) -> str:
        """The item of an array at an index, counted from 1, or of a map at a key; NULL if missing."""

    @abstractmethod
    def row(self, **members: tuple[str, str]) -> str:
        """A row with members, each an expression and its type."""

    @abstractmethod
    def array_type(self, kind: str) -> str:
        """The type of an array."""

    @abstractmethod
    def mapping(self, key: str, value: str) -> str:
        """A map with one entry."""

    @abstractmethod
    def folded(self, array: str, start: str, state: str, item: str, body: str) -> str:
        """The fold of an array from a start value."""

    @abstractmethod
    def contains(self, array: str, item: str) -> str:
        """True if an array contains an item."""

    @abstractmethod
    def unnested(self, relation: str, number: str, name: str) -> str:
        """A FROM clause that repeats each row of a relation ``number`` times, counted from 1 in a column."""

    @abstractmethod
    def collected(self, row: str, by: str) -> str:
        """The aggregate of the rows of a group as an array, ordered by a number; each is a `row` whose first member is
        that number.
        """

    @abstractmethod
    def gathered(self, row: str, window: str) -> str:
        """The rows of a window as an array, in its order."""

    @abstractmethod
    def json(self, column: str) -> str:
        """A row column as JSON."""

    @abstractmethod
    def member_of_json(self, column: str, *path: str) -> str:
        """A string in such JSON, or NULL; names as in CloudTrail."""

    @abstractmethod
    def json_text(self, column: str) -> str:
        """Such JSON as a string."""

    @abstractmethod
    def parsed(self, text: str) -> str:
        """The node of a JSON text; NULL if it is invalid."""

    @abstractmethod
    def is_object(self, node: str) -> str:
        """True if a node is an object."""

    @abstractmethod
    def is_list(self, node: str) -> str:
        """True if a node is a list."""

    @abstractmethod
    def is_text(self, node: str) -> str:
        """True if a node is a string."""

    @abstractmethod
    def is_null(self, node: str) -> str:
        """True if the node is missing or null."""

    @abstractmethod
    def members(self, node: str) -> str:
        """The map of an object's members; compare keys with `key` and `name_of`."""

    @abstractmethod
    def elements(self, node: str) -> str:
        """The array of a list's elements."""

    @abstractmethod
    def key(self, name: str) -> str:
        """The key of a name in `members`."""

    @abstractmethod
    def name_of(self, key: str) -> str:
        """The name of a key in `members`."""

    @abstractmethod
    def text_of(self, node: str) -> str:
        """The string of a string node."""

    @abstractmethod
    def number_of(self, node: str) -> str:
        """The text of a number node; undefined for others."""

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
