"""What was looked at, as it was then: so that later it can be told whether all of it is still the same.

A file is known by what its status tells (device, inode, size, and the times at which its content and its status were
changed), as git knows the files of its index; a folder by the names and kinds of what is in it; a symbolic link by
where it leads. What a file holds is no business of this room: whoever keeps something for later looks at that as well.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from passrole_checks.sources.files.access_log import LookedAt
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.files.walk import files_to_scan

Sight = tuple[int, ...]
"""Of a regular file: device, inode, size, times of change; of anything else, or of nothing, one number that says so."""

_MOST_ENTRIES = 50_000  # of one tree; more than any function walks through
_FINE, _COARSE = 100_000_000, 2_000_000_000  # nanoseconds


def sight(path: str) -> Sight:
    """What can be told of a path without opening it."""
    try:
        found = os.stat(path)
    except ValueError:  # a name that no file can have
        return (-1,)
    except OSError as error:
        return (-(error.errno or 0) - 2 - (1_000 if os.path.lexists(path) else 0),)
    return sight_of(found)


def sight_of(found: os.stat_result) -> Sight:
    """The same, where the status is known."""
    if not stat.S_ISREG(found.st_mode):
        return (stat.S_IFMT(found.st_mode),)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def is_file(found: Sight) -> bool:
    """Whether it is that of a regular file."""
    return len(found) > 1


def is_settled(found: Sight, when: int) -> bool:
    """Whether a file was last changed so long before a time (of :func:`time.time_ns`) that a later change shows.

    Two changes within one tick of the clock leave the same times behind (git's technical documentation, "Use of index
    and Racy Git problem"). A clock that counts whole seconds, or two of them, gives itself away.
    """
    if not is_file(found):
        return True
    last = max(found[3:])
    return last + (_COARSE if last % 1_000_000_000 == 0 else _FINE) < when


def listing(path: str) -> bytes | None:
    """The names in a folder and what each is, as a digest; None where that cannot be told."""
    found = _names(path)
    return None if found is None else _digest(f"{name}\0{kind}" for name, kind in found)


def tree(path: str) -> bytes | None:
    """The same of a folder and those in it, at any depth; symbolic links are not followed."""
    pending, told = [path], list[str]()
    while pending:
        current = pending.pop()
        found = _names(current)
        if found is None or len(told) > _MOST_ENTRIES:
            return None
        told.append(f"{current}\0\0")
        told += [f"{name}\0{kind}" for name, kind in found]
        pending += [os.path.join(current, name) for name, kind in found if kind == "folder"]
    return _digest(told)


def walked(paths: Sequence[str]) -> bytes:
    """Return a digest of what a walk gave: the files, and what is excluded."""
    return _digest(paths)


def walk_again(path: str, exclusions: Exclusions = NO_EXCLUSIONS) -> bytes | None:
    """Return the digest of what a walk gives now; None if a folder cannot be listed."""
    broken: list[Path] = []
    excluded: list[str] = []
    files = list(
        map(str, files_to_scan(Path(path), lambda other, _: broken.append(other), exclusions, excluded.append))
    )
    return None if broken else walked([*files, *excluded])


def _names(path: str) -> list[tuple[str, str]] | None:
    try:
        with os.scandir(path) as entries:
            return sorted((entry.name, _kind(entry)) for entry in entries)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        return [("", type(error).__name__)]
    except OSError:
        return None


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return f"link {sight(entry.path)[0] if not entry.is_file() else 'file'} {os.path.realpath(entry.path)}"
    return "folder" if entry.is_dir() else "file" if entry.is_file() else "other"


def _digest(words: Iterator[str] | Sequence[str]) -> bytes:
    text = "\0\n".join(words)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass
class Sightings(LookedAt):
    """What was looked at, each with what was seen there first. ``began``: when looking began."""

    seen: dict[str, Sight] = field(default_factory=dict)
    listed: dict[str, bytes | None] = field(default_factory=dict)
    trodden: dict[str, bytes | None] = field(default_factory=dict)
    found: dict[str, bytes | None] = field(default_factory=dict)
    began: int = field(default_factory=time.time_ns)

    def at_file(self, path: str) -> None:
        if path not in self.seen:
            self.seen[path] = sight(path)
            self.files.add(path)

    def at_folder(self, path: str) -> None:
        if path not in self.listed:
            self.listed[path] = listing(path)
            self.folders.add(path)

    def at_tree(self, path: str) -> None:
        if path not in self.trodden:
            self.trodden[path] = tree(path)
            self.trees.add(path)

    def at_walk(self, path: str, paths: Sequence[str] | None) -> None:
        self.found[path] = None if paths is None else walked(paths)
        self.walks.add(path)
