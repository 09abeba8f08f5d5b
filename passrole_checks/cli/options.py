"""The options that the commands share, and what they stand for.

As in the command line itself, only click and the standard library are imported before a command runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from passrole_checks.cli import help_sections

if TYPE_CHECKING:
    from passrole_checks.checks.base.check import Check
    from passrole_checks.findings import Severity
    from passrole_checks.output.destination import Destination
    from passrole_checks.scan.baseline import Applied
    from passrole_checks.scan.cache.store import ResultStore
    from passrole_checks.scan.result import ScanOptions, ScanResult
    from passrole_checks.scan.scanner import UnitScanner

_Function = TypeVar("_Function", bound=Callable[..., Any])

SEVERITIES = ("info", "low", "medium", "high")
CONFIDENCES = ("low", "medium", "high")


def _checked_account(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (len(value) == 12 and value.isascii() and value.isdigit()):
        raise click.BadParameter(f"{value!r} is not an account id of twelve digits")
    return value


_VARIABLE = re.compile(r"[^\W\d][\w-]*")


def _checked_variables(
    _context: click.Context, _parameter: click.Parameter, values: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not _VARIABLE.fullmatch(name.strip()):
            raise click.BadParameter(f"{value!r} is not NAME=VALUE")
        pairs.append((name.strip(), text))
    return tuple(pairs)


def two_at_most(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The callback of the arguments of ``diff``. Raises a :class:`click.UsageError` for more than two."""
    if len(values) > 2:
        raise click.UsageError(f"two versions are compared, not {len(values)}")
    return values


def _checked_patterns(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    if values:
        from passrole_checks.sources.files.exclude_patterns import find_pattern_problem

        if problem := find_pattern_problem(values):
            raise click.BadParameter(problem)
    return values


_Decorator = Callable[[Any], Any]
_PATHS: tuple[_Decorator, ...] = (
    click.argument("paths", metavar="PATH...", nargs=-1, required=True, shell_complete=help_sections.files),
)


HOW_EVALUATED: tuple[_Decorator, ...] = (
    click.option(
        "--var-file",
        metavar="FILE",
        multiple=True,
        help="Values for the variables of Terraform root modules, as terraform's -var-file. Repeatable.",
        shell_complete=help_sections.files,
    ),
    click.option(
        "--var",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_checked_variables,
        help="A value for a variable of Terraform root modules, after all files. Repeatable.",
    ),
    click.option(
        "--parameters",
        metavar="KEY=VALUE|FILE",
        multiple=True,
        help="A value for a parameter of templates, or a file of them, as CloudFormation, CodePipeline or SAM take"
        " it. Repeatable.",
        shell_complete=help_sections.files,
    ),
    click.option(
        "--source",
        metavar="DIR",
        help="The Terraform folder that a plan was made from: it tells what the plan does not.",
        shell_complete=help_sections.folders,
    ),
    click.option(
        "--exclude",
        metavar="PATTERN",
        multiple=True,
        callback=_checked_patterns,
        help="Leave out files and folders that match PATTERN (gitignore syntax), also if given as PATH. Repeatable.",
    ),
)


HOW_WRITTEN: tuple[_Decorator, ...] = (
    click.option("-q", "--quiet", is_flag=True, help="No notes and no summary."),
    click.option("--no-color", is_flag=True, help="No colours; so does NO_COLOR in the environment."),
    click.option("--no-progress", is_flag=True, help="Do not tell on a terminal how far it is."),
)


def where_written(formats: Sequence[str]) -> tuple[_Decorator, ...]:
    """The options ``--format``, one of ``formats``, and ``--output``; :func:`destinations` says what was chosen."""
    return (
        click.option(
            "--format",
            type=click.Choice(formats),
            multiple=True,
            default=["text"],
            help="How it is written. Repeatable.  [default: text]",
        ),
        click.option(
            "--output",
            metavar="FILE",
            multiple=True,
            help="Where it is written: the n-th FILE in the n-th --format. - is standard output, the default.",
            shell_complete=help_sections.files,
        ),
    )


def shared_options(
    formats: Sequence[str], arguments: Sequence[_Decorator] = _PATHS
) -> Callable[[_Function], _Function]:
    """The options that the commands that read infrastructure code have in common."""
    options = (
        *arguments,
        *where_written(formats),
        click.option(
            "--account", metavar="ID", callback=_checked_account, help="The account that is deployed to, twelve digits."
        ),
        *HOW_EVALUATED,
        click.option(
            "--unchanged", is_flag=True, help="Of plans and change sets, also judge what they leave as it is."
        ),
        click.option(
            "--allow-empty", is_flag=True, help="It is no error if a PATH, or all of them, hold no infrastructure code."
        ),
        *HOW_WRITTEN,
    )

    def decorate(function: _Function) -> _Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def severity(words: str) -> _Decorator:
    """The option ``--severity``; ``words`` are its help, as in all of these."""
    return click.option("--severity", type=click.Choice(SEVERITIES), default="low", show_default=True, help=words)


def confidence(words: str) -> _Decorator:
    """The option ``--confidence``."""
    return click.option("--confidence", type=click.Choice(CONFIDENCES), default="low", show_default=True, help=words)


def fail_on(words: str) -> _Decorator:
    """The option ``--fail-on``; :func:`severity_that_fails` says what was chosen."""
    choice = click.Choice([*SEVERITIES, "never"])
    return click.option("--fail-on", type=choice, default="medium", show_default=True, help=words)


def severity_that_fails(options: dict[str, Any]) -> Severity | None:
    """The least severity that makes the exit status 1; None for none."""
    from passrole_checks.findings import Severity

    return None if options["fail_on"] == "never" else Severity(options["fail_on"])


def some_checks(function: _Function) -> _Function:
    """The options ``--check`` and ``--skip-check``."""
    for name, words in (
        ("--skip-check", "All checks but this one. Repeatable."),
        ("--check", "Only this check (its id, number or name); several with commas between. Repeatable."),
    ):
        function = click.option(name, metavar="ID", multiple=True, help=words, shell_complete=help_sections.checks)(
            function
        )
    return function


def ids(words: Collection[str]) -> frozenset[str]:
    """The ids of the checks that ``--check`` or ``--skip-check`` name. Raises what :func:`explain.ids` raises."""
    if not words:
        return frozenset()
    from passrole_checks.output import check_pages  # which imports the checks

    return check_pages.ids(words)


def least_severity(options: dict[str, Any], *, explicit: bool) -> Severity:
    """Return the minimum severity to report: info if checks are named and no severity was chosen (``explicit``)."""
    from passrole_checks.findings import Severity

    return Severity.INFO if options["check"] and not explicit else Severity(options["severity"])


def able(shown: Severity, checks: Collection[str], skip_checks: Collection[str]) -> list[type[Check]]:
    """The checks that can report something at this severity."""
    from passrole_checks.checks import ALL

    reporting = (one for one in ALL if one.severity.rank >= shown.rank and one.id not in skip_checks)
    return [one for one in reporting if not checks or one.id in checks]


def baseline(words: str) -> _Decorator:
    """The option ``--baseline``."""
    return click.option("--baseline", metavar="FILE", help=words, shell_complete=help_sections.files)


def which_findings(function: _Function) -> _Function:
    """The options that say which findings a command is about."""
    function = baseline("Findings that are accepted, and left as they are.")(function)
    function = some_checks(function)
    decorated: _Function = severity("The least severe findings to look at.")(function)
    return decorated


def _checked_jobs(_context: click.Context, _parameter: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    if not (value.isascii() and value.isdigit() and int(value[:9]) > 0):
        raise click.BadParameter(f"{value!r} is no number of processes, and not auto")
    return int(value[:9])


def _checked_executor(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"dask(\+tls)?://[^/?#\s]+:\d{1,5}", value):
        raise click.BadParameter(f"{value!r} is not dask://HOST:PORT")
    return value


def where_it_scans(function: _Function) -> _Function:
    """The options ``--jobs`` and ``--executor``; :func:`unit_scanner` says what was chosen."""
    executor = click.option(
        "--executor",
        metavar="URL",
        callback=_checked_executor,
        help="Scan on a Dask cluster, dask://HOST:PORT of its scheduler (or dask+tls://), which sees the same files.",
    )
    jobs = click.option(
        "--jobs",
        metavar="N|auto",
        default="auto",
        show_default=True,
        callback=_checked_jobs,
        help="How many processes scan; auto: as many as pay, and only one where there is little.",
    )
    decorated: _Function = jobs(executor(function))
    return decorated


def unit_scanner(options: dict[str, Any]) -> UnitScanner:
    """Where ``--jobs`` and ``--executor`` want units to be scanned."""
    if options["executor"] is not None:
        from passrole_checks.scan.parallel.dask import on_cluster

        return on_cluster(options["executor"])
    from passrole_checks.scan.parallel.processes import processes

    return processes(options["jobs"])


def destinations(context: click.Context, options: dict[str, Any]) -> list[tuple[str, Destination]]:
    """Each output format with its destination.

    Raises a :class:`~passrole_checks.errors.ConfigurationError` where ``--format`` and ``--output`` do not go together,
    or a file cannot be written.
    """
    from passrole_checks.output.destination import paired

    return paired(options["format"], options["output"], guarded(context) if options["output"] else ())


def guarded(context: click.Context) -> tuple[Path, ...]:
    """The folders in which output follows no symbolic link: what a command reads may hold links that lead out of it."""
    from passrole_checks.files.write_atomically import guarded_folders

    given = context.params
    names = ("paths", "versions", "against", "evidence")
    given_paths = [path for name in names for path in given.get(name) or ()]
    return guarded_folders([*given_paths, *filter(None, [given.get("source")])])


def written_by(context: click.Context, option: str) -> Destination | None:
    """The file that an option other than ``--output`` names; None where it is not given.

    Raises a :class:`~passrole_checks.errors.ConfigurationError` where that file cannot be written.
    """
    from passrole_checks.output.destination import Destination

    if not context.params[option]:
        return None
    destination = Destination(context.params[option], guarded(context))
    destination.check()
    return destination


def scan_options(options: dict[str, Any], paths: Sequence[str] = (), **judging: Any) -> ScanOptions:
    """What the shared options ask of a scan of ``paths``, and with it what its findings are ``judging`` by.

    Raises an :class:`~passrole_checks.errors.InputError` for a file of parameters that cannot be read or used, and a
    :class:`~passrole_checks.errors.ConfigurationError` for a file that a link of its repository leads out of.
    """
    from passrole_checks.errors import ConfigurationError
    from passrole_checks.scan.result import ScanOptions
    from passrole_checks.scan.settings import files_named_in
    from passrole_checks.sources.files.exclude_patterns import make_exclusions
    from passrole_checks.sources.files.read_boundary import check_given_path
    from passrole_checks.sources.model.configuration import Inputs

    for path in files_named_in(options):
        try:
            check_given_path(path)
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from None
    source = Path(options["source"]) if options["source"] is not None else None
    parameters: tuple[tuple[str, str], ...] = ()
    if options["parameters"]:
        from passrole_checks.sources.cloudformation.parameter_values import parse_parameter_options

        parameters = parse_parameter_options(options["parameters"])
    inputs = Inputs(
        tuple(map(Path, options["var_file"])),
        options["var"],
        source,
        parameters=parameters,
        exclusions=make_exclusions(options["exclude"], paths),
    )
    return ScanOptions(account=options["account"], unchanged=options["unchanged"], inputs=inputs, **judging)


def cached(function: _Function) -> _Function:
    """The option ``--no-cache``; :func:`store` says what follows from it."""
    words = "Scan everything anew, and keep nothing for the next time."
    decorated: _Function = click.option("--no-cache", is_flag=True, help=words)(function)
    return decorated


def store(paths: Sequence[str], options: dict[str, Any]) -> ResultStore | None:
    """Where what scans of ``paths`` have given is kept; None where nothing is to be."""
    if options["no_cache"]:
        return None
    from passrole_checks.files.write_atomically import guarded_folders
    from passrole_checks.scan.cache.keys import program
    from passrole_checks.scan.cache.store import store_of

    return store_of(program(), guarded=guarded_folders(paths))


def applied_baseline(
    result: ScanResult,
    paths: Sequence[str],
    checks: Collection[str],
    skip_checks: Collection[str],
    read: str | None,
    written: Destination | None = None,
) -> Applied:
    """What the baseline ``read`` accepts of the findings, or the one that is then ``written`` in its place.

    Raises a :class:`~passrole_checks.errors.ConfigurationError` for a file that cannot be read, used or written.
    """
    from datetime import datetime, timezone

    from passrole_checks.escaping.terminal import shown
    from passrole_checks.output.destination import write
    from passrole_checks.scan import baseline as baselines

    path = read or (written.path if written is not None else "")
    entries = baselines.load(path) if read or os.path.isfile(path) else ()
    concerns = baselines.about(paths, checks, skip_checks, complete=not result.unreadable, excluded=result.excluded)
    if written is not None:
        entries = baselines.renewed(entries, result.findings, shown, concerns)
        write(written, baselines.dump(entries))
    today = datetime.now(timezone.utc).date()  # the same everywhere
    return baselines.apply(
        written.path if written is not None else path, entries, result.findings, shown, concerns, today
    )
