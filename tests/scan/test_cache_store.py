"""Entries on the disk: whole or not there, of their owner alone, and bounded."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import stat
import time
from pathlib import Path

import pytest

from passrole_checks.scan.cache.store import ENVIRONMENT, ResultStore, store_of

NAME = "0123456789abcdef"


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(str(tmp_path / "deep" / "kept"), "1.0-x")


def entries(store: ResultStore) -> list[Path]:
    return [path for path in sorted(Path(store.folder).rglob("*")) if path.is_file() and path.parent.name != "kept"]


def test_there_and_back(store: ResultStore) -> None:
    """An entry is read as it was written, the last one of a name; another program has none of that name."""
    assert store.read(NAME) is None
    for data in (b"", b"one", b"two" * 1000):
        store.write(NAME, data)
        assert store.read(NAME) == data
    assert len(entries(store)) == 1
    assert ResultStore(store.folder, "1.0-y").read(NAME) is None
    assert store.stats().entries == store.stats().current == 1
    assert (ResultStore(store.folder, "1.0-y").stats().entries, ResultStore(store.folder, "1.0-y").stats().current) == (
        1,
        0,
    )


def test_an_existing_folder_without_entries_is_used(store: ResultStore) -> None:
    """Such as one that a pipeline has made, or in which another version has written; also if it is asked first."""
    Path(store.folder).mkdir(mode=0o700, parents=True)
    assert store.read(NAME) is None
    store.write(NAME, b"one")
    assert store.read(NAME) == b"one" and store.problem == ""


def test_for_the_owner_alone(store: ResultStore) -> None:
    """Folder and entries are for their owner alone, whatever the process's mask is, and the folder is marked as a
    cache."""
    before = os.umask(0)
    try:
        store.write(NAME, b"one")
    finally:
        os.umask(before)
    (entry,) = entries(store)
    assert stat.S_IMODE(Path(store.folder).stat().st_mode) == 0o700
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    assert (
        (Path(store.folder) / "CACHEDIR.TAG")
        .read_text("ascii")
        .startswith("Signature: 8a477f597d28d172789f06886806bc55")
    )


@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_folder_writable_by_others_is_not_used(mode: int, store: ResultStore) -> None:
    """A folder that others may write to is neither read nor written, and that is reported."""
    store.write(NAME, b"one")
    Path(store.folder).chmod(mode)
    other = ResultStore(store.folder, "1.0-x")
    assert other.read(NAME) is None
    assert other.problem == f"{store.folder}: nothing can be kept there: others than its owner may write to it"
    other.write("other", b"two")
    assert len(entries(store)) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_cache_of_another_user_is_not_used(store: ResultStore) -> None:
    """Neither a folder nor an entry of another user is used."""
    store.write(NAME, b"one")
    (entry,) = entries(store)
    os.chown(entry, 12345, 12345)
    assert store.read(NAME) is None
    os.chown(entry, 0, 0)
    assert store.read(NAME) is not None
    os.chown(store.folder, 12345, 12345)
    other = ResultStore(store.folder, "1.0-x")
    assert other.read(NAME) is None
    assert "others than its owner" in other.problem


def test_an_entry_that_others_may_write(store: ResultStore) -> None:
    """An entry that others may write to is none, and neither is a link to one, a pipe or a folder."""
    store.write(NAME, b"one")
    (entry,) = entries(store)
    entry.chmod(0o666)
    assert store.read(NAME) is None
    entry.chmod(0o600)
    moved = entry.rename(entry.with_name("moved"))
    entry.symlink_to(moved)
    assert store.read(NAME) is None
    entry.unlink()
    os.mkfifo(entry, 0o600)
    assert store.read(NAME) is None
    entry.unlink()
    entry.mkdir()
    assert store.read(NAME) is None
    store.write(NAME, b"two")  # a folder stands in its way


@pytest.mark.parametrize("place", [0, 5, 30, -1])
def test_corrupted_entry_is_dropped(place: int, store: ResultStore) -> None:
    """A corrupted or truncated entry is dropped silently."""
    for change in ("flip", "cut", "empty"):
        store.write(NAME, b"one" * 100)
        (entry,) = entries(store)
        data = bytearray(entry.read_bytes())
        data[place] ^= 1
        entry.write_bytes(data if change == "flip" else data[:place] if change == "cut" else b"")
        assert store.read(NAME) is None
        assert entries(store) == []
    assert store.problem == ""


def test_a_full_disk(store: ResultStore) -> None:
    """Where nothing more can be written, nothing half written stays, what is there stays whole, and one trouble tells
    it."""
    store.write(NAME, b"one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        store.write(NAME, b"x" * 100_000)
        store.write("other", b"two")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert bytes(store.read(NAME) or b"") == b"one"
    assert len(entries(store)) == 1
    assert store.problem == f"{store.folder}: nothing can be kept there: {os.strerror(errno.EFBIG)}"


def test_file_in_place_of_the_chosen_folder_is_reported(tmp_path: Path) -> None:
    """A file in place of the cache folder is reported only if the user chose the folder."""
    (tmp_path / "file").write_text("", "utf-8")
    for folder, chosen in ((tmp_path / "file", True), (tmp_path / "file" / "below", True), (tmp_path / "file", False)):
        store = ResultStore(str(folder), "1", chosen=chosen)
        assert store.read(NAME) is None
        store.write(NAME, b"one")
        assert store.read(NAME) is None
        assert bool(store.problem) is chosen
    assert (tmp_path / "file").read_text("utf-8") == ""


def test_least_recently_used_entries_are_removed_first(store: ResultStore) -> None:
    """Entries above the size limit are removed, the least recently used first, those of other versions included; so are
    unfinished files of scans that ended."""
    other = ResultStore(store.folder, "0.9-x")
    other.write(NAME, b"x" * 1000)
    for number in range(10):
        store.write(f"{number:016}", b"x" * 1000)
    now = time.time()
    for number, entry in enumerate(sorted(entries(store), key=lambda path: (path.parent.name != "0.9-x", path.name))):
        os.utime(entry, (now - 100_000 + number, now - 100_000 + number))
    unfinished = Path(store.folder) / "1.0-x" / ".passrole-checks-a.tmp"
    unfinished.write_bytes(b"x")
    os.utime(unfinished, (now - 7200, now - 7200))
    (Path(store.folder) / "something else").write_text("stays", "utf-8")
    assert store.read(f"{3:016}") is not None  # used, so that it stays
    store.tidy(most=4_500)
    assert not unfinished.exists()
    assert (Path(store.folder) / "something else").exists()
    assert other.read(NAME) is None
    left = [number for number in range(10) if store.read(f"{number:016}") is not None]
    assert left == [3, 7, 8, 9]
    store.tidy(most=0)
    assert store.stats().entries == 4  # nothing was written since


def _work(folder: str, seed: int) -> int:
    """Write and read one name all the time; how many odd entries were seen."""
    store, odd = ResultStore(folder, "1.0-x"), 0
    for number in range(150):
        byte = bytes([seed])
        store.write(NAME, byte * (1000 + number))
        found = bytes(store.read(NAME) or b"")
        odd += bool(found) and (len(set(found)) != 1 or not 1000 <= len(found) < 1150)  # or another one has tidied
        if number % 50 == 49:
            store.tidy(most=1)
            store.write(NAME, byte * 1000)
    return odd + bool(store.problem)


def test_many_at_once(tmp_path: Path) -> None:
    """Of scans that write and read the same entry at the same time none ever sees anything but a whole one."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        odd = pool.starmap(_work, [(str(tmp_path / "kept"), seed) for seed in (1, 2, 3)])
    assert odd == [0, 0, 0]


def test_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is the one that is named, else the platform's; an empty name means none."""
    monkeypatch.chdir(tmp_path)
    named = store_of("1", {ENVIRONMENT: "here"})
    assert named is not None and named.folder == str(tmp_path / "here")
    assert store_of("1", {ENVIRONMENT: ""}) is None
    assert store_of("", {}) is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    usual = store_of("1", {})
    assert usual is not None and Path(usual.folder).name == "passrole-checks"
