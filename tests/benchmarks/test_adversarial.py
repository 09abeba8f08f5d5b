"""Inputs that are made to take long take work in proportion to their size, or stop at a limit; no times.

The families are those of `adversarial`. ``python -m tests.benchmarks.hostile`` measures their times. Every run tests
one family of each subject, a nightly run tests all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from adversarial import FAMILIES, Family
from work import at_most, calls_of, forget

from passrole_checks.diff import compare_paths
from passrole_checks.diff.change import AccessDifference
from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths

OPTIONS = ScanOptions(minimum_severity=Severity.INFO)
_MOST_CALLS = 2_000_000  # of an input of a family that stops at a limit
_ALWAYS = {
    "roles_that_share_a_policy", "roles_of_few_classes", "suppressions_of_nothing", "statements_of_one_policy",
    "allows_and_denials",
    "resources_and_their_denials", "resources_and_a_denial_of_all_others", "statements_within_a_boundary",
    "long_service", "service_of_stars", "services_of_a_condition",
    "policies_of_terraform", "locals_in_a_chain", "quotes_that_are_not_closed", "changes_of_a_plan",
    "nested_for", "modules_called_twice", "pattern_that_goes_back", "deep_lists",
    "doubling_objects_that_are_walked",
}  # fmt: skip


def scanned(path: Path) -> object:
    forget()
    return scan_paths([path], OPTIONS)


def marked(families: Sequence[Family]) -> list[object]:
    """Return the families as parameters, those marked that only a nightly run tests."""
    return [
        pytest.param(one, id=one.name, marks=() if one.name in _ALWAYS else pytest.mark.nightly) for one in families
    ]


@pytest.mark.parametrize("family", marked([one for one in FAMILIES if one.most]))
def test_twice_the_input_takes_no_more_than_its_share_of_work(tmp_path: Path, family: Family) -> None:
    small, large = (family.write(tmp_path / str(n), n) for n in (family.small, 2 * family.small))
    scanned(small)  # what is loaded on first use is no work of the input
    assert calls_of(lambda: scanned(large)) <= (family.most or 0) * calls_of(lambda: scanned(small))


@pytest.mark.parametrize("family", marked([one for one in FAMILIES if not one.most]))
def test_what_could_explode_stops_at_a_limit(tmp_path: Path, family: Family) -> None:
    large = family.write(tmp_path / "large", min(family.large, 4 * family.small))
    with at_most(_MOST_CALLS):
        scanned(large)


def test_doubling_objects_are_unresolved(tmp_path: Path) -> None:
    """Large as trees, they are a role, policies of a role, a command, and an argument of a missing module."""
    family = next(family for family in FAMILIES if family.name == "doubling_objects_that_are_walked")
    result = scan_paths([family.write(tmp_path, family.large)], OPTIONS)
    assert not result.unreadable
    assert {each.check_id: each.severity for each in result.findings} == {
        "PASSROLE_002": Severity.MEDIUM,
        "PASSROLE_012": Severity.INFO,
    }
    assert "module.m: policy: nested too deeply to search for policy documents" in {
        note.reason for note in result.not_evaluated
    }


@pytest.mark.parametrize("name", ["keys_of_a_condition", "resource_of_variables"])
def test_comparing_twice_the_input_takes_no_more_than_its_share_of_work(tmp_path: Path, name: str) -> None:
    """Each version is compared with one of half its size."""
    family = next(one for one in FAMILIES if one.name == name)
    sizes = (2 * family.small, 4 * family.small, 8 * family.small)
    first, second, third = (family.write(tmp_path / str(n), n) for n in sizes)

    def compared(old: Path, new: Path) -> object:
        forget()
        return compare_paths(old, new, OPTIONS)

    compared(first, second)
    assert calls_of(lambda: compared(second, third)) <= 2.4 * calls_of(lambda: compared(first, second))


# how many times the calls may grow; each role names each role, so that the input itself grows fourfold in the first one
_COMPARED = {
    "roles_that_pass_each_other": 3.0, "roles_that_share_a_policy": 2.2, "roles_of_few_classes": 2.4,
    "roles_that_all_differ": 2.4, "roles_with_denials": 2.4,
}  # fmt: skip


@pytest.mark.parametrize("family", marked([one for one in FAMILIES if one.name in _COMPARED]))
def test_comparing_twice_the_roles_takes_no_more_than_its_share_of_work(tmp_path: Path, family: Family) -> None:
    """Each version is compared with one of half its size, which has lost roles: no causes are looked for."""
    first, second, third = (family.write(tmp_path / str(n), n) for n in (family.small * k for k in (1, 2, 4)))

    def compared(old: Path, new: Path) -> AccessDifference:
        forget()
        return compare_paths(old, new, OPTIONS)

    assert not compared(second, first).unreadable
    assert calls_of(lambda: compared(third, second)) <= _COMPARED[family.name] * calls_of(
        lambda: compared(second, first)
    )


def test_comparing_roles_takes_little_more_work_than_a_scan(tmp_path: Path) -> None:
    """The comparison reads a second version, of half the roles."""
    family = next(one for one in FAMILIES if one.name == "roles_that_pass_each_other")
    small, large = (family.write(tmp_path / str(n), n) for n in (family.small, 2 * family.small))

    def compared() -> object:
        forget()
        return compare_paths(large, small, OPTIONS)

    compared()
    assert calls_of(compared) <= 1.5 * calls_of(lambda: scanned(large))


def test_families_of_every_run_exist() -> None:
    assert {one.name for one in FAMILIES} >= _ALWAYS
