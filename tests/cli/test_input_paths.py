"""The paths of a command: the default, standard input, and the names of files in text."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_runs import run_command
from plans_of_tests import change, document, plan, statement

from passrole_checks.cli import input_paths

POLICY = document(statement("*", service=""))
TERRAFORM = f"""\
resource "aws_iam_role_policy" "deploy" {{
  role   = "deployer"
  policy = jsonencode({POLICY})
}}
"""
TERRAFORM_JSON = json.dumps({"resource": {"aws_iam_role_policy": {"deploy": {"role": "deployer", "policy": POLICY}}}})
TEMPLATE = f"""\
Resources:
  Deploy:
    Type: AWS::IAM::UserPolicy
    Properties: {{UserName: deployer, PolicyName: pass, PolicyDocument: {POLICY}}}
"""
STACK = f"""\
resource "aws_cloudformation_stack" "s" {{
  name          = "s"
  template_body = <<EOT
{TEMPLATE}
EOT
}}
"""
PLAN = plan(change("aws_iam_role_policy.deploy", None, {"role": "deployer", "policy": POLICY}))
FUNCTION = """\
resource "aws_lambda_function" "f" {
  function_name = "f"
  role          = "arn:aws:iam::111122223333:role/f"
}
"""
COMMANDS = ("scan", "grants", "required", "suggest")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a working directory with Terraform code, and a folder for temporary files that must stay empty."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    (work / "infra" / "prod").mkdir(parents=True)
    temporary.mkdir()
    (work / "infra" / "prod" / "main.tf").write_text(TERRAFORM + FUNCTION, "utf-8")
    monkeypatch.chdir(work)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return work


def findings(*arguments: str, stdin: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run_command("scan", "--format", "json", *arguments, stdin=stdin).stdout)[
        "findings"
    ]
    return found


# the default


@pytest.mark.parametrize("command", [*COMMANDS, "fix"])
def test_default_path_is_the_working_directory(command: str) -> None:
    """Without PATH a command does the same as with a dot, and names files without a leading dot."""
    dry = ["--dry-run"] if command == "fix" else []
    default, dot = run_command(command, *dry), run_command(command, ".", *dry)
    assert (default.returncode, default.stdout, default.stderr) == (dot.returncode, dot.stdout, dot.stderr)
    assert command == "fix" or re.search(r"(?<!\./)infra/prod/main\.tf:\d", default.stdout)


# standard input


@pytest.mark.parametrize(
    ("content", "framework"),
    [
        (TERRAFORM, "terraform"),
        (f"\ufeff# comment\n\n{TERRAFORM}", "terraform"),
        (TERRAFORM_JSON, "terraform"),
        (STACK, "terraform"),
        (TEMPLATE, "cloudformation"),
        (PLAN, "terraform_plan"),
        (POLICY, "policy_document"),
    ],
)
def test_standard_input_is_recognized_by_its_content(content: str, framework: str) -> None:
    """``-`` reads Terraform code, templates, plans and policy documents, which findings name ``<stdin>``."""
    (finding,) = findings("-", "--check", "any-role", stdin=content)
    assert (finding["framework"], finding["file"]) == (framework, "<stdin>")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_only_reads_takes_standard_input(command: str, folder: Path) -> None:
    """All name it, in text with the lines of the statement, and leave no temporary file behind."""
    run = run_command(command, "-", stdin=TERRAFORM + FUNCTION)
    assert "<stdin>:" in run.stdout
    assert str(folder.parent) not in run.stdout + run.stderr
    assert not list((folder.parent / "temporary").iterdir())


@pytest.mark.parametrize("output_format", ["json", "sarif", "junit", "github", "gitlab", "markdown"])
def test_no_format_names_the_temporary_file(output_format: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Formats whose paths are relative to a repository name standard input like all others."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder))
    monkeypatch.setenv("CI_PROJECT_DIR", str(folder))
    broken = run_command("scan", "-", "--format", output_format, stdin=TERRAFORM + "resource {{\n")
    assert re.search(r"<stdin>|%3Cstdin%3E|&lt;stdin&gt;", broken.stdout)
    assert "temporary" not in broken.stdout + broken.stderr


def test_excerpt_of_standard_input_is_shown() -> None:
    """The statement is shown as one of a file is."""
    assert "  │ " in run_command("scan", "-", stdin=TEMPLATE).stdout


def test_page_of_standard_input_names_no_repository(folder: Path) -> None:
    """Not even that of the folder for temporary files, which may be in some checkout."""
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], [*author, "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", "-C", str(folder.parent), *words], check=True)
    page = run_command("grants", "-", "--format", "html", stdin=TEMPLATE).stdout
    title = "PassRole access"
    assert f"<h1>{title}: " in page and f"<h1>{title} in " not in page
    assert f"<h1>{title} in " in run_command("grants", "infra", "--format", "html").stdout


def test_standard_input_is_scanned_once_beside_files() -> None:
    """Several ``-`` are one, and files can be given too."""
    files = [finding["file"] for finding in findings("-", "infra", "-", "--check", "001", stdin=TEMPLATE)]
    assert sorted(files) == ["<stdin>", "infra/prod/main.tf"]


def test_suppressions_in_standard_input_apply() -> None:
    """A comment suppresses a finding."""
    suppressed = TERRAFORM.replace("\n", "\n  # passrole:skip=PASSROLE_001 tested\n", 1)
    assert run_command("scan", "-", "--check", "001", stdin=suppressed).returncode == 0


def test_baseline_covers_standard_input() -> None:
    """A baseline written from standard input accepts its findings, and drops those that are gone."""
    run_command("scan", "-", "--write-baseline", "baseline.json", stdin=TERRAFORM)
    assert run_command("scan", "-", "--baseline", "baseline.json", stdin=TERRAFORM).returncode == 0
    assert run_command("scan", "-", stdin=TERRAFORM).returncode == 1
    run_command("scan", "-", "--write-baseline", "baseline.json", stdin=TEMPLATE)
    resources = [entry["resource"] for entry in json.loads(Path("baseline.json").read_text("utf-8"))["entries"]]
    assert set(resources) == {"Deploy"}


def test_standard_input_is_not_cached(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that never occurs again takes no space in the cache."""
    monkeypatch.setenv("PASSROLE_CHECKS_CACHE_DIR", str(folder / "cache"))
    run_command("scan", "-", stdin=TEMPLATE)
    assert not (folder / "cache").exists()


@pytest.mark.parametrize("content", [b"", b"nothing of this kind\n", b"\x80\x00\xff", b"%PDF"])
def test_unrecognized_standard_input_is_an_error(content: bytes) -> None:
    """Empty or other input is exit status 2 and one line; --allow-empty accepts it."""
    run = run_command("scan", "-", stdin=content)
    assert (run.returncode, run.stderr.count("\n"), run.stderr[:8]) == (2, 1, "<stdin>:")
    assert run_command("scan", "-", "--allow-empty", stdin=content).returncode == 0


def test_standard_input_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the largest plan is refused in one line."""
    monkeypatch.setattr("passrole_checks.sources.recognize.LARGEST_PLAN", 1000)
    run = run_command("scan", "-", stdin=TEMPLATE * 10)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("<stdin>: larger than ")


def test_large_terraform_code_is_recognized(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terraform code over the limit is too large, as it is in a file, and not unknown."""
    monkeypatch.setattr("passrole_checks.sources.recognize.LARGEST_TEMPLATE", 1000)
    monkeypatch.setattr("passrole_checks.sources.terraform.reading.files.MAX_FILE_BYTES", 1000)
    run = run_command("scan", "-", stdin=TERRAFORM + "# comment\n" * 100)
    assert (run.returncode, run.stderr) == (2, "<stdin>:1: larger than 0.001 MB\n")


def test_fix_refuses_standard_input(folder: Path) -> None:
    """There is no file to write: status 2 and one line, before anything is read or written."""
    run = run_command("fix", "-", "infra", stdin=TERRAFORM)
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (2, "", 1)
    assert (folder / "infra/prod/main.tf").read_text("utf-8") == TERRAFORM + FUNCTION


def test_file_named_like_standard_input_can_be_given(folder: Path) -> None:
    """``./-`` is a file."""
    (folder / "-").write_text(TEMPLATE, "utf-8")
    assert [finding["file"] for finding in findings("./-", "--check", "001")] == ["-"]


def process(*arguments: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    package = Path(input_paths.__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-m", "passrole_checks", *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(package)},
        check=False,
        timeout=60,
        **streams,
    )


def test_pipe_is_read_to_its_end(folder: Path) -> None:
    """A process reads a pipe, and a file that is redirected to it."""
    assert process("scan", "-", input=TERRAFORM).returncode == 1
    with (folder / "infra/prod/main.tf").open("rb") as stream:
        assert process("scan", "-", stdin=stream).returncode == 1


def test_closed_standard_input_is_one_line() -> None:
    """A process without standard input ends with status 2."""
    run = process("scan", "-", preexec_fn=lambda: os.close(0))
    assert (run.returncode, run.stderr) == (2, "<stdin>: cannot be read: closed\n")


def test_terminal_as_standard_input_is_announced() -> None:
    """Users who type ``-`` at a terminal learn that input is expected, and how to end it."""
    parent, child = pty.openpty()
    try:
        os.write(parent, TEMPLATE.encode("utf-8") + b"\n\x04\x04")
        run = process("scan", "-", stdin=child)
    finally:
        os.close(child)
        os.close(parent)
    assert (run.returncode, run.stderr) == (1, "<stdin>: note: reading from the terminal (end with Ctrl-D)\n")


# names of files


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (".", "infra/prod/main.tf"),
        ("./", "infra/prod/main.tf"),
        ("infra", "infra/prod/main.tf"),
        ("infra/", "infra/prod/main.tf"),
        ("./infra", "./infra/prod/main.tf"),
        ("../work/infra", "../work/infra/prod/main.tf"),
        ("infra/../infra", "infra/../infra/prod/main.tf"),
        ("./infra/prod/main.tf", "./infra/prod/main.tf"),
        ("link", "link/main.tf"),
        ("{folder}", "{folder}/infra/prod/main.tf"),
        ("{folder}/infra/prod/main.tf", "{folder}/infra/prod/main.tf"),
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_text_names_files_as_typed(command: str, typed: str, shown: str, folder: Path) -> None:
    """``./infra/main.tf`` below ``./infra``; JSON is relative to the working directory in any case."""
    (folder / "link").symlink_to(folder / "infra" / "prod")
    typed, shown = typed.format(folder=folder), shown.format(folder=folder)
    text = run_command(command, typed).stdout
    assert re.search(rf"(?<![^ ]){re.escape(shown)}:\d", text)
    assert '"infra/prod/main.tf"' in run_command(command, typed, "--format", "json").stdout


def test_most_specific_path_names_a_file(folder: Path) -> None:
    """A file below two given paths is named by the inner one."""
    run = run_command("scan", str(folder), "./infra")
    assert run.stdout.startswith("./infra/prod/main.tf:")


@pytest.mark.parametrize(
    ("typed", "shown"), [("./infra", "modules/pass/main.tf"), ("{folder}/infra", "{folder}/modules/pass/main.tf")]
)
def test_file_outside_of_given_paths_is_named_in_their_style(typed: str, shown: str, folder: Path) -> None:
    """A module beside the given folder is absolute if that is, else relative to the working directory."""
    (folder / ".git").mkdir()
    (folder / "modules/pass").mkdir(parents=True)
    (folder / "modules/pass/main.tf").write_text(TERRAFORM, "utf-8")
    (folder / "infra/prod/main.tf").write_text('module "pass" {\n  source = "../../modules/pass"\n}\n', "utf-8")
    run = run_command("scan", typed.format(folder=folder))
    assert run.stdout.startswith(shown.format(folder=folder) + ":")


def test_notes_and_errors_name_files_as_typed(folder: Path) -> None:
    """Also files that are not evaluated, and files that cannot be read."""
    (folder / "infra/broken.yaml").write_text("Resources:\n  A:\n    Type: AWS::IAM::Policy\n   B: [\n", "utf-8")
    (folder / "infra/prod/more.tf").write_text('module "m" {\n  source = "./missing"\n}\n', "utf-8")
    run = run_command("scan", "./infra", "./absent")
    assert "./infra/prod/more.tf:1: note: " in run.stdout
    assert [line.partition(": ")[0] for line in run.stderr.splitlines()] == ["./infra/broken.yaml:4", "./absent"]


def test_diff_of_two_paths_names_files_as_typed(folder: Path) -> None:
    """Text names a changed file below the second path."""
    (folder / "old").mkdir()
    (folder / "old/main.tf").write_text(TERRAFORM.replace('"*"', '"arn:aws:iam::111122223333:role/a"'), "utf-8")
    run = run_command("diff", "./old", str(folder / "infra" / "prod"))
    assert f"{folder}/infra/prod/main.tf:" in run.stdout
    assert "./old/main.tf:" in run.stdout
