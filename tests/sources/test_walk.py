"""The files below a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from passrole_checks import cli
from passrole_checks.sources.files.walk import is_ignored_folder, walk


def found(folder: Path) -> list[str]:
    def refuse(path: Path, error: OSError) -> None:
        raise AssertionError(f"{path}: {error}")

    return [str(path.relative_to(folder)).replace(os.sep, "/") for path in walk(folder, refuse)]


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def test_walk_is_ordered_by_name(tmp_path: Path) -> None:
    """Files of a folder first, then its subfolders."""
    put(tmp_path, "b/z", "b/a/y", "c", "a")
    assert found(tmp_path) == ["a", "c", "b/z", "b/a/y"]


@pytest.mark.parametrize(
    "name",
    [".terraform", ".git", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".aws-sam", ".terragrunt-cache",
     ".pytest_cache", ".cache", ".npm-cache"],
)  # fmt: skip
def test_copies_and_caches_are_skipped(tmp_path: Path, name: str) -> None:
    """Downloads, copies and build results of tools are not walked."""
    put(tmp_path, f"{name}/main.tf", "main.tf")
    assert is_ignored_folder(name)
    assert found(tmp_path) == ["main.tf"]


@pytest.mark.parametrize("name", ["cdk.out", ".github", "cache", "modules", "environment"])
def test_other_folders_are_walked(tmp_path: Path, name: str) -> None:
    """Synthesized templates and hidden folders of code are."""
    put(tmp_path, f"{name}/x.json")
    assert found(tmp_path) == [f"{name}/x.json"]


def test_virtual_environment_of_any_name_is_skipped(tmp_path: Path) -> None:
    """A folder with pyvenv.cfg is one."""
    put(tmp_path, "my-env/pyvenv.cfg", "my-env/lib/x.yaml", "y.yaml")
    assert found(tmp_path) == ["y.yaml"]


def test_given_ignored_folder_is_walked(tmp_path: Path) -> None:
    """A folder given as an argument is walked, whatever its name."""
    put(tmp_path, ".terraform/modules/x/main.tf", ".terraform/pyvenv.cfg")
    assert found(tmp_path / ".terraform") == ["pyvenv.cfg", "modules/x/main.tf"]


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    """Links to files, folders or parent folders are skipped."""
    put(tmp_path, "real/x.tf")
    (tmp_path / "file.tf").symlink_to(tmp_path / "real/x.tf")
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    (tmp_path / "real/up").symlink_to(tmp_path)
    assert found(tmp_path) == ["real/x.tf"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no pipes")
def test_pipes_are_skipped(tmp_path: Path) -> None:
    """Only regular files are yielded, so that reading never blocks."""
    os.mkfifo(tmp_path / "x.json")
    assert found(tmp_path) == []


def test_unlistable_folder_is_reported(tmp_path: Path) -> None:
    """The walk continues."""
    told: list[Path] = []
    assert list(walk(tmp_path / "gone", lambda path, error: told.append(path))) == []
    assert told == [tmp_path / "gone"]


def test_requested_links_are_yielded(tmp_path: Path) -> None:
    """Under their own names, unless they lead to a folder."""
    put(tmp_path, "real/a.tf", "real/b.txt")
    (tmp_path / "link.tf").symlink_to("real/a.tf")
    (tmp_path / "link.txt").symlink_to("real/b.txt")
    (tmp_path / "gone.tf").symlink_to("nowhere")
    (tmp_path / "folder.tf").symlink_to("real")
    wanted = walk(tmp_path, lambda path, error: None, others=lambda path: path.suffix == ".tf")
    assert [path.relative_to(tmp_path).as_posix() for path in wanted] == [
        "gone.tf",
        "link.tf",
        "real/a.tf",
        "real/b.txt",
    ]


@pytest.mark.parametrize(
    "names", [["a", "b", "c", "d"], ["a/b/c/d"], ["a", "b/c", "b/d"]], ids=["wide", "deep", "both"]
)
def test_walk_stops_at_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], names: list[str]
) -> None:
    """A folder with more files and folders than the limit is reported, with exit status 2."""
    put(tmp_path, *names)
    monkeypatch.setattr("passrole_checks.sources.files.walk.MOST_ENTRIES", 4)
    assert found(tmp_path) == sorted(names)
    monkeypatch.setattr("passrole_checks.sources.files.walk.MOST_ENTRIES", 3)
    errors: list[str] = []
    assert len(list(walk(tmp_path, lambda path, error: errors.append(f"{path}: {error.strerror}")))) < 3
    assert errors == [f"{tmp_path}: more than 3 files and folders; the rest is not read"]
    assert cli.main(["scan", "--allow-empty", str(tmp_path)]) == 2
    assert f"{errors[0]}\n" in capsys.readouterr().err
