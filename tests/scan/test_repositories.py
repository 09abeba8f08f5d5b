"""A scan of many repositories: each result is reported as soon as it is complete, and then forgotten."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from benchmarking import organization
from worker_scripts import DIES, DIES_ONCE, PREPARED, RUN, ran

from passrole_checks.api import scan_each
from passrole_checks.cli import main
from passrole_checks.findings import Finding
from passrole_checks.scan.cache.keys import program
from passrole_checks.scan.cache.store import ResultStore
from passrole_checks.scan.parallel.batches import batches
from passrole_checks.scan.repositories import scan_repositories
from passrole_checks.scan.result import ScannedUnit, ScanOptions, ScanResult
from passrole_checks.scan.scanner import scan_paths, scan_sequentially, scan_unit
from passrole_checks.sources.detect import Unit
from passrole_checks.sources.files import path_states
from passrole_checks.sources.model.configuration import Framework

ROOT = Path(__file__).resolve().parents[2]
PASS = """\
resource "aws_iam_user_policy" "p" {
  user   = "bot"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = %s }] })
}
"""
PARAMETER = 'resource "aws_ssm_parameter" "p" {\n  name  = "/role"\n  type  = "String"\n  value = "%s"\n}\n'
READ = 'data "aws_ssm_parameter" "q" {\n  name = "/role"\n}\n' + PASS % "data.aws_ssm_parameter.q.value"


def repositories(top: Path, *names: str, roots: int = 1) -> Path:
    """A folder with repositories of so many Terraform roots, each with a finding."""
    for name in names:
        (top / name / ".git").mkdir(parents=True)
        for number in range(roots):
            (top / name / f"root-{number}").mkdir()
            text = (PASS % '"*"').replace("bot", f"{Path(name).name}-{number}").replace('"p"', f'"{Path(name).name}"')
            (top / name / f"root-{number}" / "main.tf").write_text(text)
    return top


def test_results_are_reported_in_turn_and_not_kept(tmp_path: Path) -> None:
    """A repository is reported before the next one is scanned, and nothing of it is left."""
    events: list[str] = []

    def scanner(units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        for unit in units:
            events.append(unit.path.parent.name)
            yield scan_unit(unit, options)

    def report(result: ScanResult) -> None:
        assert sum(type(each) is ScannedUnit for each in gc.get_objects()) <= 3
        events.append(f"{len(result.findings)} in {Path(result.files[0]).parents[1].name}")

    rest = scan_repositories([repositories(tmp_path, "a", "b", roots=2)], ScanOptions(), report, scanner)
    assert events == ["a", "a", "2 in a", "b", "b", "2 in b"]
    assert (rest.findings, len(rest.files)) == ((), 4)


def test_the_results_together_are_those_of_one_scan(tmp_path: Path) -> None:
    """Also what is in no repository, what cannot be read, and files with values."""
    repositories(tmp_path, "a", "b/nested", "c")
    (tmp_path / "b" / ".git").mkdir()
    (tmp_path / "b" / "app.yaml").write_text("Resources: {A: {Type: 'AWS::SNS::Topic'}}\n")
    (tmp_path / "c" / "broken.tf").write_text('resource "a" {')
    (tmp_path / "c" / "live.tfvars").write_text('a = "b"\n')
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "main.tf").write_text(READ)
    (tmp_path / "prod.tfvars").write_text('a = "b"\n')
    parts: list[ScanResult] = []
    parts.append(scan_repositories([tmp_path], ScanOptions(), parts.append))
    whole = scan_paths([tmp_path], ScanOptions())
    for name in ("findings", "grants", "unreadable", "not_evaluated", "unused_suppressions", "excluded"):
        found = [entry for part in parts for entry in getattr(part, name)]
        assert sorted(found, key=repr) == sorted(getattr(whole, name), key=repr), name
    assert parts[-1].files == whole.files and whole.unreadable and whole.not_evaluated


def test_values_of_another_repository_are_followed(tmp_path: Path) -> None:
    repositories(tmp_path, "reader", "writer", roots=0)
    (tmp_path / "writer" / "main.tf").write_text(PARAMETER % "*")
    (tmp_path / "reader" / "main.tf").write_text(READ)
    results: list[ScanResult] = []
    scan_repositories([tmp_path], ScanOptions(), results.append)
    assert [one.check_id for result in results for one in result.findings] == ["PASSROLE_001"]


def test_cached_units_are_reported_without_a_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change only the changed unit is scanned."""
    monkeypatch.setattr(path_states, "_FINE", 0)
    monkeypatch.setattr(path_states, "_COARSE", 0)
    top, store = repositories(tmp_path / "top", "a", "b"), ResultStore(str(tmp_path / "kept"), program())
    scanned: list[str] = []

    def scanner(units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        scanned.extend(unit.path.parent.name for unit in units)
        return scan_sequentially(units, options)

    def run() -> list[Finding]:
        results: list[ScanResult] = []
        scan_each(top, results.append, scanner=scanner, cache=store)
        return [one for result in results for one in result.findings]

    first = run()
    assert scanned == ["a", "b"] and run() == first and scanned == ["a", "b"]
    (top / "b" / "root-0" / "main.tf").write_text(PASS % '"arn:aws:iam::111122223333:role/*"')
    assert len(run()) == 2 and scanned == ["a", "b", "b"]


def test_many_units_are_sent_in_their_order(tmp_path: Path) -> None:
    """The largest come first only among those that are written together."""
    units = [
        Unit(Framework.CLOUDFORMATION, tmp_path / str(size), content="x" * size) for size in (2000, 3000, 1000, 4000)
    ]
    assert [batch.numbers for batch in batches(units, 10**9, 5000)] == [(1,), (0,), (3,), (2,)]
    assert [batch.numbers for batch in batches(units, 10**9)] == [(3,), (1,), (0,), (2,)]


# The format jsonl


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
@pytest.mark.slow
@pytest.mark.parametrize("dies, status", [(DIES_ONCE, 1), (DIES, 2)])
def test_killed_process_loses_no_line(dies: str, status: int, tmp_path: Path) -> None:
    """Its units are scanned again; one that ends its process twice is a line of its own, and the exit status is 2."""
    repositories(tmp_path, "a", "b", "c", roots=4)
    arguments = ["scan", ".", "--format", "jsonl", "--no-cache"]
    plain = ran([*arguments, "--jobs", 1], tmp_path)
    done = ran([*arguments, "--jobs", 2], tmp_path, PREPARED + dies + RUN)
    assert (tmp_path / "marker").exists() and done.returncode == status
    if status == 1:
        assert (done.stdout, done.stderr) == (plain.stdout, plain.stderr)
        return
    found = lines(done.stdout)
    lost = {str(one["file"]) for one in found if one["type"] == "unreadable"}
    assert lost == {"a/root-3", "b/root-3", "c/root-3"} and found[-1]["type"] == "summary"
    kept = [one for one in lines(plain.stdout) if one["type"] == "finding" and "root-3" not in str(one["file"])]
    assert [one for one in found if one["type"] == "finding"] == kept


def test_lines_contain_what_the_json_document_contains(capsys: pytest.CaptureFixture[str]) -> None:
    """Of one repository: the same findings in the same order, and the same summary at the end."""
    paths = [str(ROOT / "sample_templates" / name) for name in ("documents", "everyday", "015-new-access")]
    assert main(["scan", *paths, "--format", "json", "--no-cache"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert main(["scan", *paths, "--format", "jsonl", "--no-cache"]) == 1
    found = lines(capsys.readouterr().out)
    assert found[-1] == {"type": "summary", "version": 1, **document["summary"]}
    for kind, name in (("finding", "findings"), ("not_evaluated", "not_evaluated"), ("unreadable", "unreadable")):
        assert [one for one in found if one["type"] == kind] == [{"type": kind, **one} for one in document[name]]


def test_unreadable_file_is_a_line_and_a_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file whose result is complete replaces an older one, and nothing else does."""
    repositories(tmp_path, "a", "b")
    (tmp_path / "b" / "broken.tf").write_text('resource "a" {')
    output = tmp_path / "out.jsonl"
    assert main(["scan", str(tmp_path), "--format", "jsonl", "--output", str(output), "--no-cache"]) == 2
    found = lines(output.read_text())
    assert [one["type"] for one in found] == ["finding", "finding", "unreadable", "summary"]
    assert "broken.tf" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more", [["--format", "json", "--output", "x"], ["--baseline", "x"], ["--write-baseline", "x"]]
)
def test_lines_exclude_what_needs_all_findings(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", ".", "--format", "jsonl", *more]) == 2
    assert "--format jsonl excludes" in capsys.readouterr().err


# The generated organization


def test_an_organization_is_the_same_each_time_and_grows_at_its_end(tmp_path: Path) -> None:
    small, large = organization.write(tmp_path / "small", 4), organization.write(tmp_path / "large", 8)
    first = {str(path.relative_to(small)): path.read_bytes() for path in small.rglob("*.*") if path.is_file()}
    whole = {str(path.relative_to(large)): path.read_bytes() for path in large.rglob("*.*") if path.is_file()}
    assert first.items() <= whole.items() and len({name.split("/")[0] for name in whole}) == 8


def test_an_organization_is_mostly_small_and_of_every_kind(tmp_path: Path) -> None:
    sizes = [organization.size(number) for number in range(1_000)]
    assert (min(sizes), max(sizes)) == (organization.LEAST, organization.MOST)
    assert sorted(sizes)[500] < 20 and sum(size > 1_000 for size in sizes) == 2
    assert abs(sum(sizes[:500]) - sum(sizes[500:])) < sum(sizes) / 100
    found: list[ScanResult] = []
    rest = scan_repositories([organization.write(tmp_path, 9)], ScanOptions(), found.append)
    kinds = {Path(file).suffix for file in rest.files}
    assert len(found) == 9 and kinds == {".tf", ".yaml", ".json"} and not rest.unreadable
    assert not any(result.unreadable for result in found) and any(result.findings for result in found)
