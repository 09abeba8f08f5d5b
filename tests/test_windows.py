"""Windows: its paths, what its Python lacks, its line ends and its code pages change no result.

Other systems can simulate paths and missing functions (`tests/helpers/windows_simulation.py`), and have the rest.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from command_runs import run_command
from sample_folders import ROOT, SAMPLES, options_of

from passrole_checks.cli import main

FLAGGED = "001-any-role/terraform/flagged"
RECORDED = {"expected.txt": "scan", "grants.txt": "grants"}
FORMATS = ("json", "sarif", "junit", "github", "gitlab", "markdown", "html")
EDITED = ("001-any-role", "002-any-service", "007-implicit-grant", "017-shared-condition")


class Done(NamedTuple):
    status: int
    output: str
    errors: str


def simulate(clone: Path, drive: Path, *commands: list[str]) -> list[Any]:
    """Run commands in a simulation of Windows, in ``C:\\clone`` and with a drive ``D:``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "helpers")])}
    done = subprocess.run(
        [sys.executable, "-m", "windows_simulation", clone, drive],
        input="".join(f"{json.dumps(command)}\n" for command in commands),
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def disks(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders with samples, for ``C:\\clone`` and ``D:``."""
    made = tmp_path / "clone", tmp_path / "drive"
    for folder in made:
        for name in ("001-any-role", "variables"):
            shutil.copytree(SAMPLES / name, folder / name)
    return made


def test_every_module_imports_without_what_windows_lacks(tmp_path: Path) -> None:
    """Neither modules (``fcntl``), functions (``os.fork``), flags (``os.O_NOFOLLOW``) nor signals are required."""
    (modules,) = simulate(tmp_path, tmp_path, [])
    assert {"passrole_checks.scan.parallel.worker_pool", "passrole_checks.files.write_atomically"} <= set(modules)
    assert len(modules) > 400


def test_samples_have_the_same_output() -> None:
    """The text beside each sample, also where its path, its value file and its source have backslashes."""
    files = [path for name in RECORDED for path in sorted(SAMPLES.glob(f"*/{name}"))]
    commands = []
    for path in files:
        command = [RECORDED[path.name], "--verbose", f"sample_templates\\{path.parent.name}"]
        for name, value in options_of(path.parent.name).items():
            command += [f"--{name}", value.replace("/", "\\") if name in ("var-file", "source") else value]
        commands.append(command)
    assert len(files) > 20
    for path, (_, output, errors) in zip(files, simulate(ROOT, SAMPLES, *commands), strict=True):
        assert (output, errors) == (path.read_text("utf-8"), ""), path


def test_every_format_has_forward_slashes() -> None:
    """Each command and format prints what it prints elsewhere, byte for byte."""
    sample, clean = f"sample_templates/{FLAGGED}", "sample_templates/001-any-role/terraform/clean"
    commands = [
        *(["scan", sample, "--format", name] for name in FORMATS),
        *(["grants", sample, "--format", name] for name in ("json", "markdown")),
        ["required", "sample_templates/everyday", "--format", "json"],
        *(["suggest", sample, "--format", name] for name in ("json", "patch")),
        *(["diff", clean, sample, "--format", name] for name in ("json", "markdown")),
        ["scan", "sample_templates", "--exclude", "[!0]*", "--exclude", "00[2-9]*", "--exclude", "01*/", "--verbose"],
    ]
    on_windows = [[word.replace("/", "\\") if "sample_templates" in word else word for word in one] for one in commands]
    for command, done in zip(commands, simulate(ROOT, SAMPLES, *on_windows), strict=True):
        elsewhere = run_command(*command, cwd=ROOT)
        expected = elsewhere.stdout.replace(str(ROOT), "C:/clone"), elsewhere.stderr
        assert Done(*done) == (elsewhere.returncode, *expected), command


def test_drives_and_absolute_paths(disks: tuple[Path, Path]) -> None:
    """The case of a drive does not matter, one folder given twice is read once, and other drives are named."""
    here, twice, there, sarif, below, between = simulate(
        *disks,
        ["scan", FLAGGED, "--format", "json"],
        ["scan", f"c:\\CLONE\\{FLAGGED}", f"C:/clone/{FLAGGED}/main.tf", FLAGGED, "--format", "json"],
        ["scan", f"d:\\{FLAGGED}", "--format", "json"],
        ["scan", f"D:/{FLAGGED}", "--format", "sarif"],
        ["grants", "D:\\", "--format", "json"],
        ["diff", "D:\\001-any-role\\terraform\\clean", f"C:\\clone\\{FLAGGED}", "--format", "json"],
    )
    assert json.loads(here[1])["findings"] == json.loads(twice[1])["findings"]
    assert {one["file"] for one in json.loads(here[1])["findings"]} == {f"{FLAGGED}/main.tf"}
    assert {one["file"] for one in json.loads(there[1])["findings"]} == {f"D:/{FLAGGED}/main.tf"}
    assert set(re.findall(r'"uri": "(.*?)"', sarif[1])) == {f"file:///D:/{FLAGGED}/main.tf"}
    assert all(one["file"].startswith("D:/") and "\\" not in one["file"] for one in json.loads(below[1])["grants"])
    assert {one["file"] for one in json.loads(between[1])["new"]} == {f"{FLAGGED}/main.tf"}


def test_files_are_written_on_each_drive_and_not_through_links(disks: tuple[Path, Path]) -> None:
    """As elsewhere, although no file can be opened relative to an open folder."""
    clone, drive = disks
    (clone / "link").symlink_to(drive / "001-any-role")
    fixed, written, through = simulate(
        *disks,
        ["fix", "001-any-role"],
        ["scan", FLAGGED, "--format", "json", "--output", "D:\\reports.json"],
        ["scan", FLAGGED, "--format", "json", "--output", "link\\report.json"],
    )
    assert (fixed[0], written[0], through[0]) == (1, 1, 2), (fixed, written, through)
    assert run_command("fix", "001-any-role", cwd=drive).returncode == 1
    for path in (drive / "001-any-role").rglob("*"):
        assert path.is_dir() or path.read_bytes() == (clone / path.relative_to(drive)).read_bytes(), path
    assert json.loads((drive / "reports.json").read_text("utf-8"))["findings"]
    assert "symbolic link" in through[2] and not (drive / "001-any-role" / "report.json").exists()


# -- line ends and byte order marks


def windows_text(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def copy_samples(folder: Path, change: Callable[[bytes], bytes]) -> None:
    for name in EDITED:
        for path in (SAMPLES / name).rglob("*.*"):
            copied = folder / path.relative_to(SAMPLES)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    "mark", [pytest.param(b"", id="crlf"), pytest.param(b"\xef\xbb\xbf", id="crlf-bom", marks=pytest.mark.nightly)]
)
def test_line_ends_change_no_result_and_are_kept(mark: bytes, tmp_path: Path) -> None:
    """The same lines, columns, fingerprints and edits, in all formats that samples have; ``fix`` writes CR LF."""
    plain, changed = tmp_path / "plain", tmp_path / "changed"
    copy_samples(plain, bytes)
    copy_samples(changed, lambda data: mark + windows_text(data))
    for command in (
        *(["scan", ".", "--severity", "info", "--format", name] for name in ("json", "sarif", "text")),
        ["grants", ".", "--all", "--format", "json"],
        ["suggest", "."],
    ):
        first, second = (run_command(*command, cwd=folder) for folder in (plain, changed))
        assert (first.returncode, first.stdout, first.stderr) == (second.returncode, second.stdout, second.stderr)
    for folder in (plain, changed):
        assert run_command("fix", ".", cwd=folder).returncode == 1
    edited = 0
    for path in filter(Path.is_file, plain.rglob("*")):
        data = path.read_bytes()
        edited += data != (SAMPLES / path.relative_to(plain)).read_bytes()
        assert (changed / path.relative_to(plain)).read_bytes() == mark + windows_text(data), path
    assert edited > 3


@pytest.mark.parametrize("name", ["main.tf", "t.yaml", "plan.json"])
def test_utf16_is_named_as_unreadable(name: str, tmp_path: Path) -> None:
    """As written by Windows PowerShell's ``>``: never clean."""
    source = {"main.tf": FLAGGED + "/main.tf", "t.yaml": "001-any-role/cloudformation/flagged.yaml"}
    path = SAMPLES / source.get(name, "001-any-role/plan/flagged.json")
    (tmp_path / name).write_bytes(path.read_text("utf-8").encode("utf-16"))
    done = run_command("scan", name, "--format", "json", cwd=tmp_path)
    (unreadable,) = json.loads(done.stdout)["unreadable"]
    assert (done.returncode, unreadable["file"]) == (2, name)
    assert "UTF-16" in unreadable["reason"] or "UTF-8" in unreadable["reason"]


# -- code pages


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "cp932", "ascii"])
@pytest.mark.parametrize(
    "command",
    [
        ["scan", f"sample_templates/{FLAGGED}"],
        ["scan", "größe/日本"],
        ["grants", f"sample_templates/{FLAGGED}", "--format", "markdown"],
        ["suggest", f"sample_templates/{FLAGGED}"],
        ["diff", "sample_templates/001-any-role/terraform/clean", f"sample_templates/{FLAGGED}"],
        ["explain", "008"],
        ["trail", "--help"],
    ],
    ids=lambda command: f"{command[0]}-{command[-1]}",
)
def test_a_code_page_without_a_character_does_not_fail_the_run(
    command: list[str], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Characters that it lacks are spelled out: our own signs in ASCII, the rest as escape sequences."""
    monkeypatch.chdir(ROOT)
    printed = {}
    for name in ("utf-8", encoding):
        written = [io.BytesIO() for _ in range(2)]
        streams = [io.TextIOWrapper(one, name, newline="\r\n") for one in written]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        status = main(command)
        for stream in streams:
            stream.flush()
        printed[name] = (status, *(one.getvalue().decode(name) for one in written))
    monkeypatch.undo()

    def spelled(text: str) -> str:
        signs = "".join(
            {"…": "...", "│": "|", "→": "->"}.get(one, one) if _lacks(encoding, one) else one for one in text
        )
        return signs.encode(encoding, "backslashreplace").decode(encoding)

    status, output, errors = printed["utf-8"]
    assert printed[encoding] == (status, spelled(output), spelled(errors))
    assert "\r" not in output  # also where lines would end in CR LF: a patch must apply


def _lacks(encoding: str, character: str) -> bool:
    try:
        return not character.encode(encoding)
    except UnicodeEncodeError:
        return True
