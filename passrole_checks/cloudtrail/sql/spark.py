"""Spark's SQL, from 3.5 on.

Spark opens JSON with ``from_json``, which returns strings without their quotes, so that a string looks like the number
or object that it spells (Spark documentation, "JSON functions"). Here each string in the JSON, a name or a value, gets
an ``s`` before its first letter when it is read: a node that starts with ``s`` is a string then, and no other JSON
value starts like this. The type VARIANT could distinguish them as well, but only Spark 4 has it.
"""

from __future__ import annotations

from passrole_checks.cloudtrail.sql.dialect import Dialect, JsonNodes

# A JSON string with its quotes; possessive, so that it never backtracks.
_TEXT = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'


def _literal(text: str) -> str:
    """A backslash is doubled, as it is read by default (``escapedStringLiterals`` off)."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _row(**members: tuple[str, str]) -> str:
    listed = ", ".join(f"'{name}', {value}" for name, (value, _) in members.items())
    return f"named_struct({listed})"


def _member_of_json(column: str, *path: str) -> str:
    # A metastore writes names of columns in lower case, other sources as given.
    spelled = dict.fromkeys((".".join(path), ".".join(path).lower()))
    found = [f"get_json_object({column}, '$.{one}')" for one in spelled]
    return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"


SPARK = Dialect(
    name="Spark",
    text="STRING",
    empty="array()",
    literal=_literal,
    quote="`",
    array=lambda *items: f"array({', '.join(items)})",
    at="try_element_at({}, {})".format,
    row=_row,
    array_type="ARRAY<{}>".format,
    mapping="map({}, {})".format,
    folded="aggregate({}, {}, ({}, {}) -> {})".format,
    contains="array_contains({}, {})".format,
    unnested="{} LATERAL VIEW explode(sequence(1, {})) u AS {}".format,
    collected="array_sort(collect_list({}))".format,
    gathered="collect_list({}) OVER ({})".format,
    json="to_json({})".format,
    member_of_json=_member_of_json,
    json_text=str,
    nodes=JsonNodes(
        type="STRING",
        parsed=lambda text: f"regexp_replace(trim({text}), {_literal(_TEXT)}, '\"s$1\"')",
        is_object="{} LIKE '{{%'".format,
        is_list="{} LIKE '[%'".format,
        is_text="{} LIKE 's%'".format,
        is_null="coalesce({}, 'null') = 'null'".format,
        members="from_json({}, 'map<string,string>')".format,
        elements="from_json({}, 'array<string>')".format,
        key="'s' || {}".format,
        name_of="substr({}, 2)".format,
        text_of="substr({}, 2)".format,
        number_of=str,
    ),
)
"""Spark SQL."""
