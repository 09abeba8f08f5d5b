"""Athena's SQL: that of Trino, since engine version 3 (Athena UG, "Athena engine version 3").

JSON is a type there. A cast to ``MAP(VARCHAR, JSON)`` or ``ARRAY(JSON)`` opens it one level, and a cast of a row to
JSON writes its fields with their names (Trino documentation, "JSON functions and operators"). ``TRY`` returns NULL if
parsing or a cast fails ("Conditional expressions").
"""

from __future__ import annotations

from passrole_checks.cloudtrail.sql.dialect import Dialect


class Athena(Dialect):
    """Athena, engine version 3."""

    name = "Athena"
    text, truth, number, node = "VARCHAR", "BOOLEAN", "BIGINT", "JSON"
    empty = "ARRAY[]"

    def literal(self, text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    def quoted(self, name: str) -> str:
        return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))

    def array(self, *items: str) -> str:
        return f"ARRAY[{', '.join(items)}]"

    def at(self, array: str, place: str) -> str:
        return f"element_at({array}, {place})"

    def row(self, **members: tuple[str, str]) -> str:
        values = ", ".join(value for value, _ in members.values())
        types = ", ".join(f"{name} {kind}" for name, (_, kind) in members.items())
        return f"CAST(ROW({values}) AS ROW({types}))"

    def array_type(self, kind: str) -> str:
        return f"ARRAY({kind})"

    def mapping(self, key: str, value: str) -> str:
        return f"MAP(ARRAY[CAST({key} AS VARCHAR)], ARRAY[CAST({value} AS VARCHAR)])"

    def folded(self, array: str, start: str, state: str, item: str, body: str) -> str:
        return f"reduce({array}, {start}, ({state}, {item}) -> {body}, {state} -> {state})"

    def contains(self, array: str, item: str) -> str:
        return f"contains({array}, {item})"

    def unnested(self, relation: str, number: str, name: str) -> str:
        return f"{relation} CROSS JOIN UNNEST(sequence(1, {number})) AS u ({name})"

    def collected(self, row: str, by: str) -> str:
        return f"array_agg({row} ORDER BY {by})"

    def gathered(self, row: str, window: str) -> str:
        return f"array_agg({row}) OVER ({window})"

    def json(self, column: str) -> str:
        return f"CAST({column} AS JSON)"

    def member_of_json(self, column: str, *path: str) -> str:
        # Athena writes names of columns and fields in lower case.
        return f"json_extract_scalar({column}, '$.{'.'.join(path).lower()}')"

    def json_text(self, column: str) -> str:
        return f"json_format({column})"

    def parsed(self, text: str) -> str:
        return f"TRY(json_parse({text}))"

    def is_object(self, node: str) -> str:
        return f"json_format({node}) LIKE '{{%'"

    def is_list(self, node: str) -> str:
        return f"json_format({node}) LIKE '[%'"

    def is_text(self, node: str) -> str:
        return f"json_format({node}) LIKE '\"%'"

    def is_null(self, node: str) -> str:
        return f"coalesce(json_format({node}), 'null') = 'null'"

    def members(self, node: str) -> str:
        return f"TRY(CAST({node} AS MAP(VARCHAR, JSON)))"

    def elements(self, node: str) -> str:
        return f"CAST({node} AS ARRAY(JSON))"

    def key(self, name: str) -> str:
        return name

    def name_of(self, key: str) -> str:
        return key

    def text_of(self, node: str) -> str:
        return f"json_extract_scalar({node}, '$')"

    def number_of(self, node: str) -> str:
        return f"json_format({node})"
