"""List and parse the configuration files of a folder, and read files for expressions.

Source: Terraform language documentation and OpenTofu documentation, "Files and Directories" (suffixes, encoding,
extension precedence).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Container, Iterator
from dataclasses import field
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
from passrole_checks.files.unsaved_texts import entries_in, is_file, unsaved_text
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.files.file_types import TERRAFORM_SUFFIXES, is_terraform_name
from passrole_checks.sources.files.read_boundary import Boundary, current_boundary
from passrole_checks.sources.terraform.reading.parse_cache import ParseCache
from passrole_checks.sources.terraform.reading.readers import reader
from passrole_checks.sources.terraform.reading.source import NotText, SourceText
from passrole_checks.sources.terraform.reading.syntax import Body, ParsedFile, SyntaxProblem

_LONGEST_FIRST = sorted(TERRAFORM_SUFFIXES, key=len, reverse=True)
MAX_FILE_BYTES = 20_000_000  # of one configuration file
_MAX_READ_BYTES = 2_000_000  # of one file read by an expression
_REASONS = {
    errno.ENOENT: NO_SUCH_FILE,
    errno.ENOTDIR: NO_SUCH_FILE,
    errno.EISDIR: NO_SUCH_FILE,
    errno.EINVAL: NO_SUCH_FILE,
    errno.EFBIG: TOO_LARGE,
}


def terraform_files(folder: Path, exclusions: Exclusions = NO_EXCLUSIONS) -> list[Path]:
    """Return the configuration files of a folder, override files last, as Terraform merges them.

    ``x.tofu`` replaces ``x.tf`` (OpenTofu's page "Files and Directories", "Extension Precedence"). Dangling symbolic
    links are included, so that they are reported.
    """
    return list_files(folder, exclusions).files


class FolderListing(NamedTuple):
    """Configuration files of a folder.

    ``files``: see :func:`terraform_files`. ``shadowed``: pairs of a file that is not read and the file that replaces
    it. ``excluded``: files that match an exclusion pattern.
    """

    files: list[Path]
    shadowed: list[tuple[Path, Path]]
    excluded: list[Path]


def list_files(folder: Path, exclusions: Exclusions = NO_EXCLUSIONS) -> FolderListing:
    """List the configuration files of a folder; an excluded file replaces no other. Empty if it cannot be read."""
    files: list[tuple[bool, str]] = []
    shadowed: list[tuple[str, str]] = []
    try:
        names = {
            entry.name
            for entry in entries_in(folder)  # a pipe or a dangling link is reported later
            if is_terraform_name(entry.name) and not os.path.isdir(entry.path)
        }
        excluded = exclusions.excluded_names(folder, names)
        for name in names:
            if name in excluded:
                continue
            shadow = _shadowing_name(folder, name, names)
            if shadow is not None and shadow not in excluded:
                shadowed.append((name, shadow))
            else:
                files.append((is_override(name), name))
    except OSError:
        return FolderListing([], [], [])
    return FolderListing(
        [folder / name for _, name in sorted(files)],
        [(folder / name, folder / replacement) for name, replacement in sorted(shadowed)],
        [folder / name for name in sorted(excluded)],
    )


def _shadowing_name(folder: Path, name: str, names: Container[str]) -> str | None:
    """Return the name of the existing file that OpenTofu reads instead of this one, or None."""
    for terraform, opentofu in ((".tf.json", ".tofu.json"), (".tf", ".tofu")):
        if name.endswith(terraform):
            replacement = name[: -len(terraform)] + opentofu
            return replacement if replacement in names and is_file(os.path.join(folder, replacement)) else None
    return None


def is_override(name: str) -> bool:
    """True for the name of an override file (``override.tf``, ``x_override.tf``)."""
    for suffix in _LONGEST_FIRST:
        if name.endswith(suffix):
            name = name[: -len(suffix)]
            break
    return name == "override" or name.endswith("_override")


def parse_file(path: Path) -> ParsedFile:
    """Parse one configuration file. Never raises; errors are in ``problems``."""
    file = str(path)
    try:
        data = current_boundary().read(path, MAX_FILE_BYTES)
    except OutsideError as error:
        return _unreadable(file, 0, str(error.strerror))
    except OSError as error:
        return _unreadable(file, 1, open_error_reason(path, error))
    return parse_bytes(file, data) if unsaved_text(path) is None else _parse_unsaved(file, data)


def _parse(file: str, data: bytes) -> ParsedFile:
    try:
        source = SourceText.of(file, data)
    except NotText as error:
        return _unreadable(file, error.line, error.reason)
    if file.endswith(".json"):
        from passrole_checks.sources.terraform.reading.reader_json import read as read_json

        return read_json(source)
    return reader().read(source)


# a session in an editor parses each version of a file, and needs the latest ones only
_parse_unsaved = lru_cache(maxsize=16)(_parse)
parse_bytes = ParseCache(_parse)
"""Parse the content of a configuration file. Never raises; errors are in ``problems``."""


def _unreadable(file: str, line: int, reason: str) -> ParsedFile:
    return ParsedFile(SourceText(file, b""), Body(), (SyntaxProblem(line, reason),))


@dataclass
class Files:
    """Read files for expressions, within ``boundary``. Results are cached."""

    boundary: Boundary
    _results: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    _allowed: dict[str, bool] = field(default_factory=dict)

    def read(self, path: str) -> tuple[str | None, str]:
        """Return the text of a file and an empty string, or None and the reason."""
        if path not in self._results:
            self._results[path] = self._read(path)
        return self._results[path]

    def contents(self) -> Iterator[tuple[str, str]]:
        """Yield the files that were read, each with its text."""
        return ((path, content) for path, (content, _) in self._results.items() if content is not None)

    def exists(self, path: str) -> bool | None:
        """True if the file exists; None if it is outside the boundary."""
        return is_file(path) if self.allows(path) else None

    def allows(self, path: str | Path) -> bool:
        """True if a path lies within the boundary, symbolic links resolved."""
        name = str(path)
        if name not in self._allowed:
            self._allowed[name] = self.boundary.allows(name)
        return self._allowed[name]

    def _read(self, path: str) -> tuple[str | None, str]:
        try:
            data = self.boundary.read(path, _MAX_READ_BYTES)
        except OutsideError:
            return None, OUTSIDE
        except OSError as error:
            return None, _REASONS.get(error.errno or 0, CANNOT_BE_READ)
        try:
            return SourceText.of(path, data).data.decode("utf-8"), ""
        except NotText:
            return None, NO_TEXT
