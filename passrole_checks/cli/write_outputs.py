"""Write outputs, report problems on standard error, and compute exit statuses.

As in all of the command line, modules other than the standard library are imported where they are used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from passrole_checks.errors import PassRoleChecksError, internal_error

if TYPE_CHECKING:
    from passrole_checks.output.destination import Destination
    from passrole_checks.output.findings_text import Line
    from passrole_checks.output.page_heading import PageHeading
    from passrole_checks.output.scan_formats import ScanReport
    from passrole_checks.scan.result import LocatedGrant, ScanResult
    from passrole_checks.sources.model.configuration import Unreadable

CLEAN, FINDINGS, UNUSABLE, INTERNAL_ERROR, INTERRUPTED = 0, 1, 2, 3, 130


def print_error(message: str) -> None:
    """Write one line to standard error."""
    from passrole_checks.escaping.terminal import sanitize
    from passrole_checks.output.destination import write_to

    if sys.stderr is not None:  # None if it was closed before the program started
        write_to(sys.stderr, sanitize(" ".join(message.split("\n"))) + "\n")


def problems_to_report(
    unreadable: Sequence[Unreadable],
    files: Collection[str],
    paths: Sequence[str],
    options: dict[str, Any],
    excluded: Sequence[str] = (),
) -> tuple[Unreadable, ...]:
    """Return the files that could not be read; if there is nothing to read at all, an error for each of the ``paths``.

    ``files``: the files that were read; ``excluded``: the paths that were excluded. With ``--allow-empty``, neither
    missing input nor files without infrastructure code are errors: pre-commit hooks pass every file of a type.
    """
    from passrole_checks.sources.model.configuration import Unreadable
    from passrole_checks.sources.recognize import NOT_INFRASTRUCTURE, NOTHING_HERE

    if options.get("allow_empty"):
        return tuple(entry for entry in unreadable if entry.reason != NOT_INFRASTRUCTURE)
    if unreadable or files:
        return tuple(unreadable)
    reason = f"{nothing_to_scan_reason(excluded)} (--allow-empty accepts that)"
    return tuple(Unreadable(path, reason, subject=NOTHING_HERE) for path in paths)


def write_each(chosen: Sequence[tuple[str, Destination]], write: Callable[[str, Destination], None]) -> int:
    """Write each format to its destination. A format that fails is reported, and the others are still written.

    Returns:
        The resulting exit status.
    """
    status = CLEAN
    for output_format, destination in chosen:
        try:
            write(output_format, destination)
        except PassRoleChecksError as error:
            print_error(str(error))
            status = max(status, UNUSABLE)
        except Exception as error:
            print_error(f"{destination}: {internal_error(error, output_format)}")
            status = INTERNAL_ERROR
    return status


def write_scan(report: ScanReport, output_format: str, destination: Destination, options: dict[str, Any]) -> None:
    """Write a scan report in one format to a file, or to standard output (``-``)."""
    from passrole_checks.output import findings_text
    from passrole_checks.output.destination import is_terminal, write
    from passrole_checks.output.scan_formats import render

    if output_format != "text":
        write(destination, render(report, output_format, quiet=options["quiet"]))
        return
    width = findings_text.text_width(is_terminal(destination))
    lines = findings_text.scan_lines(
        report.result,
        not_shown=report.not_shown,
        baseline=report.baseline,
        width=width,
        quiet=options["quiet"],
        verbose=options["verbose"],
        group_by=options["group_by"],
    )
    write_lines(destination, lines, options)


def write_grants(
    output_format: str,
    destination: Destination,
    result: ScanResult,
    listed: Sequence[LocatedGrant],
    options: dict[str, Any],
    heading: Callable[[], PageHeading],
) -> None:
    """Write the inventory in one format; ``listed`` are the grants of ``result`` to include. ``heading``: returns the
    heading of a page."""
    from passrole_checks.output.destination import write

    if output_format == "json":
        from passrole_checks.output.json_output import grants_json

        write(destination, grants_json(result, listed))
    elif output_format == "html":
        from passrole_checks.output.grants_html import grants_html

        write(destination, grants_html(result, listed, heading()))
    elif output_format == "markdown":
        from passrole_checks.output.grants_markdown import grants_markdown

        write(destination, grants_markdown(result, listed))
    elif output_format == "tree":
        from passrole_checks.output.grants_tree import tree_lines

        quiet, verbose = options["quiet"], options["verbose"]
        write_lines(destination, tree_lines(result, listed, quiet=quiet, verbose=verbose), options)
    else:
        from passrole_checks.output import findings_text

        quiet, verbose = options["quiet"], options["verbose"]
        write_lines(destination, findings_text.grants_lines(result, listed, quiet=quiet, verbose=verbose), options)


def write_lines(destination: Destination, lines: Iterable[Line], options: dict[str, Any]) -> None:
    """Write lines of text, colored if the destination supports it."""
    from passrole_checks.output.destination import wants_color, write
    from passrole_checks.output.findings_text import to_colored_text, to_plain_text

    write(
        destination, (to_colored_text if wants_color(destination) and not options["no_color"] else to_plain_text)(lines)
    )


def write_error_lines(lines: Iterable[Line], options: dict[str, Any]) -> None:
    """Write lines of text to standard error, colored if it is the same terminal as standard output."""
    from passrole_checks.output.destination import STANDARD_OUTPUT, wants_color, write_to
    from passrole_checks.output.findings_text import to_colored_text, to_plain_text

    if sys.stderr is not None:
        color = wants_color(STANDARD_OUTPUT) and sys.stderr.isatty() and not options["no_color"]
        write_to(sys.stderr, (to_colored_text if color else to_plain_text)(lines))


def report_problems(unreadable: Sequence[Unreadable]) -> int:
    """Name on standard error what could not be read, and return the resulting exit status."""
    from passrole_checks.output.findings_text import file_and_line

    for entry in unreadable:
        print_error(f"{file_and_line(entry.file, entry.line)}: {entry.reason}")
    if any(entry.fault for entry in unreadable):
        return INTERNAL_ERROR
    return UNUSABLE if unreadable else CLEAN


def nothing_to_scan_reason(excluded: Sequence[str]) -> str:
    """Return the reason why there is nothing to scan."""
    from passrole_checks.output.counts import excluded_summary
    from passrole_checks.sources.recognize import NOTHING_HERE

    if not excluded:
        return NOTHING_HERE
    return f"nothing to scan: {excluded_summary(excluded)}"
