"""Athena's SQL: that of Trino, since engine version 3 (Athena UG, "Athena engine version 3").

JSON is a type there. A cast to ``MAP(VARCHAR, JSON)`` or ``ARRAY(JSON)`` opens it one level, and a cast of a row to
JSON writes its fields with their names (Trino documentation, "JSON functions and operators"). ``TRY`` returns NULL if
parsing or a cast fails ("Conditional expressions").
"""

from __future__ import annotations

from passrole_checks.cloudtrail.csv_parquet import sql_literal
from passrole_checks.cloudtrail.sql.dialect import Dialect, JsonNodes


def _row(**members: tuple[str, str]) -> str:
    values = ", ".join(value for value, _ in members.values())
    types = ", ".join(f"{name} {kind}" for name, (_, kind) in members.items())
    return f"CAST(ROW({values}) AS ROW({types}))"


def _member_of_json(column: str, *path: str) -> str:
    # Athena writes names of columns and fields in lower case.
    return f"json_extract_scalar({column}, '$.{'.'.join(path).lower()}')"


ATHENA = Dialect(
    name="Athena",
    text="VARCHAR",
    empty="ARRAY[]",
    literal=sql_literal,
    quote='"',
    array=lambda *items: f"ARRAY[{', '.join(items)}]",
    at="element_at({}, {})".format,
    row=_row,
    array_type="ARRAY({})".format,
    mapping="MAP(ARRAY[CAST({} AS VARCHAR)], ARRAY[CAST({} AS VARCHAR)])".format,
    folded="reduce({0}, {1}, ({2}, {3}) -> {4}, {2} -> {2})".format,
    contains="contains({}, {})".format,
    unnested="{} CROSS JOIN UNNEST(sequence(1, {})) AS u ({})".format,
    collected="array_agg({} ORDER BY {})".format,
    gathered="array_agg({}) OVER ({})".format,
    json="CAST({} AS JSON)".format,
    member_of_json=_member_of_json,
    json_text="json_format({})".format,
    nodes=JsonNodes(
        type="JSON",
        parsed="TRY(json_parse({}))".format,
        is_object="json_format({}) LIKE '{{%'".format,
        is_list="json_format({}) LIKE '[%'".format,
        is_text="json_format({}) LIKE '\"%'".format,
        is_null="coalesce(json_format({}), 'null') = 'null'".format,
        members="TRY(CAST({} AS MAP(VARCHAR, JSON)))".format,
        elements="CAST({} AS ARRAY(JSON))".format,
        key=str,
        name_of=str,
        text_of="json_extract_scalar({}, '$')".format,
        number_of="json_format({})".format,
    ),
)
"""Athena, engine version 3."""
