"""The view for Athena is one that Athena's parser could read, stays below its limit, and tells what ``trail`` tells.

It cannot be run here. Whether it is Athena's SQL is asked of sqlglot, which knows that dialect; what it says is seen in
DuckDB, into whose words sqlglot puts it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from athena_in_duckdb import translated
from sqlglot import exp
from trails.every import Every
from trails.held import Held
from trails.rows import as_rows, rows_of
from trails.writing import Maker

from passrole_checks.aws.cloudtrail_events import trail_events
from passrole_checks.cloudtrail.log_files import Bounds
from passrole_checks.cloudtrail.sql import COLUMNS, view_statement

duckdb = pytest.importorskip("duckdb")

# Athena User Guide, "Service Quotas": the length of a query, in bytes.
LONGEST_QUERY = 262_144
_TEXTS = ("eventID", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "errorCode",
          "errorMessage", "recipientAccountId")  # fmt: skip
# What the page "Query AWS CloudTrail logs" has there; a source identity was added, as the comment says.
_IDENTITY = (
    "STRUCT(type VARCHAR, principalid VARCHAR, arn VARCHAR, accountid VARCHAR, invokedby VARCHAR, accesskeyid VARCHAR,"
    " username VARCHAR, onbehalfof STRUCT(userid VARCHAR, identitystorearn VARCHAR), sessioncontext STRUCT("
    "attributes STRUCT(mfaauthenticated VARCHAR, creationdate VARCHAR), sessionissuer STRUCT(type VARCHAR,"
    " principalid VARCHAR, arn VARCHAR, accountid VARCHAR, username VARCHAR){more}))"
)
_SOURCE = ", sourceidentity VARCHAR"


def lowered(node: Any) -> Any:
    """A value of JSON with its names in small letters, as in Athena's table."""
    return {name.lower(): lowered(value) for name, value in node.items()} if isinstance(node, dict) else node


def table_of(folder: Path, events: Iterable[dict[str, Any]], more: str = _SOURCE) -> Any:
    """DuckDB with the events in a table with Athena's columns, and the same events as a log in a folder."""
    listed = list(events)
    (folder / "log.json").write_text(json.dumps({"Records": listed}))
    with (folder.parent / f"{folder.name}.table").open("w") as file:
        for event in listed:
            row = {name.lower(): event.get(name) for name in _TEXTS}
            row["useridentity"] = lowered(event.get("userIdentity"))
            for name in ("requestParameters", "responseElements"):
                row[name.lower()] = None if event.get(name) is None else json.dumps(event[name])
            file.write(json.dumps(row) + "\n")
    columns = {name.lower(): "VARCHAR" for name in (*_TEXTS, "requestParameters", "responseElements")}
    columns["useridentity"] = _IDENTITY.format(more=more)
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute(
        "CREATE TABLE cloudtrail_logs AS SELECT * FROM read_json($file, format = 'newline_delimited', columns = {"
        + ", ".join(f"{name}: '{kind}'" for name, kind in columns.items()) + "})",
        {"file": file.name},
    )  # fmt: skip
    return connection


@cache
def statement_for(bounds: Bounds) -> str:
    """The view, for DuckDB."""
    return translated(view_statement("athena", "cloudtrail_logs", "passed_roles", bounds))


def told(connection: Any, bounds: Bounds | None = None) -> list[str]:
    """The rows of the view."""
    connection.execute(statement_for(bounds or Bounds()))
    cursor = connection.execute("SELECT * FROM passed_roles")
    names = [column[0] for column in cursor.description]
    return as_rows(dict(zip(names, row, strict=True)) for row in cursor.fetchall())


def test_it_is_one_statement_of_athena() -> None:
    """With all columns, and with nothing that the parser does not know."""
    text = view_statement("athena", "logs.cloudtrail", "passed", Bounds())
    statements = [one for one in sqlglot.parse(text, read="athena", error_level=sqlglot.ErrorLevel.RAISE) if one]
    (statement,) = statements
    assert isinstance(statement, exp.Create)
    assert (statement.kind, statement.args["replace"]) == ("VIEW", True)
    assert statement.expression.named_selects == list(COLUMNS)


def test_it_is_far_below_the_limit_of_athena() -> None:
    """There is room for a quarter more of knowledge, and for the form in which Athena keeps it, at least."""
    assert len(view_statement("athena", "logs.cloudtrail", "passed", Bounds()).encode()) < 0.7 * LONGEST_QUERY


def test_the_table_is_read_once() -> None:
    """Athena reads a table anew for each mention of it, or of a step that comes from it; what it reads has to be
    paid."""
    statement = sqlglot.parse_one(view_statement("athena", "logs.cloudtrail", "passed_roles", Bounds()), read="athena")
    mentioned = Counter(table.name for table in statement.find_all(exp.Table))
    assert mentioned["cloudtrail"] == 1
    assert set(mentioned.values()) == {1}


@pytest.mark.parametrize(("seed", "odd"), [(1, 0.0), (2, 0.2), (3, 0.5)])
def test_view_reports_each_event_like_trail(seed: int, odd: float, tmp_path: Path) -> None:
    """All that knowledge has, with values in all forms, and with some that should not be there."""
    connection = table_of(tmp_path, Every(seed, odd).events())
    found = told(connection)
    assert found == rows_of(tmp_path)
    names = {json.loads(row)["event_name"] for row in found}
    assert len(names) > 0.8 * len({event.name for event in trail_events().values()})


@pytest.mark.parametrize("seed", range(4))
def test_profiles_and_templates_are_resolved_as_trail_resolves_them(seed: int, tmp_path: Path) -> None:
    """By what events before say of them, in each account and Region."""
    connection = table_of(tmp_path, Held(seed).events(500))
    found = told(connection)
    assert found == rows_of(tmp_path)
    assert sum(json.loads(row)["launch_template"] is not None for row in found) > 20


def test_view_reports_synthetic_logs_like_trail(tmp_path: Path) -> None:
    """Those whose truth is known, with noise, errors, and no parameters."""
    connection = table_of(tmp_path, Maker(1).log(repeat=2, noise=100).events)
    assert told(connection) == rows_of(tmp_path)


def test_bounds_narrow_the_view(tmp_path: Path) -> None:
    """As those of ``trail`` narrow what it reads, and with it what is known of profiles."""
    connection = table_of(tmp_path, Held(7).events(400))
    bounds = Bounds("2026-05-01T00:01:00Z", "2026-05-01T00:05:00Z", frozenset({"111122223333"}))
    found = told(connection, bounds)
    assert found == rows_of(tmp_path, bounds)
    assert 0 < len(found) < len(told(connection))


def test_the_table_of_the_user_guide_has_no_source_identities(tmp_path: Path) -> None:
    """The one difference that follows from its columns: all else is the same."""
    connection = table_of(tmp_path, Maker(2).log().events, more="")
    expected = [json.loads(row) for row in rows_of(tmp_path)]
    assert any(row["source_identity"] for row in expected)
    assert told(connection) == as_rows({**row, "source_identity": None} for row in expected)


def test_invalid_json_yields_nothing(tmp_path: Path) -> None:
    """The row is there, of an event whose error names the role; and no query ends in an error."""
    broken = {"eventSource": "lambda.amazonaws.com", "eventName": "CreateFunction20150331", "eventID": "1"}
    denied = "not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/r because"
    connection = table_of(tmp_path, [broken, {**broken, "eventID": "2", "errorMessage": denied}])
    connection.execute("UPDATE cloudtrail_logs SET requestparameters = '{role=arn:aws:iam::111122223333:role/r'")
    (row,) = (json.loads(one) for one in told(connection))
    assert (row["event_id"], row["role"], row["services"]) == (
        "2", "arn:aws:iam::111122223333:role/r", ["lambda.amazonaws.com"],
    )  # fmt: skip


def test_events_without_an_id_count_once_each(tmp_path: Path) -> None:
    """Two that are the same in all columns are one; others are not."""
    event = {
        "eventSource": "lambda.amazonaws.com", "eventName": "CreateFunction20150331",
        "eventTime": "2026-01-01T00:00:00Z", "requestParameters": {"role": "arn:aws:iam::111122223333:role/r"},
    }  # fmt: skip
    connection = table_of(tmp_path, [event, event, {**event, "awsRegion": "eu-central-1"}])
    assert len(told(connection)) == len(rows_of(tmp_path)) == 2
