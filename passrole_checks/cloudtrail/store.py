"""Filter events that may pass roles with DuckDB into a temporary database.

DuckDB reads many files in parallel and keeps only some columns of each event. A few events in a thousand remain, in a
database in a temporary folder, so that memory is bounded by `MEMORY` regardless of the size of the logs.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from passrole_checks.aws.cloudtrail_events import VERSION, trail_events, without_version
from passrole_checks.cloudtrail import csv_parquet
from passrole_checks.cloudtrail.csv_parquet import sql_literal
from passrole_checks.cloudtrail.extract import Row
from passrole_checks.cloudtrail.instance_profiles import STATE_EVENTS
from passrole_checks.cloudtrail.json_stream import DamagedLogError, check_expansion, events_of
from passrole_checks.cloudtrail.log_files import Bounds, LogFile, LogFormat
from passrole_checks.cloudtrail.model import LogSummary, UnreadableLog
from passrole_checks.distribution import pip_install
from passrole_checks.errors import ConfigurationError
from passrole_checks.files.safe_read import RefusedError
from passrole_checks.iam.lazy_regex import lazy_regex

if TYPE_CHECKING:
    import duckdb

MEMORY = "512MB"
# DuckDB keeps several copies of a JSON object, which a CloudTrail file is, in memory; larger files are read event by
# event.
LARGEST_OBJECT = 64 << 20
_SIZES = (4 << 20, 16 << 20, LARGEST_OBJECT)  # buffer for each file read in parallel
_MOST_FILES = 256
_MOST_BYTES = 128 << 20
_FETCHED = 1_000
_ALWAYS_ALLOWED_ROWS = 1_000_000  # of a file in Parquet, whatever its size
_PATTERN = frozenset("*?[]{}")

# Columns, and their names in CloudTrail ("CloudTrail record contents").
COLUMNS = {
    "event_id": "eventID",
    "time": "eventTime",
    "source": "eventSource",
    "name": "eventName",
    "region": "awsRegion",
    "source_ip": "sourceIPAddress",
    "error_code": "errorCode",
    "error_message": "errorMessage",
    "account": "recipientAccountId",
    "identity": "userIdentity",
    "request": "requestParameters",
    "response": "responseElements",
}
STRUCTURES = ("identity", "request", "response")
_EVENT = ", ".join(f'"{name}" {"JSON" if ours in STRUCTURES else "VARCHAR"}' for ours, name in COLUMNS.items())
_OURS = ", ".join(COLUMNS)

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DATED = f"regexp_full_match(n.time, '{_DAY}T.*')"
_IS_DATED = lazy_regex(f"{_DAY}T")

# In JSON, and as Athena and CloudTrail Lake write structures into CSV.
_ISSUER = r"""session[Ii]ssuer"?\s*[:=]\s*\{[^{}]*?\barn"?\s*[:=]\s*"?(arn:[^:\s"]+:iam::[0-9]{12}:role/[^\s",{}]+)"""

Progress = Callable[[int, int], None]


def import_duckdb() -> Any:
    """Return the module ``duckdb``. Raises a :class:`~passrole_checks.errors.ConfigurationError` if it is not
    installed.
    """
    try:
        import duckdb
    except ImportError:
        raise ConfigurationError(f"trail: needs DuckDB: {pip_install('duckdb')}") from None
    return duckdb


class EventStore:
    """Context manager for a database of the events that may pass roles; it is removed at exit.

    Raises a :class:`~passrole_checks.errors.ConfigurationError` if DuckDB is not installed or the disk is full.
    """

    def __init__(self, bounds: Bounds, reading: LogSummary, *, threads: int | None = None) -> None:
        self._duckdb = import_duckdb()
        self._bounds, self._reading = bounds, reading
        self._folder = tempfile.TemporaryDirectory(prefix="passrole-trail-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self._spool = folder / "events.jsonl"
        self._spooled = 0
        self._threads = threads or os.cpu_count() or 1
        self._connection: duckdb.DuckDBPyConnection = self._duckdb.connect(str(folder / "evidence.duckdb"))
        for setting, value in (
            ("memory_limit", MEMORY),
            ("temp_directory", str(folder / "spilled")),
            ("preserve_insertion_order", "false"),
            ("enable_progress_bar", "false"),  # it would appear in the output
            ("autoinstall_known_extensions", "false"),  # no downloads
            ("TimeZone", "UTC"),
        ):
            with suppress(self._duckdb.CatalogException):  # setting of an extension that is not compiled in
                self._connection.execute(f"SET {setting} = '{value}'")
        self._connection.execute("CREATE TABLE known (source VARCHAR, name VARCHAR)")
        self._keys = frozenset(trail_events()) | STATE_EVENTS
        names = [list(column) for column in zip(*sorted(self._keys), strict=True)]
        self._connection.execute("INSERT INTO known SELECT unnest($1), unnest($2)", names)
        columns = ", ".join(f"{name} VARCHAR" for name in COLUMNS)
        self._connection.execute(f"CREATE TABLE events ({columns}, file VARCHAR)")

    def __enter__(self) -> EventStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._folder.cleanup()

    def add(self, files: Iterable[LogFile], progress: Progress | None = None) -> None:
        """Read files. Counts and unreadable files are recorded in the `LogSummary`. ``progress`` is called after each
        batch with the number of files read and their size in bytes.
        """
        done = size = 0
        for batch in _batches(files):
            self._add_batch(batch)
            done += len(batch)
            size += sum(one.size for one in batch)
            if progress is not None:
                progress(done, size)
        self._load_spool()

    def rows(self) -> Iterator[Row]:
        """Yield the events that may pass roles, each once, in order of time.

        Raises a :class:`~passrole_checks.errors.ConfigurationError` if the disk is full.
        """
        try:
            yield from self._rows()
        except self._duckdb.Error as error:
            raise ConfigurationError(f"{self._folder.name}: {_first_sentence(error)}") from None

    def _rows(self) -> Iterator[Row]:
        whole = self._query_number("SELECT count(*) FROM events")
        # Small columns only, because groups are kept in memory. Of the files with an event, use the first.
        self._connection.execute(
            f"""CREATE OR REPLACE TABLE chosen AS SELECT arg_min(id, file) AS id FROM (
                SELECT rowid AS id, file, coalesce(nullif(event_id, ''), md5(concat_ws('|', {_OURS}))) AS one FROM
                events
            ) GROUP BY one"""
        )
        self._reading.duplicates = whole - self._query_number("SELECT count(*) FROM chosen")
        cursor = self._connection.execute(
            f"""SELECT {_OURS}, file FROM events WHERE rowid IN (SELECT id FROM chosen)
            ORDER BY time, event_id, file"""
        )
        while fetched := cursor.fetchmany(_FETCHED):
            for *texts, identity, request, response, file in fetched:
                event_id, time, source, name, region, source_ip, code, message, account = (text or "" for text in texts)
                yield Row(
                    event_id, time, source, name, region, source_ip, code, message, account,
                    identity, request, response, file,
                )  # fmt: skip

    def session_issuers(self) -> list[str]:
        """Return the ARNs of the roles that issued the sessions in the events, in order of the last event of each.

        Raises a :class:`~passrole_checks.errors.ConfigurationError` if the disk is full.
        """
        try:
            fetched = self._connection.execute(
                """SELECT arn FROM (
                    SELECT regexp_extract(identity, $issuer, 1) AS arn, concat(time, chr(1), event_id) AS moment
                    FROM events
                ) WHERE arn <> '' GROUP BY arn ORDER BY max(moment)""",
                {"issuer": _ISSUER},
            ).fetchall()
        except self._duckdb.Error as error:
            raise ConfigurationError(f"{self._folder.name}: {_first_sentence(error)}") from None
        return [str(row[0]) for row in fetched]

    def setting(self, name: str) -> str:
        """Return a setting of the database."""
        row = self._connection.execute("SELECT current_setting($name)", {"name": name}).fetchone()
        return str(row[0]) if row is not None else ""

    # -- files as CloudTrail delivers them, many at a time

    def _add_batch(self, batch: Sequence[LogFile]) -> None:
        first = batch[0]
        if first.form is LogFormat.VALUES or (
            first.form is LogFormat.RECORDS and (first.size > LARGEST_OBJECT or _is_glob(first))
        ):
            for file in batch:
                self._add_event_by_event(file)
            return
        try:
            if first.form is LogFormat.RECORDS:
                self._add_records(batch)
            else:
                self._add_export(first)
        except (self._duckdb.Error, UnicodeError, OSError) as error:
            if len(batch) > 1:  # one file is damaged
                half = len(batch) // 2
                self._add_batch(batch[:half])
                self._add_batch(batch[half:])
            elif first.form is LogFormat.RECORDS:
                self._add_event_by_event(first)
            else:
                self._reading.problems.append(UnreadableLog(first.path, _first_sentence(error)))

    def _add_records(self, batch: Sequence[LogFile]) -> None:
        largest = next(size for size in _SIZES if size >= max(file.size for file in batch))
        # Each thread allocates twice the largest object.
        threads = max(1, min(self._threads, (256 << 20) // (2 * largest)))
        self._connection.execute(f"SET threads = {threads}")
        self._sift(
            f"""SELECT filename AS file, unnest(Records) AS r FROM read_json(
                $files, format = 'unstructured', records = true, filename = true,
                maximum_object_size = {largest + 1024},
                compression = '{"gzip" if batch[0].packed else "uncompressed"}',
                columns = {{Records: 'STRUCT({_EVENT})[]'}})""",
            [f'r."{name}"' for name in COLUMNS.values()],
            {"files": [file.path for file in batch]},
        )

    def _add_export(self, file: LogFile) -> None:
        name = file.path
        if _is_glob(file):
            link = Path(self._folder.name) / f"export-{len(os.listdir(self._folder.name))}"
            link.symlink_to(Path(name).resolve())
            file = replace(file, path=str(link))
        if file.form is LogFormat.PARQUET:
            self._check_parquet(file)
        reader, parameters = csv_parquet.reader_expression(file)
        described = self._connection.execute(f"DESCRIBE SELECT * FROM {reader}", parameters).fetchall()
        columns = csv_parquet.column_expressions([(row[0], row[1]) for row in described])
        if columns is None:
            self._reading.problems.append(UnreadableLog(name, "an export without eventName and eventSource"))
            self._reading.files -= 1
            return
        self._sift(f"SELECT $name AS file, * FROM {reader}", columns, {**parameters, "name": name})

    def _check_parquet(self, file: LogFile) -> None:
        """Raise a :class:`RefusedError` for a file that DuckDB would expand far.

        Its metadata have the number of rows and the sizes of columns (Apache Parquet format, "Metadata"); a row of a
        log takes bytes, also compressed, since no two events have the same ID.
        """
        rows = self._query_number("SELECT num_rows FROM parquet_file_metadata($file)", {"file": file.path})
        size = "SELECT coalesce(sum(total_uncompressed_size), 0) FROM parquet_metadata($file)"
        check_expansion(self._query_number(size, {"file": file.path}), file.size)
        if rows > max(_ALWAYS_ALLOWED_ROWS, file.size):
            raise RefusedError(errno.EFBIG, f"{rows:,} rows in {file.size:,} bytes: more than one per byte")

    def _sift(self, rows: str, columns: Sequence[str], parameters: Mapping[str, Any]) -> None:
        """Store the events that may pass roles, and count all."""
        self._connection.execute("BEGIN")
        try:
            named = ", ".join(f"{one} AS {ours}" for one, ours in zip(columns, COLUMNS, strict=True))
            self._connection.execute(
                f"""CREATE OR REPLACE TEMP TABLE sifted AS
                WITH read AS ({rows}),
                events AS (SELECT file, {named} FROM read),
                narrowed AS (SELECT *, {self._filter_expression()} AS within FROM events)
                SELECT n.file, count(*) FILTER (within) AS counts,
                    min(n.time) FILTER (within AND {_DATED}) AS first, max(n.time) FILTER (within AND {_DATED}) AS last,
                    list({{{", ".join(f"'{ours}': n.{ours}" for ours in COLUMNS)}}}) FILTER (
                        within AND (k.source IS NOT NULL OR contains(n.error_message, 'iam:PassRole'))) AS kept
                FROM narrowed n LEFT JOIN known k ON n.source = k.source AND k.name =
                    CASE WHEN right(n.name, 1) BETWEEN '0' AND '9'
                    THEN regexp_replace(n.name, '{VERSION}', '') ELSE n.name END
                GROUP BY n.file""",
                parameters,
            )
            kept = ", ".join(f"CAST(e.{ours} AS VARCHAR)" for ours in COLUMNS)
            self._connection.execute(
                f"INSERT INTO events SELECT {kept}, file FROM (SELECT file, unnest(kept) AS e FROM sifted)"
            )
            counts = self._connection.execute("SELECT sum(counts), min(first), max(last) FROM sifted").fetchone()
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(self._duckdb.Error):
                self._connection.execute("ROLLBACK")
            raise
        if counts is not None and counts[0]:
            self._reading.events += int(counts[0])
            self._note_times(str(counts[1] or ""), str(counts[2] or ""))

    def _filter_expression(self) -> str:
        tests = ["true"]
        if self._bounds.since:
            tests.append(f"time >= {sql_literal(self._bounds.since)}")
        if self._bounds.until:
            tests.append(f"time < {sql_literal(self._bounds.until)}")
        if self._bounds.accounts:
            listed = ", ".join(map(sql_literal, sorted(self._bounds.accounts)))
            tests.append(f"account IN ({listed})")
        return f"coalesce({' AND '.join(tests)}, false)"

    # -- event by event

    def _add_event_by_event(self, file: LogFile) -> None:
        count, first, last = 0, "", ""
        try:
            with self._spool.open("a", encoding="utf-8", errors="replace") as spool:
                for event in events_of(file.path, file.packed):
                    if not isinstance(event.get("eventName"), str):
                        continue
                    time = str(event.get("eventTime") or "")
                    bounds = self._bounds
                    if bounds.accounts and event.get("recipientAccountId") not in bounds.accounts:
                        continue
                    if time < bounds.since or (bounds.until and time >= bounds.until):
                        continue
                    count += 1
                    if _IS_DATED.match(time):
                        first, last = min(first or time, time), max(last, time)
                    key = (str(event.get("eventSource")), without_version(event["eventName"]))
                    if key in self._keys or "iam:PassRole" in str(event.get("errorMessage") or ""):
                        spool.write(json.dumps({**_columns(event), "file": file.path}, ensure_ascii=False) + "\n")
                        self._spooled += 1
        except DamagedLogError as damage:
            self._reading.problems.append(UnreadableLog(file.path, str(damage)))
        except OSError as error:
            self._reading.problems.append(UnreadableLog(file.path, error.strerror or str(error)))
        self._reading.events += count
        self._note_times(first, last)

    def _load_spool(self) -> None:
        if not self._spooled:
            return
        columns = ", ".join(f"{name}: 'VARCHAR'" for name in (*COLUMNS, "file"))
        self._connection.execute(
            f"""INSERT INTO events SELECT {_OURS}, file FROM read_json($spool, format = 'newline_delimited',
            columns = {{{columns}}}, maximum_object_size = {LARGEST_OBJECT})""",
            {"spool": str(self._spool)},
        )
        self._spool.unlink()
        self._spooled = 0

    def _note_times(self, first: str, last: str) -> None:
        """Widen the window of the logs; ignore dates that do not exist (2026-99-99)."""
        try:
            for time in (first, last):
                date.fromisoformat(time[:10])
        except ValueError:
            return
        self._reading.first = min(self._reading.first or first, first)
        self._reading.last = max(self._reading.last, last)

    def _query_number(self, query: str, parameters: Mapping[str, Any] | None = None) -> int:
        row = self._connection.execute(query, parameters).fetchone()
        return int(row[0]) if row is not None else 0


def _is_glob(file: LogFile) -> bool:
    """True if DuckDB would read the file name as a glob pattern."""
    return not _PATTERN.isdisjoint(file.path)


def _columns(event: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the columns of an event that was read individually; structures as JSON."""
    found: dict[str, str | None] = {}
    for ours, name in COLUMNS.items():
        value = event.get(name)
        if ours in STRUCTURES and value is not None:
            found[ours] = json.dumps(value)
        else:
            found[ours] = value if isinstance(value, str) or value is None else json.dumps(value)
    return found


def _batches(files: Iterable[LogFile]) -> Iterator[list[LogFile]]:
    """Group files of one kind and similar size for reading together; files that need individual reading come alone."""
    open_batches: dict[tuple[Any, ...], list[LogFile]] = {}
    for file in files:
        if file.form is not LogFormat.RECORDS or file.size > LARGEST_OBJECT or _is_glob(file):
            yield [file]
            continue
        key = (file.packed, next(size for size in _SIZES if file.size <= size))
        batch = open_batches.setdefault(key, [])
        batch.append(file)
        if len(batch) == _MOST_FILES or sum(one.size for one in batch) > _MOST_BYTES:
            yield open_batches.pop(key)
    yield from open_batches.values()


def _first_sentence(error: Exception) -> str:
    """Return the reason of an operating system error, or the first sentence of a DuckDB error without its class."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    line = str(error).partition("\n")[0]
    return line.partition("Error: ")[2] or line
