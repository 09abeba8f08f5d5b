"""A progress line on a terminal, removed at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from passrole_checks.scan.result import ScannedUnit
    from passrole_checks.scan.scanner import ScanOptions, UnitScanner
    from passrole_checks.sources.detect import Unit

_DELAY, _INTERVAL = 1.0, 0.1  # seconds before the first line, and between updates


@contextmanager
def progress_writer(options: dict[str, Any]) -> Iterator[Callable[[str], None] | None]:
    """Yield a function that writes a progress line; None without a terminal, or if disabled by options."""
    if options["quiet"] or options["no_progress"] or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    due, is_written = time.monotonic() + _DELAY, False

    def report(words: str) -> None:
        nonlocal due, is_written
        now = time.monotonic()
        if now >= due:
            due, is_written = now + _INTERVAL, True
            sys.stderr.write(f"\r\x1b[K{words}")
            sys.stderr.flush()

    try:
        yield report
    finally:
        if is_written:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def with_progress(scanner: UnitScanner, report: Callable[[str], None] | None) -> UnitScanner:
    """Return a scanner that also reports how many templates, plans and root modules are done."""
    if report is None:
        return scanner

    def scan(units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        for number, unit in enumerate(scanner(units, options), 1):
            report(f"{number:,} of {len(units):,} templates, plans and root modules")
            yield unit

    return scan
