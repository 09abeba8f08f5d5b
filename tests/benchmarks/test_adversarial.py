"""Inputs that are made to take long take work in proportion to their size, or stop at a limit; no times.

The families are those of `adversarial`. Their times are told by ``python -m tests.benchmarks.hostile``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from adversarial import FAMILIES, Family
from work import at_most, calls_of, forget

from passrole_checks.findings import Severity
from passrole_checks.scan import ScanOptions, scan_paths

OPTIONS = ScanOptions(minimum_severity=Severity.INFO)
_MOST_CALLS = 2_000_000  # of an input of a family that stops at a limit


def scanned(path: Path) -> object:
    forget()
    return scan_paths([path], OPTIONS)


@pytest.mark.parametrize("family", [one for one in FAMILIES if one.most], ids=lambda one: one.name)
def test_twice_the_input_takes_no_more_than_its_share_of_work(tmp_path: Path, family: Family) -> None:
    small, large = (family.write(tmp_path / str(n), n) for n in (family.small, 2 * family.small))
    scanned(small)  # what is loaded on first use is no work of the input
    assert calls_of(lambda: scanned(large)) <= (family.most or 0) * calls_of(lambda: scanned(small))


@pytest.mark.parametrize("family", [one for one in FAMILIES if not one.most], ids=lambda one: one.name)
def test_what_could_explode_stops_at_a_limit(tmp_path: Path, family: Family) -> None:
    large = family.write(tmp_path / "large", min(family.large, 4 * family.small))
    with at_most(_MOST_CALLS):
        scanned(large)
