"""Which two versions are asked for: commits, tags, branches, trees, the index, the working tree.

Source: gitrevisions(7), "SPECIFYING RANGES" (``A..B``, ``A...B``, an end that is left out is HEAD), and git-diff(1)
for ``A...B``: from the merge base of both to the second.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from passrole_checks.errors import ConfigurationError, SnapshotError
from passrole_checks.git_versions.git import Repository
from passrole_checks.git_versions.snapshot import Snapshots, renames_of
from passrole_checks.git_versions.trees import TreeEntry, of_index, of_tree, of_working_tree

_RANGE = re.compile(r"(?P<one>[^:{}]*?)(?P<dots>\.{2,3})(?P<other>[^:{}]*)")
_LARGEST_CONFIGURATION = 1_000_000


@dataclass(frozen=True)
class NamedVersion:
    """One side as it is named for people, with the id of its commit or tree; None for what is no commit yet."""

    name: str
    id: str | None


@dataclass(frozen=True)
class VersionPair:
    """Two versions of a repository. ``notes`` is what whoever asks should know of the choice of them. ``merge``: the
    commit whose files are compared in the place of those of ``head``, which is merged in it; "" for ``head`` itself."""

    repository: Repository
    base: NamedVersion
    head: NamedVersion
    staged: bool = False
    notes: tuple[str, ...] = ()
    merge: str = ""

    @property
    def compared(self) -> str | None:
        """The commit or tree whose files are compared with those of BASE; None for what is no commit yet."""
        return self.merge or self.head.id

    def unlike_head(self) -> Mapping[str, bool]:
        """The files that the merge has otherwise than ``head`` has them; and whether ``head`` has a file of this name
        at all. Their lines in the merge are not those of ``head``."""
        if not self.merge or self.head.id is None:
            return {}
        changes = self.repository.changes(self.head.id, self.merge)
        there = {entry.path for entry in of_tree(self.repository, self.head.id)}
        return {path: path in there for one in changes for path in (one.old, one.new) if path is not None}

    def snapshots(self) -> Snapshots:
        """Both versions as folders. Raises a :class:`SnapshotError` for what git cannot give."""
        assert self.base.id is not None
        entries = of_tree(self.repository, self.base.id), self._head()
        renames = None
        if self.compared is not None or self.staged:
            renames = renames_of(self.repository.changes(self.base.id, self.compared))
        return Snapshots(self.repository, entries, renames)

    def _head(self) -> list[TreeEntry]:
        if self.compared is not None:
            return of_tree(self.repository, self.compared)
        return of_index(self.repository) if self.staged else of_working_tree(self.repository)

    def file_of_base(self, name: str) -> bytes | None:
        """A file of BASE, in the folder that this program was started in; None where BASE does not have it."""
        assert self.base.id is not None
        path = self.repository.prefix + name
        entry = next((one for one in of_tree(self.repository, self.base.id) if one.path == path), None)
        if entry is None:
            return None
        size = self.repository.sizes([entry.id]).get(entry.id) if entry.is_regular else None
        if size is None or size > _LARGEST_CONFIGURATION:
            raise ConfigurationError(f"{path}: of {self.base.name}: no regular file, too large, or not in this clone")
        return dict(self.repository.blobs({entry.id: size}))[entry.id]


def asked_for(names: Sequence[str], *, staged: bool, folder: Path) -> VersionPair | None:
    """What ``names`` stand for, seen from ``folder``; None where they are two paths, and no repository is asked.

    A path that exists wins. Raises a :class:`SnapshotError` for names that stand for nothing, and a
    :class:`ConfigurationError` for names that do not go together.
    """
    paths = [name for name in names if os.path.lexists(folder / name)]
    if staged and len(names) > 1:
        raise ConfigurationError("diff --staged: takes one commit at most, which the index is compared with")
    if len(names) == 2 and len(paths) == 2:
        return None
    repository = Repository.around(folder)
    if repository is None:
        if staged or len(names) == 1:
            raise SnapshotError(f"{folder}: is in no git repository, and two paths are needed to do without one")
        return None
    if len(names) == 2 and paths:
        other = next(name for name in names if name not in paths)
        if repository.resolve(other) is None:
            return None  # told as a path that does not exist
        raise ConfigurationError(
            f"diff: {paths[0]} is a path and {other} a commit; compare two of one kind, or leave {paths[0]} out to"
            " compare with the working tree"
        )
    if paths:
        raise ConfigurationError(
            f"diff: {paths[0]} is a path, which wins, and a second one is missing"
            f" (a branch of this name is refs/heads/{paths[0]})"
        )
    return _commits(repository, names, staged)


def _commits(repository: Repository, names: Sequence[str], staged: bool) -> VersionPair:
    if staged:
        return VersionPair(repository, _base_of_index(repository, names), NamedVersion("the index", None), staged=True)
    if len(names) == 2:
        return VersionPair(repository, _known(repository, names[0]), _known(repository, names[1]))
    found = _RANGE.fullmatch(names[0])
    if found is None:
        return VersionPair(repository, _known(repository, names[0]), NamedVersion("the working tree", None))
    one, other = (_known(repository, found[end] or "HEAD") for end in ("one", "other"))
    if found["dots"] == "..":
        return VersionPair(repository, one, other)
    return _from_merge_base(repository, one, other)


def _from_merge_base(repository: Repository, one: NamedVersion, other: NamedVersion) -> VersionPair:
    assert one.id is not None and other.id is not None
    bases = repository.merge_bases(one.id, other.id)
    both = f"{one.name}...{other.name}"
    if not bases and repository.is_shallow():
        raise SnapshotError(f"{both}: no merge base in this shallow clone: git fetch --unshallow")
    if not bases:
        raise SnapshotError(
            f"{both}: no history in common, so that there is no merge base; to compare the two as they are:"
            f" passrole-checks diff {one.name} {other.name}"
        )
    base = NamedVersion(f"the merge base of {one.name} and {other.name}", bases[0])
    notes: tuple[str, ...] = ()
    if len(bases) > 1:
        notes = (f"{one.name} and {other.name} have {len(bases)} merge bases; compared with the best, {bases[0][:12]}",)
    return VersionPair(repository, base, other, notes=notes)


def _base_of_index(repository: Repository, names: Sequence[str]) -> NamedVersion:
    if names:
        return _known(repository, names[0])
    head = repository.resolve("HEAD")  # None before the first commit
    return NamedVersion("HEAD", head) if head is not None else NamedVersion("nothing", repository.empty_tree())


def _known(repository: Repository, name: str) -> NamedVersion:
    found = repository.resolve(name)
    if found is not None:
        return NamedVersion(name, found)
    help_with = " (a shallow clone: git fetch --unshallow, or fetch that branch)" if repository.is_shallow() else ""
    raise SnapshotError(f"{name}: no such file or folder, and no commit, tag or branch{help_with}")
