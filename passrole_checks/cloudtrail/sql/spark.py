"""Spark's SQL, from 3.5 on.

Spark opens JSON with ``from_json``, which returns strings without their quotes, so that a string looks like the number
or object that it spells (Spark documentation, "JSON functions"). Here each string in the JSON, a name or a value, gets
an ``s`` before its first letter when it is read: a node that starts with ``s`` is a string then, and no other JSON
value starts like this. The type VARIANT could distinguish them as well, but only Spark 4 has it.
"""

from __future__ import annotations

from passrole_checks.cloudtrail.sql.dialect import Dialect

# A JSON string with its quotes; possessive, so that it never backtracks.
_TEXT = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'


class Spark(Dialect):
    """Spark SQL. A backslash in a literal is doubled, as it is read by default (``escapedStringLiterals`` off)."""

    name = "Spark"
    text, truth, number, node = "STRING", "BOOLEAN", "BIGINT", "STRING"
    empty = "array()"

    def literal(self, text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def quoted(self, name: str) -> str:
        return ".".join("`" + part.replace("`", "``") + "`" for part in name.split("."))

    def array(self, *items: str) -> str:
        return f"array({', '.join(items)})"

    def at(self, array: str, place: str) -> str:
        return f"try_element_at({array}, {place})"

    def row(self, **members: tuple[str, str]) -> str:
        listed = ", ".join(f"'{name}', {value}" for name, (value, _) in members.items())
        return f"named_struct({listed})"

    def array_type(self, kind: str) -> str:
        return f"ARRAY<{kind}>"

    def mapping(self, key: str, value: str) -> str:
        return f"map({key}, {value})"

    def folded(self, array: str, start: str, state: str, item: str, body: str) -> str:
        return f"aggregate({array}, {start}, ({state}, {item}) -> {body})"

    def contains(self, array: str, item: str) -> str:
        return f"array_contains({array}, {item})"

    def unnested(self, relation: str, number: str, name: str) -> str:
        return f"{relation} LATERAL VIEW explode(sequence(1, {number})) u AS {name}"

    def collected(self, row: str, by: str) -> str:
        return f"array_sort(collect_list({row}))"

    def gathered(self, row: str, window: str) -> str:
        return f"collect_list({row}) OVER ({window})"

    def json(self, column: str) -> str:
        return f"to_json({column})"

    def member_of_json(self, column: str, *path: str) -> str:
        # A metastore writes names of columns in lower case, other sources as given.
        spelled = dict.fromkeys((".".join(path), ".".join(path).lower()))
        found = [f"get_json_object({column}, '$.{one}')" for one in spelled]
        return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"

    def json_text(self, column: str) -> str:
        return column

    def parsed(self, text: str) -> str:
        return f"regexp_replace(trim({text}), {self.literal(_TEXT)}, '\"s$1\"')"

    def is_object(self, node: str) -> str:
        return f"{node} LIKE '{{%'"

    def is_list(self, node: str) -> str:
        return f"{node} LIKE '[%'"

    def is_text(self, node: str) -> str:
        return f"{node} LIKE 's%'"

    def is_null(self, node: str) -> str:
        return f"coalesce({node}, 'null') = 'null'"

    def members(self, node: str) -> str:
        return f"from_json({node}, 'map<string,string>')"

    def elements(self, node: str) -> str:
        return f"from_json({node}, 'array<string>')"

    def key(self, name: str) -> str:
        return f"'s' || {name}"

    def name_of(self, key: str) -> str:
        return f"substr({key}, 2)"

    def text_of(self, node: str) -> str:
        return f"substr({node}, 2)"

    def number_of(self, node: str) -> str:
        return node
