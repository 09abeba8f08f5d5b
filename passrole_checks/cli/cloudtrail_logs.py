"""What the commands that read logs of CloudTrail have in common: their bounds, and telling how far they are.

As in the command line itself, only click and the standard library are imported before it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import click

from passrole_checks.cli.progress import told

if TYPE_CHECKING:
    from passrole_checks.cloudtrail import Progress

_Decorator = Callable[[Any], Any]
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_AS_CLOUDTRAIL = "%Y-%m-%dT%H:%M:%SZ"


def since_and_until(what: str = "Only events") -> tuple[_Decorator, ...]:
    """The options ``--since`` and ``--until``; :func:`bounds_of` says what was chosen. ``what`` begins their help."""
    return (
        click.option(
            "--since",
            metavar="TIME",
            callback=_since,
            help=f"{what} from then on: a day, or a time in ISO 8601.",
        ),
        click.option(
            "--until",
            metavar="TIME",
            callback=_until,
            help=f"{what} before that time, or to the end of that day.",
        ),
    )


def bounds_of(given: dict[str, Any]) -> tuple[str, str]:
    """From when, and until when, as CloudTrail writes times; "" for no bound. Raises a :class:`click.UsageError` where
    nothing can be between."""
    since, until = given["since"] or "", given["until"] or ""
    if since and until and since >= until:
        raise click.UsageError("--since is not before --until: no event can be both")
    return since, until


def nothing_in(given: dict[str, Any]) -> str:
    """Why nothing was read: files whose names tell another time are not opened."""
    return "no event in the time that is asked for" if given["since"] or given["until"] else "no log of CloudTrail here"


@contextmanager
def progress(given: dict[str, Any]) -> Iterator[Progress | None]:
    """What tells on a terminal how far reading is; None where nothing is to be told."""
    with told(given) as tell:
        yield None if tell is None else lambda files, size: tell(f"{files:,} files, {size / 1e6:,.0f} MB")


def _since(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    return None if value is None else _time(value)


def _until(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A day counts as a whole."""
    if value is None:
        return None
    time = _time(value)
    if not _DAY.fullmatch(value.strip()):
        return time
    return (datetime.strptime(time, _AS_CLOUDTRAIL) + timedelta(days=1)).strftime(_AS_CLOUDTRAIL)


def _time(value: str) -> str:
    try:
        found = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value.strip()))
        found = found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is neither a day (2026-03-01) nor a time (2026-03-01T12:00:00Z)") from None
    return f"{found.year:04}" + found.strftime("-%m-%dT%H:%M:%SZ")
