"""Parsed files that are sure to be asked for again, kept until then: those that were looked into to find the roots, and
those of modules that several roots call.

A file becomes some seventy times its size in memory, so only so many are kept, and each only as long as it is needed.
Which file is read how often is a guess that nothing depends on: what is not kept, or has changed, is parsed again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from passrole_checks.sources.terraform.reading.syntax import ParsedFile

_MAX_BYTES = 600_000  # bytes of files: some 40 MB of memory


class _ParseCache:
    def __init__(self) -> None:
        self.files: dict[str, ParsedFile] = {}  # the oldest ones first
        self.size = 0
        self.times: Mapping[str, int] = {}  # how often the files of a folder will be read
        self.read: dict[str, int] = {}

    def take(self, file: str) -> ParsedFile | None:
        found = self.files.pop(file, None)
        if found is not None:
            self.size -= len(found.source.data)
        return found


_cache = _ParseCache()


def expect_reads(times: Mapping[str, int]) -> None:
    """Say how often the files of each folder will be read, from now on."""
    _cache.times, _cache.read = times, {}


def pop(file: str, data: bytes) -> ParsedFile | None:
    """What is kept of a file, if it still holds the same; it is kept no longer."""
    found = _cache.take(file)
    return found if found is not None and found.source.data == data else None


def store(parsed: ParsedFile) -> None:
    """Keep a file for the next one who asks for it; the oldest ones go where it is too much."""
    if parsed.problems:
        return
    file = parsed.source.file
    _cache.take(file)
    _cache.files[file] = parsed
    _cache.size += len(parsed.source.data)
    while _cache.size > _MAX_BYTES:
        _cache.take(next(iter(_cache.files)))


def record_read(parsed: ParsedFile) -> None:
    """Note that a file was read for a root, and keep it where another one will read it."""
    file = parsed.source.file
    times = _cache.times.get(os.path.dirname(file), 1)
    if times > 1:
        _cache.read[file] = _cache.read.get(file, 0) + 1
        if _cache.read[file] < times:
            store(parsed)
