"""Options of the commands that read CloudTrail logs: the time window, and the progress of reading.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import click

from passrole_checks.cli.progress import progress_writer
from passrole_checks.iam.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from passrole_checks.cloudtrail import Progress

_Decorator = Callable[[Any], Any]
_DAY = lazy_regex(r"\d{4}-\d\d-\d\d")
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def time_options(prefix: str = "Only events") -> tuple[_Decorator, ...]:
    """Return the options ``--since`` and ``--until``; :func:`time_bounds` interprets them. ``what`` begins their help
    texts."""
    return (
        click.option(
            "--since",
            metavar="TIME",
            callback=_parse_since,
            help=f"{prefix} at or after TIME, a day or an ISO 8601 time.",
        ),
        click.option(
            "--until",
            metavar="TIME",
            callback=_parse_until,
            help=f"{prefix} before TIME, or until the end of that day.",
        ),
    )


def time_bounds(options: dict[str, Any]) -> tuple[str, str]:
    """Return the bounds of the time window in CloudTrail's time format; "" for an open end.

    Raises:
        click.UsageError: the window is empty.
    """
    since, until = options["since"] or "", options["until"] or ""
    if since and until and since >= until:
        raise click.UsageError("--since must be before --until")
    return since, until


def no_events_reason(options: dict[str, Any]) -> str:
    """Return why no event was read. Files whose names show a time outside the window are not opened."""
    return "no events in this time window" if options["since"] or options["until"] else "no CloudTrail logs found"


@contextmanager
def reading_progress(options: dict[str, Any]) -> Iterator[Progress | None]:
    """Yield a callback that shows how much was read; None without a progress line."""
    with progress_writer(options) as report:
        yield None if report is None else lambda files, size: report(f"{files:,} files, {size / 1e6:,.0f} MB")


def _parse_since(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    return None if value is None else _parse_time(value)


def _parse_until(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Parse the end of the window; a day without a time includes that whole day."""
    if value is None:
        return None
    time = _parse_time(value)
    if not _DAY.fullmatch(value.strip()):
        return time
    return (datetime.strptime(time, _TIME_FORMAT) + timedelta(days=1)).strftime(_TIME_FORMAT)


def _parse_time(value: str) -> str:
    try:
        time = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value.strip()))
        time = time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is neither a day (2026-03-01) nor a time (2026-03-01T12:00:00Z)") from None
    return f"{time.year:04}" + time.strftime("-%m-%dT%H:%M:%SZ")
