"""How far a command is, told on a terminal in a line that is taken away at the end."""

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

_FIRST, _EACH = 1.0, 0.1  # seconds: what is done at once needs no line, and nobody reads faster


@contextmanager
def told(given: dict[str, Any]) -> Iterator[Callable[[str], None] | None]:
    """What tells words; None where nothing is to be told, by the options ``quiet`` and ``no_progress``, or since
    nobody sees it."""
    if given["quiet"] or given["no_progress"] or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    due, is_told = time.monotonic() + _FIRST, False

    def tell(words: str) -> None:
        nonlocal due, is_told
        now = time.monotonic()
        if now >= due:
            due, is_told = now + _EACH, True
            sys.stderr.write(f"\r\x1b[K{words}")
            sys.stderr.flush()

    try:
        yield tell
    finally:
        if is_told:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def telling(scanner: UnitScanner, tell: Callable[[str], None] | None) -> UnitScanner:
    """A scanner that says how many of the templates, plans and root modules are done."""
    if tell is None:
        return scanner

    def scan(units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        for number, unit in enumerate(scanner(units, options), 1):
            tell(f"{number:,} of {len(units):,} templates, plans and root modules")
            yield unit

    return scan
