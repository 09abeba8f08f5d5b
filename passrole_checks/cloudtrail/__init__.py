"""Observed use: which principals passed which roles to which services, from CloudTrail logs.

Passing a role is no API call and leaves no event; it shows in the events that created or changed the resource which
received the role (IAM User Guide, "Grant a user permissions to pass a role to an AWS service"). Pipeline: `log_files`
finds files and detects their format, `store` filters their events with DuckDB (`json_stream` reads files that DuckDB
cannot, `csv_parquet` maps the columns of exports), `extract` turns events into passes (`parameter_paths` follows paths
in the event parameters, `instance_profiles` tracks instance profiles and launch templates, `identity` reads the
principal), `summary` aggregates them into edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path

from passrole_checks.cloudtrail.extract import PassExtractor, Row
from passrole_checks.cloudtrail.identity import issuers_by_session
from passrole_checks.cloudtrail.log_files import Bounds, log_files
from passrole_checks.cloudtrail.model import LogSummary, Pass, RequestOutcome, UnreadableLog, Who
from passrole_checks.cloudtrail.store import EventStore, Progress
from passrole_checks.cloudtrail.summary import Edge, aggregate_passes
from passrole_checks.errors import internal_error
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.patterns.glob import wildcard_match

__all__ = [
    "Bounds", "Edge", "LogSummary", "Pass", "Progress", "RequestOutcome", "UnreadableLog", "UsageQuery", "Who",
    "aggregate_passes", "read_passes",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Filter for passes: within `bounds`, and principal and role match one of the patterns, if there are any.

    A pattern is an ARN or a name, with ``*`` and ``?``; a name without a colon or slash matches the last part of an
    ARN.
    """

    bounds: Bounds = field(default_factory=Bounds)
    principals: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def includes(self, one: Pass) -> bool:
        """True if the pass matches this query."""
        who = one.who
        known = (who.principal, who.arn, who.session_issuer, who.source_identity)
        return _matches_any(self.principals, known) and _matches_any(self.roles, (one.role, one.instance_profile))


@contextmanager
def read_passes(
    paths: Iterable[Path],
    wanted: UsageQuery,
    reading: LogSummary,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Iterator[Pass]]:
    """Yield the passes in the logs at and below some paths, in order of time, while the context is open.

    Counts of what was read go into ``reading``; its counts of events without a pass are complete when the iterator has
    ended. Raises a :class:`~passrole_checks.errors.ConfigurationError` if DuckDB is not installed.
    """
    with EventStore(wanted.bounds, reading, threads=threads) as store:
        store.add(log_files(paths, wanted.bounds, reading), progress)
        reader = PassExtractor(reading, issuers_by_session(store.session_issuers()))
        yield (one for row in store.rows() for one in _passes_of(row, reader) if wanted.includes(one))


def _passes_of(row: Row, reader: PassExtractor) -> Iterator[Pass]:
    """Yield the passes of one event; an internal error here does not affect other events."""
    try:
        yield from reader.of(row)
    except Exception as error:
        problem = UnreadableLog(row.file, internal_error(error), fault=True)
        if problem not in reader.reading.problems:
            reader.reading.problems.append(problem)


def _matches_any(patterns: Iterable[str], texts: Iterable[str]) -> bool:
    listed, known = list(patterns), [text for text in texts if text]
    return not listed or any(_matches(pattern, text) for pattern in listed for text in known)


def _matches(pattern: str, text: str) -> bool:
    if ":" not in pattern and "/" not in pattern:
        text = text.rpartition("/")[2]
    return wildcard_match(pattern, text)
