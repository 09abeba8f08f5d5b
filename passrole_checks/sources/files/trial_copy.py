"""A temporary copy of a version, to read it again with other texts of some files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from passrole_checks.files.safe_read import read_bounded
from passrole_checks.sources.files.walk import walk

_LARGEST = 50_000_000  # bytes of one copied file


class TrialCopy:
    """A copy of a folder or of one file, made on first use.

    ``link``: hard-link the files, because the original is temporary like the copy.
    """

    def __init__(self, original: Path, *, link: bool) -> None:
        self._original, self._link = original, link
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def delete(self) -> None:
        """Delete the copy, if it was made."""
        if self._folder is not None:
            self._folder.cleanup()

    @cached_property
    def path(self) -> Path:
        """The copy of the folder or file."""
        self._folder = tempfile.TemporaryDirectory(prefix="passrole-checks-")
        top = Path(os.path.realpath(self._folder.name))
        (top / ".git").mkdir()  # the readers treat it as the boundary of a repository
        if not self._original.is_dir():
            self._copy(self._original, top / self._original.name)
            return top / self._original.name
        for file in walk(self._original, lambda *_: None):
            if file.stat().st_size <= _LARGEST:
                self._copy(file, top / os.path.relpath(file, self._original))
        return top

    @contextmanager
    def with_texts(self, texts: Mapping[str, str | None]) -> Iterator[Path]:
        """Return a context in which files of the copy, by relative path, have other texts, or (None) are missing.

        The path of a copied file itself is "".
        """
        try:
            for name, text in texts.items():
                place = self.path / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.unlink(missing_ok=True)  # it may be a hard link to the original
                if text is not None:
                    place.write_bytes(text.encode("utf-8"))
            yield self.path
        finally:
            for name in texts:
                (self.path / name).unlink(missing_ok=True)
                if (self._original / name).exists():
                    self._copy(self._original / name, self.path / name)

    def _copy(self, file: Path, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        if self._link:
            with suppress(OSError):
                os.link(file, place)
                return
        with suppress(OSError):  # it was unreadable before too
            place.write_bytes(read_bounded(file, _LARGEST))
