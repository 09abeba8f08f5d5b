"""``scan``, ``grants``, ``diff`` and the pictures know the same access, shown on every sample."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sample_folders import FOLDERS, SAMPLES, scan_options_of

from passrole_checks.diff import compare_paths
from passrole_checks.output.access_graph import build_graph
from passrole_checks.scan.scanner import LocatedGrant, ScanOptions, ScanResult, scan_paths

NOT_ACCESS = {"cross-account"}  # grants of roles that cannot be passed, although the inventory lists them

_Key = tuple[str, int, str, str, object]


def _key(located: LocatedGrant, top: Path) -> _Key:
    at = located.grant.at
    file = Path(at.file).resolve().relative_to(top.resolve()).as_posix()
    return file, at.line, located.resource.address, located.statement_path, located.grant.meaning


@pytest.fixture(params=FOLDERS)
def sample(request: pytest.FixtureRequest) -> tuple[Path, ScanResult, ScanOptions]:
    folder = SAMPLES / request.param
    options = replace(scan_options_of(request.param), unchanged=True)
    return folder, scan_paths([folder], options), options


def test_each_flagged_statement_is_in_the_inventory(sample: tuple[Path, ScanResult, ScanOptions]) -> None:
    """The grant of a finding is an entry of the inventory."""
    folder, result, _ = sample
    entries = {(*_key(located, folder)[:3], located.grant.meaning) for located in result.grants}
    for finding in result.findings:
        if finding.grant is not None:
            at = finding.at
            file = Path(at.file).resolve().relative_to(folder.resolve()).as_posix()
            assert (file, at.line, finding.resource.address, finding.grant.meaning) in entries, finding


def test_everything_is_new_compared_with_nothing(sample: tuple[Path, ScanResult, ScanOptions], tmp_path: Path) -> None:
    """``diff`` of an empty folder and a sample has each grant of the inventory as a new one."""
    folder, result, options = sample
    difference = compare_paths(tmp_path, folder, options)
    new = {_key(change.grant, folder) for change in difference.new}
    of_others = {finding.grant.meaning for finding in result.findings if finding.grant and finding.name in NOT_ACCESS}
    granted = {_key(located, folder) for located in result.grants if located.effect_on_passrole == "allow"}
    assert new == {key for key in granted if key[-1] not in of_others}
    assert not (difference.widened or difference.narrowed or difference.removed)


def test_the_picture_has_each_entry(sample: tuple[Path, ScanResult, ScanOptions]) -> None:
    """The graph of ``grants`` has each entry with its findings, and adds none for statements that have one."""
    _, result, _ = sample
    graph = build_graph(result, result.grants)
    assert len(graph.entries) == len(result.grants)
    shown = {finding.fingerprint for entry in graph.entries for finding in entry.findings}
    shown |= {finding.fingerprint for finding in graph.others}
    assert shown == {finding.fingerprint for finding in result.findings}
