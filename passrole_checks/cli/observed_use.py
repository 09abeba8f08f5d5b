"""Observed use for ``suggest`` and ``fix``: read CloudTrail logs once, and match them with the scanned statements.

Connects the packages ``cloudtrail`` and ``suggest``, which do not import each other. As in all of the command line,
modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from passrole_checks.cli.cloudtrail_logs import no_events_reason, reading_progress, time_bounds, time_options
from passrole_checks.cli.options import apply_options, repeatable_files
from passrole_checks.cli.write_outputs import report_problems
from passrole_checks.iam.fast_dataclass import dataclass

if TYPE_CHECKING:
    from passrole_checks.cloudtrail.report import UsageReport
    from passrole_checks.cloudtrail.summary import Edge
    from passrole_checks.iam.values.nodes import Position
    from passrole_checks.scan.result import ScanOptions
    from passrole_checks.sources.model.configuration import Configuration
    from passrole_checks.suggest.observed_use import Evidence, Observation

_Function = TypeVar("_Function", bound=Callable[..., Any])


def evidence_options(function: _Function) -> _Function:
    """Add the options that select CloudTrail logs."""
    return apply_options(
        function,
        (
            repeatable_files(
                "--evidence",
                "LOGS",
                "Narrow statements, also those without findings, to the use observed in these CloudTrail logs"
                " (files or folders).",
            ),
            *time_options("With --evidence: only events"),
            click.option(
                "--group-roles",
                is_flag=True,
                help="With --evidence: merge roles into one pattern if they share a path, or a name prefix of at least"
                " four characters that ends at one of - _ . + = , @. Never allows more than the statement does today.",
            ),
        ),
    )


@dataclass(frozen=True)
class Logs:
    """CloudTrail logs that were read for ``--evidence``."""

    report: UsageReport
    grouped: bool

    def find_evidence(self, configurations: Sequence[Configuration], settings: ScanOptions) -> Evidence:
        """Return the observed use of each statement of these configurations."""
        from passrole_checks.cloudtrail.grant_usage import match_grants
        from passrole_checks.scan.account_context import with_account_details
        from passrole_checks.suggest.observed_use import Evidence

        edges = [edge for edge in self.report.edges if _pass_count(edge)]
        against = match_grants(
            edges,
            configurations,
            settings.account,
            in_context=lambda configuration: with_account_details(configuration, settings)[0],
        )
        used: dict[tuple[Position, str, str], dict[Observation, None]] = {}
        # if no principal has a grant, missing use proves nothing
        held = [usage for usage in (*against.used, *against.perhaps, *against.unused) if usage.holders]
        for usage in held:
            observations = used.setdefault((usage.grant.at, usage.resource.address, usage.path), {})
            observations |= {_observation(edge, sure=True): None for edge in usage.surely}
        for usage in held:
            observations = used[usage.grant.at, usage.resource.address, usage.path]
            perhaps = (edge for edge in usage.perhaps if _observation(edge, sure=True) not in observations)
            observations |= {_observation(edge, sure=False): None for edge in perhaps}
        reading = self.report.reading
        return Evidence(
            reading.first,
            reading.last,
            {key: tuple(observations) for key, observations in used.items()},
            reading.no_parameters,
            self.grouped,
        )

    @property
    def is_complete(self) -> bool:
        """True if all logs could be read."""
        return not self.report.reading.problems

    def report_problems(self) -> int:
        """Name the logs that could not be read on standard error, and return the exit status."""
        return report_problems(self.report.unknown)


def read_logs(options: dict[str, Any]) -> Logs | None:
    """Read the logs named by ``--evidence``; None if there are none.

    Raises:
        click.UsageError: the time window is empty, or options of ``--evidence`` are used without it.
        ConfigurationError: there are no logs or no events, or DuckDB is not installed.
    """
    if not options["evidence"]:
        context = click.get_current_context()
        for name in ("since", "until", "group_roles"):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name.replace('_', '-')} requires --evidence")
        is_typed = context.get_parameter_source("grade") is ParameterSource.COMMANDLINE
        if is_typed and "observed" in options["grade"]:
            raise click.UsageError("--grade observed requires --evidence")
        return None
    since, until = time_bounds(options)
    from passrole_checks.cloudtrail import Bounds, UsageQuery
    from passrole_checks.cloudtrail.report import read_usage
    from passrole_checks.errors import ConfigurationError
    from passrole_checks.escaping.terminal import display_path

    with reading_progress(options) as report_progress:
        report = read_usage(
            [Path(path) for path in options["evidence"]], UsageQuery(Bounds(since, until)), progress=report_progress
        )
    logs = Logs(report, options["group_roles"])
    if not report.reading.first:
        logs.report_problems()
        names = ", ".join(map(display_path, options["evidence"]))
        raise ConfigurationError(f"{names}: {no_events_reason(options)}")
    return logs


def _pass_count(edge: Edge) -> int:
    from passrole_checks.cloudtrail import RequestOutcome

    return edge.counts[RequestOutcome.PASSED]


def _observation(edge: Edge, *, sure: bool) -> Observation:
    from passrole_checks.suggest.observed_use import Observation

    account = next(iter(edge.accounts.shown), "")
    return Observation(
        edge.principal, edge.role, account, edge.services, _pass_count(edge), edge.last, sure, edge.instance_profile
    )
