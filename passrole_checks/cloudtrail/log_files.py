"""Find log files below folders and detect their format from their first bytes.

CloudTrail delivers to ``[prefix/]AWSLogs/[o-…/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/….json.gz`` (CloudTrail User Guide,
"Finding your CloudTrail log files"); digests and Insights events have separate folders and contain no API calls.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path

from passrole_checks.cloudtrail.json_stream import LARGEST_LOG, GzipStream
from passrole_checks.cloudtrail.model import LogSummary, UnreadableLog
from passrole_checks.files.unsaved_texts import entries_in
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.read_boundary import Boundary, repository_around

_ENDINGS = (".json", ".json.gz", ".gz", ".jsonl", ".ndjson", ".csv", ".parquet", ".log")
_DELIVERED = lazy_regex(r"AWSLogs/(?:o-[a-z0-9]+/)?(?P<account>\d{12})/CloudTrail/[a-z0-9-]+/(?P<day>\d{4}/\d\d/\d\d)/")
_BESIDE = lazy_regex(r"(?:^|/)CloudTrail-(?P<what>Digest|Insight|NetworkActivity-Insight|Aggregated)[^/]*/")
_BEGINNING = 16_384
_PIECE = 1 << 20
_LARGEST_ESTIMATED = 1 << 20  # bytes of a compressed file; one of CloudTrail's is smaller
_MEMBER = b"\x1f\x8b\x08"  # the beginning of a gzip member (RFC 1952)
_MOST_ENTRIES = 5_000_000  # below one folder; a trail of one account in all regions delivers 2 million files a year
_RECORDS = lazy_regex(r'\s*\{\s*"Records"\s*:\s*\[')
_NO_LOG = "not a CloudTrail log"


class LogFormat(Enum):
    """Format of a log file. `RECORDS`: as CloudTrail delivers it, ``{"Records": [...]}``. `VALUES`: other JSON with
    events: one per line, a list, output of ``aws cloudtrail lookup-events``. `CSV`, `PARQUET`: exports with one row per
    event.
    """

    RECORDS = "records"
    VALUES = "values"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file with events. `size`: its approximate size in bytes when decompressed."""

    path: str
    form: LogFormat
    packed: bool
    size: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """Filter for events. `since` (inclusive) and `until` (exclusive) are times as CloudTrail writes them; `accounts`:
    accounts to include. Empty: no limit.
    """

    since: str = ""
    until: str = ""
    accounts: frozenset[str] = frozenset()

    def may_contain(self, path: str) -> bool:
        """True if a file in CloudTrail's layout may contain matching events.

        A file is delivered after its events, so that its day can exclude events that are too old, but not too new.
        """
        found = _DELIVERED.search(path)
        if found is None:
            return True
        if self.accounts and found["account"] not in self.accounts:
            return False
        return not self.since or found["day"].replace("/", "-") >= self.since[:10]


def log_files(paths: Iterable[Path], bounds: Bounds, reading: LogSummary) -> Iterator[LogFile]:
    """Yield the files with events at and below some paths, each once.

    Other files are recorded in `reading`: below a folder in `others`, a path that was given itself in `problems`.
    """
    seen: set[str] = set()
    for path in paths:
        if not path.is_dir():
            yield from _inspect_file(str(path), reading, seen, named=True)
            continue
        boundary = Boundary.around(repository_around(path.resolve()) or path)
        for name in _files_below(str(path), reading):
            posix = name.replace(os.sep, "/")
            other_kind = _BESIDE.search(posix)
            if other_kind is not None:
                reading.others[f"CloudTrail-{other_kind['what']}"] += 1
            elif not name.lower().endswith(_ENDINGS):
                reading.others["other names"] += 1
            elif not bounds.may_contain(posix):
                reading.others["outside the requested time or accounts"] += 1
            else:
                try:
                    boundary.check(name)
                except OSError as error:
                    reading.problems.append(UnreadableLog(name, _error_text(error)))
                    continue
                yield from _inspect_file(name, reading, seen, named=False)


def _files_below(folder: str, reading: LogSummary) -> Iterator[str]:
    pending, remaining = [folder], _MOST_ENTRIES
    while pending:
        current = pending.pop()
        try:
            entries = entries_in(current, remaining + 1)
            folders = {entry.name: entry.is_symlink() for entry in entries if entry.is_dir()}
        except OSError as error:
            reading.problems.append(UnreadableLog(current, error.strerror or str(error)))
            continue
        remaining -= len(entries)
        if remaining < 0:
            reason = f"more than {_MOST_ENTRIES:,} files and folders; the rest is not read"
            reading.problems.append(UnreadableLog(folder, reason))
            return
        yield from (os.path.join(current, name) for name in sorted({entry.name for entry in entries} - folders.keys()))
        pending += (os.path.join(current, name) for name in sorted(folders, reverse=True) if not folders[name])


def _inspect_file(name: str, reading: LogSummary, seen: set[str], *, named: bool) -> Iterator[LogFile]:
    try:
        where = os.path.realpath(name)
        about = os.stat(where)
        if where in seen:
            return
        seen.add(where)
        if not stat.S_ISREG(about.st_mode):
            if named:
                reading.problems.append(UnreadableLog(name, "not a file"))
            return
        beginning, packed = _read_start(where)
        form, what = _detect_format(beginning)
        size = _decompressed_size(where, about.st_size, form) if packed else about.st_size
    except (OSError, EOFError, zlib.error) as error:
        reading.problems.append(UnreadableLog(name, _error_text(error)))
        return
    if form is not None:
        reading.files += 1
        yield LogFile(name, form, packed, size)
    elif named:
        reading.problems.append(UnreadableLog(name, what))
    elif what == _NO_LOG:
        reading.not_logs.append(name)
    else:
        reading.others[what] += 1


def _read_start(path: str) -> tuple[bytes, bool]:
    with open(path, "rb") as stream:
        start = stream.read(_BEGINNING)
        if start[:2] != b"\x1f\x8b":
            return start, False
        stream.seek(0)
        with gzip.GzipFile(fileobj=stream) as unpacked:
            return unpacked.read(_BEGINNING), True


def _decompressed_size(path: str, size: int, form: LogFormat | None) -> int:
    """Return the decompressed size of a gzip file.

    Computed for files that DuckDB would decompress without a limit; raises the errors of :class:`GzipStream` for an
    export, while JSON is read event by event up to the break. The last four bytes (RFC 1952, ISIZE) are the size of a
    small file with one member, since those of CloudTrail are many. An estimate for others.
    """
    with open(path, "rb") as stream:
        if form is LogFormat.RECORDS and size <= _LARGEST_ESTIMATED:
            packed = stream.read()
            stored_size = int.from_bytes(packed[-4:], "little")
            if size <= stored_size <= 1_200 * size and packed.rfind(_MEMBER) == 0:
                return stored_size
            stream.seek(0)
        elif form not in (LogFormat.CSV, LogFormat.RECORDS):
            return 12 * size
        unpacked = GzipStream(stream)
        try:
            while unpacked.read(_PIECE):
                pass
        except (OSError, EOFError, zlib.error):
            if form is LogFormat.CSV:
                raise
            return LARGEST_LOG
        return unpacked.size


def _detect_format(beginning: bytes) -> tuple[LogFormat | None, str]:
    if beginning[:4] == b"PAR1":
        return LogFormat.PARQUET, ""
    text = beginning.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if not text:
        return None, "empty"
    if text[0] in "{[":
        if '"digestS3Bucket"' in text:
            return None, "CloudTrail-Digest"
        if _RECORDS.match(text):
            return LogFormat.RECORDS, ""
        if re.search(r'"(?:Records|Events|eventName|CloudTrailEvent)"\s*:', text):
            return LogFormat.VALUES, ""
        return None, _NO_LOG
    header = text.partition("\n")[0].lower().replace("_", "")
    if "eventname" in header and "eventsource" in header and "," in header:
        return LogFormat.CSV, ""
    return None, _NO_LOG


def _error_text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "truncated gzip" if isinstance(error, EOFError) else "damaged gzip file"
