"""No command, in no format, sounds clean where something was not read or judged; and the exit status says so too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from reviews_of_tests import ANY, APP, Reviews, made, policy

from passrole_checks.cli import main
from passrole_checks.doctor.diagnosis import Cache, Diagnosis, Trouble
from passrole_checks.doctor.report import doctor_lines
from passrole_checks.iam import deadline
from passrole_checks.output.findings_text import to_plain_text
from passrole_checks.review.commit_status import _STATES
from passrole_checks.review.github.check_run import _CONCLUSIONS
from passrole_checks.review.markdown.headline import headline
from passrole_checks.review.markdown.inline import fixed_reply
from passrole_checks.sources import detect
from passrole_checks.sources.model.configuration import Configuration

CLEAN_WORDS = re.compile(
    r"no findings|no passrole grants|no problem|nothing new|no change|nothing to (?:suggest|fix)|nothing found"
    r"|no roles? (?:is|are|was) passed|all fixed|no new|success(?!ful\"?: false)",
    re.IGNORECASE,
)
GOOD = policy('{ Effect = "Allow", Action = "s3:*", Resource = "*" }')
MODULE = 'module "m" {\n  source = "terraform-aws-modules/iam/aws"\n  version = "1.0.0"\n}\n'
BROKEN = 'resource "aws_iam_role_policy" "p" {\n  role =\n'
State = Callable[[Path, pytest.MonkeyPatch], None]


def unreadable(code: Path, _: pytest.MonkeyPatch) -> None:
    (code / "b").mkdir()
    (code / "b" / "main.tf").write_text(BROKEN, "utf-8")


def nothing_read(code: Path, _: pytest.MonkeyPatch) -> None:
    (code / "main.tf").write_text(BROKEN, "utf-8")


def fault(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code / "b").mkdir()
    (code / "b" / "main.tf").write_text(GOOD, "utf-8")
    real = detect.load

    def load(unit: detect.Unit, **how: Any) -> Configuration:
        if unit.path.name == "b":
            raise KeyError("a fault")
        return real(unit, **how)

    monkeypatch.setattr(detect, "load", load)


def out_of_time(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline.Deadline, "is_over", True)


def nothing_here(code: Path, _: pytest.MonkeyPatch) -> None:
    (code / "main.tf").rename(code / "main.txt")


STATUS: dict[State, int] = {unreadable: 2, nothing_read: 2, fault: 3, out_of_time: 2, nothing_here: 2}


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("PASSROLE_CHECKS_DEBUG", raising=False)
    top = tmp_path / "code"
    top.mkdir()
    (top / "main.tf").write_text(GOOD, "utf-8")
    monkeypatch.chdir(top)
    yield top


def check(output_format: str, out: str, status: int) -> None:
    """Nothing of an output sounds clean, and what machines read says that it is not."""
    if output_format == "html":  # without the legend
        out = " ".join(re.findall(r'<p class="(?:summary|empty)">.*?</p>', out, re.DOTALL))
    if output_format != "junit":  # which says it of each file
        assert not CLEAN_WORDS.search(out), CLEAN_WORDS.search(out)
    if output_format == "sarif":
        (invocation,) = json.loads(out)["runs"][0]["invocations"]
        assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, status)
        assert "error" in {one["level"] for one in invocation["toolExecutionNotifications"]}
    elif output_format == "junit":
        assert int(ElementTree.fromstring(out).get("errors", "0")) > 0
    elif output_format == "gitlab":
        assert "blocker" in {one["severity"] for one in json.loads(out)}
    elif output_format == "github":
        assert "::error " in out
    elif output_format == "json":
        found = json.loads(out)
        assert any(found.get(key) for key in ("unreadable", "faults", "not_evaluated"))
        assert bool(found["faults"]) is (status == 3)
    else:
        assert "ERROR" in out or "scan incomplete" in out or "result incomplete" in out


SCANS = [("scan", one) for one in ("text", "json", "sarif", "junit", "github", "gitlab", "markdown")]
GRANTS = [("grants", one) for one in ("text", "json", "html", "markdown")]
REQUIRED = [("required", one) for one in ("text", "json", "hcl", "yaml")]
OTHERS = [*REQUIRED, ("suggest", "text"), ("suggest", "json"), ("fix", "text")]


@pytest.mark.parametrize("state", STATUS)
@pytest.mark.parametrize(("command", "output_format"), [*SCANS, *GRANTS, *OTHERS])
def test_no_command_sounds_clean(
    command: str,
    output_format: str,
    state: State,
    code: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state(code, monkeypatch)
    options = ["--no-cache"] if command in ("scan", "grants") else []
    status = main([command, ".", "--format", output_format, *options])
    out = capsys.readouterr().out
    assert status == STATUS[state]
    check(output_format, out, status)


@pytest.mark.parametrize("state", [unreadable, fault, out_of_time])
@pytest.mark.parametrize("output_format", ["text", "json", "sarif", "github", "gitlab", "markdown"])
def test_no_review_sounds_clean(
    output_format: str,
    state: State,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    repository = made(tmp_path / "repository", monkeypatch, capsys)
    repository.commit({"main.tf": policy(APP), "note.txt": "1"})
    folder = Path.cwd()
    state(folder, monkeypatch)
    (folder / "main.tf").write_text(policy(APP) + "\n", "utf-8")
    changed = {str(one.relative_to(folder)): one.read_text("utf-8") for one in folder.rglob("*.tf")}
    repository.commit(changed)
    said = reviewed(repository, output_format)
    assert said.status == STATUS[state]
    check(output_format, said.out, said.status)
    report = repository.review("HEAD^", "HEAD").report
    assert (_STATES[report.verdict], _CONCLUSIONS[report.verdict]) == ("error", "failure")
    for before in (True, False):
        assert not CLEAN_WORDS.search(headline(report, had_summary=before))
    assert fixed_reply(report) is None


def reviewed(repository: Reviews, output_format: str) -> Any:
    return repository.review("HEAD^", "HEAD", "--format", output_format, text=True)


@pytest.mark.parametrize("state", [unreadable, nothing_read, fault, out_of_time])
@pytest.mark.parametrize("output_format", ["text", "json"])
def test_no_difference_sounds_clean(
    output_format: str, state: State, code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for side in ("old", "new"):
        (code / side).mkdir()
        (code / side / "main.tf").write_text(policy(APP) + "\n" * (side == "new"), "utf-8")
    state(code / "new", monkeypatch)
    status = main(["diff", "old", "new", "--format", output_format])
    out = capsys.readouterr().out
    assert status == STATUS[state]
    check(output_format, out, status)


@pytest.mark.parametrize("output_format", ["text", "json", "markdown", "html"])
@pytest.mark.parametrize("log", ["{", ""])
def test_no_logs_sound_clean(log: str, output_format: str, code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Logs that cannot be read are no proof that nothing was passed."""
    pytest.importorskip("duckdb")
    (code / "log.json").write_text(log, "utf-8")
    assert main(["trail", "log.json", "--format", output_format]) == 2
    out = capsys.readouterr().out
    assert not CLEAN_WORDS.search(out)


SUPPRESSED = policy(ANY).replace("  role =", "  # passrole:skip=PASSROLE_001 reason\n  role =")
QUIET = {"nothing found": GOOD, "not evaluated": GOOD + MODULE, "suppressed only": SUPPRESSED}


@pytest.mark.parametrize("content", QUIET.values(), ids=QUIET)
@pytest.mark.parametrize("output_format", [one for _, one in SCANS])
def test_what_was_all_read_is_successful(
    output_format: str, content: str, code: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clean input is reported as clean, without an error."""
    (code / "main.tf").write_text(content, "utf-8")
    assert main(["scan", ".", "--no-cache", "--format", output_format]) == 0
    out = capsys.readouterr().out
    assert "ERROR" not in out
    if output_format == "sarif":
        (invocation,) = json.loads(out)["runs"][0]["invocations"]
        assert invocation["executionSuccessful"] is True and "exitCode" not in invocation


@pytest.mark.parametrize("state", STATUS)
@pytest.mark.parametrize("output_format", [one for _, one in SCANS])
@pytest.mark.parametrize("silenced", ["suppressed", "baseline"])
def test_what_is_silenced_makes_nothing_clean(
    silenced: str,
    output_format: str,
    state: State,
    code: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Only suppressed findings, or only those of the baseline, beside what was not read."""
    (code / "main.tf").write_text(SUPPRESSED if silenced == "suppressed" else policy(ANY), "utf-8")
    options = ["--baseline", "baseline.json"] if silenced == "baseline" else []
    if options:
        assert main(["scan", ".", "--no-cache", "--write-baseline", "baseline.json"]) == 0
        assert main(["scan", ".", "--no-cache", *options]) == 0
    capsys.readouterr()
    state(code, monkeypatch)
    assert main(["scan", ".", "--no-cache", "--format", output_format, *options]) == STATUS[state]
    check(output_format, capsys.readouterr().out, STATUS[state])


@pytest.mark.parametrize(
    ("problems", "remarks", "words"),
    [(0, 0, "no problems found"), (2, 0, "2 problems"), (0, 1, "1 warning"), (1, 2, "1 problem, 2 warnings")],
)
def test_doctor_ends_with_what_it_has_found(problems: int, remarks: int, words: str) -> None:
    trouble = Trouble("git", "is not installed", "install git")
    found = Diagnosis(None, (), "tree-sitter-hcl", (), (), None, Cache(None), [trouble] * problems, [trouble] * remarks)
    last = to_plain_text(doctor_lines(found, ())).splitlines()[-1]
    assert last == words


def test_what_was_found_in_a_broken_file_was_checked(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The good blocks of a file with a syntax error are judged, and the summary does not deny it."""
    (code / "main.tf").write_text(f"{policy(ANY)}\n{BROKEN}", "utf-8")
    assert main(["scan", ".", "--no-cache"]) == 2
    out = capsys.readouterr().out
    assert "ERROR: 1 of 1 file could not be read; 1 finding" in out and "nothing was checked" not in out
