"""Reports as JSON, and what is read of it."""

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
from profiles import examples
from reports_of_tests import ANY_ROLE, EMPTY
from reviews_of_tests import ANY, APP, FROM_VARIABLE, OPEN, VARIABLE, Reviews, policy

from passrole_checks.errors import InputError
from passrole_checks.findings import Severity
from passrole_checks.review.report import Item, Location, ReportNote, ReviewReport
from passrole_checks.review.report_json import LARGEST, MEMBER, dump, fitted, read_bundle

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
    found: dict[str, Any] = json.loads(dump(report))
    return found


def refused(data: bytes) -> str:
    """The reason, which is one line."""
    with pytest.raises(InputError) as error:
        read_bundle(data, "bundle.json")
    said = str(error.value)
    assert said.startswith("bundle.json: no bundle of a review: ") and "\n" not in said and said.isascii()
    return said.removeprefix("bundle.json: no bundle of a review: ")


def zipped(text: str, name: str = MEMBER, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr(name, text)
    return stream.getvalue()


def test_what_is_written_is_what_is_read() -> None:
    """A report is the same after it was written and read, as JSON and in a zip file."""
    assert read_bundle(dump(REPORT).encode()) == REPORT
    assert read_bundle(zipped(dump(REPORT))) == REPORT
    assert (document()["verdict"], document()["counts"]["new"]) == ("cannot-tell", 1)


def test_real_reports(repository: Reviews) -> None:
    """A report with items, causes, replacements, and what is fixed, less and unreadable is read as it was written."""
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
    said = repository.between(before, after)
    report = said.report
    assert (len(report.items), len(report.fixed), len(report.less), len(report.unreadable)) == (2, 1, 1, 1)
    assert dump(report) == said.out


def test_notes_on_files_elsewhere(repository: Reviews, tmp_path: Path) -> None:
    """What is said of a file of values outside of the repository is of the comparison, and its bundle can be read."""
    values = tmp_path / "values.tfvars"
    values.write_text('rolse = "*"\n', "utf-8")
    before = {"main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % "x", "\\odd.tf": "# odd\n"}
    said = repository.between(before, {"variables.tf": VARIABLE % "*"}, "--var-file", str(values))
    report = said.report
    assert all(not note.file.startswith(("/", "..")) for note in (*report.notes, *report.not_evaluated))
    assert len(report.items) == 1
    broken = tmp_path / "broken.tfvars"
    broken.write_text("rolse = [", "utf-8")
    said = repository.review("HEAD^", "HEAD", "--var-file", str(broken))
    assert said.status == 2 and "broken.tfvars" in said.err


def test_what_can_be_worked_out_is() -> None:
    """A verdict or counts that a bundle claims are not taken from it."""
    told = {**document(), "verdict": "clean", "counts": {"new": 0}}
    assert dump(read_bundle(json.dumps(told).encode())) == dump(REPORT)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The document with another value at a path."""
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
        ("version", 2, "of version 2, only 1 is known"),
        ("version", True, "of version True, only 1 is known"),
        ("surplus", 1, "report: unknown key 'surplus'"),
        ("items", {}, "report.items: not a list of at most 10,000"),
        ("items.0.key", "a" * 31, "report.items[0].key: not of the right form"),
        ("items.0.key", "../../" + "a" * 26, "report.items[0].key: not of the right form"),
        ("items.0.group", "worst", "report.items[0].group: not one of new, worse"),
        ("items.0.severity", "fatal", "report.items[0].severity: not one of info, low, medium, high"),
        ("items.0.at", None, "report.items[0].at: not an object"),
        ("items.0.at.file", "/etc/passwd", "report.items[0].at.file: not a path below the top of a repository"),
        ("items.0.at.file", "a/../../b", "report.items[0].at.file: not a path below the top of a repository"),
        ("items.0.at.file", "a//b", "report.items[0].at.file: not a path below the top of a repository"),
        ("items.0.at.file", "C:\\x", "report.items[0].at.file: not a path below the top of a repository"),
        ("items.0.at.file", "a\0b", "report.items[0].at.file: not a path below the top of a repository"),
        ("items.0.at.line", 0, "report.items[0].at.line: not a whole number from 1 to 10,000,000"),
        ("items.0.at.line", 1.5, "report.items[0].at.line: not a whole number from 1 to 10,000,000"),
        ("items.0.at.line", True, "report.items[0].at.line: not a whole number from 1 to 10,000,000"),
        ("items.0.at.line", 10, "report.items[0].at: ends before it begins"),
        ("items.0.remarks.0.check_id", "PASSROLE_1", "report.items[0].remarks[0].check_id: not of the right form"),
        ("items.0.remarks.0.name", "](http://x)", "report.items[0].remarks[0].name: not of the right form"),
        ("items.0.cause_removed", 1, "report.items[0].cause_removed: not true or false"),
        ("items.0.uses", ["x"] * 501, "report.items[0].uses: not a list of at most 500"),
        ("items.0.sid", "x" * 2_001, "report.items[0].sid: longer than 2,000 characters"),
        ("unchanged", -1, "report.unchanged: not a whole number from 0 to 1,000,000,000"),
        ("head", "a\nb", "report.head: not of the right form"),
        ("items", [document()["items"][0]] * 2, "items: two have one key"),
    ],
)
def test_what_is_of_another_shape_is_refused(path: str, value: Any, reason: str) -> None:
    """Each field has its type, its form and its length; what is wrong is named, in one line."""
    assert refused(json.dumps(changed(path, value)).encode()) == reason


def test_a_key_that_is_missing() -> None:
    """A field without a default has to be there."""
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
        (b'{"version": 1, "version": 1}', "a key stands twice in one object"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"version": ' + b"9" * 10_000 + b"}", "not valid JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b" " * (LARGEST + 1), "larger than 20,000,000 bytes"),
        (b"PK\x03\x04", "a broken zip file"),
        (zipped("{}", "other.json"), f"the zip file holds something else than {MEMBER}"),
        (zipped("{}", f"../{MEMBER}"), f"the zip file holds something else than {MEMBER}"),
        (zipped(" " * 5_000_000), "the zip file holds too much"),
        (zipped(" " * (LARGEST + 1), method=zipfile.ZIP_STORED), "larger than 20,000,000 bytes"),
        (zipped("{}")[:-30], "a broken zip file"),
        (zipped("[]"), "not a JSON object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # and not the bytes, which hold the time
)
def test_what_is_no_bundle(data: bytes, reason: str) -> None:
    """What is no JSON, no such zip file, or too large is refused in one line."""
    assert refused(data) == reason


def test_a_zip_file_that_lies_about_its_size() -> None:
    """A member that is larger than its header says is refused."""
    data = bytearray(zipped(dump(REPORT)))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    refused(bytes(data))


def test_a_zip_file_that_is_encrypted() -> None:
    """An encrypted member is refused."""
    data = bytearray(zipped(dump(REPORT)))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    assert refused(bytes(data)) == "the zip file is encrypted"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), value=_VALUES)
def test_any_value_anywhere(seed: int, value: Any) -> None:
    """Whatever is put in the place of any value, the bundle is read or refused, and never anything else."""
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


@settings(max_examples=examples(100))
@given(seed=st.integers(0, 2**32), packed=st.booleans())
def test_broken_bytes(seed: int, packed: bool) -> None:
    """A bundle of which bytes are broken is read or refused, and never anything else."""
    chance = random.Random(seed)
    data = bytearray(zipped(dump(REPORT)) if packed else dump(REPORT).encode())
    for _ in range(chance.randrange(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    try:
        read_bundle(bytes(data))
    except InputError as error:
        assert "\n" not in str(error)


def test_what_is_too_long_is_cut_before_it_is_written() -> None:
    """Texts and lists that nobody writes are cut, so that our own bundles are read."""
    cut: Callable[..., Item] = replace
    long = cut(
        ITEM,
        uses=tuple(map(str, range(600))),
        sid="s" * 5_000,
        resource="r" * 3_000,
        remarks=(replace(ANY_ROLE, message="m" * 50_000),),
    )
    report = fitted(replace(REPORT, items=(long,)))
    assert read_bundle(dump(report).encode()) == report
    assert (len(report.items[0].uses), len(report.items[0].sid), len(report.items[0].remarks[0].message)) == (
        500, 2_000, 20_000,
    )  # fmt: skip
    assert fitted(REPORT) == REPORT
