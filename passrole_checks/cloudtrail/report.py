"""Everything that ``trail`` tells, as plain data: the edges, what was read, and what was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from passrole_checks.cloudtrail import LogSummary, Pass, Progress, RequestOutcome, UsageQuery, passes_in
from passrole_checks.cloudtrail.grant_usage import Against
from passrole_checks.cloudtrail.summary import Edge, summarized
from passrole_checks.sources.model.configuration import Unreadable


@dataclass(frozen=True, slots=True)
class UsageReport:
    """The evidence in some logs. `passes` are all of them where they were asked for one by one; else only the `edges`
    are kept, which do not grow with the logs. `against` is what they say of a configuration, `unreadable` what of
    that could not be read, `not_evaluated` what of it is not known, `excluded` what of it was left out."""

    edges: tuple[Edge, ...]
    reading: LogSummary
    wanted: UsageQuery
    passes: tuple[Pass, ...] | None = None
    against: Against | None = None
    unreadable: tuple[Unreadable, ...] = ()
    not_evaluated: tuple[Unreadable, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[Unreadable, ...]:
        """What of the logs and of the configuration was not read in full, faults of this package included."""
        logs = (Unreadable(one.file, one.reason, fault=one.fault) for one in self.reading.problems)
        return (*logs, *self.unreadable)

    def count(self, outcome: RequestOutcome) -> int:
        """How many requests of an outcome there are."""
        return sum(edge.counts[outcome] for edge in self.edges)


def reported(
    paths: Iterable[Path],
    wanted: UsageQuery,
    *,
    one_by_one: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> UsageReport:
    """Reads the logs at and below some paths. Raises what :func:`~passrole_checks.cloudtrail.passes_in` raises."""
    reading, kept = LogSummary(), list[Pass]()

    def noted(passes: Iterator[Pass]) -> Iterator[Pass]:
        for one in passes:
            kept.append(one)
            yield one

    with passes_in(paths, wanted, reading, threads=threads, progress=progress) as passes:
        edges = tuple(summarized(noted(passes) if one_by_one else passes))
    return UsageReport(edges, reading, wanted, tuple(kept) if one_by_one else None)
