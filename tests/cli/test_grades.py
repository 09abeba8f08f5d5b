"""Grades of edits in ``suggest`` and ``fix``: ``--grade``, the patch of a dry run, and ``fix --interactive``."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from command_runs import run_command
from suggesting import USED, allow, policy

from passrole_checks import cli as command_line
from passrole_checks.api import Grade, suggest

APP = '"arn:aws:iam::111122223333:role/app-*"'
ECS = '{ StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }'
START = allow('"*"', action='"glue:CreateJob"')
FILES = {
    "equivalent": policy(allow(APP), START),
    "narrowed": policy(allow(condition=ECS), name="tasks") + USED,
    "repairing": policy(allow(APP, '{ StringEquals = { "iam:PassedToService" = "lambda" } }'), name="repaired"),
}
"""A folder for each grade, with one finding that an edit of this grade fixes."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a repository with a finding for each grade as the working directory."""
    monkeypatch.setenv("PYTHONPATH", str(Path(command_line.__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        Path(name).mkdir()
        Path(name, "main.tf").write_text(content.replace('"bot"', f'"{name}"'), "utf-8")
    subprocess.run(["git", "init", "--quiet", "."], check=True)
    return tmp_path


def texts() -> dict[str, str]:
    return {name: Path(name, "main.tf").read_text("utf-8") for name in FILES}


def changed(before: dict[str, str]) -> set[str]:
    return {name for name, text in texts().items() if text != before[name]}


def summary(text: str) -> list[str]:
    """Return the lines of the summary at the end of an output."""
    return text.rstrip("\n").rpartition("\n\n")[2].splitlines()


NARROW = "1 finding can be fixed (passrole-checks fix --grade narrowed)"
REPAIR = [
    "1 finding can be fixed (passrole-checks fix --grade repairing)",
    "  adds iam:PassRole on arn:aws:iam::111122223333:role/app-* to lambda.amazonaws.com",
]


@pytest.mark.parametrize(
    ("grades", "written", "left"),
    [
        ((), {"equivalent"}, [NARROW, *REPAIR]),
        (("equivalent",), {"equivalent"}, [NARROW, *REPAIR]),
        (("narrowed",), {"equivalent", "narrowed"}, REPAIR),
        (("repairing", "narrowed"), {"equivalent", "narrowed", "repairing"}, [REPAIR[1]]),
    ],
)
def test_fix_writes_the_grades_asked_for(grades: tuple[str, ...], written: set[str], left: list[str]) -> None:
    """Equivalent edits and those of --grade are written; the summary says how to write the others, and what edits
    add."""
    before = texts()
    options = [word for grade in grades for word in ("--grade", grade)]
    done = run_command("fix", ".", *options)
    assert done.returncode == (0 if len(written) == len(FILES) else 1)
    assert changed(before) == written
    number = len(written)
    files = f"{number} finding{'s'[: number > 1]} fixed in {number} file{'s'[: number > 1]}"
    assert summary(done.stdout) == [files, *left]


@pytest.mark.parametrize("grades", [(), ("narrowed",), ("narrowed", "repairing")])
def test_dry_run_prints_the_patch(grades: tuple[str, ...]) -> None:
    """Standard output is a patch that git applies, equal to that of suggest; the summary is on standard error."""
    before = texts()
    options = [word for grade in grades for word in ("--grade", grade)]
    done = run_command("fix", ".", "--dry-run", *options)
    assert changed(before) == set()
    assert done.stdout == run_command("suggest", ".", "--format", "patch", *options).stdout
    assert done.stderr.splitlines()[0].endswith(f"would be fixed in {len(grades) + 1} file{'s'[: len(grades) > 0]}")
    subprocess.run(["git", "apply"], input=done.stdout.encode(), check=True)
    applied = texts()
    for name, text in before.items():
        Path(name, "main.tf").write_text(text, "utf-8")
    assert run_command("fix", ".", *options).returncode == done.returncode
    assert texts() == applied


def test_quiet_dry_run_prints_only_the_patch() -> None:
    """--quiet omits the summary on standard error."""
    done = run_command("fix", ".", "--dry-run", "--quiet")
    assert done.stdout.startswith("diff --git a/equivalent/main.tf ")
    assert done.stderr == ""


def test_dry_run_leaves_out_files_that_fix_does_not_write() -> None:
    """A read-only file is named, and not in the patch."""
    Path("narrowed/main.tf").chmod(0o444)
    done = run_command("fix", ".", "--dry-run", "--grade", "narrowed")
    assert "narrowed/main.tf" not in done.stdout and "equivalent/main.tf" in done.stdout
    assert "narrowed/main.tf: not written, because it is read-only\n" in done.stderr
    assert done.returncode == 2


def test_suggest_shows_all_grades_or_those_asked_for() -> None:
    """Without --grade all suggestions are shown, each with its grade, and the patch has what fix writes."""
    shown = json.loads(run_command("suggest", ".", "--format", "json").stdout)
    assert {one["file"]: one["grade"] for one in shown["suggestions"] if one["edits"]} == {
        f"{name}/main.tf": name for name in FILES
    }
    assert "equivalent/main.tf" in shown["patch"] and "narrowed/main.tf" not in shown["patch"]
    asked = json.loads(run_command("suggest", ".", "--format", "json", "--grade", "narrowed").stdout)
    assert {one["grade"] for one in asked["suggestions"]} == {"equivalent", "narrowed"}
    assert "equivalent/main.tf" in asked["patch"] and "narrowed/main.tf" in asked["patch"]
    text = run_command("suggest", ".", "--grade", "narrowed").stdout
    assert "PASSROLE_001 any-role  (narrowed)" in text and "(repairing)" not in text
    assert summary(text) == ["1 finding can be fixed (passrole-checks fix)", NARROW, *REPAIR]


def test_json_without_edits_has_no_grade() -> None:
    """``grade`` is null if a suggestion has no edits."""
    Path("manual").mkdir()
    Path("manual/main.tf").write_text(policy(allow()), "utf-8")
    (one,) = json.loads(run_command("suggest", "manual", "--format", "json").stdout)["suggestions"]
    assert (one["edits"], one["grade"], one["less_severe"], one["added"]) == ([], None, [], [])


def test_api_changes_by_grade() -> None:
    """The result of the API has all suggestions, and the changed files by the grades asked for."""
    repaired, narrowed = (str(Path(name, "main.tf").resolve()) for name in ("repairing", "narrowed"))
    result = suggest(".", grades=[Grade.NARROWED, Grade.REPAIRING])
    assert {one.grade for one in result.suggestions} == {Grade.EQUIVALENT, Grade.NARROWED, Grade.REPAIRING}
    assert {os.path.realpath(file) for file in result.changed} == {repaired, narrowed}
    assert result.grades == (Grade.NARROWED, Grade.REPAIRING)
    assert [os.path.basename(os.path.dirname(os.path.realpath(file))) for file in suggest(".").changed] == [
        "equivalent"
    ]


# -- fix --interactive


def interact(answers: str, *arguments: str, paths: tuple[str, ...] = (".",)) -> tuple[int, str, str]:
    """Return exit status, standard output, and what is shown on the terminal, with these answers typed on it."""
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-m", "passrole_checks", "fix", *paths, "--interactive", *arguments]
    process = subprocess.Popen(command, stdin=other_end, stdout=subprocess.PIPE, stderr=other_end)
    os.close(other_end)
    os.write(terminal, answers.encode())
    shown: list[bytes] = []
    reader = threading.Thread(target=lambda: shown.extend(read_all(terminal)))
    reader.start()
    out = process.communicate()[0].decode()
    reader.join()
    os.close(terminal)
    return process.returncode, out, b"".join(shown).decode().replace("\r\n", "\n")


def read_all(terminal: int) -> Iterator[bytes]:
    """Yield what is written to a terminal, until all processes have closed it."""
    with suppress(OSError):  # the end, on Linux
        while data := os.read(terminal, 65536):
            yield data


@pytest.mark.parametrize(
    ("answers", "arguments", "written"),
    [
        ("y\ny\ny\n", (), {"equivalent", "narrowed", "repairing"}),
        ("\nn\ny\n", (), {"repairing"}),
        ("no\nyes\nq\n", (), {"narrowed"}),
        ("y\nq\n", (), {"equivalent"}),
        ("?\nx\ny\n\x04", (), {"equivalent"}),
        ("n\nY\n", ("--grade", "narrowed"), {"narrowed"}),
    ],
)
def test_answers_decide_what_is_written(answers: str, arguments: tuple[str, ...], written: set[str]) -> None:
    """y writes an edit, q stops asking as the end of the input does, all else keeps it; --grade selects the edits."""
    before = texts()
    status, out, shown = interact(answers, *arguments)
    assert changed(before) == written
    assert status == (0 if len(written) == len(FILES) else 1)
    assert summary(out)[0].endswith(f"fixed in {len(written)} file{'s'[: len(written) > 1]}")
    assert '"iam:PassedToService" = "glue.amazonaws.com"' in shown
    assert ("y - write this edit" in shown) == ("?" in answers)


def test_all_means_later_edits_of_the_same_grade() -> None:
    """a writes this edit and the later ones of its grade; others are still asked for."""
    second = Path("narrowed/second.tf")
    second.write_text(policy(allow(condition=ECS), name="second"), "utf-8")
    before, second_before = texts(), second.read_text("utf-8")
    _, _, shown = interact("n\na\nn\n")
    assert changed(before) == {"narrowed"}
    assert second.read_text("utf-8") != second_before
    assert shown.count("Write this edit") == 3


def test_interactive_dry_run_prints_the_patch_of_accepted_edits() -> None:
    """Questions are on the terminal, so that standard output is a patch."""
    before = texts()
    _, out, shown = interact("n\ny\nn\n", "--dry-run")
    assert changed(before) == set()
    assert "1 finding would be fixed in 1 file" in shown
    subprocess.run(["git", "apply"], input=out.encode(), check=True)
    assert changed(before) == {"narrowed"}


def test_interactive_needs_a_terminal() -> None:
    """Without a terminal it ends with one line and exit status 2, before anything is read."""
    done = run_command("fix", "nowhere", "--interactive")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "--interactive requires a terminal\n")


# -- several edits of one statement


def several() -> str:
    """Write a statement that an equivalent edit makes less severe, and a narrowed edit fixes; return its text."""
    Path("several").mkdir()
    text = policy(allow(), allow('"*"', action='"lambda:CreateFunction"')) + USED
    Path("several/main.tf").write_text(text, "utf-8")
    return text


def test_edit_that_makes_findings_less_severe_is_counted_apart() -> None:
    """A finding that becomes less severe is not fixed; the edit that fixes it is offered too."""
    several()
    fixes = "1 finding can be fixed (passrole-checks fix --grade narrowed)"
    text = run_command("suggest", "several").stdout
    assert "          Becomes less severe: PASSROLE_001 any-role." in text.splitlines()
    assert summary(text) == ["1 finding can become less severe (passrole-checks fix)", fixes]
    found = json.loads(run_command("suggest", "several", "--format", "json").stdout)["suggestions"]
    assert [(one["grade"], len(one["findings"]), len(one["less_severe"])) for one in found] == [
        ("equivalent", 0, 1), ("narrowed", 1, 0)
    ]  # fmt: skip
    assert run_command("fix", "several", "--dry-run", "--fail-on", "high").returncode == 0
    done = run_command("fix", "several", "--fail-on", "high")
    assert (done.returncode, summary(done.stdout)) == (0, ["1 finding became less severe", fixes])


def test_strongest_grade_asked_for_is_written() -> None:
    """With --grade narrowed, the narrowed edit is written instead of the equivalent one."""
    several()
    done = run_command("fix", "several", "--grade", "narrowed")
    assert (done.returncode, summary(done.stdout)) == (0, ["1 finding fixed in 1 file"])
    assert "Resource = aws_iam_role.function.arn" in Path("several/main.tf").read_text("utf-8")


def test_second_edit_of_a_statement_is_offered_if_the_first_is_not_accepted() -> None:
    """Edits of one statement exclude each other."""
    before = several()
    for answers, role in (("n\ny\n", True), ("y\n", False)):
        Path("several/main.tf").write_text(before, "utf-8")
        _, _, shown = interact(answers, paths=("several",))
        assert shown.count("Write this edit") == len(answers) // 2
        assert "Another edit of this statement follows" in shown
        assert ("Resource = aws_iam_role.function.arn" in Path("several/main.tf").read_text("utf-8")) is role


def test_long_list_of_services_is_written_on_request_only() -> None:
    """An equivalent edit with more than five services is shown, and written by --interactive only."""
    actions = ("glue:CreateJob", "lambda:CreateFunction", "states:CreateStateMachine", "scheduler:CreateSchedule",
               "firehose:CreateDeliveryStream", "pipes:CreatePipe")  # fmt: skip
    Path("many").mkdir()
    file = Path("many/main.tf")
    file.write_text(policy(allow(APP), allow('"*"', action=json.dumps(actions))), "utf-8")
    before = file.read_text("utf-8")
    one, *_ = json.loads(run_command("suggest", "many", "--format", "json").stdout)["suggestions"]
    assert (one["grade"], one["on_request"]) == ("equivalent", True)
    done = run_command("fix", "many")
    assert "          Not written: use --interactive." in done.stdout.splitlines()
    assert summary(done.stdout)[0] == "1 finding can be fixed (passrole-checks fix --interactive)"
    assert file.read_text("utf-8") == before
    assert run_command("fix", "many", "--dry-run").stdout == ""
    interact("y\n", paths=("many",))
    assert file.read_text("utf-8") != before
