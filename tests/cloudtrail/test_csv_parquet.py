"""Exports of CloudTrail Lake and Athena give what the logs that they come from give."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from trails.writing import Log, Maker

pytest.importorskip("duckdb")

import duckdb

from passrole_checks.cloudtrail import LogSummary, Pass, UnreadableLog, UsageQuery, read_passes
from passrole_checks.cloudtrail.struct_text import parse_structure

ATHENA = (
    "eventversion", "useridentity", "eventtime", "eventsource", "eventname", "awsregion", "sourceipaddress",
    "errorcode", "errormessage", "requestparameters", "responseelements", "eventid", "recipientaccountid",
)  # fmt: skip


@pytest.fixture(scope="module")
def log() -> Log:
    """Each call twice, among others."""
    return Maker(21).log(repeat=2, noise=100)


def read(path: Path) -> tuple[list[Pass], LogSummary]:
    """The passes in a file."""
    reading = LogSummary()
    with read_passes([path], UsageQuery(), reading, threads=1) as passes:
        return list(passes), reading


def printed(value: Any) -> str:
    """A value as Presto prints it within rows and maps."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key.lower()}={printed(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(printed, value)) + "]"
    return "null" if value is None else str(value)


def assert_same(found: list[Pass], log: Log) -> None:
    """The same passes, with the same facts."""
    told = Counter(
        (one.event_id, one.passed, one.outcome.value, one.who.principal, one.who.source_identity, one.time, one.account)
        for one in found
    )
    assert told == Counter(
        (one.event_id, one.passed, one.outcome, one.principal, one.source_identity, one.time, one.account)
        for one in log.truth
    )


def _athena(log: Log) -> str:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(ATHENA)
    by_name = [{name.lower(): value for name, value in event.items()} for event in log.events]
    for event in by_name:
        row = []
        for name in ATHENA:
            value = event.get(name)
            if name == "useridentity":
                row.append(printed(value))
            else:
                row.append(json.dumps(value) if isinstance(value, dict) else "" if value is None else str(value))
        writer.writerow(row)
    return out.getvalue()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_csv_of_athena(log: Log, tmp_path: Path, packed: bool) -> None:
    """The identity is a row as Presto prints it, parameters are the text of the event."""
    text = _athena(log).encode()
    file = tmp_path / ("result.csv.gz" if packed else "result.csv")
    file.write_bytes(gzip.compress(text) if packed else text)
    found, reading = read(file)
    assert_same(found, log)
    assert (reading.events, reading.problems) == (len(log.events), [])


def test_a_csv_with_columns_of_a_query(log: Log, tmp_path: Path) -> None:
    """Parts of the identity stand in columns of their own; times have a blank, as Lake writes them."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["eventID", "eventTime", "eventSource", "eventName", "awsRegion", "recipientAccountId", "userIdentity.arn",
         "userIdentity.invokedBy", "userIdentity.sessionContext.sessionIssuer.arn",
         "userIdentity.sessionContext.sourceIdentity", "requestParameters", "responseElements", "errorCode",
         "errorMessage"]
    )  # fmt: skip
    for event in log.events:
        identity = event["userIdentity"]
        context = identity.get("sessionContext", {})
        time = event["eventTime"].replace("T", " ").replace("Z", ".000")
        writer.writerow(
            [event["eventID"], time, event["eventSource"], event["eventName"], event["awsRegion"],
             event["recipientAccountId"], identity.get("arn"), identity.get("invokedBy"),
             context.get("sessionIssuer", {}).get("arn"), context.get("sourceIdentity"),
             json.dumps(event["requestParameters"]), json.dumps(event["responseElements"]), event.get("errorCode"),
             event.get("errorMessage")]
        )  # fmt: skip
    (tmp_path / "lake [1].csv").write_text("eventName,eventSource\n")
    file = tmp_path / "*[1].csv"  # no pattern
    file.write_text(out.getvalue())
    found, reading = read(file)
    assert_same(found, log)
    assert reading.problems == []


def test_a_parquet_file(log: Log, tmp_path: Path) -> None:
    """Structures are JSON or structures of Parquet, times are times."""
    lines = tmp_path / "events.jsonl"
    identities = [{**event, "userIdentity": {"arn": None, **event["userIdentity"]}} for event in log.events]
    lines.write_text("\n".join(json.dumps(event) for event in identities))
    file = tmp_path / "export.parquet"
    duckdb.execute(
        f"""COPY (SELECT eventID, CAST(eventTime AS TIMESTAMP) AS eventTime, eventSource, eventName, awsRegion,
        sourceIPAddress, errorCode, errorMessage, recipientAccountId, userIdentity, requestParameters, responseElements
        FROM read_json('{lines}', columns = {{eventID: 'VARCHAR', eventTime: 'VARCHAR', eventSource: 'VARCHAR',
        eventName: 'VARCHAR', awsRegion: 'VARCHAR', sourceIPAddress: 'VARCHAR', errorCode: 'VARCHAR',
        errorMessage: 'VARCHAR', recipientAccountId: 'VARCHAR', requestParameters: 'JSON', responseElements: 'VARCHAR',
        userIdentity: 'STRUCT(type VARCHAR, arn VARCHAR, accountId VARCHAR, invokedBy VARCHAR,
        sessionContext STRUCT(sourceIdentity VARCHAR, sessionIssuer STRUCT(arn VARCHAR)))'}}))
        TO '{file}' (FORMAT parquet)"""
    )
    lines.unlink()
    found, reading = read(file)
    assert_same(found, log)
    assert (reading.events, reading.problems) == (len(log.events), [])


def test_an_export_without_events_is_named(tmp_path: Path) -> None:
    """A table of something else."""
    file = tmp_path / "other.parquet"
    duckdb.execute(f"COPY (SELECT 1 AS a) TO '{file}' (FORMAT parquet)")
    found, reading = read(file)
    assert found == []
    assert reading.problems == [UnreadableLog(str(file), "an export without eventName and eventSource")]
    file.write_bytes(file.read_bytes()[:40])
    assert len(read(file)[1].problems) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("{a=b, c={d=e, f=null}, g=[h, {i=j}]}", {"a": "b", "c": {"d": "e", "f": None}, "g": ["h", {"i": "j"}]}),
        ("{arn=arn:aws:iam::111122223333:role/a=b, x=}", {"arn": "arn:aws:iam::111122223333:role/a=b", "x": ""}),
        ("{}", {}),
        ("{a=[], b={}}", {"a": [], "b": {}}),
        ("null", None),
        ("", None),
        (None, None),
        ("text", None),
        ("{a", {}),
        ("{a=[b", {"a": ["b"]}),
        ("[1]", [1]),
    ],
)
def test_structures_of_exports(text: str | None, value: object) -> None:
    """JSON, what Presto prints, and what is neither."""
    assert parse_structure(text) == value


@pytest.mark.parametrize("text", ["{" * 500, "{a=" * 500, "{a=[" * 300, "{a=b]", "{=]}", "[}", "{a=[}]}", "{,}=}"])
def test_parsing_of_broken_structures_ends(text: str) -> None:
    """Parsing ends without an exception for any text."""
    parse_structure(text)


@pytest.mark.parametrize(
    ("rows", "of_each", "reason"),
    [
        (1_000_001, "'x'", "1,000,001 rows in {size:,} bytes: more than one per byte"),
        (2_000, "'{number}' || repeat('x', 50_000)", "decompresses to more than 200 times its size"),
        (1_000, "'x'", ""),
    ],
)
def test_parquet_that_expands_far_is_not_read(tmp_path: Path, rows: int, of_each: str, reason: str) -> None:
    """A small file can have any number of equal rows, and long texts that compress well: it is named instead."""
    file = tmp_path / "export.parquet"
    duckdb.execute(
        f"""COPY (SELECT 'ListFunctions' AS eventName, 'lambda.amazonaws.com' AS eventSource,
        {of_each.replace("{number}'", "' || range")} AS requestParameters FROM range({rows}))
        TO '{file}' (FORMAT parquet, COMPRESSION zstd)"""
    )
    _, reading = read(file)
    reasons = [reason.format(size=file.stat().st_size)] if reason else []
    assert [problem.reason for problem in reading.problems] == reasons
    assert reading.events == (0 if reason else rows)
