"""What the commands write, and the exit status that follows from what could not be read.

As in the command line itself, only the standard library is imported before it is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from passrole_checks.errors import PassRoleChecksError, internal_error

if TYPE_CHECKING:
    from passrole_checks.output.destination import Destination
    from passrole_checks.output.findings_text import Line
    from passrole_checks.output.scan_formats import ScanReport
    from passrole_checks.scan.result import LocatedGrant, ScanResult
    from passrole_checks.sources.model.configuration import Unreadable

CLEAN, FINDINGS, UNUSABLE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def complain(message: str) -> None:
    """Write one line on standard error."""
    from passrole_checks.escaping.terminal import harmless
    from passrole_checks.output.destination import write_to

    if sys.stderr is not None:  # None where it was closed before the program began
        write_to(sys.stderr, harmless(" ".join(message.split("\n"))) + "\n")


def that_matter(
    unreadable: Sequence[Unreadable],
    files: Collection[str],
    paths: Sequence[str],
    options: dict[str, Any],
    excluded: Sequence[str] = (),
) -> tuple[Unreadable, ...]:
    """Return what could not be read, or that there was nothing to read: no ``files`` at the ``paths`` but ``excluded``.

    With ``--allow-empty`` neither that nor a file that is no infrastructure code matters: hooks give every file of a
    kind by name.
    """
    from passrole_checks.sources.model.configuration import Unreadable
    from passrole_checks.sources.recognize import NOT_INFRASTRUCTURE, NOTHING_HERE

    if options.get("allow_empty"):
        return tuple(one for one in unreadable if one.reason != NOT_INFRASTRUCTURE)
    if unreadable or files:
        return tuple(unreadable)
    reason = f"{nothing_to_scan(excluded)} (--allow-empty accepts that)"
    return tuple(Unreadable(path, reason, subject=NOTHING_HERE) for path in paths)


def write_each(chosen: Sequence[tuple[str, Destination]], write: Callable[[str, Destination], None]) -> int:
    """Write each format to its destination; one that fails is named, and costs none of the others.

    Returns the exit status that follows.
    """
    status = CLEAN
    for output_format, destination in chosen:
        try:
            write(output_format, destination)
        except PassRoleChecksError as error:
            complain(str(error))
            status = max(status, UNUSABLE)
        except Exception as error:
            complain(f"{destination}: {internal_error(error, output_format)}")
            status = OUR_FAULT
    return status


def write_scan(report: ScanReport, output_format: str, destination: Destination, options: dict[str, Any]) -> None:
    """Write the report of a scan in one format to a file, or to standard output (``-``)."""
    from passrole_checks.output import findings_text
    from passrole_checks.output.destination import is_terminal, write
    from passrole_checks.output.scan_formats import rendered

    if output_format != "text":
        write(destination, rendered(report, output_format, quiet=options["quiet"]))
        return
    width = findings_text.width_for(is_terminal(destination))
    lines = findings_text.scan_lines(
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
        from passrole_checks.output.grants_html import grants_html

        write(destination, grants_html(result, listed))
    elif output_format == "markdown":
        from passrole_checks.output.grants_markdown import grants_markdown

        write(destination, grants_markdown(result, listed))
    else:
        from passrole_checks.output import findings_text

        write_lines(destination, findings_text.grants_lines(result, listed, quiet=options["quiet"]), options)


def write_lines(destination: Destination, lines: Iterable[Line], options: dict[str, Any]) -> None:
    """Write text, in colours where they are wanted."""
    from passrole_checks.output.destination import wants_colour, write
    from passrole_checks.output.findings_text import coloured, plain

    write(destination, (coloured if wants_colour(destination) and not options["no_color"] else plain)(lines))


def unusable(unreadable: Sequence[Unreadable]) -> int:
    """Name on standard error what could not be read; the status that follows."""
    from passrole_checks.output.findings_text import located

    for entry in unreadable:
        complain(f"{located(entry.file, entry.line)}: {entry.reason}")
    if any(entry.fault for entry in unreadable):
        return OUR_FAULT
    return UNUSABLE if unreadable else CLEAN


def nothing_to_scan(excluded: Sequence[str]) -> str:
    """The reason why there is nothing to scan."""
    from passrole_checks.output.excluded_files import in_words
    from passrole_checks.sources.recognize import NOTHING_HERE

    if not excluded:
        return NOTHING_HERE
    return f"nothing to scan: {in_words(excluded)}"
