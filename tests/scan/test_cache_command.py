"""The cache as the command line uses it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from changing_trees import planted

from passrole_checks.cli import cli, main
from passrole_checks.cli.pyproject_defaults import configurable_options
from passrole_checks.scan.cache.store import ENVIRONMENT
from passrole_checks.sources.files import path_states

ROOT = Path(__file__).parents[2]
FORMATS = ("text", "json", "sarif", "junit", "github", "gitlab", "markdown")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, a tree to scan as the working directory, and no waiting for files to settle."""
    monkeypatch.setattr(path_states, "_FINE", 0)
    monkeypatch.setattr(path_states, "_COARSE", 0)
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "kept"))
    monkeypatch.chdir(planted(tmp_path / "tree"))
    Path("broken.yaml").write_text("Resources:\n  A: {Type: AWS::IAM::Policy\n", "utf-8")
    return tmp_path / "kept"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.kept"))


@pytest.mark.parametrize("output_format", FORMATS)
def test_scan_output_is_the_same_with_the_cache(
    output_format: str, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Output and exit status of scan are the same without the cache, with an empty one, and from it."""
    arguments = ("scan", ".", "--format", output_format, "--severity", "info")
    without = said(capsys, *arguments, "--no-cache")
    assert not kept.exists()
    assert said(capsys, *arguments) == without
    assert entries(kept)
    assert said(capsys, *arguments) == without
    assert without[0] == 2
    assert without[2].count("broken.yaml") == 1


@pytest.mark.parametrize("output_format", ["text", "json", "html", "markdown"])
def test_grants(output_format: str, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same of grants."""
    arguments = ("grants", ".", "--all", "--format", output_format)
    without = said(capsys, *arguments, "--no-cache")
    assert said(capsys, *arguments) == said(capsys, *arguments) == without


def test_baseline(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A baseline is applied to what is remembered as to what is found."""
    main(["scan", ".", "--no-cache", "--write-baseline", "../baseline.json"])
    capsys.readouterr()
    arguments = ("scan", ".", "--baseline", "../baseline.json")
    assert said(capsys, *arguments) == said(capsys, *arguments) == said(capsys, *arguments, "--no-cache")


def test_no_cache(kept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With --no-cache, and with an empty name of the folder, nothing is read or kept; no file can ask for another
    folder."""
    monkeypatch.setenv(ENVIRONMENT, "")
    main(["scan", "."])
    monkeypatch.setenv(ENVIRONMENT, str(kept))
    main(["scan", ".", "--no-cache"])
    assert not kept.exists()
    assert not any("cache" in name for name in configurable_options(click.Context(cli)))


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_what_is_imported(kept: Path) -> None:
    """Where all is remembered, neither checks nor parsers nor what AWS is known to do are imported."""
    main(["scan", ".", "--quiet"])
    code = (
        "import sys; from passrole_checks.cli import main; main(['scan', '.', '--quiet']);"
        "print([name for name in sys.modules if 'tree_sitter' in name or name in ('yaml', 'passrole_checks.checks',"
        " 'passrole_checks.scan.scanner', 'passrole_checks.scan.analyze', 'passrole_checks.aws.managed_policies')],"
        " file=sys.stderr)"
    )
    done = process("-c", code)
    assert done.stderr.splitlines()[-1] == "[]"
    assert "PASSROLE_001" in done.stdout


@pytest.mark.parametrize("quiet", [False, True])
def test_a_folder_that_cannot_be_used(
    quiet: bool, kept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the folder cannot be used the scan is as without it, and one line tells, unless --quiet asks for none."""
    words = ("--quiet",) if quiet else ()
    without = said(capsys, "scan", ".", "--no-cache", *words)
    kept.write_text("a file", "utf-8")
    status, out, err = said(capsys, "scan", ".", *words)
    assert (status, out) == without[:2]
    note = f"{kept}: nothing can be kept there: Not a directory\n"
    assert err == ("" if quiet else note) + without[2]
    kept.unlink()
    kept.mkdir(mode=0o777)
    kept.chmod(0o777)
    assert said(capsys, "scan", ".", *words)[:2] == without[:2]
    assert list(kept.iterdir()) == []


def test_missing_home_disables_the_cache(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a home, or with one that is not writable, nothing is cached and nothing is reported."""
    monkeypatch.delenv(ENVIRONMENT)
    for home in ("/dev/null", "nowhere"):
        done = process("-m", "passrole_checks", "scan", "mod", HOME=home, XDG_CACHE_HOME="")
        assert (done.returncode, done.stderr) == (0, "")
    assert not Path("nowhere").exists()


def test_another_program(kept: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A changed file of the program, or of a package that reads values, makes it another program with own entries."""
    code = "from passrole_checks.scan.cache.keys import program; print(program())"
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "passrole_checks", copy / "passrole_checks")
    first = process("-c", code, PYTHONPATH=str(copy)).stdout
    assert first == process("-c", code, PYTHONPATH=str(copy)).stdout != ""
    file = copy / "passrole_checks" / "aws" / "service_principals.json"
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    second = process("-c", code, PYTHONPATH=str(copy)).stdout
    assert second != first
    (copy / "regex.py").touch()
    assert process("-c", code, PYTHONPATH=str(copy)).stdout not in (first, second)


def test_doctor(kept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """doctor tells where the cache is, and how much is in it."""
    from passrole_checks.doctor import diagnosis

    monkeypatch.setattr(diagnosis, "HOSTS", {})

    def told() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(said(capsys, "doctor", "--format", "json")[1])
        return found

    assert told()["cache"] == {"folder": str(kept), "entries": 0, "of_this_version": 0, "bytes": 0}
    main(["scan", ".", "-q"])
    capsys.readouterr()
    number, size = len(entries(kept)), sum(entry.stat().st_size for entry in entries(kept))
    assert told()["cache"] == {"folder": str(kept), "entries": number, "of_this_version": number, "bytes": size}
    line = next(line for line in said(capsys, "doctor")[1].splitlines() if line.startswith("cache "))
    assert f"{number} entries, {number} of this version, {size / 1e6:.1f} MB  {kept}" in line
    kept.chmod(0o777)
    (remark,) = [one for one in told()["remarks"] if "cache" in one["about"]]
    assert remark["problem"] == "nothing can be kept there: others than its owner may write to it"
    monkeypatch.setenv(ENVIRONMENT, "")
    assert told()["cache"]["folder"] is None
