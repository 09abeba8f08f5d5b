"""Files are replaced whole or not at all, and never through a link in or below a guarded folder."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.files import write_atomically
from passrole_checks.files.write_atomically import append_to_file, check_file, guarded_folders, replace_file

OLD, NEW = b"old\n", b"new\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A guarded folder ``tree`` with links that lead to ``outside``, beside it, and out of it again."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(OLD)
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "file").write_bytes(OLD)
    (tree / "link").symlink_to(outside / "file")
    (tree / "inner").symlink_to("file")
    (tree / "new").symlink_to(outside / "new")
    (tree / "folder").symlink_to("../outside")
    (tree / "sub" / "up").symlink_to("..")
    (tmp_path / "to_link").symlink_to("tree/link")
    (tmp_path / "to_tree").symlink_to(tree)
    (tmp_path / "to_file").symlink_to("outside/file")
    (tmp_path / "to_new").symlink_to("outside/new")
    return tree


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder, links left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


REFUSED = ("tree/link", "tree/inner", "tree/new", "tree/folder/file", "tree/folder/new", "tree/sub/up/file",
           "tree/folder/../file", "to_link", "to_tree/link", "to_tree/folder/new", "outside/../tree/link")  # fmt: skip


@pytest.mark.parametrize("path", REFUSED)
@pytest.mark.parametrize("relative", [False, True])
def test_no_link_below_a_guarded_folder_is_followed(
    path: str, relative: bool, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the last component or before it, whatever way the path enters the folder."""
    monkeypatch.chdir(tree / "sub")
    before = contents(tree.parent)
    name = f"../../{path}" if relative else str(tree.parent / path)
    for act in (replace_file, append_to_file):
        with pytest.raises(OSError) as caught:
            act(name, NEW, guarded=[tree])
        assert caught.value.errno == errno.ELOOP
    with pytest.raises(OSError):
        check_file(name, guarded=[tree])
    assert contents(tree.parent) == before


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("tree/file", "tree/file"),
        ("tree/sub/more", "tree/sub/more"),
        ("tree/sub/../file", "tree/file"),
        ("to_tree/sub/more", "tree/sub/more"),
        ("to_file", "outside/file"),
        ("to_new", "outside/new"),
        ("tree/../outside/file", "outside/file"),
    ],
)
def test_links_outside_guarded_folders_are_followed(path: str, changed: str, tree: Path) -> None:
    """They stay links."""
    check_file(tree.parent / path, guarded=[tree])
    replace_file(tree.parent / path, NEW, guarded=[tree])
    assert {name for name, data in contents(tree.parent).items() if data == NEW} == {changed}
    assert (tree.parent / "to_file").is_symlink()


def test_link_planted_during_the_write_is_not_followed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the check of a folder and its opening, and before the replacement."""
    resolved = write_atomically._resolve

    def swap(*arguments: Any) -> tuple[str, list[str], int]:
        found = resolved(*arguments)
        (tree / "sub").rename(tree / "moved")
        (tree / "sub").symlink_to("../outside")
        return found

    monkeypatch.setattr(write_atomically, "_resolve", swap)
    with pytest.raises(OSError):
        replace_file(tree / "sub" / "file", NEW, guarded=[tree])
    monkeypatch.undo()
    assert NEW not in contents(tree.parent).values()
    replace = os.replace

    def plant(*arguments: Any, **options: Any) -> None:
        (tree / "file").unlink()
        (tree / "file").symlink_to("../outside/file")
        replace(*arguments, **options)

    monkeypatch.setattr(os, "replace", plant)
    replace_file(tree / "file", NEW, guarded=[tree])
    assert contents(tree)["file"] == NEW
    assert contents(tree.parent / "outside") == {"file": OLD}


@pytest.mark.parametrize("path", REFUSED)
def test_folders_are_identified_by_path_without_inode_numbers(
    path: str, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on file systems that number files anew each time."""
    monkeypatch.setattr(write_atomically, "_identity", lambda _: None)
    with pytest.raises(OSError):
        replace_file(tree.parent / path, NEW, guarded=[tree])
    assert NEW not in contents(tree.parent).values()


def test_folders_are_identified_in_any_spelling(tree: Path) -> None:
    """A path through a link is the same folder."""
    with pytest.raises(OSError):
        replace_file(tree / "link", NEW, guarded=[tree.parent / "to_tree"])


def test_cycle_of_links_is_an_error(tmp_path: Path) -> None:
    """Where links are followed at all."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError) as caught:
        replace_file(tmp_path / "a", NEW, guarded=[])
    assert caught.value.errno == errno.ELOOP


def test_rules_apply_without_dir_fd(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.setattr(write_atomically, "_AT_FOLDERS", False)
    for path in REFUSED:
        with pytest.raises(OSError):
            replace_file(tree.parent / path, NEW, guarded=[tree])
    replace_file(tree / "file", NEW, guarded=[tree])
    replace_file(tree / "sub" / "more", NEW, guarded=[tree])
    found = contents(tree.parent)
    assert {name for name, data in found.items() if data == NEW} == {"tree/file", "tree/sub/more"}
    assert len(found) == 3


# whole or not at all


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_mode_of_a_replaced_file_is_kept(mode: int, tmp_path: Path) -> None:
    """The mode is kept under any umask."""
    (tmp_path / "file").write_bytes(OLD)
    (tmp_path / "file").chmod(mode)
    replace_file(tmp_path / "file", NEW, guarded=[tmp_path])
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_that_the_umask_gives(umask: int, mode: int, tmp_path: Path) -> None:
    """As a file that is simply opened."""
    before = os.umask(umask)
    try:
        replace_file(tmp_path / "file", NEW, guarded=[tmp_path])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_other_names_of_the_same_file_keep_their_content(tmp_path: Path) -> None:
    """A hard link is a file of its own afterwards."""
    (tmp_path / "file").write_bytes(OLD)
    os.link(tmp_path / "file", tmp_path / "other")
    replace_file(tmp_path / "file", NEW, guarded=[tmp_path])
    assert contents(tmp_path) == {"file": NEW, "other": OLD}


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no space"), KeyboardInterrupt()])
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("step", ["write", "replace"])
def test_failure_leaves_no_temporary_file(
    step: str, there: bool, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old file is unchanged."""
    if there:
        (tmp_path / "file").write_bytes(OLD)

    def fail(*_: object, **__: object) -> None:
        raise error

    if step == "replace":
        monkeypatch.setattr(os, "replace", fail)
    else:
        monkeypatch.setattr(os, "fdopen", lambda handle, _: failing(handle, error))
    with pytest.raises(type(error)):
        replace_file(tmp_path / "file", NEW, guarded=[tmp_path])
    monkeypatch.undo()
    assert contents(tmp_path) == ({"file": OLD} if there else {})


@contextmanager
def failing(handle: int, error: BaseException) -> Iterator[object]:
    """A stream that cannot be written to."""

    class Stream:
        def write(self, _: bytes) -> None:
            raise error

    try:
        yield Stream()
    finally:
        os.close(handle)


@pytest.mark.parametrize("path", ["missing/file", "file/below", ".", "/", "a\0b"])
def test_paths_that_cannot_be_written_are_ordinary_errors(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each says why."""
    (tmp_path / "file").write_bytes(OLD)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError) as caught:
        replace_file(path, NEW, guarded=[])
    assert caught.value.strerror
    assert contents(tmp_path) == {"file": OLD}


def test_a_read_only_file_is_not_replaced(tmp_path: Path) -> None:
    """Although its folder would allow it."""
    (tmp_path / "file").write_bytes(OLD)
    (tmp_path / "file").chmod(0o444)
    with pytest.raises(OSError):
        replace_file(tmp_path / "file", NEW, guarded=[])
    assert contents(tmp_path) == {"file": OLD}


# an expected file


def test_only_the_expected_content_is_replaced(tree: Path) -> None:
    """Neither one that was changed, nor one that is gone, nor what is not a regular file."""
    with pytest.raises(OSError):
        replace_file(tree / "file", NEW, guarded=[tree], contained=True, expected=b"older\n")
    with pytest.raises(OSError):
        replace_file(tree / "gone", NEW, guarded=[tree], contained=True, expected=b"")
    os.mkfifo(tree / "pipe")
    with pytest.raises(OSError):
        replace_file(tree / "pipe", NEW, guarded=[tree], contained=True, expected=b"")
    with pytest.raises(OSError):
        replace_file("/dev/null", NEW, guarded=[Path("/dev")], contained=True, expected=b"")
    assert contents(tree) == {"file": OLD}
    replace_file(tree / "file", NEW, guarded=[tree], contained=True, expected=OLD)
    assert contents(tree) == {"file": NEW}


@pytest.mark.parametrize("path", ["outside/file", "to_file", "tree/../outside/file"])
def test_contained_path_outside_is_rejected(path: str, tree: Path) -> None:
    """Named directly or by a link."""
    with pytest.raises(OSError):
        replace_file(tree.parent / path, NEW, guarded=[tree], contained=True, expected=OLD)
    assert NEW not in contents(tree.parent).values()


# devices and pipes


def test_devices_are_written_in_place() -> None:
    """They stay what they are."""
    replace_file("/dev/null", NEW, guarded=[Path("/dev")])
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_fifo_is_written_in_place(tmp_path: Path) -> None:
    """Its reader gets the content."""
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    replace_file(tmp_path / "pipe", NEW, guarded=[tmp_path])
    reader.join()
    assert read == [NEW]
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)


@pytest.mark.parametrize("form", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_a_descriptor_is_written_to_where_it_is(form: str, tmp_path: Path) -> None:
    """As the shell's ``>(…)`` and ``3>file`` name them: nothing is truncated, and it stays open."""
    with open(tmp_path / "file", "wb") as stream:
        stream.write(OLD)
        stream.flush()
        replace_file(form.format(stream.fileno()), NEW, guarded=[Path("/")])
        stream.write(b"end\n")
    assert (tmp_path / "file").read_bytes() == OLD + NEW + b"end\n"


def test_closed_pipe_is_no_error() -> None:
    """As at standard output."""
    reading, writing = os.pipe()
    os.close(reading)
    replace_file(f"/dev/fd/{writing}", NEW, guarded=[])
    os.close(writing)


# appending


def test_appending_keeps_what_is_there(tmp_path: Path) -> None:
    """A new file appears, an old one grows; what is not a regular file is refused."""
    append_to_file(tmp_path / "file", OLD, guarded=[tmp_path])
    append_to_file(tmp_path / "file", NEW, guarded=[tmp_path])
    assert contents(tmp_path) == {"file": OLD + NEW}
    with pytest.raises(OSError):
        append_to_file("/dev/null", NEW, guarded=[])


# which folders are guarded


def test_guarded_folders_are_what_is_scanned_and_its_repositories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file means its folder; missing paths are ignored."""
    for name in ("here/.git", "here/infra", "there/.git", "there/a/b", "alone"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "alone" / "main.tf").touch()
    monkeypatch.chdir(tmp_path / "here" / "infra")
    found = guarded_folders([tmp_path / "there/a/b", tmp_path / "alone/main.tf", "missing", "HEAD"])
    assert {path.relative_to(tmp_path).as_posix() for path in found} == {
        "here", "here/infra", "there", "there/a/b", "alone",
    }  # fmt: skip
    monkeypatch.chdir("/")
    assert Path("/") not in guarded_folders([tmp_path / "alone"])
