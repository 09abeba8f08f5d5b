"""Reading: which files belong to a folder, and what expressions may read.

Source: Terraform language documentation and OpenTofu documentation, "Files and Directories" (suffixes, encoding,
extension precedence).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from passrole_checks.contents import content_of
from passrole_checks.sources.looked_at import at_file, at_folder, at_lead
from passrole_checks.sources.names import TERRAFORM_SUFFIXES, is_terraform_file
from passrole_checks.sources.terraform.reading.readers import reader
from passrole_checks.sources.terraform.reading.source import NotText, SourceText
from passrole_checks.sources.terraform.reading.syntax import Body, ParsedFile, Problem

LARGEST = 20_000_000  # bytes of one file of configuration
_LARGEST_READ = 2_000_000  # bytes that an expression may read


def terraform_files(folder: Path) -> list[Path]:
    """The configuration files of a folder, override files last, as Terraform merges them.

    Of ``x.tf`` and ``x.tofu`` the second one is read (OpenTofu's page "Files and Directories", "Extension Precedence").
    A symbolic link that leads nowhere is among them, so that it is named.
    """
    found = [path for path in _listed(folder) if not _shadow(path)]
    return sorted(found, key=lambda path: (is_override(path), path.name))


def shadowed_files(folder: Path) -> list[tuple[Path, Path]]:
    """The configuration files that another one stands in for, each with that one."""
    return [(path, shadow) for path in _listed(folder) if (shadow := _shadow(path))]


def _listed(folder: Path) -> list[Path]:
    at_folder(folder)
    try:
        found = sorted(folder / name for name in os.listdir(folder) if is_terraform_file(Path(name)))
    except OSError:
        return []
    return [path for path in found if path.is_file() or (path.is_symlink() and not path.exists())]


def _shadow(path: Path) -> Path | None:
    """The file that OpenTofu reads in this one's place."""
    for theirs, ours in ((".tf.json", ".tofu.json"), (".tf", ".tofu")):
        if path.name.endswith(theirs):
            other = path.with_name(path.name[: -len(theirs)] + ours)
            return other if other.is_file() else None
    return None


def is_override(path: Path) -> bool:
    """Whether a file is merged into the others (``override.tf``, ``x_override.tf``)."""
    stem = path.name
    for suffix in sorted(TERRAFORM_SUFFIXES, key=len, reverse=True):
        if stem.endswith(suffix):
            stem = stem[: -len(suffix)]
            break
    return stem == "override" or stem.endswith("_override")


def parse_file(path: Path) -> ParsedFile:
    """Read one configuration file. Never raises: what is wrong is among its problems."""
    file = str(path)
    at_file(path)
    try:
        if path.stat().st_size > LARGEST:
            return _unreadable(file, 1, f"larger than {LARGEST // 1_000_000} MB")
        data = content_of(path, LARGEST)
    except OSError as error:
        return _unreadable(file, 1, f"cannot be opened: {error.strerror or error}")
    return parse_bytes(file, data)


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
    return ParsedFile(SourceText(file, b""), Body(), (Problem(line, reason),))


@dataclass
class Files:
    """The files that expressions may read: those below ``boundary``, symbolic links resolved."""

    boundary: Path
    seen: dict[str, tuple[str | None, str]] = field(default_factory=dict)

    def read(self, path: str) -> tuple[str | None, str]:
        """The text of a file, or None and the reason why not."""
        if path not in self.seen:
            self.seen[path] = self._read(path)
        return self.seen[path]

    def exists(self, path: str) -> bool | None:
        """Whether there is such a file; None where it may not be looked at."""
        if not self.allows(path):
            return None
        at_file(path)
        return Path(path).is_file()

    def allows(self, path: str | Path) -> bool:
        """Whether a path lies below the boundary, symbolic links resolved."""
        at_lead(path)
        try:
            return Path(path).resolve().is_relative_to(self.boundary.resolve())
        except (OSError, ValueError, RuntimeError):
            return False

    def _read(self, path: str) -> tuple[str | None, str]:
        if not self.allows(path):
            return None, "a file outside the scanned folder"
        at_file(path)
        try:
            if not Path(path).is_file():
                return None, "no such file"
            if Path(path).stat().st_size > _LARGEST_READ:
                return None, "a file too large to read"
            data = content_of(path, _LARGEST_READ)
        except (OSError, ValueError):
            return None, "a file that cannot be read"
        try:
            return SourceText.of(path, data).data.decode("utf-8"), ""
        except NotText:
            return None, "a file that is no text"
