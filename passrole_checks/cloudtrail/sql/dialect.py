"""What the two dialects of SQL say differently. Everything else of the view is one text for both.

A *node* is a value of JSON while paths are followed: in Athena one of the type JSON, in Spark a text (see `spark`).
Expressions are handed around as text; where one is used several times in another, it is a column or the variable of a
lambda, so that the statement stays short.
"""

from __future__ import annotations

from abc import ABC, abstractmethod


class Dialect(ABC):
    """A dialect of SQL. Methods take and give expressions; names of columns and variables are expressions as well."""

    #: How people call it.
    name: str
    #: The types of a text, of a truth, of a number and of a node.
    text: str
    truth: str
    number: str
    node: str
    #: An array without a type.
    empty: str

    @abstractmethod
    def literal(self, text: str) -> str:
        """A text as it is."""

    @abstractmethod
    def quoted(self, name: str) -> str:
        """The name of a table, with dots between its parts."""

    @abstractmethod
    def array(self, *items: str) -> str:
        """An array of one item or more."""

    @abstractmethod
    def at(self, array: str, place: str) -> str:
        """The item of an array at a place, counted from 1, or of a map by its key; NULL where there is none."""

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
        """What an array comes to, item by item, from a start."""

    @abstractmethod
    def contains(self, array: str, item: str) -> str:
        """Whether an item is in an array."""

    @abstractmethod
    def unnested(self, relation: str, number: str, name: str) -> str:
        """What follows FROM: each row of a relation as often as a number says, counted from 1 in a column."""

    @abstractmethod
    def collected(self, row: str, by: str) -> str:
        """The aggregate of all rows of a group as an array, in the order of a number; each is a `row` whose first
        member is that number."""

    @abstractmethod
    def gathered(self, row: str, window: str) -> str:
        """All rows of a window as an array, in its order."""

    @abstractmethod
    def json(self, column: str) -> str:
        """A column that is a row, as JSON."""

    @abstractmethod
    def member_of_json(self, column: str, *path: str) -> str:
        """A text in such JSON, or NULL; names of CloudTrail."""

    @abstractmethod
    def json_text(self, column: str) -> str:
        """Such JSON as a text."""

    @abstractmethod
    def parsed(self, text: str) -> str:
        """The node of a text of JSON; NULL where it is none."""

    @abstractmethod
    def is_object(self, node: str) -> str:
        """Whether a node is an object."""

    @abstractmethod
    def is_list(self, node: str) -> str:
        """Whether a node is a list."""

    @abstractmethod
    def is_text(self, node: str) -> str:
        """Whether a node is a text."""

    @abstractmethod
    def is_null(self, node: str) -> str:
        """Whether there is no node, or that of null."""

    @abstractmethod
    def members(self, node: str) -> str:
        """The map of an object's members; keys are compared by `key` and `name_of`."""

    @abstractmethod
    def elements(self, node: str) -> str:
        """The array of a list's elements."""

    @abstractmethod
    def key(self, name: str) -> str:
        """The key in `members` of a name."""

    @abstractmethod
    def name_of(self, key: str) -> str:
        """The name of a key in `members`."""

    @abstractmethod
    def text_of(self, node: str) -> str:
        """The text that a node is."""

    @abstractmethod
    def number_of(self, node: str) -> str:
        """A node that is a number, as a text; of others anything."""

    def none(self, kind: str) -> str:
        """An array without items."""
        return f"CAST({self.empty} AS {self.array_type(kind)})"

    def matches(self, text: str, pattern: str) -> str:
        """Whether a pattern occurs in a text."""
        return f"regexp_like({text}, {self.literal(pattern)})"

    def extracted(self, text: str, pattern: str) -> str:
        """The group of a pattern in a text; empty where it does not occur."""
        return f"coalesce(regexp_extract({text}, {self.literal(pattern)}, 1), '')"

    def last_part(self, text: str) -> str:
        """What is behind the last slash."""
        return f"regexp_replace({text}, '^.*/', '')"
