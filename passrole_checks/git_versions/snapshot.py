"""Write two versions side by side as plain files into a temporary folder."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path, PurePosixPath
from types import TracebackType

from passrole_checks.errors import SnapshotError
from passrole_checks.files.safe_read import NOT_REGULAR
from passrole_checks.git_versions.git import FileChange, Repository
from passrole_checks.git_versions.selection import Select, Selection
from passrole_checks.git_versions.trees import LINK, SUBMODULE, TreeEntry, is_plain
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.recognize import is_candidate

LARGEST_FILE = 50_000_000  # bytes; CloudFormation takes templates of 1 MB
LARGEST_VERSION = 2_000_000_000
MOST_COPIES = 50_000  # files of one version that may contain code, with the content of another one
_MOST_MISSING = 100  # files of one version without content
# never follow a symbolic link or block on a pipe that replaced the file meanwhile
_HOW_TO_OPEN = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
_LFS = b"version https://git-lfs.github.com/spec/"  # first line of a git-lfs pointer file


@dataclass
class Snapshots:
    """Context manager that provides ``old`` and ``new`` as folders. Their files are regular and not executable;
    symbolic links are never created.

    ``skipped``: for each version, entries that are not written (symbolic links, submodules, files stored elsewhere);
    ``unreadable``: entries that could not be written; their paths are those in the folders. ``changed``: the files that
    differ. ``select``: chooses the files to write, if both versions are in the repository; ``also``: folders
    and files to treat as affected; ``selection``: what it chose, None for all files.
    """

    repository: Repository
    entries: tuple[list[TreeEntry], list[TreeEntry]]
    renames: Mapping[str, str] | None = None  # None: to be detected, because one side is not a tree in the repository
    skipped: tuple[list[Unreadable], list[Unreadable]] = field(default_factory=lambda: ([], []))
    unreadable: tuple[list[Unreadable], list[Unreadable]] = field(default_factory=lambda: ([], []))
    changed: list[FileChange] = field(default_factory=list)
    select: Select | None = None
    also: Collection[str] = ()
    selection: Selection | None = None

    def __enter__(self) -> Snapshots:
        self._folder = tempfile.TemporaryDirectory(prefix="passrole-checks-")
        top = Path(os.path.realpath(self._folder.name))
        self._folders = top / "old", top / "new"
        try:
            self._write_versions()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    @property
    def folders(self) -> tuple[Path, Path]:
        """Return the folders of the old and the new version."""
        return self._folders

    def _write_versions(self) -> None:
        for folder in self.folders:
            (folder / ".git").mkdir(parents=True)  # the readers treat it as the boundary of a repository
        self._ids: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._created_folders: set[str] = set()
        self._blob_files: dict[str, str] = {}
        self._blob_sizes: dict[str, int] = {}
        self._can_link = True
        self._also = set(self.also)
        self._bytes, self._copies = [0, 0], [0, 0]
        self._contents: tuple[set[str], set[str]] = (set(), set())
        self._id_length = len(next((entry.id for side in self.entries for entry in side if entry.id), "0" * 40))
        self._unwritten: tuple[dict[str, list[TreeEntry]], ...] = ({}, {})
        self._parents: tuple[set[str], ...] = (set(), set())  # folders that contain folders
        for side in (0, 1):
            for entry in self._regular_entries(side):
                self._unwritten[side].setdefault(os.path.dirname(entry.path), []).append(entry)
            for name in self._unwritten[side]:
                self._parents[side].update(map(str, PurePosixPath(name).parents))
        if self.renames is not None and not any(entry.file is not None for side in self.entries for entry in side):
            self._find_changes()
            self._select()
        else:
            self.write_rest()  # which computes ids
            self._find_changes()

    def _select(self) -> None:
        """Choose the files to write, and write them. Links and submodules are not among them."""
        blobs = [{path: blob for path, blob in ids.items() if " " not in blob} for ids in self._ids]
        if self.select is not None:
            self.selection = self.select(blobs[0], blobs[1], self.changed, self._read_blobs, self._also)
        if self.selection is not None:
            self.write_also(self.selection.paths)
        else:
            self.write_rest()

    def _read_blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        sizes = self.repository.sizes(ids)
        return self.repository.blobs({blob: size for blob, size in sizes.items() if size <= LARGEST_FILE})

    def write_rest(self) -> None:
        """Write all files; nothing is selected any more."""
        self.selection = None
        for side in (0, 1):
            self._write_entries(side, [entry for entries in self._unwritten[side].values() for entry in entries])
            self._unwritten[side].clear()

    def write_also(self, paths: Collection[str]) -> None:
        """Write these files of both versions, unless they are written already."""
        for side in (0, 1):
            chosen: list[TreeEntry] = []
            for folder in {os.path.dirname(path) for path in paths} & self._unwritten[side].keys():
                entries = self._unwritten[side][folder]
                chosen += [entry for entry in entries if entry.path in paths]
                self._unwritten[side][folder] = [entry for entry in entries if entry.path not in paths]
            self._write_entries(side, chosen)

    def widen(self, paths: Collection[str]) -> None:
        """Select more: what may call one of these folders or read one of these files."""
        self._also |= set(paths)
        self._select()

    def unwritten(self, side: int) -> Iterator[str]:
        """Yield the paths of a version's files that are not written."""
        return (entry.path for entries in self._unwritten[side].values() for entry in entries)

    def provide(self, side: int, path: str, *, below: bool = False) -> None:
        """Write a file with those beside it, or the files of a folder, unless they are written already.

        ``path``: below the folder of the version (0 or 1), else nothing is written. ``below``: of all subfolders too.
        """
        if self.is_provided(side, path, below=below):
            return
        name, unwritten = os.path.relpath(path, self.folders[side]), self._unwritten[side]
        if not below and name in self._parents[side]:
            os.makedirs(path, exist_ok=True)
        folders = self._folders_at(side, name, below=below)
        self._write_entries(side, [entry for folder in folders for entry in unwritten.pop(folder, ())])

    def is_provided(self, side: int, path: str, *, below: bool = False) -> bool:
        """True if :meth:`provide` has nothing to write."""
        if self.selection is None or not path.startswith(f"{self.folders[side]}/"):
            return True
        name = os.path.relpath(path, self.folders[side])
        if not below and name in self._parents[side] and not os.path.isdir(path):
            return False
        return not any(self._unwritten[side].get(folder) for folder in self._folders_at(side, name, below=below))

    def _folders_at(self, side: int, name: str, *, below: bool) -> set[str]:
        folders = {os.path.dirname(name), name} if name != "." else {""}
        if below:
            folders.update(folder for folder in self._unwritten[side] if folder.startswith(f"{name}/") or name == ".")
        return folders

    def _write_entries(self, side: int, entries: Sequence[TreeEntry]) -> None:
        """Write files of a version. Contents that the other version has too are linked, not read again."""
        objects = [entry for entry in entries if entry.file is None]
        unknown = dict.fromkeys(entry.id for entry in objects if entry.id not in self._blob_sizes)
        self._blob_sizes.update(self.repository.sizes(unknown) if unknown else {})
        users: dict[str, list[TreeEntry]] = {}
        for entry in objects:
            size = self._blob_sizes.get(entry.id)
            if size is None and entry.id != blob_id(b"", len(entry.id)):  # the empty one need not be stored
                if may_contain_code(entry.path):
                    self._record_missing(side, entry.path)
                continue
            self._count_bytes(side, entry, size or 0)
            if (size or 0) > LARGEST_FILE:
                self._record_too_large(side, entry.path)
            else:
                self._count_copy(side, entry)
                users.setdefault(entry.id, []).append(entry)
        self._write_blobs(side, users)
        for entry in entries:
            if entry.file is not None:
                self._copy(side, entry)

    def _write_blobs(self, side: int, users: dict[str, list[TreeEntry]]) -> None:
        """Write contents to the paths of a version. ``users``: the entries by their content; emptied."""
        for blob in [blob for blob in users if blob in self._blob_files and self._can_link]:
            entries = users.pop(blob)
            data = Path(self._blob_files[blob]).read_bytes()
            self._write_all(blob, [(side, entry) for entry in entries], data)
        wanted = {blob: self._blob_sizes[blob] for blob in users if blob in self._blob_sizes}
        for blob, data in self.repository.blobs(wanted) if wanted else ():
            self._write_all(blob, [(side, entry) for entry in users.pop(blob, ())], data)
        for blob, entries in users.items():  # added with git add --intent-to-add
            self._write_all(blob, [(side, entry) for entry in entries], b"")

    def _regular_entries(self, side: int) -> list[TreeEntry]:
        found = []
        for entry in self.entries[side]:
            if not is_plain(entry.path):
                self._ids[side][entry.path] = f"elsewhere {entry.id}"  # so that a change to it is reported
                self._record_skipped(side, entry.path, "its path leaves the folder or is too deep")
            elif entry.mode == LINK:
                self._ids[side][entry.path] = f"link {entry.id or blob_id(_link_target(entry), self._id_length)}"
                self._record_skipped(side, entry.path, "a symbolic link, which is not followed", NoteKind.SKIPPED_PATH)
            elif entry.mode == SUBMODULE:
                self._ids[side][entry.path] = f"submodule {entry.id}"
                self._record_skipped(
                    side, entry.path, "a submodule; its files are not in this repository", NoteKind.SUBMODULE
                )
            elif not entry.is_regular:
                self._record_skipped(side, entry.path, f"unknown file type (mode {entry.mode})")
            else:
                if entry.file is None:
                    self._ids[side][entry.path] = entry.id
                found.append(entry)
        return found

    def _count_bytes(self, side: int, entry: TreeEntry, size: int) -> None:
        self._bytes[side] += size
        if self._bytes[side] > LARGEST_VERSION:
            raise SnapshotError(f"{entry.path}: the files up to this one exceed {LARGEST_VERSION:,} bytes")

    def _count_copy(self, side: int, entry: TreeEntry) -> None:
        """Count a file with the content of another one: a repository of some kilobytes can have any number of them."""
        if not may_contain_code(entry.path):
            return
        self._copies[side] += entry.id in self._contents[side]
        self._contents[side].add(entry.id)
        if self._copies[side] > MOST_COPIES:
            problem = f"more than {MOST_COPIES:,} files with the content of another in one version"
            raise SnapshotError(f"{self.repository.folder}: {problem}")

    def _record_skipped(self, side: int, path: str, reason: str, kind: NoteKind = NoteKind.OTHER) -> None:
        self.skipped[side].append(Unreadable(self._path_of(side, path), reason, kind=kind))

    def _record_unreadable(self, side: int, path: str, reason: str) -> None:
        self.unreadable[side].append(Unreadable(self._path_of(side, path), reason))

    def _record_too_large(self, side: int, path: str) -> None:
        if may_contain_code(path):
            self._record_unreadable(side, path, f"not read, because it is larger than {LARGEST_FILE:,} bytes")

    def _record_missing(self, side: int, path: str) -> None:
        """Record a file whose content a partial clone lacks. Raise a :class:`SnapshotError` if it lacks many."""
        reason = "its content is not in this clone; in a partial clone, run git fetch --refetch --no-filter"
        self._record_unreadable(side, path, reason)
        if len(self.unreadable[side]) > _MOST_MISSING:
            raise SnapshotError(f"{path}: {reason}")

    def _path_of(self, side: int, path: str) -> str:
        return f"{self.folders[side]}/{path}"

    def _copy(self, side: int, entry: TreeEntry) -> None:
        assert entry.file is not None
        try:
            with os.fdopen(os.open(entry.file, _HOW_TO_OPEN), "rb") as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    return self._record_unreadable(side, entry.path, NOT_REGULAR)
                data = stream.read(LARGEST_FILE + 1)
        except OSError as error:
            return self._record_unreadable(side, entry.path, f"cannot be opened: {error.strerror or error}")
        self._ids[side][entry.path] = blob_id(data, self._id_length)
        self._count_bytes(side, entry, len(data))
        if len(data) > LARGEST_FILE:
            return self._record_too_large(side, entry.path)
        return self._write_all(self._ids[side][entry.path], [(side, entry)], data)

    def _write_all(self, blob: str, users: Iterable[tuple[int, TreeEntry]], data: bytes) -> None:
        """Write one content to all its paths. They may share one file (hard links), because nothing writes to them
        later.
        """
        for side, entry in users:
            place = self._write(side, entry.path, data, self._blob_files.get(blob, ""))
            if place:
                self._blob_files[blob] = place

    def _write(self, side: int, path: str, data: bytes, same: str = "") -> str:
        """Write a file, or link it to the ``same`` content written before; return its path, or "" if it was not
        written.
        """
        if data.startswith(_LFS) and may_contain_code(path):
            self._record_skipped(side, path, "stored in Git LFS; its content is not in the repository")
            return ""
        place = self._path_of(side, path)
        try:
            folder = os.path.dirname(place)
            if folder not in self._created_folders:
                os.makedirs(folder, exist_ok=True)
                self._created_folders.add(folder)
            if same and self._can_link:
                try:
                    os.link(same, place)
                    return place
                except FileExistsError:
                    raise
                except OSError:  # the file system has no hard links, or reached its limit
                    self._can_link = False
            with open(place, "xb") as stream:
                stream.write(data)
        except (OSError, ValueError) as error:  # name too long, or a collision on a case-insensitive disk
            reason = error.strerror if isinstance(error, OSError) else None
            self._record_unreadable(side, path, f"cannot be written: {reason or error}")
            return ""
        return place

    # -- differences

    def _find_changes(self) -> None:
        """Compute which files differ, and their renames."""
        old, new = self._ids
        removed = [path for path in old if path not in new]
        added = [path for path in new if path not in old]
        if self.renames is None:
            self.renames = self._find_renames(removed, added)
        self.renames = {one: other for one, other in self.renames.items() if one in old and other in new}
        self.changed = [FileChange(path, path) for path in old if path in new and old[path] != new[path]]
        self.changed += [FileChange(one, other) for one, other in self.renames.items()]
        moved = {*self.renames, *self.renames.values()}
        self.changed += [FileChange(path, None) for path in removed if path not in moved]
        self.changed += [FileChange(None, path) for path in added if path not in moved]

    def touched(self) -> frozenset[str]:
        """Return the paths that differ, under their names in both versions."""
        return frozenset(path for change in self.changed for path in (change.old, change.new) if path is not None)

    def _find_renames(self, removed: Collection[str], added: Collection[str]) -> dict[str, str]:
        """Find renames as git does, for files of the working tree. These are stored in a private object store: git
        itself would run them through the filters that attributes name.
        """
        folder = self.folders[1].parent
        files = [path for path in added if os.path.isfile(self._path_of(1, path))]
        if not removed or not files:
            return {}
        old = {entry.path: entry.id for entry in self.entries[0] if entry.is_regular}
        objects = Path(os.fsdecode(self.repository.output(["rev-parse", "--git-path", "objects"])).removesuffix("\n"))
        top = self.repository.top or self.repository.folder
        known = [paths] if (paths := os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")) else []
        own = {
            "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join([_quoted(str(top / objects)), *known]),
            "GIT_INDEX_FILE": str(folder / "index"),
        }
        (folder / "objects").mkdir()
        listed_paths = "".join(f"{_quoted(self._path_of(1, path))}\n" for path in files)
        command = ["hash-object", "-w", "--stdin-paths", "--no-filters"]
        written = self.repository.output(command, os.fsencode(listed_paths), own).decode("ascii").split()
        made = dict(zip(files, written, strict=True))
        trees = []
        for listed in ({path: old[path] for path in removed if path in old}, made):
            (folder / "index").unlink(missing_ok=True)
            lines = "".join(f"100644 {name}\t{path}\0" for path, name in listed.items())
            self.repository.output(["update-index", "-z", "--index-info"], os.fsencode(lines), own)
            trees.append(self.repository.output(["write-tree", "--missing-ok"], b"", own).decode("ascii").strip())
        with_store = Repository(self.repository.folder, self.repository.prefix, self.repository.top, own)
        return renamed_paths(with_store.changes(trees[0], trees[1]))


def renamed_paths(changes: Iterable[FileChange]) -> dict[str, str]:
    """Map the old paths of renamed files to the new ones."""
    return {change.old: change.new for change in changes if change.old and change.new and change.old != change.new}


def may_contain_code(path: str) -> bool:
    """True if a file with this name may contain infrastructure code."""
    return is_candidate(Path(path)) or is_terraform_file(Path(path)) or path.endswith(".tfvars")


def _link_target(entry: TreeEntry) -> bytes:
    try:
        return os.fsencode(os.readlink(entry.file)) if entry.file is not None else b""
    except OSError:
        return b""


def _quoted(path: str) -> str:
    """Quote a path for git, as described in git(1) under GIT_ALTERNATE_OBJECT_DIRECTORIES and core.quotePath."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def blob_id(data: bytes, length: int) -> str:
    """Return the id that git gives a blob, of ``length`` digits: in SHA-1 (40) or SHA-256 repositories (64)."""
    known = hashlib.sha256 if length == 64 else hashlib.sha1
    return known(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
