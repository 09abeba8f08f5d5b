"""Repositories that are not scanned: the values that they pass to others and what they declare (``--inventory``).

An inventory is a file with the roots of several repositories, or a folder of such files. A scan leaves out the part of
its own repository, so that code has precedence over what was recorded of it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from passrole_checks.errors import ConfigurationError, InputError, SnapshotError
from passrole_checks.files.lock import locked
from passrole_checks.files.safe_read import open_error_reason, read_bounded
from passrole_checks.files.write_atomically import check_file, check_folder, guarded_folders, replace_file
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.files.read_boundary import repository_around
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.model.recorded_roots import RecordedRoot

if TYPE_CHECKING:
    from passrole_checks.scan.result import ScanOptions
    from passrole_checks.sources.inventory import Repositories
    from passrole_checks.sources.unit import Unit

_LARGEST = 200_000_000  # bytes of a file
_MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Inventory:
    """The roots of repositories, and what cannot be read of them."""

    roots: tuple[RecordedRoot, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


NO_INVENTORY = Inventory()

_Version = tuple[str, int, int, int]  # path, size, time of the last change, inode
_last: dict[tuple[_Version, ...], Inventory] = {}  # the files that were read last


def read_inventory(paths: Sequence[Path]) -> Inventory:
    """Read files with the roots of repositories, and folders of such files. Never raises: what cannot be read is in
    ``unreadable``."""
    faults: list[Unreadable] = []
    files = list(dict.fromkeys(file for path in paths for file in _files(path, faults)))
    key = tuple(map(_version, files))
    if key not in _last:
        found = _read(files)
        _last.clear()
        _last[key] = found
    return Inventory(_last[key].roots, (*faults, *_last[key].unreadable))


def recorded_roots(options: ScanOptions, units: Iterable[Unit]) -> list[RecordedRoot]:
    """Return the roots of the inventory without those of the repositories of these units."""
    if not options.inventory:
        return []
    own = set(repository_names(units, options.repository).values())
    return [root for root in read_inventory(options.inventory).roots if root.repository not in own]


def outdated_notes(units: Iterable[Unit], options: ScanOptions) -> Iterator[Unreadable]:
    """Yield a note on each repository of the inventory of which a unit uses values that depend on other ones by now."""
    roots = read_inventory(options.inventory).roots if options.inventory else ()
    places = {place: root for root in roots for place in (_place(root), root.surface.stack)}
    used = {id(root): (unit, root) for unit in units if roots for link in unit.links if (root := places.get(link.root))}
    if not used:
        return
    from passrole_checks.sources.links.record_roots import outdated  # slow to import

    readers = [root for _, root in used.values()]
    for root in outdated(readers, (root for root in roots if id(root) not in used)):
        reason = (
            f"values of repository {root.repository} are not up to date: what it uses of other repositories has"
            " changed; scan it again with --update-inventory"
        )
        yield Unreadable(str(used[id(root)][0].path), reason, subject=reason, kind=NoteKind.INCOMPLETE)


def _place(root: RecordedRoot) -> str:
    return root.repository if root.path == "." else f"{root.repository}/{root.path}"


def repository_names(units: Iterable[Unit], given: str = "") -> dict[Path, str]:
    """Return the names of the repositories of units, by the folder around each. ``given``: the name of all of them."""
    folders = dict.fromkeys(unit.boundary or unit.folder for unit in units)
    return {folder: given or repository_name(folder) for folder in folders}


def repository_name(folder: Path) -> str:
    """Return the name of a repository: ``org/network``, from the URL of its remote; else the name of its folder."""
    name = ""
    if os.path.lexists(folder / ".git"):
        from passrole_checks.git_versions.forge_links import remote_repository  # slow to import, as is the next
        from passrole_checks.git_versions.git import Repository

        try:
            name = remote_repository(Repository(folder).remote_url())[2]
        except SnapshotError:  # git is not installed
            name = ""
    from passrole_checks.sources.inventory import is_repository_name

    return name if is_repository_name(name) else quote(folder.name, safe="").replace("%", "+") or "repository"


# -- reading


def _files(path: Path, faults: list[Unreadable]) -> Iterator[Path]:
    """Yield the files of an inventory; add what cannot be read to ``faults``."""
    if not path.is_dir():
        yield path
        return
    try:
        names = sorted(name for name in os.listdir(path) if name.endswith(".json"))
    except OSError as error:
        faults.append(Unreadable(str(path), open_error_reason(path, error)))
        return
    if len(names) > _MOST_FILES:
        faults.append(Unreadable(str(path), f"more than {_MOST_FILES} files"))
    yield from (path / name for name in names[:_MOST_FILES])


def _version(path: Path) -> _Version:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return str(path), -1, 0, 0
    return str(path), status.st_size, status.st_mtime_ns, status.st_ino


def _read(files: Sequence[Path]) -> Inventory:
    from passrole_checks.sources.inventory import MalformedInventoryError, roots_in

    roots: list[RecordedRoot] = []
    unreadable: list[Unreadable] = []
    known: dict[str, Path] = {}
    for file in files:
        try:
            repositories = _repositories(file)
            for name in repositories:
                if known.setdefault(name, file) != file:
                    raise InputError(str(file), f"repository {name} is in {known[name]} already")
            roots += list(roots_in(repositories, str(file)))
        except InputError as error:
            unreadable.append(Unreadable(error.file, error.reason))
        except MalformedInventoryError as error:
            unreadable.append(Unreadable(str(file), str(error)))
    return Inventory(tuple(roots), tuple(unreadable))


def _repositories(file: Path) -> Repositories:
    """Return the JSON of the repositories in a file. Raises :class:`InputError`."""
    from passrole_checks.sources.inventory import MalformedInventoryError, parse

    try:
        return parse(read_bounded(file, _LARGEST))
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else open_error_reason(file, error)
        raise InputError(str(file), reason) from None
    except MalformedInventoryError as error:
        raise InputError(str(file), str(error)) from None


# -- writing


@dataclass(frozen=True, slots=True)
class Recorded:
    """The file that has the roots of a repository now, its name and how many roots these are."""

    file: str
    repository: str
    roots: int


def update_inventory(
    path: str, paths: Sequence[Path], options: ScanOptions, unreadable: Collection[str]
) -> list[Recorded]:
    """Replace the roots below ``paths`` in an inventory by those in the code.

    ``path``: the file; or a folder, which gets one file for each repository. ``unreadable``: files that cannot be read:
    what was recorded of their roots stays. Two processes may do this at the same time.

    Raises a :class:`ConfigurationError` if the inventory cannot be read or written.
    """
    from passrole_checks.sources import detect
    from passrole_checks.sources.links.record_roots import record_roots

    units = detect.discover(paths, options.inputs.exclusions).units
    names = repository_names(units, options.repository)
    for folder in filter(None, map(repository_around, map(Path, map(os.path.realpath, paths)))):
        names.setdefault(folder, options.repository or repository_name(folder))  # also without any root
    if options.repository and len(names) > 1:
        raise ConfigurationError(f"--repository {options.repository}: the paths are in {len(names)} repositories")
    roots, failed = record_roots(units, options.inputs, recorded_roots(options, units), names)
    broken = [*map(str, failed), *unreadable]
    result = []
    for folder, name in names.items():
        place = _Place(folder, name, [os.path.realpath(one) for one in paths], broken)
        own = [root for root in roots if root.repository == name]
        result.append(_update(path, place, own))
    return result


@dataclass(frozen=True)
class _Place:
    """A repository, and the paths in it that were scanned and that cannot be read."""

    folder: Path
    name: str
    scanned: Sequence[str]
    broken: Sequence[str]

    def was_read(self, root: str) -> bool:
        """True if a root was scanned completely, or does not exist any more."""
        path = Path(os.path.normpath(self.folder / root))
        is_scanned = any(path.is_relative_to(one) for one in self.scanned)
        return is_scanned and not any(Path(file).is_relative_to(path) for file in self.broken)


def _update(path: str, place: _Place, roots: Sequence[RecordedRoot]) -> Recorded:
    from passrole_checks.sources.inventory import roots_of, to_bytes, with_roots

    is_folder = path.endswith(os.sep) or os.path.isdir(path)
    file = os.path.join(path, f"{quote(place.name, safe='')}.json") if is_folder else path
    guarded = guarded_folders([place.folder])
    with _writing(file):
        if is_folder:
            check_folder(path, guarded=guarded)
            os.makedirs(path, exist_ok=True)
        check_file(file, guarded=guarded)
        with locked(file):
            repositories = _repositories(Path(file)) if os.path.exists(file) else {}
            before = roots_of(repositories, place.name)
            kept = {root: content for root, content in before.items() if not place.was_read(root)}
            new = [root for root in roots if root.path not in kept]
            data = to_bytes(with_roots(repositories, place.name, new, list(kept.values())))
            replace_file(file, data, guarded=guarded)
    return Recorded(file, place.name, len(new) + len(kept))


@contextmanager
def _writing(file: str) -> Iterator[None]:
    from passrole_checks.sources.inventory import MalformedInventoryError

    try:
        yield
    except (InputError, MalformedInventoryError) as error:
        raise ConfigurationError(f"{file}: not updated: {getattr(error, 'reason', error)}") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written: {error.strerror or error}") from None
