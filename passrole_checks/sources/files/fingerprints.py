"""Fingerprints of accessed paths, to check later that none of them has changed.

A file's fingerprint is its status (device, inode, size, times of modification and status change), as in git's index.
That of a folder is the names and kinds of its entries, that of a symbolic link its target. Content is not compared
here: callers that need certainty compare it, too.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import field
from pathlib import Path

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.files.access_log import FileAccessLog
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.files.walk import find_files_to_scan

Fingerprint = tuple[int, ...]
"""For a regular file: device, inode, size, change times; otherwise one number for the kind, or for the error."""

_MOST_ENTRIES = 50_000  # in one tree
_FINE, _COARSE = 100_000_000, 2_000_000_000  # nanoseconds


def fingerprint(path: str) -> Fingerprint:
    """Return the fingerprint of a path without opening it."""
    try:
        status = os.stat(path)
    except ValueError:  # a name that no file can have
        return (-1,)
    except OSError as error:
        return (-(error.errno or 0) - 2 - (1_000 if os.path.lexists(path) else 0),)
    return fingerprint_of_status(status)


def fingerprint_of_status(found: os.stat_result) -> Fingerprint:
    """Return the fingerprint for a file status."""
    if not stat.S_ISREG(found.st_mode):
        return (stat.S_IFMT(found.st_mode),)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def is_file(found: Fingerprint) -> bool:
    """True if it is the fingerprint of a regular file."""
    return len(found) > 1


def is_settled(found: Fingerprint, when: int) -> bool:
    """True if a file's last change is so long before a time (of :func:`time.time_ns`) that a later change is visible.

    Two changes within one clock tick leave the same times (git's technical documentation, "Use of index and Racy Git
    problem"). A clock with a resolution of one or two seconds is detected.
    """
    if not is_file(found):
        return True
    last = max(found[3:])
    return last + (_COARSE if last % 1_000_000_000 == 0 else _FINE) < when


def listing_digest(path: str) -> bytes | None:
    """Return a digest of the names and kinds of a folder's entries; None if it cannot be listed."""
    names = _names(path)
    return None if names is None else _digest(f"{name}\0{kind}" for name, kind in names)


def tree_digest(path: str) -> bytes | None:
    """Return a digest of a folder and its subfolders at any depth, without following symbolic links; None if one cannot
    be listed or there are too many entries."""
    pending, lines = [path], list[str]()
    while pending:
        current = pending.pop()
        names = _names(current)
        if names is None or len(lines) > _MOST_ENTRIES:
            return None
        lines.append(f"{current}\0\0")
        lines += [f"{name}\0{kind}" for name, kind in names]
        pending += [os.path.join(current, name) for name, kind in names if kind == "folder"]
    return _digest(lines)


def walk_digest(paths: Sequence[str]) -> bytes:
    """Return a digest of the result of a walk: the files, and the excluded and skipped paths."""
    return _digest(paths)


def current_walk_digest(path: str, exclusions: Exclusions = NO_EXCLUSIONS) -> bytes | None:
    """Return the digest of a walk performed now; None if a folder cannot be listed."""
    broken: list[Path] = []
    excluded: list[str] = []
    skipped: list[str] = []
    found = find_files_to_scan(
        Path(path), lambda other, _: broken.append(other), exclusions, excluded.append, skipped.append
    )
    files = list(found)  # before the others are complete
    return None if broken else walk_digest([*files, *excluded, *skipped])


def _names(path: str) -> list[tuple[str, str]] | None:
    """Return the sorted names and kinds in a folder; an entry with the error's name if it is missing, None if
    unreadable."""
    try:
        with os.scandir(path) as entries:
            return sorted((entry.name, _kind(entry)) for entry in entries)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        return [("", type(error).__name__)]
    except OSError:
        return None


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return f"link {fingerprint(entry.path)[0] if not entry.is_file() else 'file'} {os.path.realpath(entry.path)}"
    return "folder" if entry.is_dir() else "file" if entry.is_file() else "other"


def _digest(words: Iterator[str] | Sequence[str]) -> bytes:
    text = "\0\n".join(words)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass
class FileFingerprints(FileAccessLog):
    """File accesses with the fingerprint of each path at its first access. ``began``: when recording began."""

    seen: dict[str, Fingerprint] = field(default_factory=dict)
    listed: dict[str, bytes | None] = field(default_factory=dict)
    trees_seen: dict[str, bytes | None] = field(default_factory=dict)
    walks_seen: dict[str, bytes | None] = field(default_factory=dict)
    began: int = field(default_factory=time.time_ns)

    def include(self, other: FileAccessLog) -> None:
        assert isinstance(other, FileFingerprints)
        super().include(other)
        for name in ("seen", "listed", "trees_seen", "walks_seen"):
            known = getattr(self, name)
            known.update({path: state for path, state in getattr(other, name).items() if path not in known})

    def at_file(self, path: str) -> None:
        if path not in self.seen:
            self.seen[path] = fingerprint(path)
            self.files.add(path)

    def at_folder(self, path: str) -> None:
        if path not in self.listed:
            self.listed[path] = listing_digest(path)
            self.folders.add(path)

    def at_tree(self, path: str) -> None:
        if path not in self.trees_seen:
            self.trees_seen[path] = tree_digest(path)
            self.trees.add(path)

    def at_walk(self, path: str, paths: Sequence[str] | None) -> None:
        self.walks_seen[path] = None if paths is None else walk_digest(paths)
        self.walks.add(path)
