"""Cache of parsed files that will be read again.

It stores files parsed while looking for root modules, and files of modules that several roots call. A parsed file takes
about 70 times its size in memory, so the cache is bounded and drops a file after its last expected read. Expected reads
are an estimate only: a file that is not cached, or has changed, is parsed again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from passrole_checks.sources.terraform.reading.syntax import ParsedFile

_MAX_BYTES = 600_000  # total size of the source files: about 40 MB of memory


class _ParseCache:
    def __init__(self) -> None:
        self.files: dict[str, ParsedFile] = {}  # oldest first
        self.size = 0
        self.expected: Mapping[str, int] = {}  # by folder: number of times that its files will be read
        self.reads: dict[str, int] = {}  # by file: number of times that it was read

    def pop(self, file: str) -> ParsedFile | None:
        parsed = self.files.pop(file, None)
        if parsed is not None:
            self.size -= len(parsed.source.data)
        return parsed


_cache = _ParseCache()


def expect_reads(times: Mapping[str, int]) -> None:
    """Set the number of times that the files of each folder will be read from now on."""
    _cache.expected, _cache.reads = times, {}


def pop(file: str, data: bytes) -> ParsedFile | None:
    """Remove a file from the cache and return it, or None if it is missing or its content differs from ``data``."""
    parsed = _cache.pop(file)
    return parsed if parsed is not None and parsed.source.data == data else None


def store(parsed: ParsedFile) -> None:
    """Add a file to the cache, unless it has parse errors, and evict the oldest files beyond the limit."""
    if parsed.problems:
        return
    file = parsed.source.file
    _cache.pop(file)
    _cache.files[file] = parsed
    _cache.size += len(parsed.source.data)
    while _cache.size > _MAX_BYTES:
        _cache.pop(next(iter(_cache.files)))


def record_read(parsed: ParsedFile) -> None:
    """Count a read of a file for a root module, and store the file if another root will read it."""
    file = parsed.source.file
    expected = _cache.expected.get(os.path.dirname(file), 1)
    if expected > 1:
        _cache.reads[file] = _cache.reads.get(file, 0) + 1
        if _cache.reads[file] < expected:
            store(parsed)
