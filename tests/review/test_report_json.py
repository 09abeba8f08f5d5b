"""Reports as JSON, and reading untrusted bundles."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from git_repositories import template
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reports_of_tests import ANY_ROLE, EMPTY
from reviews_of_tests import ANY, APP, FROM_VARIABLE, OPEN, VARIABLE, Reviews, policy

from passrole_checks.errors import InputError
from passrole_checks.findings import Severity
from passrole_checks.review.report import Item, Location, ReportNote, ReviewReport
from passrole_checks.review.report_json import MAX_JSON_BYTES, ZIP_MEMBER, read_bundle, to_json, truncate_to_limits

ITEM = Item(
    key="a" * 32,
    group="new",
    change="",
    severity=Severity.MEDIUM,
    confidence=ANY_ROLE.confidence,
    at=Location("main.tf", 5, 9),
    framework="terraform",
    resource="aws_iam_role_policy.pass",
    uses=("aws_iam_role_policy.pass",),
    sid="",
    remarks=(ANY_ROLE,),
)
REPORT = replace(EMPTY, items=(ITEM,), unreadable=(ReportNote("a.tf", 1, "because"),), fail_on=Severity.LOW)


def document(report: ReviewReport = REPORT) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_json(report))
    return found


def refused(data: bytes) -> str:
    """Return the error, which is one line."""
    with pytest.raises(InputError) as error:
        read_bundle(data, "bundle.json")
    result = str(error.value)
    assert result.startswith("bundle.json: not a valid review bundle: ") and "\n" not in result and result.isascii()
    return result.removeprefix("bundle.json: not a valid review bundle: ")


def zipped(text: str, name: str = ZIP_MEMBER, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr(name, text)
    return stream.getvalue()


def test_report_round_trips() -> None:
    """A written report reads back equal, as JSON and in a zip file."""
    assert read_bundle(to_json(REPORT).encode()) == REPORT
    assert read_bundle(zipped(to_json(REPORT))) == REPORT
    assert (document()["verdict"], document()["counts"]["new"]) == ("cannot-tell", 1)


def test_real_report_round_trips(repository: Reviews) -> None:
    """A report with items, causes, replacements, fixed, reduced and unreadable entries reads back equal."""
    roles = "arn:aws:iam::111122223333:role/app-*"
    before = {
        "a/main.tf": policy(FROM_VARIABLE, OPEN), "a/variables.tf": VARIABLE % roles, "b/main.tf": policy(OPEN),
        "c.yaml": template("arn:aws:iam::111122223333:role/other"),
    }  # fmt: skip
    after = {
        "a/main.tf": policy(FROM_VARIABLE, APP),
        "a/variables.tf": VARIABLE % "*",
        "d/main.tf": policy(ANY),
        "c.yaml": "Resources: [",
    }
    result = repository.between(before, after)
    report = result.report
    assert (len(report.items), len(report.fixed), len(report.less), len(report.unreadable)) == (2, 1, 1, 1)
    assert to_json(report) == result.out


def test_note_on_a_file_outside_has_no_path(repository: Reviews, tmp_path: Path) -> None:
    """A note on a value file outside the repository is about the comparison, so that its bundle is valid."""
    values = tmp_path / "values.tfvars"
    values.write_text('rolse = "*"\n', "utf-8")
    before = {"main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % "x", "\\odd.tf": "# odd\n"}
    result = repository.between(before, {"variables.tf": VARIABLE % "*"}, "--var-file", str(values))
    report = result.report
    assert all(not note.file.startswith(("/", "..")) for note in (*report.notes, *report.not_evaluated))
    assert len(report.items) == 1
    broken = tmp_path / "broken.tfvars"
    broken.write_text("rolse = [", "utf-8")
    result = repository.review("HEAD^", "HEAD", "--var-file", str(broken))
    assert result.status == 2 and "broken.tfvars" in result.err


def test_verdict_and_counts_are_recomputed() -> None:
    """The verdict and counts of a bundle are ignored."""
    result = {**document(), "verdict": "clean", "counts": {"new": 0}}
    assert to_json(read_bundle(json.dumps(result).encode())) == to_json(REPORT)


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the document with another value at a path."""
    found = document()
    at: Any = found
    *before, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in before:
        at = at[part]
    at[last] = value
    return found


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("version", 2, "unsupported version 2 (supported: 1)"),
        ("version", True, "unsupported version True (supported: 1)"),
        ("surplus", 1, "report: unknown key 'surplus'"),
        ("items", {}, "report.items: not a list of at most 10,000"),
        ("items.0.key", "a" * 31, "report.items[0].key: invalid format"),
        ("items.0.key", "../../" + "a" * 26, "report.items[0].key: invalid format"),
        ("items.0.group", "worst", "report.items[0].group: not one of new, worse"),
        ("items.0.severity", "fatal", "report.items[0].severity: not one of info, low, medium, high"),
        ("items.0.at", None, "report.items[0].at: not an object"),
        ("items.0.at.file", "/etc/passwd", "report.items[0].at.file: not a path below the repository root"),
        ("items.0.at.file", "a/../../b", "report.items[0].at.file: not a path below the repository root"),
        ("items.0.at.file", "a//b", "report.items[0].at.file: not a path below the repository root"),
        ("items.0.at.file", "C:\\x", "report.items[0].at.file: not a path below the repository root"),
        ("items.0.at.file", "a\0b", "report.items[0].at.file: not a path below the repository root"),
        ("items.0.at.line", 0, "report.items[0].at.line: not an integer from 1 to 10,000,000"),
        ("items.0.at.line", 1.5, "report.items[0].at.line: not an integer from 1 to 10,000,000"),
        ("items.0.at.line", True, "report.items[0].at.line: not an integer from 1 to 10,000,000"),
        ("items.0.at.line", 10, "report.items[0].at: ends before it begins"),
        ("items.0.remarks.0.check_id", "PASSROLE_1", "report.items[0].remarks[0].check_id: invalid format"),
        ("items.0.remarks.0.name", "](http://x)", "report.items[0].remarks[0].name: invalid format"),
        ("items.0.cause_removed", 1, "report.items[0].cause_removed: not true or false"),
        ("items.0.uses", ["x"] * 501, "report.items[0].uses: not a list of at most 500"),
        ("items.0.sid", "x" * 2_001, "report.items[0].sid: longer than 2,000 characters"),
        ("unchanged", -1, "report.unchanged: not an integer from 0 to 1,000,000,000"),
        ("head", "a\nb", "report.head: invalid format"),
        ("items", [document()["items"][0]] * 2, "items: duplicate key"),
    ],
)
def test_invalid_field_is_refused(path: str, value: Any, reason: str) -> None:
    """Each field has a type, format and length; the error names the invalid one in one line."""
    assert refused(json.dumps(changed(path, value)).encode()) == reason


def test_missing_key_is_refused() -> None:
    """A field without a default is required."""
    found = document()
    del found["items"][0]["at"]
    assert refused(json.dumps(found).encode()) == "report.items[0]: at is missing"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b'{"version": NaN}', "not valid JSON"),
        (b'{"version": 1, "version": 1}', "duplicate key in an object"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"version": ' + b"9" * 10_000 + b"}", "not valid JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b" " * (MAX_JSON_BYTES + 1), "larger than 20,000,000 bytes"),
        (b"PK\x03\x04", "the zip file is damaged"),
        (zipped("{}", "other.json"), f"the zip file does not contain exactly {ZIP_MEMBER}"),
        (zipped("{}", f"../{ZIP_MEMBER}"), f"the zip file does not contain exactly {ZIP_MEMBER}"),
        (zipped(" " * 5_000_000), "the zip file is too large"),
        (zipped(" " * (MAX_JSON_BYTES + 1), method=zipfile.ZIP_STORED), "larger than 20,000,000 bytes"),
        (zipped("{}")[:-30], "the zip file is damaged"),
        (zipped("[]"), "not a JSON object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # and not the bytes, which hold the time
)
def test_invalid_bundle_is_refused(data: bytes, reason: str) -> None:
    """Invalid JSON, an invalid zip file or too large a file is refused in one line."""
    assert refused(data) == reason


def test_zip_file_with_a_wrong_size_is_refused() -> None:
    """A member larger than its declared size is refused."""
    data = bytearray(zipped(to_json(REPORT)))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    refused(bytes(data))


def test_encrypted_zip_file_is_refused() -> None:
    """An encrypted member is refused."""
    data = bytearray(zipped(to_json(REPORT)))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    assert refused(bytes(data)) == "the zip file is encrypted"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), value=_VALUES)
def test_any_value_is_read_or_refused(seed: int, value: Any) -> None:
    """With any value in any place the bundle is read or refused."""
    found = document()
    chance = random.Random(seed)
    at: Any = found
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = chance.choice(keys)
        if not isinstance(at[key], (dict, list)) or not at[key] or chance.random() < 0.2:
            at[key] = value
            break
        at = at[key]
    try:
        assert isinstance(read_bundle(json.dumps(found).encode()), ReviewReport)
    except InputError as error:
        assert "\n" not in str(error)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), packed=st.booleans())
def test_damaged_bytes_are_read_or_refused(seed: int, packed: bool) -> None:
    """A bundle with damaged bytes is read or refused."""
    chance = random.Random(seed)
    data = bytearray(zipped(to_json(REPORT)) if packed else to_json(REPORT).encode())
    for _ in range(chance.randrange(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    try:
        read_bundle(bytes(data))
    except InputError as error:
        assert "\n" not in str(error)


def test_texts_are_truncated_before_writing() -> None:
    """Unrealistically long texts and lists are truncated, so that our own bundles are valid."""
    cut: Callable[..., Item] = replace
    long = cut(
        ITEM,
        uses=tuple(map(str, range(600))),
        sid="s" * 5_000,
        resource="r" * 3_000,
        remarks=(replace(ANY_ROLE, message="m" * 50_000),),
    )
    report = truncate_to_limits(replace(REPORT, items=(long,)))
    assert read_bundle(to_json(report).encode()) == report
    assert (len(report.items[0].uses), len(report.items[0].sid), len(report.items[0].remarks[0].message)) == (
        500, 2_000, 20_000,
    )  # fmt: skip
    assert truncate_to_limits(REPORT) == REPORT
