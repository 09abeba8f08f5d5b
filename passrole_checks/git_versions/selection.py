"""The part of two versions that a change can affect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from passrole_checks.git_versions.git import FileChange
from passrole_checks.iam.fast_dataclass import dataclass

Blobs = Mapping[str, str]
"""The regular files of a version: their paths, each with the id of its content."""

ReadBlobs = Callable[[Iterable[str]], Iterator[tuple[str, bytes]]]
"""Yields the id and content of each blob; those that this clone lacks are left out."""


@dataclass(frozen=True, slots=True)
class Selection:
    """``paths``: the files to write. ``units``: the folders and files that may be units that the change affects; the
    top folder is ``.``. ``values``: the files with values that may be for one of them. ``shared``: the folders of
    modules that units which are not selected may call too."""

    paths: frozenset[str]
    units: frozenset[str]
    values: frozenset[str]
    shared: frozenset[str] = frozenset()


Select = Callable[[Blobs, Blobs, Sequence[FileChange], ReadBlobs, Collection[str]], "Selection | None"]
"""Chooses the part of two versions that the changed files can affect, given folders and files to treat as affected;
None for everything."""
