"""Options that the commands share, and functions that interpret their values.

As in all of the command line, only click and the standard library are imported before a command runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from passrole_checks.cli import help_sections
from passrole_checks.cli.input_paths import STANDARD_INPUT
from passrole_checks.iam.lazy_regex import lazy_regex

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
GRADES = ("equivalent", "narrowed", "observed", "repairing")


def validate_account(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Validate an account ID (a click callback).

    Raises:
        click.BadParameter: the value does not have 12 digits.
    """
    if value is not None and not (len(value) == 12 and value.isascii() and value.isdigit()):
        raise click.BadParameter(f"{value!r} is not a 12-digit account ID")
    return value


def validate_accounts(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str | None, ...]:
    """Validate several account IDs; see :func:`validate_account`."""
    return tuple(validate_account(context, parameter, value) for value in values)


def _validate_repository(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value:
        from passrole_checks.sources.inventory import is_repository_name

        if not is_repository_name(value):
            raise click.BadParameter(f"{value!r} is not a name such as network or org/network")
    return value


_VARIABLE = lazy_regex(r"[^\W\d][\w-]*")


def _validate_variables(
    _context: click.Context, _parameter: click.Parameter, values: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not _VARIABLE.fullmatch(name.strip()):
            raise click.BadParameter(f"{value!r} is not NAME=VALUE")
        pairs.append((name.strip(), text))
    return tuple(pairs)


def at_most_two(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Validate the versions of ``diff`` and ``review`` (a click callback).

    Raises:
        click.UsageError: there are more than two.
    """
    if len(values) > 2:
        raise click.UsageError(f"expected at most two versions, got {len(values)}")
    return values


def _validate_patterns(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    if values:
        from passrole_checks.sources.files.exclude_patterns import find_pattern_problem

        if problem := find_pattern_problem(values):
            raise click.BadParameter(problem)
    return values


_Decorator = Callable[[Any], Any]


def _default_paths(_context: click.Context, _parameter: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    return paths or (os.curdir,)


def _writable_paths(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    if STANDARD_INPUT in paths:
        raise click.UsageError("standard input (-) cannot be fixed: give files or folders")
    return _default_paths(context, parameter, paths)


def _paths_argument(callback: Callable[..., tuple[str, ...]], words: str) -> tuple[_Decorator]:
    return (
        click.argument(
            "paths",
            cls=help_sections.DocumentedArgument,
            metavar="[PATH]...",
            nargs=-1,
            callback=callback,
            words=f"{words}  [default: .]",
            shell_complete=help_sections.complete_files,
        ),
    )


_PATHS = _paths_argument(_default_paths, "File or folder to read; - is standard input.")
WRITABLE_PATHS = _paths_argument(_writable_paths, "File or folder to fix.")
"""The argument ``PATH`` of a command that writes to the files."""


def repeatable(name: str, metavar: str, words: str, **settings: Any) -> _Decorator:
    """Return an option that may be given several times. ``words``: its help."""
    return click.option(name, metavar=metavar, multiple=True, help=f"{words} Repeatable.", **settings)


def repeatable_files(name: str, metavar: str, words: str) -> _Decorator:
    """Return a :func:`repeatable` option whose values are paths."""
    return repeatable(name, metavar, words, shell_complete=help_sections.complete_files)


ACCOUNT = click.option("--account", metavar="ID", callback=validate_account, help="Target AWS account ID (12 digits).")
_SOURCE = click.option(
    "--source",
    metavar="DIR",
    help="Terraform folder that the plan was created from; supplies values that the plan lacks.",
    shell_complete=help_sections.complete_folders,
)
EVALUATION_OPTIONS: tuple[_Decorator, ...] = (
    repeatable_files("--var-file", "FILE", "Terraform variable values file, as for terraform -var-file."),
    repeatable("--var", "NAME=VALUE", "Set a Terraform variable; overrides all files.", callback=_validate_variables),
    repeatable_files(
        "--parameters",
        "KEY=VALUE|FILE",
        "Set a template parameter, or read parameters from FILE (format of CloudFormation, CodePipeline or SAM).",
    ),
    _SOURCE,
    repeatable_files(
        "--account-details",
        "FILE",
        "Roles and policies of the account, written by aws iam get-account-authorization-details; context that is"
        " not checked itself.",
    ),
    repeatable_files(
        "--inventory",
        "FILE|DIR",
        "What other repositories declare and pass to others, written by scan --update-inventory; not checked itself.",
    ),
    click.option(
        "--repository",
        metavar="NAME",
        default="",
        callback=_validate_repository,
        help="Name of the scanned repository in the inventory.  [default: of its remote]",
    ),
    repeatable(
        "--exclude",
        "PATTERN",
        "Skip files and folders matching PATTERN (gitignore syntax), even if given as PATH.",
        callback=_validate_patterns,
    ),
)
CODE_OPTIONS = (ACCOUNT, *(option for option in EVALUATION_OPTIONS if option is not _SOURCE))
"""The options for the evaluation of code, without those that only plans need."""


DISPLAY_OPTIONS: tuple[_Decorator, ...] = (
    click.option("-q", "--quiet", is_flag=True, help="Suppress notes and summary."),
    click.option("--verbose", is_flag=True, help="List every note; by default, text counts them by kind."),
    click.option("--no-color", is_flag=True, help="Disable colored output."),
    click.option("--no-progress", is_flag=True, help="Disable the progress bar."),
)


def output_options(formats: Sequence[str]) -> tuple[_Decorator, ...]:
    """Return the options ``--format``, one of ``formats``, and ``--output``; :func:`destinations` interprets them."""
    return (
        click.option(
            "--format",
            type=click.Choice(formats),
            multiple=True,
            default=["text"],
            help="Output format. Repeatable.  [default: text]",
        ),
        click.option(
            "--output",
            metavar="FILE",
            multiple=True,
            help="Output file; the n-th FILE belongs to the n-th --format. - is standard output, the default.",
            shell_complete=help_sections.complete_files,
        ),
    )


def shared_options(
    formats: Sequence[str], arguments: Sequence[_Decorator] = _PATHS
) -> Callable[[_Function], _Function]:
    """Return a decorator with the options of all commands that read infrastructure code."""
    options = (
        *arguments,
        *output_options(formats),
        ACCOUNT,
        *EVALUATION_OPTIONS,
        click.option("--unchanged", is_flag=True, help="Also check unchanged resources in plans and change sets."),
        click.option("--allow-empty", is_flag=True, help="Do not fail if a PATH contains no infrastructure code."),
        *DISPLAY_OPTIONS,
    )

    return lambda function: apply_options(function, options)


def apply_options(function: _Function, options: Sequence[_Decorator]) -> _Function:
    """Decorate a command with arguments and options, shown in this order."""
    for option in reversed(options):
        function = option(function)
    return function


def severity(words: str) -> _Decorator:
    """Return the option ``--severity`` with the help text ``words``."""
    return click.option("--severity", type=click.Choice(SEVERITIES), default="low", show_default=True, help=words)


def confidence(words: str) -> _Decorator:
    """Return the option ``--confidence`` with the help text ``words``."""
    return click.option("--confidence", type=click.Choice(CONFIDENCES), default="low", show_default=True, help=words)


def edit_grades(words: str) -> _Decorator:
    """Return the option ``--grade`` with the help text ``words``."""
    return click.option("--grade", type=click.Choice(GRADES), multiple=True, help=f"{words} Repeatable.")


def fail_on(words: str) -> _Decorator:
    """Return the option ``--fail-on`` with the help text ``words``; :func:`failing_severity` interprets it."""
    choice = click.Choice([*SEVERITIES, "never"])
    return click.option("--fail-on", type=choice, default="medium", show_default=True, help=words)


def failing_severity(options: dict[str, Any]) -> Severity | None:
    """Return the minimum severity that makes the exit status 1; None for ``never``."""
    from passrole_checks.findings import Severity

    return None if options["fail_on"] == "never" else Severity(options["fail_on"])


def check_selection(function: _Function) -> _Function:
    """Add the options ``--check`` and ``--skip-check``."""
    for name, words in (
        ("--skip-check", "Skip this check. Repeatable."),
        ("--check", "Run only this check: its id, number or name, or a comma-separated list. Repeatable."),
    ):
        function = click.option(
            name, metavar="ID", multiple=True, help=words, shell_complete=help_sections.complete_checks
        )(function)
    return function


def check_ids(words: Collection[str]) -> frozenset[str]:
    """Return the ids of the checks named by ``--check`` or ``--skip-check``.

    Raises:
        ConfigurationError: there is no such check.
    """
    if not words:
        return frozenset()
    from passrole_checks.output import check_pages  # which imports the checks

    return check_pages.check_ids(words)


def minimum_severity(context: click.Context, options: dict[str, Any]) -> Severity:
    """Return the minimum severity to report: info if checks are selected and no severity was set."""
    from passrole_checks.findings import Severity

    explicit = context.get_parameter_source("severity") is not ParameterSource.DEFAULT
    return Severity.INFO if options["check"] and not explicit else Severity(options["severity"])


def lower_severity(first: Severity, second: Severity | None) -> Severity:
    """Return the lower of two severities; None is above all."""
    return first if second is None or first.rank < second.rank else second


def reporting_checks(shown: Severity, checks: Collection[str], skip_checks: Collection[str]) -> list[type[Check]]:
    """Return the selected checks that can report a finding at or above a severity."""
    from passrole_checks.checks import ALL

    severe = (check for check in ALL if check.severity.rank >= shown.rank and check.id not in skip_checks)
    return [check for check in severe if not checks or check.id in checks]


def baseline(words: str) -> _Decorator:
    """Return the option ``--baseline`` with the help text ``words``."""
    return click.option("--baseline", metavar="FILE", help=words, shell_complete=help_sections.complete_files)


def finding_selection(function: _Function) -> _Function:
    """Add the options that select findings: ``--severity``, ``--check``, ``--skip-check`` and ``--baseline``."""
    function = baseline("Ignore findings listed in this baseline.")(function)
    function = check_selection(function)
    decorated: _Function = severity("Minimum severity of findings to consider.")(function)
    return decorated


def _validate_jobs(_context: click.Context, _parameter: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    if not (value.isascii() and value.isdigit() and int(value[:9]) > 0):
        raise click.BadParameter(f"{value!r} is neither a positive number nor auto")
    return int(value[:9])


def _validate_executor(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"dask(\+tls)?://[^/?#\s]+:\d{1,5}", value):
        raise click.BadParameter(f"{value!r} is not dask://HOST:PORT")
    return value


jobs = click.option(
    "--jobs",
    metavar="N|auto",
    default="auto",
    show_default=True,
    callback=_validate_jobs,
    help="Number of worker processes; auto uses one for small inputs.",
)


def execution_options(function: _Function) -> _Function:
    """Add the options ``--jobs`` and ``--executor``; :func:`unit_scanner` interprets them."""
    executor = click.option(
        "--executor",
        metavar="URL",
        callback=_validate_executor,
        help="Scan on a Dask cluster: dask://HOST:PORT of its scheduler, or dask+tls://. Workers must see the same"
        " files.",
    )
    decorated: _Function = jobs(executor(function))
    return decorated


def unit_scanner(options: dict[str, Any]) -> UnitScanner:
    """Return the scanner that ``--jobs`` and ``--executor`` select."""
    if options["executor"] is not None:
        from passrole_checks.scan.parallel.dask import cluster_scanner

        return cluster_scanner(options["executor"])
    from passrole_checks.scan.parallel.processes import processes

    return processes(options["jobs"])


def destinations(context: click.Context, options: dict[str, Any]) -> list[tuple[str, Destination]]:
    """Return each output format with its destination.

    Raises:
        ConfigurationError: ``--format`` and ``--output`` do not match, or a file cannot be written.
    """
    from passrole_checks.output.destination import pair_with_formats

    return pair_with_formats(
        options["format"], options["output"], folders_to_guard(context) if options["output"] else ()
    )


def folders_to_guard(context: click.Context) -> tuple[Path, ...]:
    """Return the folders in which output follows no symbolic link, since inputs may contain links that lead outside."""
    from passrole_checks.files.write_atomically import guarded_folders

    options = context.params
    names = ("paths", "versions", "against", "evidence")
    paths = [path for name in names for path in options.get(name) or ()]
    return guarded_folders([*paths, *filter(None, [options.get("source")])])


def destination_of_option(context: click.Context, option: str) -> Destination | None:
    """Return the file named by an option other than ``--output``; None if the option is not set.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    from passrole_checks.output.destination import Destination

    if not context.params[option]:
        return None
    destination = Destination(context.params[option], folders_to_guard(context))
    destination.check()
    return destination


def scan_options(options: dict[str, Any], paths: Sequence[str] = (), **fields: Any) -> ScanOptions:
    """Return scan options from the shared options. ``fields``: further fields of :class:`ScanOptions`.

    Raises:
        InputError: a parameter file cannot be read or used.
        ConfigurationError: a symbolic link leads to a file outside of its repository.
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
    return ScanOptions(
        account=options["account"],
        unchanged=options["unchanged"],
        inputs=inputs,
        account_details=tuple(map(Path, options["account_details"])),
        inventory=tuple(map(Path, options["inventory"])),
        repository=options["repository"],
        **fields,
    )


def cache_option(function: _Function) -> _Function:
    """Add the option ``--no-cache``; :func:`result_store` interprets it."""
    words = "Neither read nor write the cache."
    decorated: _Function = click.option("--no-cache", is_flag=True, help=words)(function)
    return decorated


def result_store(paths: Sequence[str], options: dict[str, Any]) -> ResultStore | None:
    """Return the cache of scan results; None with ``--no-cache``, ``--account-details`` or ``--inventory``, or if
    caching is disabled."""
    if options["no_cache"] or options["account_details"] or options["inventory"]:
        return None
    from passrole_checks.files.write_atomically import guarded_folders
    from passrole_checks.scan.cache.keys import program
    from passrole_checks.scan.cache.store import store_of

    return store_of(program(), guarded=guarded_folders(paths))


def apply_baseline(
    result: ScanResult,
    paths: Sequence[str],
    checks: Collection[str],
    skip_checks: Collection[str],
    read: str | None,
    written: Destination | None = None,
) -> Applied:
    """Apply the baseline file ``read`` to the findings, or write the baseline ``written`` first and apply that.

    Raises:
        ConfigurationError: a file cannot be read, used or written.
    """
    from datetime import datetime, timezone

    from passrole_checks.escaping.terminal import display_path
    from passrole_checks.output.destination import write
    from passrole_checks.scan import baseline as baselines

    paths = list(map(display_path, paths))  # by which entries name files, standard input included
    path = read or (written.path if written is not None else "")
    entries = baselines.load(path) if read or os.path.isfile(path) else ()
    concerns = baselines.covered_by_scan(
        paths, checks, skip_checks, complete=not result.unreadable, excluded=result.excluded
    )
    if written is not None:
        entries = baselines.renew_entries(entries, result.findings, display_path, concerns)
        write(written, baselines.dump(entries))
    today = datetime.now(timezone.utc).date()  # independent of the local time zone
    return baselines.apply(
        written.path if written is not None else path, entries, result.findings, display_path, concerns, today
    )
