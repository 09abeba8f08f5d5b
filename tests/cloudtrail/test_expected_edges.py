"""Synthetic logs yield exactly the passes that they contain, each with its facts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from trails.calls import CALLS
from trails.writing import Log, Maker, Truth, write

pytest.importorskip("duckdb")

from passrole_checks.cloudtrail import (
    Bounds,
    LogSummary,
    Pass,
    RequestOutcome,
    UsageQuery,
    aggregate_passes,
    read_passes,
)


def found_in(folder: Path, wanted: UsageQuery | None = None, reading: LogSummary | None = None) -> list[Pass]:
    """The passes in the logs below a folder."""
    with read_passes([folder], wanted or UsageQuery(), reading or LogSummary(), threads=1) as passes:
        return list(passes)


def _key(one: Pass | Truth) -> tuple[str, str, str]:
    return one.event_id, one.passed, one.outcome.value if isinstance(one, Pass) else one.outcome


def assert_true(found: Sequence[Pass], log: Log) -> None:
    """Every pass of the truth is there, once, and nothing else."""
    truth = {_key(one): one for one in log.truth}
    told = {_key(one): one for one in found}
    assert Counter(map(_key, found)) == Counter(map(_key, log.truth))
    for key, one in truth.items():
        got = told[key]
        assert one.service in got.services
        assert (one.time, one.account, one.region) == (got.time, got.account, got.region)
        assert (one.principal, one.source_identity) == (got.who.principal, got.who.source_identity)
        assert one.resource in ("*", got.resource), got


@pytest.mark.parametrize("seed", range(3))
def test_passes_match_the_synthetic_calls(seed: int, tmp_path: Path) -> None:
    """All calls, among others, with errors and without parameters, in compressed and plain files."""
    log = Maker(seed).log(repeat=3, noise=400)
    write(tmp_path, log.events)
    reading = LogSummary()
    assert_true(found_in(tmp_path, reading=reading), log)
    assert reading.events == len(log.events)
    assert (reading.problems, reading.duplicates, reading.not_logs) == ([], 0, [])
    assert reading.first == min(event["eventTime"] for event in log.events)
    assert reading.last == max(event["eventTime"] for event in log.events)


def test_each_call_is_reported_as_expected(tmp_path: Path) -> None:
    """Each call of the table by itself, answered without an error."""
    maker, log = Maker(1), Log()
    for call in CALLS:
        maker.add(log, call)
    write(tmp_path, log.events)
    assert_true(found_in(tmp_path), log)


def test_passes_are_sorted_by_time(tmp_path: Path) -> None:
    """Passes are sorted by time, regardless of the order of files and of events in them."""
    log = Maker(4).log(repeat=2)
    write(tmp_path, log.events, each=7)
    times = [one.time for one in found_in(tmp_path)]
    assert times == sorted(times)


def test_an_organisation_trail_is_read_alike(tmp_path: Path) -> None:
    """Its files stand one folder deeper."""
    log = Maker(5).log()
    write(tmp_path, log.events, organisation="o-a1b2c3d4e5")
    assert_true(found_in(tmp_path), log)


def test_events_delivered_twice_count_once(tmp_path: Path) -> None:
    """An account trail and an organization trail deliver the same events, with the same IDs."""
    log = Maker(6).log(noise=50)
    write(tmp_path / "one", log.events)
    write(tmp_path / "two", log.events, organisation="o-a1b2c3d4e5", each=9)
    reading = LogSummary()
    assert_true(found_in(tmp_path, reading=reading), log)
    assert reading.duplicates > len(CALLS) / 2


def test_the_same_file_is_read_once(tmp_path: Path) -> None:
    """However often it is named, and by whatever links."""
    log = Maker(7).log(CALLS[:5])
    write(tmp_path, log.events)
    (tmp_path / "link.json").symlink_to(next(tmp_path.rglob("*.json*")))
    reading = LogSummary()
    with read_passes([tmp_path, tmp_path], UsageQuery(), reading) as passes:
        assert_true(list(passes), log)
    assert reading.events == len(log.events)


def test_time_window_excludes_earlier_and_later_events(tmp_path: Path) -> None:
    """``since`` is within, ``until`` is not; files of earlier days are not even opened."""
    log = Maker(8).log(repeat=3)
    files = write(tmp_path, log.events)
    since, until = "2026-03-05T00:00:00Z", "2026-03-11T12:00:00Z"
    for file in files:
        if "/2026/03/04/" in file.as_posix():
            file.write_bytes(b"not opened")
    reading = LogSummary()
    found = found_in(tmp_path, UsageQuery(Bounds(since, until)), reading)
    assert_true(found, Log(log.events, [one for one in log.truth if since <= one.time < until]))
    assert reading.problems == []
    assert since <= reading.first <= reading.last < until


def test_accounts_are_filtered(tmp_path: Path) -> None:
    """Only the events of the accounts that are asked for count."""
    log = Maker(9).log(repeat=2)
    write(tmp_path, log.events)
    found = found_in(tmp_path, UsageQuery(Bounds(accounts=frozenset({"444455556666"}))))
    assert_true(found, Log(log.events, [one for one in log.truth if one.account == "444455556666"]))


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("deploy", lambda one: one.principal.endswith(":role/deploy")),
        ("arn:aws:iam::*:user/dev/*", lambda one: ":user/" in one.principal),
        ("alice@example.com", lambda one: one.source_identity == "alice@example.com"),
        ("autoscaling.amazonaws.com", lambda one: one.principal == "autoscaling.amazonaws.com"),
        ("nobody", lambda one: False),
    ],
)  # fmt: skip
def test_principals_are_filtered(pattern: str, fits: object, tmp_path: Path) -> None:
    """By the name, by a pattern of the ARN, by the source identity."""
    assert callable(fits)
    log = Maker(10).log(repeat=2)
    write(tmp_path, log.events)
    assert_true(found_in(tmp_path, UsageQuery(principals=(pattern,))), Log(log.events, list(filter(fits, log.truth))))


def test_roles_are_filtered(tmp_path: Path) -> None:
    """By ARN, name or pattern."""
    log = Maker(11).log(repeat=2)
    write(tmp_path, log.events)
    one = next(truth for truth in log.truth if truth.passed.startswith("arn:"))
    wanted = [truth for truth in log.truth if truth.passed == one.passed]
    assert_true(found_in(tmp_path, UsageQuery(roles=(one.passed,))), Log(log.events, wanted))
    everything = found_in(tmp_path, UsageQuery(roles=("*",)))
    assert_true(everything, log)


def test_edges_count_what_they_hold(tmp_path: Path) -> None:
    """Put together, no pass is lost; times are those of what passed."""
    log = Maker(12).log(CALLS[:8], repeat=40)
    write(tmp_path, log.events)
    passes = found_in(tmp_path)
    edges = aggregate_passes(passes)
    assert sum(sum(edge.counts.values()) for edge in edges) == len(passes)
    for edge in edges:
        own = [
            one for one in passes
            if (one.who.principal, one.passed, one.services) == (edge.principal, edge.passed, edge.services)
        ]  # fmt: skip
        passed = [one.time for one in own if one.outcome is RequestOutcome.PASSED] or [one.time for one in own]
        assert (edge.first, edge.last) == (min(passed), max(passed))
        assert sum(edge.events.values()) == len(own)


def test_other_json_formats_are_read(tmp_path: Path) -> None:
    """Input may be one event per line, a list, the output of ``lookup-events``, or events from EventBridge."""
    log = Maker(13).log(noise=20)
    parts = [log.events[number::5] for number in range(5)]
    (tmp_path / "lines.jsonl").write_text("\n".join(json.dumps(event) for event in parts[0]))
    (tmp_path / "list.json").write_text("\ufeff" + json.dumps(parts[1], indent=2))
    looked_up = {
        "Events": [{"EventId": "e", "CloudTrailEvent": json.dumps(event)} for event in parts[2]],
        "NextToken": "t",
    }
    (tmp_path / "looked-up.json").write_text(json.dumps(looked_up, indent=4))
    bridged = [{"detail-type": "AWS API Call via CloudTrail", "detail": event} for event in parts[3]]
    (tmp_path / "bridged.json").write_text(json.dumps(bridged))
    (tmp_path / "pretty.json").write_text(json.dumps({"Records": parts[4]}, indent=1))
    reading = LogSummary()
    assert_true(found_in(tmp_path, reading=reading), log)
    assert reading.events == len(log.events)
    assert reading.problems == []
