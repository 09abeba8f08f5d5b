"""Scan many repositories, such as those of an organization, and report each result as soon as it is complete.

The result of a repository is that of a scan of its code alone, but for the values and entities of the others. Only what
is needed for the rest of the scan is kept: memory does not grow with what was found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.iam import deadline
from passrole_checks.scan.account_context import read_account_details
from passrole_checks.scan.result import ScanOptions, ScanResult
from passrole_checks.scan.scan_linked import connected
from passrole_checks.scan.scanner import Evaluated, UnitScanner, merge_units, scan_sequentially, with_discovery

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Discovery, Unit
    from passrole_checks.sources.unit_tasks import Distribute


@deadline.pooled()
def scan_repositories(
    paths: Sequence[Path],
    options: ScanOptions,
    report: Callable[[ScanResult], None],
    scanner: UnitScanner = scan_sequentially,
    distribute: Distribute | None = None,
    variants: UnitScanner = scan_sequentially,
) -> ScanResult:
    """Scan files and folders, and call ``report`` with the result of each repository, in the order of their paths.

    Code in no repository is reported by the given folder around it. Returns what concerns no repository alone, without
    findings: what discovery reports, and inputs that nothing uses; its ``files`` are all that were read. ``variants``:
    scans units with the values of files that no option names. Other parameters as of
    :func:`~passrole_checks.scan.scanner.scan_paths`.
    """
    from passrole_checks.sources import detect
    from passrole_checks.sources.links.root_texts import LinkTexts

    if options.account_details:
        read_account_details(options.account_details)  # before worker processes are forked
    texts = LinkTexts(options.inputs)
    discovery = connected(detect.discover(paths, options.inputs.exclusions, texts), options, distribute, texts)
    repositories, others = _by_repository(discovery)
    scanned = iter(scanner([unit for one in repositories for unit in one.units], options))
    files, evaluated = list[str](), list[Evaluated]()
    for one in repositories:
        result, shown = merge_units(one, list(islice(scanned, len(one.units))), options, variants)
        files.extend(result.files)
        evaluated.append(Evaluated.of(shown))
        report(result)
    rest, _ = merge_units(others, [], options, variants)
    return with_discovery(replace(rest, files=tuple(sorted(files))), discovery, options, Evaluated.union(evaluated))


def _by_repository(discovery: Discovery) -> tuple[list[Discovery], Discovery]:
    """Return what was found in each repository, and in none, without what discovery itself reports."""
    units: dict[Path, list[Unit]] = {}
    for unit in discovery.units:
        units.setdefault(unit.boundary or unit.folder, []).append(unit)
    values: dict[Path | None, list[Path]] = {}
    for file in discovery.value_files:
        values.setdefault(next((folder for folder in file.parents if folder in units), None), []).append(file)
    bare = replace(discovery, units=(), unreadable=(), excluded=(), not_evaluated=(), value_files=())
    repositories = [
        replace(bare, units=tuple(units[folder]), value_files=tuple(values.get(folder, ()))) for folder in sorted(units)
    ]
    return repositories, replace(bare, value_files=tuple(values.get(None, ())))
