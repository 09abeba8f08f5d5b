"""What the commands write, and the exit status that follows from what could not be read.

As in the command line itself, only the standard library is imported before it is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from passrole_checks.output.destination import Destination
    from passrole_checks.output.scan import Report
    from passrole_checks.output.text import Line
    from passrole_checks.scanned import LocatedGrant, ScanResult
    from passrole_checks.sources.resource import Unreadable

CLEAN, FINDINGS, UNUSABLE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def complain(message: str) -> None:
    """Write one line on standard error."""
    from passrole_checks.output.destination import write_to
    from passrole_checks.output.paths import harmless

    if sys.stderr is not None:  # None where it was closed before the program began
        write_to(sys.stderr, harmless(" ".join(message.split("\n"))) + "\n")


def that_matter(unreadable: Sequence[Unreadable], options: dict[str, Any]) -> tuple[Unreadable, ...]:
    """What could not be read. Hooks give every file of a kind by name, most of which hold no infrastructure code."""
    if not options["allow_empty"]:
        return tuple(unreadable)
    from passrole_checks.sources.recognize import NOT_INFRASTRUCTURE

    return tuple(one for one in unreadable if one.reason != NOT_INFRASTRUCTURE)


def write_scan(report: Report, output_format: str, destination: Destination, options: dict[str, Any]) -> None:
    """Write the report of a scan in one format to a file, or to standard output (``-``)."""
    from passrole_checks.output import text
    from passrole_checks.output.destination import is_terminal, write
    from passrole_checks.output.scan import rendered

    if output_format != "text":
        write(destination, rendered(report, output_format, quiet=options["quiet"]))
        return
    width = text.width_for(is_terminal(destination))
    lines = text.scan_lines(
        report.result, not_shown=report.not_shown, baseline=report.baseline, width=width, quiet=options["quiet"]
    )
    write_lines(destination, lines, options)


def write_grants(
    output_format: str,
    destination: Destination,
    result: ScanResult,
    listed: Sequence[LocatedGrant],
    options: dict[str, Any],
) -> None:
    """Write the inventory in one format; ``listed`` are the grants of ``result`` to tell."""
    from passrole_checks.output.destination import write

    if output_format == "json":
        from passrole_checks.output.json_output import grants_json

        write(destination, grants_json(result, listed))
    elif output_format == "html":
        from passrole_checks.output.html import grants_html

        write(destination, grants_html(result, listed))
    elif output_format == "markdown":
        from passrole_checks.output.markdown import grants_markdown

        write(destination, grants_markdown(result, listed))
    else:
        from passrole_checks.output import text

        write_lines(destination, text.grants_lines(result, listed, quiet=options["quiet"]), options)


def write_lines(destination: Destination, lines: Iterable[Line], options: dict[str, Any]) -> None:
    """Write text, in colours where they are wanted."""
    from passrole_checks.output.destination import wants_colour, write
    from passrole_checks.output.text import coloured, plain

    write(destination, (coloured if wants_colour(destination) and not options["no_color"] else plain)(lines))


def unusable(unreadable: Sequence[Unreadable], anything: bool, paths: Sequence[str], allow_empty: bool) -> int:
    """Name on standard error what could not be read, and that there was nothing to read; the status that follows."""
    from passrole_checks.output.text import located

    for entry in unreadable:
        complain(f"{located(entry.file, entry.line)}: {entry.reason}")
    if unreadable:
        return UNUSABLE
    if anything or allow_empty:
        return CLEAN
    complain(f"{', '.join(paths)}: no Terraform, plan, CloudFormation or SAM file here (--allow-empty accepts that)")
    return UNUSABLE
