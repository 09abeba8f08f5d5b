"""The entries of a version: of a tree, of the index, or of the working tree.

Sources: git-ls-tree(1) and git-ls-files(1), "OUTPUT FORMAT"; the modes are those of git's tree objects: 100644 and
100755 regular files, 120000 symbolic links, 160000 commits of submodules.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from passrole_checks.errors import SnapshotError
from passrole_checks.git_versions.git import Repository
from passrole_checks.iam.fast_dataclass import dataclass

LINK, SUBMODULE = "120000", "160000"
MOST_FILES = 200_000  # of a version, and as many folders
_REGULAR = ("100644", "100755", "100664")  # the last one occurs in old repositories
_MOST_PARTS = 100


@dataclass(frozen=True)
class TreeEntry:
    """A file of a version. ``id``: its object; empty if it is read from ``file`` instead."""

    path: str
    mode: str
    id: str
    file: Path | None = None

    @property
    def is_regular(self) -> bool:
        """True for a regular file."""
        return self.mode in _REGULAR


def tree_entries(repository: Repository, tree: str) -> list[TreeEntry]:
    """Return the files of a commit or a tree. Raises a :class:`SnapshotError` if it has more than `MOST_FILES`."""
    folders, files = 0, list[TreeEntry]()
    # -t: lists folders too; without it git visits any number of folders without files and prints nothing
    for record in repository.records(["ls-tree", "-r", "-t", "-z", "--full-tree", tree]):
        described, _, path = os.fsdecode(record).partition("\t")
        mode, kind, name = described.split(" ")
        if kind == "tree":
            folders += 1
        else:
            files.append(TreeEntry(path, mode, name))
        _check_number(repository, folders, "folders")
        _check_number(repository, len(files))
    return files


def _check_number(repository: Repository, number: int, kind: str = "files") -> None:
    if number > MOST_FILES:
        raise SnapshotError(f"{repository.folder}: more than {MOST_FILES:,} {kind} in one version")


def index_entries(repository: Repository) -> list[TreeEntry]:
    """Return the files of the index. Raises a :class:`SnapshotError` if it contains merge conflicts."""
    return [entry for _, entry in _index_records(repository, conflicts=False)]


def working_tree_entries(repository: Repository) -> list[TreeEntry]:
    """Return the files of the working tree: tracked files as they are on disk, and untracked files that are not
    ignored. In a sparse checkout, files that are not on disk come from the index.
    """
    if repository.top is None:
        raise SnapshotError(f"{repository.folder}: this repository has no working tree; give two commits")
    found: dict[str, TreeEntry] = {}
    for tag, entry in _index_records(repository, conflicts=True):
        if entry.path in found:
            continue
        entry_here = _entry_on_disk(repository.top, entry.path, entry)
        if entry_here is None and tag == "S":
            entry_here = entry
        if entry_here is not None:
            found[entry.path] = entry_here
    for path in map(os.fsdecode, repository.records(["ls-files", "-z", "--others", "--exclude-standard"])):
        _check_number(repository, len(found))
        if path.endswith("/"):
            found[path] = TreeEntry(path.rstrip("/"), SUBMODULE, "")  # an untracked repository
        elif (entry_here := _entry_on_disk(repository.top, path, None)) is not None:
            found[path] = entry_here
    return sorted(found.values(), key=lambda entry: entry.path)


def _index_records(repository: Repository, *, conflicts: bool) -> Iterator[tuple[str, TreeEntry]]:
    for number, record in enumerate(repository.records(["ls-files", "-s", "-t", "-z"]), 1):
        _check_number(repository, number)
        described, _, path = os.fsdecode(record).partition("\t")
        tag, mode, name, stage = described.split(" ")
        if stage != "0" and not conflicts:
            raise SnapshotError(f"{path}: unresolved merge conflict; resolve it and run git add first")
        yield tag, TreeEntry(path, mode, name)


def _entry_on_disk(top: Path, path: str, tracked: TreeEntry | None) -> TreeEntry | None:
    """Return the entry as it is on disk; None if it does not exist or is behind a symbolic link. A path that is not
    plain is not followed; its id is empty, so that it differs from every tracked version.
    """
    if not is_plain(path):
        return TreeEntry(path, tracked.mode if tracked is not None else _REGULAR[0], "")
    file = top
    parts = path.split("/")
    try:
        for part in parts[:-1]:
            file = file / part
            if not stat.S_ISDIR(os.lstat(file).st_mode):
                return None
        file = file / parts[-1]
        mode = os.lstat(file).st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISLNK(mode):
        return TreeEntry(path, LINK, "", file)
    if not stat.S_ISDIR(mode):  # a pipe, socket or device is unreadable later
        return TreeEntry(path, "100644", "", file)
    return tracked if tracked is not None and tracked.mode == SUBMODULE else None


def is_plain(path: str) -> bool:
    """True if a path stays below the folder that it is joined to and avoids the paths that git itself uses.

    Trees can be crafted with names that git would refuse to add.
    """
    parts = path.split("/")
    strange = "\0" in path or (os.sep != "/" and any(mark in path for mark in (os.sep, ":")))
    return not strange and len(parts) <= _MOST_PARTS and not any(_is_special(part) for part in parts)


def _is_special(part: str) -> bool:
    return part in ("", ".", "..") or part.rstrip(". ").casefold() in ("", ".git", "git~1")
