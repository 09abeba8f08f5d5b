"""Which roles were really passed to which services, by whom: the evidence of CloudTrail.

Passing a role is no API call and leaves no event; the events that made or changed the resource which received it tell
of it (IAM User Guide, "Grant a user permissions to pass a role to an AWS service"). The way of a file: `places` finds
it and tells what it is, `store` sifts its events with DuckDB (`values` reads what DuckDB cannot, `exports` says how
exports are read), `passes` takes the passes out of what is left (`following` the paths of `knowledge/trail_events`,
with `profiles` for instance profiles and launch templates, `identity` for who it was), `summary` puts together what
belongs together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from passrole_checks.cloudtrail.extract import Passes, Row
from passrole_checks.cloudtrail.log_files import Bounds, log_files
from passrole_checks.cloudtrail.model import LogSummary, Pass, RequestOutcome, UnreadableLog, Who
from passrole_checks.cloudtrail.store import EventStore, Progress
from passrole_checks.cloudtrail.summary import Edge, summarized
from passrole_checks.errors import internal_error
from passrole_checks.iam.patterns.glob import wildcard_match

__all__ = [
    "Bounds",
    "Edge",
    "LogSummary",
    "Pass",
    "Progress",
    "RequestOutcome",
    "UnreadableLog",
    "UsageQuery",
    "Who",
    "passes_in",
    "summarized",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which passes are asked for: those in `bounds` whose principal and role fit one of the patterns, if there are any.

    A pattern is an ARN or a name, with ``*`` and ``?``; a name without a colon or slash is the last part of an ARN.
    """

    bounds: Bounds = field(default_factory=Bounds)
    principals: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def includes(self, one: Pass) -> bool:
        """Whether a pass is asked for."""
        who = one.who
        known = (who.principal, who.arn, who.session_issuer, who.source_identity)
        return _any_fits(self.principals, known) and _any_fits(self.roles, (one.role, one.instance_profile))


@contextmanager
def passes_in(
    paths: Iterable[Path],
    wanted: UsageQuery,
    reading: LogSummary,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Iterator[Pass]]:
    """The passes in the logs at and below some paths, in the order of their times, while the context lasts.

    What was read is counted in ``reading``; its counts of events that give no pass are complete when the iterator has
    ended. Raises a :class:`~passrole_checks.errors.ConfigurationError` where DuckDB is not installed.
    """
    with EventStore(wanted.bounds, reading, threads=threads) as store:
        store.add(log_files(paths, wanted.bounds, reading), progress)
        reader = Passes(reading)
        yield (one for row in store.rows() for one in _passes_of(row, reader) if wanted.includes(one))


def _passes_of(row: Row, reader: Passes) -> Iterator[Pass]:
    """The passes of one event; a fault of this package there costs none of the others."""
    try:
        yield from reader.of(row)
    except Exception as error:
        problem = UnreadableLog(row.file, internal_error(error), fault=True)
        if problem not in reader.reading.problems:
            reader.reading.problems.append(problem)


def _any_fits(patterns: Iterable[str], texts: Iterable[str]) -> bool:
    listed, known = list(patterns), [text for text in texts if text]
    return not listed or any(_fits(pattern, text) for pattern in listed for text in known)


def _fits(pattern: str, text: str) -> bool:
    if ":" not in pattern and "/" not in pattern:
        text = text.rpartition("/")[2]
    return wildcard_match(pattern, text)
