"""``trail`` tells the evidence in four formats, says what could not be read, and ends with a status that follows from
it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from trails.calls import CALLS
from trails.writing import Log, Maker, write

from passrole_checks.cli import main
from passrole_checks.distribution import pip_install

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = "sample_templates/evidence/logs"
ACCOUNT = "111122223333"


@pytest.fixture(autouse=True)
def _with_duckdb() -> None:
    pytest.importorskip("duckdb")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """The status, standard output and standard error of ``trail``."""
    status = main(["trail", *map(str, arguments)])
    told = capsys.readouterr()
    return status, told.out, told.err


def document(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """Return the JSON output of a run without unreadable files."""
    status, out, err = run(capsys, *arguments, "--format", "json")
    assert (status, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_examples_of_the_aws_page_are_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS's page: a role passed by CreateFunction, an instance profile, Enhanced Monitoring, a linked role that is
    named."""
    monkeypatch.chdir(ROOT)
    found = document(capsys, SAMPLE)
    told = {(one["principal"], one["role"], *one["services"]): one for one in found["passes"]}
    arn = f"arn:aws:iam::{ACCOUNT}:role/"
    linked = f"{arn}aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_orders"
    assert {key: (one["passed"], one["denied"]) for key, one in told.items()} == {
        (f"{arn}dba", f"{arn}RDS-Monitoring-Role", "monitoring.rds.amazonaws.com"): (1, 0),
        (f"{arn}deploy", "EC2-roles-for-XYZ-1", "ec2.amazonaws.com"): (2, 0),
        (f"{arn}deploy", linked, "autoscaling.amazonaws.com"): (1, 0),
        (f"{arn}deploy", f"{arn}lambda-app", "lambda.amazonaws.com"): (2, 0),
        (f"{arn}deploy", f"{arn}admin", "lambda.amazonaws.com"): (0, 1),
    }
    assert found["window"] == {
        "since": None, "until": None, "first": "2026-03-02T09:12:44Z", "last": "2026-03-09T16:03:17Z",
    }  # fmt: skip
    assert found["unreadable"] == []
    assert found["summary"] | {"files": 2, "events": 8, "passed": 6, "denied": 1, "failed": 0} == found["summary"]


def test_json_has_each_pass_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """With --events, and with all that the log tells."""
    assert "events" not in document(capsys, ROOT / SAMPLE)
    found = document(capsys, ROOT / SAMPLE, "--events", "--role", "lambda-app")
    assert [one["event_name"] for one in found["events"]] == ["CreateFunction", "UpdateFunctionConfiguration"]
    first = found["events"][0]
    assert first["file"].endswith("_EXAMPLE.json")
    assert (
        first
        | {
            "event_id": "10000000-0000-0000-0000-000000000001",
            "time": "2026-03-02T09:12:44Z",
            "identity": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/alice",
            "session_issuer": f"arn:aws:iam::{ACCOUNT}:role/deploy",
            "source_identity": "alice@example.com",
            "resource": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:orders",
            "source_ip": "203.0.113.7",
            "action": "lambda:CreateFunction",
            "outcome": "passed",
        }
        == first
    )


@pytest.mark.parametrize(
    ("options", "passed"),
    [
        (("--since", "2026-03-09"), 3),
        (("--until", "2026-03-08"), 3),
        (("--until", "2026-03-09"), 6),
        (("--since", "2026-03-09T14:01:00Z", "--until", "2026-03-09T14:01:01Z"), 1),
        (("--since", "2026-03-09T15:01:00+01:00", "--until", "2026-03-09T16:00:00+01:00"), 1),
        (("--principal", "dba"), 1),
        (("--principal", "alice@example.com"), 6),
        (("--role", "*Monitoring*"), 1),
        (("--role", f"arn:aws:iam::{ACCOUNT}:role/lambda-app", "--role", "EC2-roles-for-XYZ-1"), 4),
        (("--account", ACCOUNT), 6),
        (("--account", "444455556666"), 0),
    ],
)
def test_options_filter_the_report(options: tuple[str, ...], passed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Each of the table; a day counts as a whole."""
    found = document(capsys, ROOT / SAMPLE, *options, "--allow-empty")
    assert sum(one["passed"] for one in found["passes"]) == passed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--since", "yesterday"), "neither a day"),
        (("--since", "2026-03-02", "--until", "2026-03-01"), "--since must be before --until"),
        (("--account", "1"), "12-digit"),
    ],
)
def test_options_that_cannot_be_used(options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They are named in one line, and nothing is read."""
    status, out, err = run(capsys, ROOT / SAMPLE, *options)
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_unreadable_logs_are_reported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """On standard error, in a line that starts with the file; the status is 2."""
    log = Log()
    Maker(1).add(log, CALLS[0])
    write(tmp_path, log.events)
    (tmp_path / "broken.json").write_text('{"Records": [{"eventName": ')
    for output_format in ("text", "json", "markdown", "html"):
        status, out, err = run(capsys, tmp_path, "--format", output_format)
        assert status == 2
        assert log.truth[0].passed in out
        assert re.fullmatch(r"\S+broken\.json: malformed JSON: 0 events read before the break\n", err)
    assert json.loads(run(capsys, tmp_path, "--format", "json")[1])["unreadable"][0]["line"] is None


def test_a_folder_without_logs_is_a_mistake(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Unless it is said that it is none."""
    status, out, err = run(capsys, tmp_path)
    assert (status, out) == (2, "no roles were passed: 0 events in 0 files\n")
    assert err.endswith("no CloudTrail logs found (--allow-empty accepts that)\n")
    assert run(capsys, tmp_path, "--allow-empty")[0] == 0


def test_without_logs_no_grant_is_called_unused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A mistyped folder of logs says nothing about a configuration."""
    against = ("--against", str(ROOT / "sample_templates" / "evidence" / "terraform"))
    assert run(capsys, tmp_path, *against)[:2] == (2, "no roles were passed: 0 events in 0 files\n")
    assert "Never used" in run(capsys, tmp_path, *against, "--allow-empty")[1]


def test_logs_of_another_time_are_no_missing_logs(capsys: pytest.CaptureFixture[str]) -> None:
    """Files whose names tell another time are not opened, and that is said."""
    status, _, err = run(capsys, ROOT / SAMPLE, "--since", "2030-01-01")
    assert status == 2
    assert err.endswith(": no events in this time window (--allow-empty accepts that)\n")


def test_output_does_not_depend_on_file_order(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The output does not depend on the order in which paths are named and files are read."""
    log = Maker(2).log(repeat=3, noise=50)
    write(tmp_path / "a", log.events[::2], each=5)
    write(tmp_path / "b", log.events[1::2], each=80)
    told = {
        run(capsys, *paths, "--format", output_format)[1]
        for paths in ((tmp_path / "a", tmp_path / "b"), (tmp_path / "b", tmp_path / "a"))
        for output_format in ("json",)
    }
    assert len(told) == 1


HOSTILE = (
    "x\x1b[31m\u202e<script>alert(1)</script>|`@everyone` #1 ::error::x ##[error]y\n\n# heading"
    " [a](https://evil.example) <!-- passrole --> &amp; \"'"
)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A log whose names are chosen to become something else."""
    event = Maker(1).add(Log(), CALLS[0])
    event["userIdentity"] = {"type": "IAMUser", "arn": HOSTILE, "sessionContext": {"sourceIdentity": HOSTILE}}
    event["requestParameters"] |= {"functionName": HOSTILE}
    event |= {"responseElements": {"functionArn": HOSTILE}, "sourceIPAddress": HOSTILE, "awsRegion": HOSTILE}
    failed = {**event, "eventID": HOSTILE, "errorCode": HOSTILE, "eventName": "CreateFunction20150331"}
    (tmp_path / "log.json").write_text(json.dumps({"Records": [event, failed]}))
    return tmp_path


def test_text_cannot_steer_a_terminal(hostile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No name brings a control character or a line of its own with it, and none becomes a command of a workflow."""
    _, out, _ = run(capsys, hostile)
    assert "\\x1b[31m" in out
    assert all(character.isprintable() for character in out.replace("\n", ""))
    assert "::error::" not in out and "##[error]" not in out
    assert not re.search("^# heading", out, re.MULTILINE)


def test_json_is_ascii_and_keeps_names(hostile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escaped, but whole."""
    found = document(capsys, hostile, "--events")
    assert {one["principal"] for one in found["passes"]} == {HOSTILE}
    assert run(capsys, hostile, "--format", "json")[1].isascii()


def test_markdown_takes_no_name_for_a_mark(hostile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names are code, within tables and diagrams too."""
    _, out, _ = run(capsys, hostile, "--format", "markdown")
    tokens = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(out)
    kinds = {child.type for token in tokens for child in (token.children or [])} | {token.type for token in tokens}
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "em_open", "strong_open"}
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h2"]
    assert "<!--" not in out


def test_html_takes_no_name_for_a_mark(hostile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names are escaped, nothing is loaded, and there is no script."""
    _, out, _ = run(capsys, hostile, "--format", "html")
    assert out.isascii()
    assert "<script" not in out and "&lt;script&gt;" in out
    assert "default-src 'none'" in out
    assert not re.search(r"\b(?:src|href)=", out)


def test_files_are_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Several formats at once, each in its file."""
    text, page = tmp_path / "a.txt", tmp_path / "a.html"
    status, out, _ = run(
        capsys, ROOT / SAMPLE, "--format", "text", "--format", "html", "--output", text, "--output", page
    )  # fmt: skip
    assert (status, out) == (0, "")
    assert "lambda-app" in text.read_text()
    assert "lambda-app" in page.read_text()


def test_quiet_omits_notes_and_summary(capsys: pytest.CaptureFixture[str]) -> None:
    """The passes remain."""
    _, out, _ = run(capsys, ROOT / SAMPLE, "--quiet")
    assert "lambda-app" in out
    assert "events in" not in out


def test_without_duckdb_it_says_what_to_install(tmp_path: Path) -> None:
    """In one line, with status 2; all other commands work."""
    code = (
        "import sys; sys.modules['duckdb'] = None; from passrole_checks.cli import main;"
        f"sys.exit(main(['trail', {str(tmp_path)!r}]) * 10 + main(['explain', '001']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 20
    assert done.stderr == f"trail: needs DuckDB: {pip_install('duckdb')}\n"
