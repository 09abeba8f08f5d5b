"""What ``suggest`` and ``fix`` make of logs: read once, and held against what is scanned.

It joins what reads logs and what makes suggestions, neither of which knows the other. As in the command line itself,
only click and the standard library are imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from passrole_checks.cli import help_sections
from passrole_checks.cli.cloudtrail_logs import bounds_of, nothing_in, progress, since_and_until
from passrole_checks.cli.write_outputs import unusable

if TYPE_CHECKING:
    from passrole_checks.cloudtrail.report import UsageReport
    from passrole_checks.cloudtrail.summary import Edge
    from passrole_checks.iam.partial_values import Position
    from passrole_checks.sources.model.configuration import Configuration
    from passrole_checks.suggest.observed_use import Evidence, Observation

_Function = TypeVar("_Function", bound=Callable[..., Any])


def options(function: _Function) -> _Function:
    """The options that say which logs count."""
    for option in reversed(
        (
            click.option(
                "--evidence",
                metavar="LOGS",
                multiple=True,
                help="Narrow statements to what was passed in these logs of CloudTrail, files or folders; also those"
                " that nothing is found of. Repeatable.",
                shell_complete=help_sections.files,
            ),
            *since_and_until("Of the evidence, only events"),
            click.option(
                "--group-roles",
                is_flag=True,
                help="Of the evidence, write roles as one pattern: two or more of one path, or whose names begin with"
                " the same four or more characters up to one of - _ . + = , @. Never more than the statement allows"
                " today.",
            ),
        )
    ):
        function = option(function)
    return function


@dataclass(frozen=True)
class Logs:
    """What was read of logs."""

    report: UsageReport
    grouped: bool

    def evidence(self, configurations: Sequence[Configuration], account: str | None) -> Evidence:
        """What the logs say of the statements of these configurations."""
        from passrole_checks.cloudtrail.grant_usage import match_grants
        from passrole_checks.suggest.observed_use import Evidence

        edges = [edge for edge in self.report.edges if _count(edge)]
        against = match_grants(edges, configurations, account)
        used: dict[tuple[Position, str, str], dict[Observation, None]] = {}
        for one in (*against.used, *against.perhaps, *against.unused):
            if not one.holders:
                continue  # it lets nothing be passed, or nobody, so that it says nothing that nothing was
            own = used.setdefault((one.grant.at, one.resource.address, one.path), {})
            own |= {_observation(edge, sure=True): None for edge in one.surely}
            own |= {_observation(edge, sure=False): None for edge in one.perhaps}
        reading = self.report.reading
        return Evidence(
            reading.first,
            reading.last,
            {key: tuple(found) for key, found in used.items()},
            reading.no_parameters,
            self.grouped,
        )

    @property
    def is_whole(self) -> bool:
        """Whether all of the logs could be read."""
        return not self.report.reading.problems

    def complain(self) -> int:
        """Name the logs that could not be read; the exit status that follows."""
        return unusable(self.report.unknown)


def read(given: dict[str, Any]) -> Logs | None:
    """Read the logs that ``--evidence`` names; None where it names none.

    Raises a :class:`click.UsageError` for bounds that hold nothing or are of no logs, and a
    :class:`~passrole_checks.errors.ConfigurationError` where there is no log, or no event, or DuckDB is not installed.
    """
    if not given["evidence"]:
        context = click.get_current_context()
        for name in ("since", "until", "group_roles"):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(
                    f"--{name.replace('_', '-')} is about the logs of --evidence, which is not given"
                )
        return None
    since, until = bounds_of(given)
    from passrole_checks.cloudtrail import Bounds, UsageQuery
    from passrole_checks.cloudtrail.report import read_usage
    from passrole_checks.errors import ConfigurationError
    from passrole_checks.escaping.terminal import shown

    with progress(given) as tell:
        report = read_usage([Path(path) for path in given["evidence"]], UsageQuery(Bounds(since, until)), progress=tell)
    logs = Logs(report, given["group_roles"])
    if not report.reading.first:
        logs.complain()
        names = ", ".join(map(shown, given["evidence"]))
        raise ConfigurationError(f"{names}: {nothing_in(given)}")
    return logs


def _count(edge: Edge) -> int:
    from passrole_checks.cloudtrail import RequestOutcome

    return edge.counts[RequestOutcome.PASSED]


def _observation(edge: Edge, *, sure: bool) -> Observation:
    from passrole_checks.suggest.observed_use import Observation

    account = next(iter(edge.accounts.shown), "")
    return Observation(
        edge.principal, edge.role, account, edge.services, _count(edge), edge.last, sure, edge.instance_profile
    )
