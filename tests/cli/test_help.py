"""``--help`` prints a manual page for each command, and shells complete command lines."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete

from passrole_checks.checks import ALL
from passrole_checks.cli import PROGRAM, cli, help_sections, main

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "_PASSROLE_CHECKS_COMPLETE"
COMMANDS = sorted(cli.commands)


def help_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the help of a command."""
    assert main([*arguments, "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_the_sections_of_a_manual_page(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's help ends with exit statuses, environment and examples, in lines of at most 80 characters."""
    text = help_of(capsys, command)
    headings = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    behind = [name for name in headings if name in ("Exit status", "Environment", "Files", "Examples")]
    assert behind == [name for name in ("Exit status", "Environment", "Files", "Examples") if name in behind]
    assert {"Exit status", "Environment", "Examples"} <= set(behind)
    assert headings.index("Exit status") == len(headings) - len(behind)
    assert max(map(len, text.splitlines())) <= 80


def test_help_options_do_not_depend_on_the_first_use_of_a_command() -> None:
    """A command that is first used on its own, without the program, has both help options."""
    command = help_sections.DocumentedCommand("alone")
    assert command.get_params(click.Context(command))[-1].opts == ["-h", "--help"]


def test_each_page_belongs_to_a_command() -> None:
    """There is a page for each command, and for nothing else."""
    assert sorted(help_sections.PAGES) == COMMANDS


def test_command_list_shows_whole_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    """The description of each command fits on one line."""
    rows = re.search(r"^Commands:\n((?:  .*\n)+)", help_of(capsys), re.MULTILINE)
    assert rows is not None
    descriptions = dict(re.findall(r"^  (\S+) +(.*)$", rows[1], re.MULTILINE))
    assert sorted(descriptions) == COMMANDS
    assert all(words.endswith(".") and not words.endswith("..") for words in descriptions.values())


def test_options_are_grouped(capsys: pytest.CaptureFixture[str]) -> None:
    """Each option but --help belongs to a group."""
    for command in COMMANDS:
        rest = help_of(capsys, command).partition("\nOptions:\n")[2].partition("\n\n")[0]
        assert set(re.findall(r"^  .*?(--[a-z-]+)", rest, re.MULTILINE)) == {"--help"}, command


@pytest.mark.parametrize(("command", "group"), [("fix", "Edits"), ("review", "Forge")])
def test_option_is_in_the_group_that_suits_its_command(
    command: str, group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """--dry-run is about edits in one command, and about requests to a forge in another."""
    section = help_of(capsys, command).partition(f"\n{group}:\n")[2].partition("\n\n")[0]
    assert "  --dry-run " in section


@pytest.mark.parametrize("command", ["scan", "grants", "required", "suggest", "fix", "trail"])
def test_paths_are_described(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The first entry of the group Input says what the arguments are, and -h prints the same as --help."""
    text = help_of(capsys, command)
    assert text.partition("\nInput:\n")[2].startswith("  PATH ")
    assert main([command, "-h"]) == 0
    assert capsys.readouterr().out == text


EXAMPLES = [example for page in (*help_sections.PAGES.values(), help_sections.PROGRAM) for _, example in page.examples]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_valid_command_lines(example: str) -> None:
    """Each example uses arguments and options that the command accepts."""
    lines = re.findall(r"passrole-checks ([a-z]+[^|&)]*)", example)
    assert lines or VARIABLE in example
    for line in lines:
        name, *arguments = shlex.split(line)
        command = cli.commands[name]
        context = click.Command.make_context(command, name, arguments, resilient_parsing=False)
        assert context.params


def test_documented_environment_variables_match_the_source(capsys: pytest.CaptureFixture[str]) -> None:
    """Each environment variable that the source reads is documented, and no other."""
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "passrole_checks").rglob("*.py"))
    read = set(re.findall(r"\"(PASSROLE_[A-Z][A-Z_]+)\"", source)) - {"PASSROLE_CHECKS_"}
    read |= {name for name in ("NO_COLOR", "GITHUB_WORKSPACE", "CI_PROJECT_DIR") if f'"{name}"' in source}
    rows = [row for page in (*help_sections.PAGES.values(), help_sections.PROGRAM) for row in page.environment]
    documented = {name for names, _ in rows for name in names.split(", ")}
    ours = {name for name in documented if name.startswith("PASSROLE_")} | (read & {"NO_COLOR", *documented})
    assert read == ours


# completion


def completed(*words: str) -> list[str]:
    """Return the completions of the last word: words, or ``file`` and ``dir``."""
    items: list[CompletionItem] = BashComplete(cli, {}, PROGRAM, VARIABLE).get_completions(list(words[:-1]), words[-1])
    return [str(item.value) if item.type == "plain" else str(item.type) for item in items]


def test_commands_and_options_are_completed() -> None:
    """A prefix is completed to commands, to options of the command, and to values of an option."""
    assert sorted(completed("")) == COMMANDS
    assert completed("sc") == ["scan"]
    assert completed("scan", "--fo") == ["--format"]
    assert completed("scan", "--fail-on", "") == ["info", "low", "medium", "high", "never"]
    assert completed("scan", "--format", "s") == ["sarif"]
    assert completed("where", "") == ["checkov", "cfn-lint"]


def test_files_and_folders_are_completed_by_the_shell() -> None:
    """File and folder arguments are completed by the shell."""
    for command in ("scan", "grants", "required", "suggest", "fix"):
        assert completed(command, "main") == ["file"], command
    for option in ("--output", "--var-file", "--parameters", "--baseline", "--write-baseline"):
        assert completed("scan", option, "") == ["file"], option
    assert completed("scan", "--source", "") == ["dir"]
    assert completed("review", "--from-bundle", "") == ["file"]


def test_checks_are_completed() -> None:
    """A check is completed by name, number or id, also as the last of a list."""
    assert completed("scan", "--check", "") == [check.name for check in ALL]
    assert completed("explain", "any") == ["any-role", "any-service"]
    assert (
        completed("scan", "--skip-check", "001,00")
        == [f"001,{check.id[-3:]}" for check in ALL if check.id[-3] == "0"][:9]
    )
    assert completed("review", "--check", "PASSROLE_01") == [check.id for check in ALL if check.id[-2] == "1"]
    assert completed("explain", "no-such") == []


def test_versions_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Branches and tags of the repository are completed, also after three dots; outside of a repository, file names."""
    monkeypatch.chdir(tmp_path)
    assert completed("diff", "") == ["file"]
    identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.com"]
    for command in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "one"], ["tag", "v1"]):
        subprocess.run(["git", *identity, *command], check=True)
    assert completed("diff", "") == ["HEAD", "main", "v1"]
    assert completed("review", "main...v") == ["main...v1"]
    assert completed("diff", "app.y") == ["file"]


def test_completion_ignores_an_invalid_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken pyproject.toml, or a folder that is no repository, does not affect completion."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.passrole_checks\n")
    for command in COMMANDS:
        assert "--help" in completed(command, "--he"), command


@pytest.fixture
def program(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose PATH contains the program, as an installation does."""
    script = tmp_path / "bin" / PROGRAM
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {sys.executable} -m passrole_checks "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {**os.environ, "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}"}


SHELLS: dict[str, tuple[type[ShellComplete], str, str]] = {
    "bash": (BashComplete, "passrole-checks sc", "plain,scan"),
    "zsh": (ZshComplete, "passrole-checks sc", "plain\nscan\nReport overly permissive iam:PassRole grants."),
    "fish": (FishComplete, "passrole-checks sc", "plain,scan\tReport overly permissive iam:PassRole grants."),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_speaks_the_protocol_of_each_shell(shell: str, program: dict[str, str]) -> None:
    """The shell's script names our function and program, and the call that it makes is answered."""
    _, words, answer = SHELLS[shell]
    script = run_completion(program, f"{shell}_source")
    assert "_passrole_checks_completion" in script and f"{VARIABLE}={shell}_complete" in script
    position = {"COMP_WORDS": words, "COMP_CWORD": "sc" if shell == "fish" else "1"}
    assert run_completion(program, f"{shell}_complete", **position).rstrip("\n") == answer


def run_completion(program: dict[str, str], instruction: str, **more: str) -> str:
    done = subprocess.run(
        [PROGRAM], env={**program, VARIABLE: instruction, **more}, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_completion_works_in_bash(program: dict[str, str]) -> None:
    """The documented line installs a working completion function in a real bash."""
    line = f'eval "$({VARIABLE}=bash_source {PROGRAM})"'
    assert line in [command for _, command in help_sections.PROGRAM.examples]
    asked = f"{line}\nCOMP_WORDS=({PROGRAM} scan --fail-on m)\nCOMP_CWORD=3\n"
    asked += f'_passrole_checks_completion {PROGRAM} m --fail-on\nprintf "%s\\n" "${{COMPREPLY[@]}}"\n'
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", asked], env=program, capture_output=True, encoding="utf-8", check=False
    )
    assert (done.stdout, done.returncode) == ("medium\n", 0), done.stderr
