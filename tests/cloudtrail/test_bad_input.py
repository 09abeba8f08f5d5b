"""Problems in logs are named and counted, and everything readable is still reported."""

from __future__ import annotations

import gzip
import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from trails.calls import CALLS
from trails.writing import Log, Maker, write

pytest.importorskip("duckdb")

from passrole_checks.cloudtrail import (
    Bounds,
    LogSummary,
    Pass,
    RequestOutcome,
    UnreadableLog,
    UsageQuery,
    read_passes,
    store,
)
from passrole_checks.cloudtrail.json_stream import GzipStream
from passrole_checks.cloudtrail.log_files import log_files
from passrole_checks.errors import ConfigurationError
from passrole_checks.files.safe_read import RefusedError

CREATE_FUNCTION = CALLS[0]


def read(*paths: Path) -> tuple[list[Pass], LogSummary]:
    """The passes in some paths, and what was read."""
    reading = LogSummary()
    with read_passes(paths, UsageQuery(), reading, threads=1) as passes:
        return list(passes), reading


@pytest.fixture
def log() -> Log:
    """Two hundred calls of one kind, all answered."""
    maker, log = Maker(3), Log()
    for _ in range(200):
        maker.add(log, CREATE_FUNCTION)
    return log


def _text(events: list[dict[str, Any]]) -> bytes:
    return json.dumps({"Records": events}).encode()


def test_a_truncated_file_is_read_as_far_as_it_goes(log: Log, tmp_path: Path) -> None:
    """A download that broke off gives the events before the break, beside whole files, and is named."""
    packed = gzip.compress(_text(log.events[:100]))
    (tmp_path / "cut.json.gz").write_bytes(packed[: len(packed) * 3 // 4])
    (tmp_path / "whole.json.gz").write_bytes(gzip.compress(_text(log.events[100:])))
    found, reading = read(tmp_path)
    assert 130 < len(found) < 200
    assert reading.events == len(found)
    told = reading.problems[0]
    assert reading.problems == [told]
    assert told.file.endswith("cut.json.gz")
    assert told.reason == f"truncated gzip: {len(found) - 100} events read before the break"


def test_plain_text_that_breaks_off_is_named(log: Log, tmp_path: Path) -> None:
    """So it is where the file is not packed, and where it ends between two events."""
    text = _text(log.events)
    (tmp_path / "within.json").write_bytes(text[: len(text) // 2])
    (tmp_path / "between.json").write_bytes(_text(log.events[:3]).removesuffix(b"]}"))
    found, reading = read(tmp_path)
    assert 90 < len(found) < 110
    reasons = [problem.reason.partition(":")[0] for problem in reading.problems]
    assert sorted(reasons) == ["malformed JSON", "unterminated list"]


def test_a_damaged_archive_is_named(log: Log, tmp_path: Path) -> None:
    """Bytes in the middle of a packed file that are not what was packed."""
    packed = bytearray(gzip.compress(_text(log.events)))
    packed[len(packed) // 2 : len(packed) // 2 + 40] = b"\xff" * 40
    (tmp_path / "damaged.json.gz").write_bytes(bytes(packed))
    found, reading = read(tmp_path)
    assert len(found) < 200
    assert len(reading.problems) == 1
    assert reading.problems[0].reason.startswith("damaged gzip")


_LINE = b"CreateFunction20150331,lambda.amazonaws.com\n"


@pytest.mark.parametrize("name", ["log.json.gz", "log.csv.gz"])
@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("MOST_COMPRESSION", 20, "decompresses to more than 20 times its size"),
        ("LARGEST_LOG", 100_000, "larger than 0.0001 GB when decompressed"),
    ],
)
def test_decompression_stops_at_a_limit(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: str, value: int, reason: str
) -> None:
    """A file that decompresses to far more than it has is read up to the limit and reported, also in pieces."""
    text = _text(log.events)[:-2] + b" " * 3_000_000 + b"]}"
    if name == "log.csv.gz":
        text = b"eventName,eventSource\n" + _LINE * 100_000
    packed = b"".join(gzip.compress(text[start : start + 100_000]) for start in range(0, len(text), 100_000))
    (tmp_path / name).write_bytes(packed)
    (tmp_path / "whole.json.gz").write_bytes(gzip.compress(_text(log.events[:3])))
    monkeypatch.setattr(import_module("passrole_checks.cloudtrail.log_files"), "_LARGEST_ESTIMATED", 0)
    assert read(tmp_path)[1].problems == []
    monkeypatch.setattr("passrole_checks.cloudtrail.json_stream._ALWAYS_ALLOWED", 100)
    monkeypatch.setattr(f"passrole_checks.cloudtrail.json_stream.{limit}", value)
    reading = read(tmp_path)[1]
    if name == "log.json.gz":
        reason = f"{reason}: {reading.events - 3} events read before the break"
    assert reading.problems == [UnreadableLog(str(tmp_path / name), reason)]
    with (tmp_path / name).open("rb") as raw, pytest.raises(RefusedError):
        stream = GzipStream(raw)
        while stream.read(1000):
            pass
    assert stream.size < len(text) / 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.json", b'{"name": "value"}'),
        ("picture.gz", b"\x89PNG\r\n\x1a\n"),
        ("text.log", b"nothing of the kind"),
        ("table.csv", b"one,two\n1,2\n"),
        ("list.json", b"[1, 2, 3]"),
    ],
)
def test_file_that_is_no_log_is_named(name: str, content: bytes, log: Log, tmp_path: Path) -> None:
    """Below a folder it is noted and passed over; where it is what was named, it could not be used."""
    (tmp_path / name).write_bytes(content)
    (tmp_path / "log.json").write_bytes(_text(log.events))
    found, reading = read(tmp_path)
    assert len(found) == 200
    assert (reading.problems, reading.not_logs) == ([], [str(tmp_path / name)])
    found, reading = read(tmp_path / name)
    assert (found, reading.problems) == ([], [UnreadableLog(str(tmp_path / name), "not a CloudTrail log")])


def test_digests_and_insights_are_skipped(log: Log, tmp_path: Path) -> None:
    """Digests and Insights have folders of their own in a trail's bucket."""
    write(tmp_path, log.events[:10])
    account = tmp_path / "AWSLogs" / "111122223333"
    for name in ("CloudTrail-Digest", "CloudTrail-Insight"):
        (account / name / "us-east-1").mkdir(parents=True)
        (account / name / "us-east-1" / "x.json.gz").write_bytes(b"not opened")
    (tmp_path / "digest.json").write_text('{"awsAccountId": "1", "digestS3Bucket": "b"}')
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "empty.json").write_text("")
    found, reading = read(tmp_path)
    assert len(found) == 10
    assert reading.others == {"CloudTrail-Digest": 2, "CloudTrail-Insight": 1, "other names": 1, "empty": 1}
    assert (reading.problems, reading.not_logs) == ([], [])


def test_path_that_is_not_a_file_is_reported(log: Log, tmp_path: Path) -> None:
    """A missing path and a pipe are reported; a pipe inside a folder is not opened."""
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "log.json").write_bytes(_text(log.events[:1]))
    assert len(read(tmp_path)[0]) == 1
    _, reading = read(tmp_path / "pipe.json", tmp_path / "missing.json")
    assert [problem.reason for problem in reading.problems] == ["not a file", "No such file or directory"]


def test_odd_records_do_not_hide_the_others(log: Log, tmp_path: Path) -> None:
    """Records that are no objects, members of other types, lone surrogates, bytes that are no UTF-8."""
    odd: list[Any] = [
        7,
        None,
        "text",
        [],
        {},
        {"eventName": 5},
        {"eventName": "RunInstances", "eventSource": ["ec2.amazonaws.com"], "errorMessage": {}},
        {"eventName": "CreateFunction20150331", "eventSource": "lambda.amazonaws.com"},
        {
            "eventName": "RunInstances",
            "eventSource": "ec2.amazonaws.com",
            "requestParameters": "text",
            "userIdentity": 3,
        },
        {
            "eventName": "RunInstances",
            "eventSource": "ec2.amazonaws.com",
            "requestParameters": {"iamInstanceProfile": 1},
        },
        {"eventName": "PutTargets", "eventSource": "events.amazonaws.com", "requestParameters": {"targets": "none"}},
        {"eventName": "CreateJob", "eventSource": "glue.amazonaws.com", "requestParameters": {"role": "\ud800"}},
    ]
    text = json.dumps({"Records": [*odd, *log.events]}).encode()
    (tmp_path / "odd.json").write_bytes(text.replace(b"session", b"sess\xff\xfeion"))
    found, reading = read(tmp_path)
    assert len(found) == 200
    assert (reading.problems, reading.no_parameters, reading.no_role) == ([], 1, 4)


@pytest.mark.parametrize("largest", [None, 1000])
@pytest.mark.parametrize("time", ["-0.0-03-09", "0000-00-00T00:00:00Z", "9999-99-99T00:00:00Z", "0.00-03-09T00:00:00Z"])
def test_malformed_times_are_no_part_of_the_window(
    time: str, largest: int | None, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where DuckDB reads a file nor event by event; ``fix --evidence`` then knows no days at worst."""
    if largest is not None:
        monkeypatch.setattr(store, "LARGEST_OBJECT", largest)
    (tmp_path / "log.json").write_bytes(_text([{**log.events[0], "eventTime": time}]))
    _, reading = read(tmp_path)
    assert (reading.events, reading.first, reading.last, reading.problems) == (1, "", "", [])


def test_deep_nesting_is_named(tmp_path: Path) -> None:
    """An event that no decoder would take is damage, not the end of the program."""
    (tmp_path / "deep.json").write_text('{"Records":[{"eventName":"x","requestParameters":' + "[" * 100_000)
    found, reading = read(tmp_path)
    assert found == []
    assert len(reading.problems) == 1


def test_role_of_denied_event_is_read_from_error_message(tmp_path: Path) -> None:
    """Without request parameters the role is unknown, unless the error message names it."""
    maker, log = Maker(2), Log()
    events = [maker.add(log, CREATE_FUNCTION, "denied") for _ in range(3)]
    for event in events[:2]:
        event["requestParameters"] = None
    role = "arn:aws:iam::111122223333:role/admin"
    events[0]["errorMessage"] = (
        f"User: arn:aws:iam::111122223333:user/bob is not authorized to perform: iam:PassRole on resource: {role}"
        " because no identity-based policy allows the iam:PassRole action"
    )
    events[0]["recipientAccountId"] = "111122223333"
    (tmp_path / "log.json").write_bytes(_text(events))
    found, reading = read(tmp_path)
    assert {one.outcome for one in found} == {RequestOutcome.DENIED}
    by_id = {one.event_id: one for one in found}
    assert by_id.keys() == {events[0]["eventID"], events[2]["eventID"]}
    assert by_id[events[0]["eventID"]].role == role
    assert reading.denied_without_role == 1


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        (
            "User: u is not authorized to perform: iam:PassRole on resource: {role} because no policy",
            RequestOutcome.DENIED,
        ),
        ("User: u is not authorized to perform: rds:AddRoleToDBInstance on resource: {role}", RequestOutcome.FAILED),
        ("User: u is not authorized to perform: lambda:CreateFunction", RequestOutcome.FAILED),
        ("User: u is not authorized to perform:iam:CreateRole with an explicit deny", RequestOutcome.FAILED),
        (
            "You are not authorized to perform this operation. Encoded authorization failure message: x",
            RequestOutcome.DENIED,
        ),
        ("", RequestOutcome.DENIED),
    ],
)
def test_denied_event_is_a_denied_pass_unless_it_names_another_action(
    message: str, outcome: RequestOutcome, tmp_path: Path
) -> None:
    """IAM User Guide, "Access denied error messages": the message names the action that was not allowed."""
    maker, log = Maker(2), Log()
    event = maker.add(log, CREATE_FUNCTION, "denied")
    event["errorMessage"] = message.format(role=event["requestParameters"]["role"])
    (tmp_path / "log.json").write_bytes(_text([event]))
    ((one,), _) = read(tmp_path)
    assert one.outcome is outcome


def test_denial_in_an_unknown_event_counts(tmp_path: Path) -> None:
    """An error that names iam:PassRole counts for every event."""
    maker, log = Maker(2), Log()
    event = maker.add(log, CREATE_FUNCTION, "denied")
    event |= {"eventName": "MakeSomethingNew", "eventSource": "new.amazonaws.com", "recipientAccountId": "111122223333"}
    event["errorMessage"] = (
        "User: u is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/a"
        " with an explicit deny"
    )
    (tmp_path / "log.json").write_bytes(_text([event]))
    ((one,), _) = read(tmp_path)
    assert (one.role, one.services, one.service) == ("arn:aws:iam::111122223333:role/a", (), "new.amazonaws.com")


def test_a_role_of_another_account_is_not_passed(tmp_path: Path) -> None:
    """AWS's page: a role can only be passed to a service in the same account."""
    maker, log = Maker(2), Log()
    event = maker.add(log, CREATE_FUNCTION)
    event["requestParameters"]["role"] = "arn:aws:iam::999999999999:role/a"
    (tmp_path / "log.json").write_bytes(_text([event]))
    found, reading = read(tmp_path)
    assert (found, reading.abroad) == ([], 1)


def test_large_files_are_read_event_by_event(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond what DuckDB may hold at once gives the same, packed or not."""
    monkeypatch.setattr(store, "LARGEST_OBJECT", 1000)
    (tmp_path / "one.json").write_bytes(_text(log.events[:100]))
    (tmp_path / "two.json.gz").write_bytes(gzip.compress(_text(log.events[100:])))
    found, reading = read(tmp_path)
    assert {one.event_id for one in found} == {one.event_id for one in log.truth}
    assert (reading.problems, reading.events) == ([], 200)


def test_a_name_does_not_say_whether_a_file_is_packed(log: Log, tmp_path: Path) -> None:
    """Some programs unpack what they download, and leave its name."""
    (tmp_path / "plain.json.gz").write_bytes(_text(log.events[:100]))
    (tmp_path / "packed.json").write_bytes(gzip.compress(_text(log.events[100:])))
    found, reading = read(tmp_path)
    assert len(found) == 200
    assert reading.problems == []


def test_names_of_files_mean_nothing(log: Log, tmp_path: Path) -> None:
    """Patterns and quotes in the name of a file are part of the name."""
    folder = tmp_path / "it's a [b]*?{x}"
    folder.mkdir()
    (folder / "lo'g$1;.json").write_bytes(_text(log.events[:100]))
    (folder / "*.json").write_bytes(_text(log.events[100:]))
    (tmp_path / "*.json").write_bytes(_text(log.events[:50]))
    (tmp_path / "a.json").write_bytes(_text(log.events[50:100]))
    found, reading = read(folder)
    assert (len(found), reading.events) == (200, 200)
    assert (reading.problems, reading.duplicates) == ([], 0)
    found, reading = read(tmp_path)
    assert (len(found), reading.events, reading.duplicates) == (200, 300, 100)


def test_full_disk_is_an_error(log: Log, tmp_path: Path) -> None:
    """If the database cannot continue, the error names its folder."""
    (tmp_path / "log.json").write_bytes(_text(log.events))
    with store.EventStore(Bounds(), LogSummary()) as opened:
        opened.add(log_files([tmp_path], Bounds(), LogSummary()))
        opened._connection.execute("DROP TABLE events")
        with pytest.raises(ConfigurationError, match="passrole-trail-"):
            list(opened.rows())


def test_a_link_that_leads_out_of_the_folder_is_named(log: Log, tmp_path: Path) -> None:
    """A log behind a symbolic link counts where it lies in the same folder or repository, else it is a problem; one
    that is named itself is read wherever it leads."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "real.txt").write_bytes(_text(log.events[:50]))
    (tmp_path / "outside.json").write_bytes(_text(log.events[50:]))
    (folder / "inside.json").symlink_to("real.txt")
    (folder / "outside.json").symlink_to("../outside.json")
    _, reading = read(folder)
    assert reading.events == 50
    assert [problem.file for problem in reading.problems] == [str(folder / "outside.json")]
    assert read(folder / "outside.json")[1].events == 150


def test_nothing_is_left_behind(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is removed, whatever happens."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    (tmp_path / "log.json").write_bytes(_text(log.events))
    read(tmp_path / "log.json")
    with pytest.raises(RuntimeError), read_passes([tmp_path / "log.json"], UsageQuery(), LogSummary()) as passes:
        next(passes)
        raise RuntimeError
    assert list(scratch.iterdir()) == []


def test_gzip_file_with_several_members_is_read_completely(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gzip files may be put one behind the other, and padded (RFC 1952), whichever way they are read."""
    text = _text(log.events)
    parts = [gzip.compress(text[at : at + 10_000]) for at in range(0, len(text), 10_000)]
    (tmp_path / "log.json.gz").write_bytes(b"".join(parts) + b"\0" * 512)
    for largest in (store.LARGEST_OBJECT, 1000):
        monkeypatch.setattr(store, "LARGEST_OBJECT", largest)
        found, reading = read(tmp_path)
        assert (len(found), reading.problems) == (200, [])


@pytest.mark.parametrize("padding", [0, 70_000, 3_000_000])
@pytest.mark.parametrize("largest", [store.LARGEST_OBJECT, 1000])
def test_all_objects_of_a_file_are_read(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, padding: int, largest: int
) -> None:
    """Files as CloudTrail delivers them may be put one behind the other, whichever way they are read."""
    monkeypatch.setattr(store, "LARGEST_OBJECT", largest)
    parts = [_text(log.events[:50]), b" " * padding, _text(log.events[50:120]), _text(log.events[120:])]
    (tmp_path / "log.json.gz").write_bytes(b"".join(map(gzip.compress, parts)))
    found, reading = read(tmp_path)
    assert (len(found), reading.events, reading.problems) == (200, 200, [])


@pytest.mark.parametrize(
    ("last", "ending"),
    [(b" " * 40_000 + b"]}", b""), (b"]}", b"\0" * 512), (b"]}", b"\0junk")],
    ids=["large member", "zeros", "junk"],
)
def test_size_of_a_small_file_counts_all_members(log: Log, tmp_path: Path, last: bytes, ending: bytes) -> None:
    """The last four bytes are the size of the last member only; a file that expands far is read in bounded memory."""
    file = tmp_path / "log.json.gz"
    file.write_bytes(gzip.compress(_text(log.events)[:-2] + b" " * (70 << 20)) + gzip.compress(last) + ending)
    sizes = [one.size for one in log_files([tmp_path], Bounds(), LogSummary())]
    assert len(sizes) == 1 and sizes[0] > store.LARGEST_OBJECT


def test_search_for_logs_stops_at_a_limit(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with too many entries is named, and the logs before the limit count."""
    for number in range(4):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "log.json").write_bytes(_text(log.events[number * 50 :][:50]))
    module = import_module("passrole_checks.cloudtrail.log_files")
    for most, events in ((8, 200), (6, 100), (3, 0)):
        monkeypatch.setattr(module, "_MOST_ENTRIES", most)
        reading = read(tmp_path)[1]
        assert reading.events == events
        reason = f"more than {most} files and folders; the rest is not read"
        assert reading.problems == ([] if events == 200 else [UnreadableLog(str(tmp_path), reason)])


def test_nothing_but_the_answer_is_written_and_nothing_fetched() -> None:
    """DuckDB neither draws its own progress into the output nor installs extensions."""
    with store.EventStore(Bounds(), LogSummary()) as opened:
        settings = ("enable_progress_bar", "autoinstall_known_extensions")
        assert [opened.setting(one) for one in settings] == ["False", "False"]


def test_wellformed_files_are_read_by_duckdb(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way for damaged files is not taken for others: it would give the same, slowly."""
    write(tmp_path, log.events)
    monkeypatch.setattr(store, "events_of", None)
    found, reading = read(tmp_path)
    assert (len(found), reading.problems) == (200, [])


@pytest.mark.parametrize("odd", ["\ud83d", "\udc00x", "a\0b", "\u2028"])
@pytest.mark.parametrize("name", ["one a line", "a list", "records"])
def test_text_that_is_not_unicode_does_not_stop_the_command(log: Log, tmp_path: Path, odd: str, name: str) -> None:
    """JSON may escape half of a surrogate pair, which DuckDB refuses; the other events count."""
    event = log.events[1]
    event["awsRegion"] = event["sourceIPAddress"] = event["requestParameters"]["odd"] = odd
    texts = {
        "one a line": "".join(f"{json.dumps(one)}\n" for one in log.events),
        "a list": json.dumps(log.events),
        "records": json.dumps({"Records": log.events}),
    }
    (tmp_path / "log.json").write_text(texts[name], "utf-8")
    found, reading = read(tmp_path)
    assert (len(found), reading.problems) == (200, [])
