"""The command line: options, exit statuses, and output streams."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from passrole_checks import __version__, findings
from passrole_checks import cli as command_line
from passrole_checks.cli import main
from passrole_checks.cli.options import CONFIDENCES, SEVERITIES

ANY_ROLE = """\
resource "aws_iam_role_policy" "deploy" {
  role = "deployer"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Pass"
      Effect   = "Allow"
      Action   = ["iam:GetRole", "iam:PassRole"]
      Resource = "*"
    }]
  })
}
"""
# 002 (medium), and no iam:GetRole: 012 (info)
ANY_SERVICE = ANY_ROLE.replace('"iam:GetRole", ', "").replace('"*"', '"arn:aws:iam::111122223333:role/app-*"')
CLEAN = """\
resource "aws_iam_role_policy" "deploy" {
  role   = "deployer"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] })
}
"""
BROKEN = "Resources:\n  A:\n    Type: AWS::IAM::Policy\n   B: [\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a working directory for the test, from which subprocesses import the same package as the tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(command_line.__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PASSROLE_CHECKS_DEBUG", raising=False)
    return tmp_path


def put(name: str, content: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(content, "utf-8")
    return name


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "passrole_checks", *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **variables},
        check=False,
    )


def reported_checks(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Return the checks that a scan of ``arguments`` reports."""
    main(["scan", "--format", "json", *arguments])
    return [finding["check_id"] for finding in json.loads(capsys.readouterr().out)["findings"]]


# exit statuses


@pytest.mark.parametrize(
    ("files", "options", "status"),
    [
        ({"main.tf": CLEAN}, [], 0),
        ({"main.tf": ANY_ROLE}, [], 1),
        ({"main.tf": ANY_SERVICE}, [], 1),
        ({"main.tf": ANY_SERVICE}, ["--fail-on", "high"], 0),
        ({"main.tf": ANY_SERVICE}, ["--fail-on", "medium"], 1),
        ({"main.tf": ANY_SERVICE}, ["--fail-on", "info", "--skip-check", "002"], 1),
        ({"main.tf": ANY_SERVICE}, ["--skip-check", "002"], 0),
        ({"main.tf": ANY_ROLE}, ["--fail-on", "never"], 0),
        ({"main.tf": ANY_SERVICE}, ["--severity", "high"], 1),
        ({"a/main.tf": CLEAN, "broken.yaml": BROKEN}, [], 2),
        ({"a/main.tf": ANY_ROLE, "broken.yaml": BROKEN}, [], 2),
        ({"a/main.tf": ANY_ROLE, "broken.yaml": BROKEN}, ["--allow-empty"], 2),
        ({"readme.txt": "nothing"}, [], 2),
        ({"readme.txt": "nothing"}, ["--allow-empty"], 0),
        ({"main.tf": CLEAN, "package.json": "{}"}, ["main.tf", "package.json", "--allow-empty"], 0),
        ({"main.tf": ANY_ROLE, "package.json": "{}"}, ["main.tf", "package.json", "--allow-empty"], 1),
    ],
)
def test_exit_status(files: dict[str, str], options: list[str], status: int) -> None:
    """0 for nothing at or above --fail-on, 1 for findings, 2 for unreadable files; the highest applies."""
    for name, content in files.items():
        put(name, content)
    assert main(["scan", ".", *options]) == status


def test_closed_standard_output_is_one_line() -> None:
    """A scan with closed standard output ends with status 2 and one line; closed standard error does not matter."""
    put("main.tf", CLEAN)
    command = f"{sys.executable} -m passrole_checks scan . "
    closed = subprocess.run(["sh", "-c", f"{command} >&-"], stderr=subprocess.PIPE, encoding="utf-8", check=False)
    assert (closed.returncode, closed.stderr) == (2, "standard output: cannot be written: closed\n")
    put("broken.yaml", BROKEN)
    assert subprocess.run(["sh", "-c", f"{command} 2>&-"], stdout=subprocess.DEVNULL, check=False).returncode == 2


def test_deleted_working_directory_is_one_line(folder: Path) -> None:
    """A deleted working directory gives status 2 and one line."""
    put("main.tf", CLEAN)
    script = f"mkdir gone && cd gone && rmdir ../gone && exec {sys.executable} -m passrole_checks scan {folder}"
    ended = subprocess.run(["sh", "-c", script], capture_output=True, encoding="utf-8", check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "the working directory cannot be used: No such file or directory\n"


def test_internal_error_is_exit_status_3_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected exception is one line that asks for a report, not a traceback."""
    put("main.tf", ANY_ROLE)
    monkeypatch.setattr("passrole_checks.scan.scanner.scan_paths", lambda *_: {}["nothing"])
    assert main(["scan", "."]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "internal error: KeyError: 'nothing'" in captured.err


def test_debug_variable_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """PASSROLE_CHECKS_DEBUG=1 lets the exception propagate."""
    put("main.tf", ANY_ROLE)
    monkeypatch.setenv("PASSROLE_CHECKS_DEBUG", "1")
    monkeypatch.setattr("passrole_checks.scan.scanner.scan_paths", lambda *_: {}["nothing"])
    with pytest.raises(KeyError):
        main(["scan", "."])


def test_interrupt_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends with the shell's usual status and without a traceback."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    put("main.tf", ANY_ROLE)
    monkeypatch.setattr("passrole_checks.scan.scanner.scan_paths", interrupted)
    assert main(["scan", "."]) == 130
    assert capsys.readouterr().err.strip() == "passrole-checks: interrupted"


# what cannot be used


def test_unreadable_file_is_named_and_the_rest_is_scanned(capsys: pytest.CaptureFixture[str]) -> None:
    """A line on standard error starts with the file; findings of the other files are reported."""
    put("a/main.tf", ANY_ROLE)
    put("broken.yaml", BROKEN)
    assert main(["scan", "."]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("broken.yaml:")
    assert captured.err.count("\n") == 1
    assert "PASSROLE_001" in captured.out
    assert "ERROR: 1 of 2 files could not be read" in captured.out


def test_missing_path_is_named_and_the_rest_is_scanned(capsys: pytest.CaptureFixture[str]) -> None:
    """A missing path is handled as an unreadable file."""
    put("main.tf", ANY_ROLE)
    assert main(["scan", "nowhere.tf", "main.tf"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "nowhere.tf: no such file or folder\n"
    assert "PASSROLE_001" in captured.out


def test_missing_infrastructure_code_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """If there is nothing to scan, one line names the path and --allow-empty."""
    put("docs/readme.txt", "nothing")
    assert main(["scan", "docs"]) == 2
    assert capsys.readouterr().err == (
        "docs: no Terraform, plan, CloudFormation, SAM or account files found (--allow-empty accepts that)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scan", "--nonsense", "."], "--nonsense"),
        (["scan", "--severity", "grave", "."], "grave"),
        (["scan", "--check", "any-rule", "."], "no such check: 'any-rule'"),
        (["scan", "--skip-check", "001,999", "."], "no such check: '999'"),
        (["scan", "--account", "1111", "."], "12-digit account ID"),
        (["scan", "--format", "text", "--format", "json", "."], "two formats for standard output"),
        (["scan", "--format", "json", "--output", "a", "--output", "b", "."], "no matching --format"),
        (["scan", "--format", "json", "--output", "a", "--format", "sarif", "--output", "a", "."], "two formats for a"),
        (["grants", "--format", "sarif", "."], "sarif"),
        (["scan", "--check", "any-rol", "."], "no such check: 'any-rol'; did you mean any-role?"),
        (["explain", "042"], "no such check: '042' ("),
        (["explain", "Privilege_Escalation"], "; did you mean privilege-escalation?"),
        (["scan", "--fomat", "json"], "no such option: '--fomat'; did you mean --format?"),
        (["fix", "--dryrun"], "; did you mean --dry-run?"),
        (["--versoin"], "; did you mean --version?"),
        (["scann", "."], "no such command: 'scann'; did you mean scan?"),
        (["main.tf"], "; did you mean passrole-checks scan main.tf?"),
        (["where", "tflint"], "tflint"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_invalid_option_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An invalid option ends with status 2 and one line on standard error that names it."""
    put("main.tf", ANY_ROLE)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert words in captured.err


def test_unwritable_output_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A file in a missing folder ends with status 2 and a line that starts with the file."""
    put("main.tf", ANY_ROLE)
    assert main(["scan", "main.tf", "--format", "json", "--output", "nowhere/report.json"]) == 2
    assert capsys.readouterr().err.startswith("nowhere/report.json: cannot be written")


# options


@pytest.mark.parametrize("word", ["PASSROLE_002", "passrole-2", "002", "02", "2", "any-service", "W9502"])
def test_check_is_selected_by_id_number_or_name(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--check accepts id, number, name and cfn-lint rule id."""
    put("main.tf", ANY_SERVICE)
    assert reported_checks(capsys, "--check", word, "main.tf") == ["PASSROLE_002"]


def test_checks_can_be_a_comma_separated_list(capsys: pytest.CaptureFixture[str]) -> None:
    """One option can select several checks."""
    put("main.tf", ANY_SERVICE)
    assert reported_checks(capsys, "--check", "001,002", "--check", "012", "main.tf") == [
        "PASSROLE_002",
        "PASSROLE_012",
    ]


def test_info_is_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    """Info findings are hidden by default, and shown with --severity info or if their check is selected."""
    put("main.tf", ANY_SERVICE)
    assert reported_checks(capsys, "main.tf") == ["PASSROLE_002"]
    assert reported_checks(capsys, "--severity", "info", "main.tf") == ["PASSROLE_002", "PASSROLE_012"]
    assert reported_checks(capsys, "--check", "get-role-missing", "main.tf") == ["PASSROLE_012"]


def test_hidden_failing_finding_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A finding below --severity that fails the run is at least counted."""
    put("main.tf", ANY_SERVICE)
    assert main(["scan", "main.tf", "--severity", "high"]) == 1
    assert capsys.readouterr().out == "no findings; 1 PassRole grant in 1 file; 1 below --severity, not shown\n"


def test_clean_scan_reports_the_number_of_files(capsys: pytest.CaptureFixture[str]) -> None:
    """Code without PassRole is clean, and the summary has the number of files."""
    put("main.tf", CLEAN)
    assert main(["scan", "main.tf"]) == 0
    assert capsys.readouterr().out == "no PassRole grants in 1 file\n"


def test_quiet_omits_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    """--quiet prints findings only."""
    put("main.tf", CLEAN)
    assert main(["scan", "--quiet", "main.tf"]) == 0
    assert capsys.readouterr().out == ""


def test_each_format_goes_to_its_own_output(capsys: pytest.CaptureFixture[str]) -> None:
    """The n-th --output belongs to the n-th --format; a format without one goes to standard output."""
    put("main.tf", ANY_ROLE)
    formats = ["--format", "json", "--format", "sarif", "--format", "text"]
    assert main(["scan", "main.tf", *formats, "--output", "a.json", "--output", "b.sarif"]) == 1
    assert json.loads(Path("a.json").read_text("utf-8"))["version"] == 1
    assert json.loads(Path("b.sarif").read_text("utf-8"))["version"] == "2.1.0"
    assert "1 finding on 1 statement: 1 high" in capsys.readouterr().out


def test_suppressed_findings_do_not_fail_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """A suppressed finding is counted as suppressed; JSON has its reason."""
    put("main.tf", ANY_ROLE.replace("  role =", "  # passrole:skip=PASSROLE_001 break glass\n  role ="))
    assert main(["scan", "main.tf"]) == 0
    assert capsys.readouterr().out == "no findings; 1 PassRole grant in 1 file; 1 suppressed\n"
    main(["scan", "--format", "json", "main.tf"])
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["suppressed"]["reason"] == "break glass"


def test_suppressions_without_reason_or_effect_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """Both are notes with file and line, and do not fail the run."""
    lines = "  # passrole:skip=PASSROLE_001\n  # passrole:skip=PASSROLE_004 tags are fine\n  role ="
    put("main.tf", ANY_ROLE.replace("  role =", lines))
    assert main(["scan", "main.tf"]) == 0
    output = capsys.readouterr().out
    assert "main.tf:2: note: PASSROLE_001 is suppressed without a reason" in output
    assert "main.tf:3: note: this suppression of PASSROLE_004 suppresses nothing" in output


def test_grants_lists_other_statements_only_with_all(capsys: pytest.CaptureFixture[str]) -> None:
    """A statement that cannot grant PassRole is listed with --all only, and marked."""
    bucket = ANY_ROLE.replace('"*"', '"arn:aws:s3:::bucket"')
    put("main.tf", bucket)
    assert main(["grants", "--format", "json", "main.tf"]) == 0
    assert json.loads(capsys.readouterr().out)["grants"] == []
    assert main(["grants", "--format", "json", "--all", "main.tf"]) == 0
    (grant,) = json.loads(capsys.readouterr().out)["grants"]
    assert grant["effect_on_passrole"] == "none"


def test_where_prints_the_adapter_folders(capsys: pytest.CaptureFixture[str]) -> None:
    """Both folders exist and contain Python files for the host to load."""
    for host in ("checkov", "cfn-lint"):
        assert main(["where", host]) == 0
        assert list(Path(capsys.readouterr().out.strip()).glob("[!_]*.py"))


def test_help_is_shown_without_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """The help lists every command."""
    assert main([]) == 0
    output = capsys.readouterr().out
    assert all(f"  {name} " in output for name in command_line.cli.commands)


def test_severity_choices_match_the_enums() -> None:
    """The command line has its own lists, to avoid imports; they match the enums."""
    assert tuple(severity.value for severity in findings.Severity) == SEVERITIES
    assert tuple(confidence.value for confidence in findings.Confidence) == CONFIDENCES


# configuration


def test_command_line_overrides_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    """[tool.passrole_checks] sets defaults; the same option on the command line takes precedence."""
    put("main.tf", ANY_SERVICE)
    put("pyproject.toml", '[tool.passrole_checks]\nfail_on = "high"\nskip_check = "007"\nseverity = "info"\n')
    assert main(["scan", "main.tf"]) == 0
    assert "PASSROLE_012" in capsys.readouterr().out
    assert main(["scan", "main.tf", "--fail-on", "info"]) == 1


def test_configured_formats_apply_to_scan_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A configured SARIF format does not affect ``grants``, which does not support it."""
    put("main.tf", ANY_ROLE)
    put("pyproject.toml", '[tool.passrole_checks]\nformat = "sarif"\nall = true\n')
    assert main(["grants", "main.tf"]) == 0
    assert "1 PassRole grant in 1 file" in capsys.readouterr().out
    assert main(["scan", "main.tf"]) == 1
    assert json.loads(capsys.readouterr().out)["version"] == "2.1.0"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[tool.passrole_checks]\nfail-on = "high"\n', "knows no option 'fail-on'; did you mean fail_on?"),
        ('[tool.passrole_checks]\nwrite-baseline = "b.json"\n', "only on the command line (--write-baseline)"),
        ("[tool.passrole_checks]\nquiet = 1\n", "quiet must be true or false"),
        ("[tool.passrole_checks]\naccount = 111122223333\n", "account must be a text in quotes"),
        ("[tool.passrole_checks]\ncheck = [1]\n", "check must be a text or a list of texts"),
        ('[tool.passrole_checks]\nseverity = "grave"\n', "severity: "),
        ("[tool]\npassrole_checks = 1\n", "must be a table"),
        ("[tool.passrole_checks\n", "not valid TOML"),
    ],
)
def test_invalid_configuration_is_one_line(content: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line starts with pyproject.toml, and the exit status is 2."""
    put("main.tf", CLEAN)
    put("pyproject.toml", content)
    assert main(["scan", "main.tf"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("pyproject.toml: ")
    assert error.count("\n") == 1
    assert words in error


def test_other_tables_of_pyproject_toml_are_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    """A pyproject.toml without our table changes nothing."""
    put("main.tf", CLEAN)
    put("pyproject.toml", '[tool.other]\nfail_on = "nonsense"\n')
    assert main(["scan", "main.tf"]) == 0
    assert capsys.readouterr().err == ""


# as a process


def test_version_imports_nothing_heavy() -> None:
    """--version imports no parser, host or terminal library."""
    code = (
        "import sys; from passrole_checks.cli import main; main(['--version']);"
        "print(*(m for m in ('rich', 'yaml', 'tree_sitter', 'checkov', 'cfnlint', 'passrole_checks.scan.scanner')"
        " if m in sys.modules), sep=',')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"passrole-checks {__version__}\n\n"


def test_piped_scan_imports_no_terminal_library_and_no_host() -> None:
    """rich is imported for terminals only, hosts by their adapters only, and regex for regular expressions only."""
    put("main.tf", ANY_ROLE)
    code = (
        "import sys; from passrole_checks.cli import main; main(['scan', 'main.tf']);"
        "sys.exit(any(m in sys.modules for m in ('rich', 'checkov', 'cfnlint', 'regex')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_closed_pipe_does_not_change_the_exit_status() -> None:
    """If the reader of standard output exits early, the exit status is that of the findings, without an error."""
    put("main.tf", "".join(ANY_ROLE.replace('"deploy"', f'"deploy{number}"') for number in range(300)))
    with subprocess.Popen(
        [sys.executable, "-m", "passrole_checks", "scan", "main.tf"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_ascii_terminal_gets_escaped_characters() -> None:
    """If standard output is ASCII, other characters are escaped."""
    put("main.tf", ANY_ROLE.replace('"Pass"', '"Paß"'))
    done = run("scan", "main.tf", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "PASSROLE_001" in done.stdout


def test_escape_sequences_are_neutralized(capsys: pytest.CaptureFixture[str]) -> None:
    """An escape sequence in a Sid or in a file name is printed as visible text."""
    put("evil\x1b]0;owned\x07.tf", ANY_ROLE.replace('"Pass"', '"\x1b[2Jgone"'))
    put("broken\x1b[2J.yaml", BROKEN)
    main(["scan", "."])
    output, error = capsys.readouterr()
    assert "\x1b" not in output + error
    assert "\\x1b[2Jgone" in output
    assert "evil\\x1b]0;owned\\x07.tf" in output
    assert "broken\\x1b[2J.yaml" in error


@pytest.mark.parametrize("output_format", ["text", "json", "sarif", "junit", "gitlab", "markdown"])
def test_scanned_text_is_no_workflow_command(output_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub Actions runners interpret ##[…] anywhere, and ::…:: at the beginning of a line, as commands."""
    command = "##[set-output name=a]b"
    put("::add-mask::a/main.tf", ANY_ROLE.replace('"Pass"', f'"{command}"').replace('"*"', f'"{command}*"'))
    put("::add-mask::a/broken.yaml", BROKEN)
    assert main(["scan", ".", "--format", output_format]) == 2
    output, error = capsys.readouterr()
    assert "##[" not in output + error
    assert not any(line.lstrip().startswith("::") for line in (output + error).splitlines())


def on_a_terminal(*arguments: str, **variables: str) -> str:
    """Return the command's output if its standard output is a terminal."""
    ours, theirs = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "passrole_checks", *arguments],
        stdout=theirs,
        env={**environment, "TERM": "xterm-256color", **variables},
    )
    os.close(theirs)
    received = b""
    try:
        while chunk := os.read(ours, 65536):
            received += chunk
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    process.wait()
    return received.decode("utf-8")


def test_colors_are_for_terminals_only() -> None:
    """A terminal gets colors, unless --no-color or NO_COLOR is set; a pipe never does."""
    put("main.tf", ANY_ROLE)
    assert "\x1b[" in on_a_terminal("scan", "main.tf")
    assert "\x1b[" not in on_a_terminal("scan", "main.tf", "--no-color")
    assert "\x1b[" not in on_a_terminal("scan", "main.tf", NO_COLOR="1")
    assert "\x1b[" not in run("scan", "main.tf").stdout


@pytest.mark.parametrize("thread", ["", "; threading.Thread(target=time.sleep, args=(0.05,)).start()"])
def test_the_end_of_the_process_is_complete(thread: str) -> None:
    """Functions of atexit are called, output is complete and the exit status is kept, also while threads run."""
    put("main.tf", ANY_ROLE)
    script = (
        "import atexit, threading, time; from passrole_checks.cli import run; "
        f"atexit.register(print, 'at exit'){thread}; run()"
    )
    arguments = [sys.executable, "-c", script, "scan", "main.tf", "--no-cache"]
    process = subprocess.run(arguments, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert process.returncode == 1
    assert "PASSROLE_001" in process.stdout
    assert process.stdout.endswith("at exit\n")
