"""The result of ``trail`` as plain data: edges, counts of what was read, and the query."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from passrole_checks.cloudtrail import LogSummary, Pass, Progress, RequestOutcome, UsageQuery, read_passes
from passrole_checks.cloudtrail.grant_usage import UsageComparison
from passrole_checks.cloudtrail.summary import Edge, aggregate_passes
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.model.configuration import Unreadable


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Observed use in some logs.

    `passes`: all of them if requested one by one; else only `edges`, which do not grow with the logs. `against`:
    comparison with a configuration; of that configuration `unreadable`, `not_evaluated` and `excluded` list files not
    read, parts not evaluated, and paths left out.
    """

    edges: tuple[Edge, ...]
    reading: LogSummary
    wanted: UsageQuery
    passes: tuple[Pass, ...] | None = None
    against: UsageComparison | None = None
    unreadable: tuple[Unreadable, ...] = ()
    not_evaluated: tuple[Unreadable, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[Unreadable, ...]:
        """Return parts of the logs and of the configuration that were not read completely, including
        internal errors.
        """
        logs = (Unreadable(problem.file, problem.reason, fault=problem.fault) for problem in self.reading.problems)
        return (*logs, *self.unreadable)

    def count(self, outcome: RequestOutcome) -> int:
        """Return the number of requests with an outcome."""
        return sum(edge.counts[outcome] for edge in self.edges)


def read_usage(
    paths: Iterable[Path],
    wanted: UsageQuery,
    *,
    one_by_one: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> UsageReport:
    """Read the logs at and below some paths. Raises the errors of :func:`~passrole_checks.cloudtrail.read_passes`."""
    reading = LogSummary()
    with read_passes(paths, wanted, reading, threads=threads, progress=progress) as passes:
        kept = tuple(passes) if one_by_one else None
        edges = tuple(aggregate_passes(passes if kept is None else kept))
    return UsageReport(edges, reading, wanted, kept)
