"""Resolve which two versions to compare: commits, tags, branches, trees, the index, the working tree.

Source: gitrevisions(7), "SPECIFYING RANGES" (``A..B``, ``A...B``, an omitted end is HEAD), and git-diff(1) for
``A...B``: from the merge base of both to the second.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from passrole_checks.errors import ConfigurationError, SnapshotError
from passrole_checks.git_versions.git import Repository
from passrole_checks.git_versions.selection import Select
from passrole_checks.git_versions.snapshot import Snapshots, renamed_paths
from passrole_checks.git_versions.trees import index_entries, tree_entries, working_tree_entries
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

_RANGE = lazy_regex(r"(?P<one>[^:{}]*?)(?P<dots>\.{2,3})(?P<other>[^:{}]*)")
_LARGEST_CONFIGURATION = 1_000_000


@dataclass(frozen=True)
class NamedVersion:
    """One version under the name shown to users, with the id of its commit or tree; None if it is not a commit yet."""

    name: str
    id: str | None


@dataclass(frozen=True)
class VersionPair:
    """Two versions of a repository. ``notes``: remarks for the user on how they were chosen. ``merge``: the merge
    commit whose files are compared instead of those of ``head``; "" to compare ``head`` itself.
    """

    repository: Repository
    base: NamedVersion
    head: NamedVersion
    staged: bool = False
    notes: tuple[str, ...] = ()
    merge: str = ""

    @property
    def compared(self) -> str | None:
        """Return the commit or tree whose files are compared with BASE; None if it is not a commit yet."""
        return self.merge or self.head.id

    def unlike_head(self) -> Mapping[str, bool]:
        """Map the files that differ between the merge and ``head`` to True if ``head`` has a file of that name. Line
        numbers in the merge do not apply to ``head`` for these files.
        """
        if not self.merge or self.head.id is None:
            return {}
        head_paths = {entry.path for entry in tree_entries(self.repository, self.head.id)}  # first: it has limits
        changes = self.repository.changes(self.head.id, self.merge)
        return {path: path in head_paths for change in changes for path in (change.old, change.new) if path is not None}

    def snapshots(self, select: Select | None = None, also: Collection[str] = ()) -> Snapshots:
        """Return both versions as folders. Raises a :class:`SnapshotError` for objects that git cannot provide.

        ``select``: chooses the files to write (default: all); ``also``: folders that it treats as affected.
        """
        assert self.base.id is not None
        base, renames = tree_entries(self.repository, self.base.id), None
        if self.compared is not None:
            head = tree_entries(self.repository, self.compared)
        else:
            head = index_entries(self.repository) if self.staged else working_tree_entries(self.repository)
        if self.compared is not None or self.staged:
            renames = renamed_paths(self.repository.changes(self.base.id, self.compared))
        return Snapshots(self.repository, (base, head), renames, select=select, also=also)

    def base_file(self, name: str) -> bytes | None:
        """Return the content of a file of BASE, relative to the working directory; None if BASE does not have it."""
        assert self.base.id is not None
        path = self.repository.prefix + name
        entry = next((one for one in tree_entries(self.repository, self.base.id) if one.path == path), None)
        if entry is None:
            return None
        size = self.repository.sizes([entry.id]).get(entry.id) if entry.is_regular else None
        if size is None or size > _LARGEST_CONFIGURATION:
            raise ConfigurationError(f"{path}: of {self.base.name}: not a regular file, too large, or not cloned")
        return dict(self.repository.blobs({entry.id: size}))[entry.id]


def resolve_versions(names: Sequence[str], *, staged: bool, folder: Path) -> VersionPair | None:
    """Resolve ``names``, relative to ``folder``; None if they are two paths, which need no repository.

    An existing path takes precedence over a commit. Raises a :class:`SnapshotError` for names that cannot be resolved
    and a :class:`ConfigurationError` for names that cannot be combined.
    """
    paths = [name for name in names if os.path.lexists(folder / name)]
    if staged and len(names) > 1:
        raise ConfigurationError("diff --staged: takes at most one commit, to compare with the index")
    if len(names) == 2 and len(paths) == 2:
        return None
    repository = Repository.around(folder)
    if repository is None:
        if staged or len(names) == 1:
            raise SnapshotError(f"{folder}: not in a git repository; give two paths to compare without one")
        return None
    if len(names) == 2 and paths:
        other = next(name for name in names if name not in paths)
        if repository.resolve(other) is None:
            return None  # reported as a missing path
        raise ConfigurationError(
            f"diff: {paths[0]} is a path and {other} a commit; give two of one kind, or omit {paths[0]} to"
            " compare with the working tree"
        )
    if paths:
        raise ConfigurationError(
            f"diff: {paths[0]} is an existing path, which takes precedence; a second path is missing"
            f" (a branch of this name is refs/heads/{paths[0]})"
        )
    return _version_pair(repository, names, staged)


def _version_pair(repository: Repository, names: Sequence[str], staged: bool) -> VersionPair:
    if staged:
        return VersionPair(repository, _base_of_index(repository, names), NamedVersion("the index", None), staged=True)
    if len(names) == 2:
        return VersionPair(repository, _named_version(repository, names[0]), _named_version(repository, names[1]))
    found = _RANGE.fullmatch(names[0])
    if found is None:
        return VersionPair(repository, _named_version(repository, names[0]), NamedVersion("the working tree", None))
    one, other = (_named_version(repository, found[end] or "HEAD") for end in ("one", "other"))
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
            f"{both}: no merge base, because the histories are unrelated; to compare the two directly:"
            f" passrole-checks diff {one.name} {other.name}"
        )
    base = NamedVersion(f"the merge base of {one.name} and {other.name}", bases[0])
    notes: tuple[str, ...] = ()
    if len(bases) > 1:
        notes = (f"{one.name} and {other.name} have {len(bases)} merge bases; compared with the best, {bases[0][:12]}",)
    return VersionPair(repository, base, other, notes=notes)


def _base_of_index(repository: Repository, names: Sequence[str]) -> NamedVersion:
    if names:
        return _named_version(repository, names[0])
    head = repository.resolve("HEAD")  # None before the first commit
    return NamedVersion("HEAD", head) if head is not None else NamedVersion("nothing", repository.empty_tree())


def _named_version(repository: Repository, name: str) -> NamedVersion:
    found = repository.resolve(name)
    if found is not None:
        return NamedVersion(name, found)
    hint = " (a shallow clone: git fetch --unshallow, or fetch that branch)" if repository.is_shallow() else ""
    raise SnapshotError(f"{name}: no such file or folder, and no commit, tag or branch{hint}")
