"""``[tool.passrole_checks]`` of a scanned tree: what it may say and name, and the notes on what it hides."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from passrole_checks.checks import ALL
from passrole_checks.cli import main
from passrole_checks.findings import Severity

TABLE = "[tool.passrole_checks]\n"
SECRET = "correct horse battery staple"
ANY_ROLE = """\
resource "aws_iam_role_policy" "deploy" {
  role   = "deployer"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["iam:GetRole", "iam:PassRole"], Resource = "*" }]
  })
}
"""
COMMANDS = ("scan", "grants", "required", "suggest", "fix")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scanned repository with one finding, which is the working directory; files beside it are outside of it."""
    folder = tmp_path / "repository"
    (folder / ".git").mkdir(parents=True)
    (folder / "main.tf").write_text(ANY_ROLE)
    monkeypatch.chdir(folder)
    return folder


def configure(content: str) -> None:
    Path("pyproject.toml").write_text(content)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The error of a command that uses no part of the configuration: one line that starts with the file."""
    assert main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("pyproject.toml: ")
    assert captured.err.count("\n") == 1
    return captured.err


def notes(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The notes on the configuration that a scan writes to standard error."""
    main(["scan", ".", *arguments])
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("pyproject.toml: note: ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_output_of_the_configuration_is_refused_and_nothing_is_written(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scanned tree does not decide which files this program overwrites."""
    target = tmp_path / ".bashrc"
    target.write_text(SECRET)
    configure(f'{TABLE}output = ["{target}"]\n')
    assert "output" in refused(capsys, command, ".")
    assert target.read_text() == SECRET


@pytest.mark.parametrize("line", ['output = "x"', 'write_baseline = "x"', 'executor = "dask://h:1"', "no_cache = true"])
def test_options_of_the_command_line_only_are_refused_by_name(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also for a file inside of the repository; the error names the option to use."""
    configure(f"{TABLE}{line}\n")
    assert f"--{line.split()[0].replace('_', '-')}" in refused(capsys, "scan", ".")
    assert not Path("x").exists()


@pytest.mark.parametrize(
    "content",
    [
        "[tool.passrole-checks]\n",
        "[tool.Passrole_Checks]\n",
        '[tool."passrole checks"]\n',
        "[passrole_checks]\n",
        "[passrole-checks]\nfail_on = 'never'\n",
        f"{TABLE}[tool.passrole-checks]\n",
        "tool = 1\n",
        "[[tool]]\n",
    ],
)
def test_a_misspelled_table_is_an_error(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A configuration that is silently ignored is worse than none."""
    configure(content)
    refused(capsys, "scan", ".")


def test_tables_of_other_tools_are_not_misspelled(capsys: pytest.CaptureFixture[str]) -> None:
    """Only the name of this table, in another spelling, is a mistake."""
    configure('[project]\nname = "passrole-checks"\n[tool.passrole]\na = 1\n[tool.checkov]\nb = 2\n')
    assert main(["scan", "."]) == 1
    assert capsys.readouterr().err == ""


# paths


@pytest.mark.parametrize("key", ["var_file", "parameters", "source", "baseline"])
@pytest.mark.parametrize("form", ["absolute", "relative", "link", "folder link", "NUL"])
def test_a_path_outside_of_the_repository_is_refused(
    key: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """However the path leads there; nothing of the file is read, so nothing of it is in the error."""
    outside = tmp_path / "outside"
    outside.write_text(f"{SECRET}\n")
    os.symlink(outside, "link")
    os.symlink(tmp_path, "folder")
    value = {
        "absolute": str(outside),
        "relative": "../outside",
        "link": "link",
        "folder link": "folder/outside",
        "NUL": "a\\u0000b",
    }[form]
    configure(f'{TABLE}{key} = "{value}"\n')
    error = refused(capsys, "scan", ".")
    assert key in error
    assert SECRET not in error


def test_a_file_of_parameters_outside_is_refused_after_file_too(capsys: pytest.CaptureFixture[str]) -> None:
    """``file://`` names a file as well; KEY=VALUE names none, whatever its value looks like."""
    configure(f'{TABLE}parameters = ["file:///etc/passwd"]\n')
    refused(capsys, "scan", ".")
    configure(f'{TABLE}parameters = ["Role=/etc/passwd"]\n')
    assert main(["scan", "."]) == 1


def test_paths_inside_of_the_repository_are_accepted(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a folder below its top as well, and through a link that stays inside."""
    (repository / "infra").mkdir()
    (repository / "infra" / "main.tf").write_text('variable "role" {}\n' + ANY_ROLE.replace('"*"', "var.role"))
    (repository / "values").mkdir()
    (repository / "values" / "prod.tfvars").write_text('role = "arn:aws:iam::111122223333:role/app"\n')
    (repository / "infra" / "linked").symlink_to("../values")
    monkeypatch.chdir(repository / "infra")
    for path in ("../values/prod.tfvars", "linked/prod.tfvars", str(repository / "values" / "prod.tfvars")):
        configure(f'{TABLE}var_file = "{path}"\n')
        main(["scan", ".", "--format", "json"])
        findings = json.loads(capsys.readouterr().out)["findings"]
        assert [finding["check_id"] for finding in findings] == ["PASSROLE_002"]


def test_without_a_repository_paths_stay_inside_of_the_working_directory(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no other border to keep."""
    (repository / ".git").rmdir()
    (repository.parent / "x.tfvars").write_text("a = 1\n")
    configure(f'{TABLE}var_file = "../x.tfvars"\n')
    refused(capsys, "scan", ".")


# pyproject.toml itself


@pytest.mark.slow
@pytest.mark.parametrize("content", [SECRET, f'{TABLE}"{SECRET}" = 1\n', f'{TABLE}fail_on = "never"\n'])
def test_a_link_out_of_the_repository_is_not_read(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither is the file used, nor does an error quote it."""
    (tmp_path / "foreign.toml").write_text(content)
    Path("pyproject.toml").symlink_to("../foreign.toml")
    assert SECRET not in refused(capsys, "scan", ".")
    assert main(["doctor", "--format", "json"]) == 1
    assert SECRET not in capsys.readouterr().out


def test_a_link_inside_of_the_repository_is_read(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One configuration for several folders."""
    configure(f'{TABLE}fail_on = "never"\n')
    (repository / "infra").mkdir()
    (repository / "infra" / "pyproject.toml").symlink_to("../pyproject.toml")
    (repository / "infra" / "main.tf").write_text(ANY_ROLE)
    monkeypatch.chdir(repository / "infra")
    assert main(["scan", "."]) == 0


def test_dangling_symlink_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A missing target of a symlinked configuration is an error, not the same as no configuration."""
    Path("pyproject.toml").symlink_to("missing.toml")
    refused(capsys, "scan", ".")


# notes


@pytest.mark.parametrize(
    ("setting", "off"),
    [
        ('skip_check = ["001", "any-service"]', {"PASSROLE_001", "PASSROLE_002"}),
        ('check = "any-service"', {one.id for one in ALL if one.severity is not Severity.INFO} - {"PASSROLE_002"}),
        ('severity = "high"', {one.id for one in ALL if one.severity in (Severity.LOW, Severity.MEDIUM)}),
    ],
)
def test_every_check_that_the_configuration_switches_off_is_named(
    setting: str, off: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, and in each format that has a place for notes."""
    configure(f"{TABLE}{setting}\n")
    (line, *_) = notes(capsys)
    assert {one.id for one in ALL if one.id in line} == off
    main(["scan", ".", "--format", "json"])
    assert json.loads(capsys.readouterr().out)["notes"][0]["file"] == "pyproject.toml"
    main(["scan", ".", "--format", "sarif"])
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    told = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert any(off <= {one.id for one in ALL if one.id in text} for text in told)
    main(["scan", ".", "--format", "junit"])
    suites = ElementTree.fromstring(capsys.readouterr().out).findall("testsuite[@name='pyproject.toml']")
    assert [case.find("skipped") is not None for suite in suites for case in suite] == [True]
    main(["scan", ".", "--format", "markdown"])
    page = capsys.readouterr().out
    assert all(one.replace("_", r"\_") in page or one in page for one in off)


@pytest.mark.parametrize(
    "setting",
    [
        'fail_on = "never"', 'fail_on = "high"', 'severity = "medium"', 'confidence = "medium"', "allow_empty = true",
        "quiet = true", 'baseline = "accepted.json"',
    ],
)  # fmt: skip
def test_what_makes_a_run_look_better_is_named(setting: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not only checks can be switched off."""
    Path("accepted.json").write_text('{"version": 1, "entries": []}')
    configure(f"{TABLE}{setting}\n")
    assert [setting.split()[0] for line in notes(capsys) if setting.split()[0] in line]


@pytest.mark.parametrize(
    "setting",
    ['fail_on = "low"', 'fail_on = "medium"', 'severity = "info"', "quiet = false", 'account = "111122223333"'],
)
def test_what_hides_nothing_is_not_named(setting: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Defaults and stricter settings."""
    configure(f"{TABLE}{setting}\n")
    assert notes(capsys) == []


def test_what_the_command_line_decides_is_not_named(capsys: pytest.CaptureFixture[str]) -> None:
    """It is no longer the configuration that hides something."""
    configure(f'{TABLE}severity = "high"\nfail_on = "never"\nskip_check = "001"\n')
    (line,) = notes(capsys, "--severity", "low", "--fail-on", "high")
    assert "PASSROLE_001" in line
    assert notes(capsys, "--severity", "low", "--fail-on", "high", "--skip-check", "002") == []


def test_only_the_command_line_suppresses_the_notes(capsys: pytest.CaptureFixture[str]) -> None:
    """``quiet`` in the configuration would hide what the configuration hides."""
    configure(f'{TABLE}skip_check = "001"\nquiet = true\n')
    assert len(notes(capsys)) == 2
    assert notes(capsys, "--quiet") == []


@pytest.mark.parametrize("command", [("suggest", "."), ("fix", ".", "--dry-run")])
def test_commands_that_use_findings_name_skipped_checks(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A finding of a skipped check is not fixed either."""
    configure(f'{TABLE}skip_check = "001"\n')
    main([*command])
    assert "PASSROLE_001" in capsys.readouterr().err
