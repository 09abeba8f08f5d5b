"""Commands do not write through symbolic links in their input."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from git_repositories import ANY, APP, Repository, git_alone, terraform

from passrole_checks import cli as command_line
from passrole_checks.cli import main

OLD = "export PATH\n"
WRITERS = [
    *(["scan", ".", "--format", name, "--output"] for name in ("text", "json", "sarif", "junit", "gitlab", "markdown")),
    ["scan", ".", "--write-baseline"],
    *(["grants", ".", "--format", name, "--output"] for name in ("json", "html", "markdown")),
    *(["required", ".", "--format", name, "--output"] for name in ("json", "hcl", "yaml")),
    *(["suggest", ".", "--format", name, "--output"] for name in ("text", "patch", "json")),
    ["fix", ".", "--dry-run", "--output"],
    ["diff", "HEAD^", "HEAD", "--format", "json", "--output"],
    *(["review", "HEAD^", "HEAD", "--format", name, "--output"] for name in ("text", "json", "sarif", "gitlab")),
    ["review", "HEAD^", "HEAD", "--offline-bundle"],
    ["trail", "--sql", "athena", "--output"],
]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Repository:
    """Two commits that differ, and links out of the repository, to a file that must not change."""
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "CI_", "GITLAB_", "PASSROLE_")):
            monkeypatch.delenv(name)
    git_alone(monkeypatch)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".bashrc").write_text(OLD)
    made = Repository(tmp_path / "repository", capsys)
    made.commit({"main.tf": terraform(APP)})
    made.commit({"main.tf": terraform(ANY), "infra/main.tf": terraform(ANY)})
    (made.folder / "report").symlink_to("../home/.bashrc")
    (made.folder / "new").symlink_to("../home/.profile")
    (made.folder / "reports").symlink_to("../home")
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("PYTHONPATH", str(Path(command_line.__file__).parents[2]))
    return made


def home(repository: Repository) -> dict[str, str]:
    """All that is outside of the repository, as it should be."""
    return {path.name: path.read_text() for path in (repository.folder.parent / "home").iterdir()}


@pytest.mark.parametrize("arguments", WRITERS, ids=" ".join)
@pytest.mark.parametrize("path", ["report", "new", "reports/.bashrc", "reports/other", "./infra/../report"])
def test_no_command_writes_through_a_planted_link(
    arguments: list[str], path: str, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is exit status 2 with one line, and nothing outside changes; no half of a report is written either."""
    assert main([*arguments, path]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"{path}: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert home(repository) == {".bashrc": OLD}


@pytest.mark.parametrize("arguments", WRITERS, ids=" ".join)
def test_every_command_replaces_an_ordinary_file(arguments: list[str], repository: Repository, tmp_path: Path) -> None:
    """In the repository, with the mode that it had, and without anything else being left there."""
    before = {path.name for path in repository.folder.iterdir()}
    target = repository.folder / "ordinary"
    if "--write-baseline" not in arguments:
        target.write_text("an older report, which is a good deal longer than the new one\n" * 1000)
        target.chmod(0o640)
    assert main([*arguments, "ordinary"]) in (0, 1)
    assert "an older report" not in target.read_text()
    assert "--write-baseline" in arguments or target.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in repository.folder.iterdir()} == before | {"ordinary"}


def test_links_in_the_repository_count_from_a_folder_below(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the working directory nor the scanned folder has the link."""
    monkeypatch.chdir(repository.folder / "infra")
    assert main(["scan", ".", "--format", "json", "--output", "../report"]) == 2
    monkeypatch.chdir(repository.folder.parent)
    assert main(["scan", "repository/infra", "--format", "json", "--output", "repository/report"]) == 2
    assert home(repository) == {".bashrc": OLD}


def test_a_users_own_links_elsewhere_are_followed(repository: Repository, tmp_path: Path) -> None:
    """To a file, to a folder, and to the repository itself."""
    (tmp_path / "mine").symlink_to("home")
    (tmp_path / "same").symlink_to("repository")
    assert main(["scan", ".", "--format", "json", "--output", "../mine/report.json"]) == 1
    assert main(["scan", ".", "--format", "json", "--output", "../same/report.json"]) == 1
    assert json.loads((tmp_path / "home" / "report.json").read_text())["version"] == 1
    assert json.loads((repository.folder / "report.json").read_text())["version"] == 1
    assert main(["scan", ".", "--format", "json", "--output", "../same/report"]) == 2


def test_links_among_logs_are_not_followed(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder of the logs is read as well, and may hold links of others."""
    pytest.importorskip("duckdb")
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.json.gz").write_bytes(gzip.compress(b'{"Records": []}'))
    (logs / "report").symlink_to("../home/.bashrc")
    assert main(["trail", str(logs), "--allow-empty", "--format", "json", "--output", str(logs / "report")]) == 2
    assert home(repository) == {".bashrc": OLD}


def test_the_summary_of_a_step_follows_no_planted_link(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said, and changes nothing else."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(repository.folder / "report"))
    assert main(["review", "HEAD^", "HEAD", "--post", "none"]) == 1
    assert home(repository) == {".bashrc": OLD}
    assert "step summary" in capsys.readouterr().err


@pytest.mark.parametrize("link", ["kept", "kept/program"])
def test_nothing_is_kept_behind_a_planted_link(
    link: str, repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a pipeline keeps its cache among the files of the repository."""
    monkeypatch.setattr(
        "passrole_checks.sources.files.path_states.is_settled", lambda *_: True
    )  # no waiting for files to settle
    monkeypatch.setenv("PASSROLE_CHECKS_CACHE_DIR", str(repository.folder / "kept"))
    main(["scan", "."])
    folder = repository.folder / "kept"
    (program,) = (path for path in folder.iterdir() if path.is_dir())
    folders = {"kept": [folder], "kept/program": [program]}[link]
    for path in folders:
        shutil.rmtree(path)
        path.symlink_to(repository.folder.parent / "home")
    capsys.readouterr()
    assert main(["scan", "."]) == 1
    assert "nothing can be kept there" in capsys.readouterr().err
    assert home(repository) == {".bashrc": OLD}


def test_a_baseline_is_not_read_through_the_link_that_it_is_to_replace(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """No message contains the target of the link."""
    (repository.folder.parent / "home" / ".bashrc").write_text('{"version": "correct horse", "entries": []}')
    assert main(["scan", ".", "--write-baseline", "report"]) == 2
    assert "correct horse" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/dev/stderr", "/dev/null"])
@pytest.mark.parametrize("folder", [".", "/dev"])
def test_devices_and_descriptors_are_written_to(name: str, folder: str, repository: Repository) -> None:
    """Wherever the program runs, and after what was there: a file behind standard output is not truncated."""
    command = [sys.executable, "-m", "passrole_checks", "scan", str(repository.folder), "--format", "json"]
    with open(repository.folder.parent / "seen", "w+") as seen:
        seen.write("before\n")
        seen.flush()
        where = os.path.join(repository.folder, folder)
        done = subprocess.run([*command, "--output", name], cwd=where, stdout=seen, stderr=subprocess.PIPE, check=False)
        seen.seek(0)
        said = seen.read() if name != "/dev/stderr" else "before\n" + done.stderr.decode()
    assert done.returncode == 1
    assert said.startswith("before\n")
    assert name == "/dev/null" or json.loads(said.removeprefix("before\n"))["version"] == 1


def test_a_process_substitution_is_written_to(repository: Repository) -> None:
    """bash hands it over as /dev/fd/63."""
    program = f"{sys.executable} -m passrole_checks scan . --format json --output >(cat > got)"
    program += "; status=$?; wait $!; exit $status"
    assert subprocess.run(["bash", "-c", program], check=False).returncode == 1
    assert json.loads(Path("got").read_text())["version"] == 1


def test_an_unusable_output_is_found_before_the_scan(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A long scan is not done in vain, and the other formats are not written."""
    monkeypatch.setattr("passrole_checks.cli.scan._scan", lambda *_, **__: pytest.fail("scanned"))
    formats = ["--format", "json", "--format", "sarif", "--output", "first", "--output", "report"]
    assert main(["scan", ".", *formats]) == 2
    assert not Path("first").exists()
