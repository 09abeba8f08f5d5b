"""Reading: which files belong to a folder, and what expressions may read.

Source: Terraform language documentation and OpenTofu documentation, "Files and Directories" (suffixes, encoding,
extension precedence).
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from passrole_checks.files.safe_read import (
    CANNOT_BE_READ,
    NO_SUCH_FILE,
    NO_TEXT,
    OUTSIDE,
    TOO_LARGE,
    OutsideError,
    open_error_reason,
)
from passrole_checks.sources.files.access_log import log_file, log_folder
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.files.file_types import TERRAFORM_SUFFIXES, is_terraform_name
from passrole_checks.sources.files.read_boundary import Boundary, current_boundary
from passrole_checks.sources.terraform.reading import parse_cache
from passrole_checks.sources.terraform.reading.readers import reader
from passrole_checks.sources.terraform.reading.source import NotText, SourceText
from passrole_checks.sources.terraform.reading.syntax import Body, ParsedFile, SyntaxProblem

_LONGEST_FIRST = sorted(TERRAFORM_SUFFIXES, key=len, reverse=True)
LARGEST = 20_000_000  # bytes of one file of configuration
_LARGEST_READ = 2_000_000  # bytes that an expression may read
_NOT_READ = {
    errno.ENOENT: NO_SUCH_FILE,
    errno.ENOTDIR: NO_SUCH_FILE,
    errno.EISDIR: NO_SUCH_FILE,
    errno.EINVAL: NO_SUCH_FILE,
    errno.EFBIG: TOO_LARGE,
}


def terraform_files(folder: Path, exclusions: Exclusions = NO_EXCLUSIONS) -> list[Path]:
    """The configuration files of a folder, override files last, as Terraform merges them.

    Of ``x.tf`` and ``x.tofu`` the second one is read (OpenTofu's page "Files and Directories", "Extension Precedence").
    A symbolic link that leads nowhere is among them, so that it is named.
    """
    return listed(folder, exclusions).files


class Listing(NamedTuple):
    """The configuration files of a folder (:func:`terraform_files`); those that another one stands in for, each with
    that one; and those that are left out on request."""

    files: list[Path]
    shadowed: list[tuple[Path, Path]]
    excluded: list[Path]


def listed(folder: Path, exclusions: Exclusions = NO_EXCLUSIONS) -> Listing:
    """List the configuration files of a folder. What is excluded is as if it were not there."""
    log_folder(folder)
    files: list[tuple[bool, str]] = []
    shadowed: list[tuple[str, str]] = []
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if is_terraform_name(entry.name) and _is_one(entry)]
        excluded = exclusions.excluded_names(folder, names)
        for name in names:
            if name in excluded:
                continue
            shadow = _shadow(os.path.join(folder, name), name)
            if shadow is not None and shadow not in excluded:
                shadowed.append((name, shadow))
            else:
                files.append((is_override(name), name))
    except OSError:
        return Listing([], [], [])
    return Listing(
        [folder / name for _, name in sorted(files)],
        [(folder / one, folder / other) for one, other in sorted(shadowed)],
        [folder / name for name in sorted(excluded)],
    )


def _is_one(entry: os.DirEntry[str]) -> bool:
    """Whether a name is that of a file, or of a link to anything but a folder: what is no file is named then."""
    return not os.path.isdir(entry.path) if entry.is_symlink() else entry.is_file(follow_symlinks=False)


def _shadow(path: str, name: str) -> str | None:
    """The name of the file that OpenTofu reads in this one's place."""
    for theirs, ours in ((".tf.json", ".tofu.json"), (".tf", ".tofu")):
        if name.endswith(theirs):
            other = name[: -len(theirs)] + ours
            return other if os.path.isfile(os.path.join(os.path.dirname(path), other)) else None
    return None


def is_override(name: str) -> bool:
    """Whether a file of this name is merged into the others (``override.tf``, ``x_override.tf``)."""
    for suffix in _LONGEST_FIRST:
        if name.endswith(suffix):
            name = name[: -len(suffix)]
            break
    return name == "override" or name.endswith("_override")


def parse_file(path: Path) -> ParsedFile:
    """Read one configuration file. Never raises: what is wrong is among its problems."""
    file = str(path)
    try:
        data = current_boundary().read(path, LARGEST)
    except OutsideError as error:
        return _unreadable(file, 0, str(error.strerror))
    except OSError as error:
        return _unreadable(file, 1, open_error_reason(path, error))
    return parse_cache.take(file, data) or parse_bytes(file, data)


@lru_cache(maxsize=256)
def parse_bytes(file: str, data: bytes) -> ParsedFile:
    """Read the content of a configuration file."""
    try:
        source = SourceText.of(file, data)
    except NotText as error:
        return _unreadable(file, error.line, error.reason)
    if file.endswith(".json"):
        from passrole_checks.sources.terraform.reading.reader_json import read as read_json

        return read_json(source)
    return reader().read(source)


def _unreadable(file: str, line: int, reason: str) -> ParsedFile:
    return ParsedFile(SourceText(file, b""), Body(), (SyntaxProblem(line, reason),))


@dataclass
class Files:
    """The files that expressions may read: those within ``boundary``."""

    boundary: Boundary
    seen: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    _allowed: dict[str, bool] = field(default_factory=dict)

    def read(self, path: str) -> tuple[str | None, str]:
        """The text of a file, or None and the reason why not."""
        if path not in self.seen:
            self.seen[path] = self._read(path)
        return self.seen[path]

    def exists(self, path: str) -> bool | None:
        """Whether there is such a file; None where it may not be looked at."""
        if not self.allows(path):
            return None
        log_file(path)
        return os.path.isfile(path)

    def allows(self, path: str | Path) -> bool:
        """Whether a path lies below the boundary, symbolic links resolved."""
        name = str(path)
        if name not in self._allowed:
            self._allowed[name] = self.boundary.allows(name)
        return self._allowed[name]

    def _read(self, path: str) -> tuple[str | None, str]:
        try:
            data = self.boundary.read(path, _LARGEST_READ)
        except OutsideError:
            return None, OUTSIDE
        except OSError as error:
            return None, _NOT_READ.get(error.errno or 0, CANNOT_BE_READ)
        try:
            return SourceText.of(path, data).data.decode("utf-8"), ""
        except NotText:
            return None, NO_TEXT
