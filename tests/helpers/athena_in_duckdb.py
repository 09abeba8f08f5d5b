"""Athena's SQL for DuckDB, so that what it says can be seen without Athena: sqlglot translates, and what it has no
translation for is put into DuckDB's words here. That the statement is one of Athena's is another question, which
sqlglot's parser answers as far as it can."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

# Members of the items that `reduce` goes over that are no texts.
_TRUTHS = ("made",)


def translated(statement: str) -> str:
    """A statement for DuckDB that gives the same rows."""
    tree = sqlglot.parse_one(statement, read="athena")
    for size in list(tree.find_all(exp.ArraySize)):
        if isinstance(size.this, exp.Try | exp.Anonymous) or size.this.name == "state":
            size.replace(exp.Anonymous(this="cardinality", expressions=[size.this]))  # of a map
    for node in reversed(list(tree.find_all(exp.Reduce, exp.Anonymous))):  # the innermost first
        if isinstance(node, exp.Reduce):
            node.replace(_folded(node))
        elif node.name.lower() == "map_filter":
            node.replace(_filtered(node))
    return tree.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)


def _filtered(node: exp.Anonymous) -> exp.Expression:
    """``map_filter``, by the map's entries."""
    mapping, test = node.expressions
    key, value = (one.name for one in test.expressions)
    entries = exp.func("map_entries", mapping)
    fits = _put(test.this, {key: "entry_.key", value: "entry_.value"})
    kept = exp.func("list_filter", entries, exp.Lambda(this=fits, expressions=[exp.to_identifier("entry_")]))
    return exp.func("map_from_entries", kept)


def _folded(node: exp.Reduce) -> exp.Expression:
    """``reduce``: DuckDB's wants the state and the items to be of one type, so both become JSON."""
    state, item = (one.name for one in node.args["merge"].expressions)
    kind = "JSON[]" if isinstance(node.args["initial"], exp.Array) else "MAP(VARCHAR, VARCHAR)"
    body = _put(node.args["merge"].this, {state: f"CAST({state} AS {kind})", item: f"{item} ->> '$'"})
    as_json = exp.Lambda(this=exp.func("to_json", exp.column("item_")), expressions=[exp.to_identifier("item_")])
    folded = exp.Anonymous(
        this="list_reduce",
        expressions=[
            exp.func("list_transform", node.this, as_json),
            exp.Lambda(this=exp.func("to_json", body), expressions=node.args["merge"].expressions),
            exp.func("to_json", node.args["initial"]),
        ],
    )
    return exp.cast(folded, kind, dialect="duckdb")


def _put(body: exp.Expression, names: dict[str, str]) -> exp.Expression:
    """A lambda's body with other expressions for its variables; a member of one is one of its JSON."""

    def put(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Dot) and node.this.name in names:
            member = f"{node.this.name} ->> '$.{node.name}'"
            return _parsed(f"(({member}) = 'true')" if node.name in _TRUTHS else f"({member})")
        if isinstance(node, exp.Identifier) and node.name in names and not isinstance(node.parent, exp.Dot):
            return _parsed(f"({names[node.name]})")
        return node

    return body.copy().transform(put)


def _parsed(text: str) -> exp.Expression:
    return sqlglot.parse_one(text, read="duckdb")
