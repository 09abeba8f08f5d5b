"""The benchmark works and its table on the page is the one that it makes; no time is asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmarking import corpora, large_plan, machine, shared_modules, table, terraform_files
from benchmarking.rows import ROWS, SIZES, Result, Row
from benchmarking.runs import ROOT, BenchmarkError, Command, measure

from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources import terraform

TITLES = [row.title for row in ROWS]


@pytest.mark.nightly
@pytest.mark.skipif(bool(machine.missing()), reason="needs checkov and cfn-lint")
def test_the_command_makes_every_row_and_the_plot(tmp_path: Path) -> None:
    """On tiny corpora, the table has all rows and the plot a line for each kind of file and of parser."""
    drawn = tmp_path / "growth.svg"
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick", "--plot", str(drawn)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = f"<!-- benchmark -->\n{done.stdout}<!-- /benchmark -->\n"
    assert table.titles(page) == TITLES
    lines = list(ElementTree.parse(drawn).iter("{http://www.w3.org/2000/svg}polyline"))
    assert len(lines) == 5 and all(len(line.attrib["points"].split()) == len(SIZES) for line in lines)


def test_the_page_shows_the_rows_that_the_benchmark_makes() -> None:
    """The page of speed has each row of the benchmark in its order, and the plot."""
    page = (ROOT / "docs" / "concepts" / "speed.md").read_text("utf-8")
    assert table.titles(page) == TITLES
    assert "(../pictures/growth.svg)" in page and (ROOT / "docs" / "pictures" / "growth.svg").is_file()


def test_corpora_are_the_same_each_time_and_grow_at_their_end(tmp_path: Path) -> None:
    """A corpus of twice the size has twice the files, the same ones first."""

    def written(name: str, size: int) -> dict[str, bytes]:
        folder = tmp_path / name
        corpora.terraform(folder, size)
        corpora.templates(folder, 4 * size)
        return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.*") if file.is_file()}

    once, twice = written("once", 2), written("twice", 4)
    assert once == written("again", 2)
    assert (len(once), len(twice)) == (2 * terraform_files.FILES + 8, 4 * terraform_files.FILES + 16)
    assert once.items() <= twice.items()


def test_roots_that_share_modules_are_evaluated_whole(tmp_path: Path) -> None:
    """Each root calls all modules, and each instance has a role."""
    folder = corpora.shared_modules_corpus(tmp_path, 2)
    found = scan_paths([folder], ScanOptions(minimum_severity=Severity.INFO))
    assert not (found.unreadable or found.not_evaluated)
    assert len(found.files) == shared_modules.files(2)
    assert len(found.grants) == 1
    root = terraform.load(folder / "environments" / "app-1", boundary=folder)
    addresses = [resource.address for resource in root.resources]
    assert sum("module.instance[" in address for address in addresses) > 50


@pytest.mark.parametrize("kind", ["terraform", "templates"])
def test_a_corpus_is_read_whole_and_has_something_to_find(tmp_path: Path, kind: str) -> None:
    """Every file of a corpus can be read and evaluated, and twice as many give twice the grants (or nearly so)."""
    make, size = (corpora.terraform, 8) if kind == "terraform" else (corpora.templates, 60)
    options = ScanOptions(minimum_severity=Severity.INFO)
    small, large = (scan_paths([make(tmp_path / str(n), n * size)], options) for n in (1, 2))
    assert not (large.unreadable or large.not_evaluated)
    assert small.findings and 1.5 * len(small.grants) <= len(large.grants) <= 2.5 * len(small.grants)


def test_a_plan_is_as_large_as_asked_for(tmp_path: Path) -> None:
    """A plan of a size has that size, more or less, and grants that are read."""
    path = corpora.plan(tmp_path, 300_000)
    assert 300_000 <= path.stat().st_size < 400_000
    assert scan_paths([path], ScanOptions()).grants
    assert "".join(large_plan.plan(300_000)) == path.read_text("utf-8")


def test_a_run_is_measured_by_its_own_memory_and_time() -> None:
    """The time of a child process is measured, without the time of this process."""
    asked = (
        "from benchmarking.runs import Command, measure\n"
        "for count in 1, 4_000_000:\n"
        "    taken = measure(Command(['-c', f'list(range({count}))']))\n"
        "    print(taken.peak, taken.seconds, taken.wall)\n"
    )
    done = subprocess.run(  # in a small process: its own memory is the least that another one seems to have
        [sys.executable, "-c", asked], cwd=ROOT / "tests" / "helpers", capture_output=True, text=True, check=True
    )
    small, large = ([float(value) for value in line.split()] for line in done.stdout.splitlines())
    assert large[0] - small[0] > 60_000_000
    assert min(*large, *small) > 0


def test_a_run_that_fails_is_no_figure() -> None:
    """A command with another status than it should have ends the benchmark, with what it said."""
    with pytest.raises(BenchmarkError, match=r"status 3\nwhy"):
        measure(Command(["-c", "import sys; sys.stderr.write('why'); sys.exit(3)"]))


@pytest.mark.parametrize(
    ("target", "ratio", "met"), [(1.1, 1.1, "yes"), (1.1, 1.11, "**no**"), (None, 5.0, ""), (0.1, None, "")]
)
def test_a_row_says_whether_its_target_is_met(target: float | None, ratio: float | None, met: str) -> None:
    """Met is what is no more than the target; what has no target or no figure says nothing."""
    row = Row("name", "title", target, lambda bench: Result(""))
    assert row.met(Result("ours", "theirs", ratio)) == met


def test_the_page_of_trail_has_its_table() -> None:
    """Between its marks, in the form that its benchmark writes, with how much more twice the events take."""
    written = table.grown((5e6, 50, 590), (1e7, 102, 620))
    assert "| processor time | 50 s | 102 s | 2.04 |\n" in written
    page = (ROOT / "docs" / "commands" / "trail.md").read_text("utf-8")
    replaced = table.placed(page, written, table.MARK_OF_TRAIL)
    assert [line.count("|") for line in replaced.splitlines()] == [line.count("|") for line in page.splitlines()]


def test_a_page_without_a_place_is_left_alone() -> None:
    """The table is written between its marks, and nowhere if they are missing."""
    assert table.placed("a\n<!-- benchmark -->\nold\n<!-- /benchmark -->\nb\n", "new\n") == (
        "a\n<!-- benchmark -->\nnew\n<!-- /benchmark -->\nb\n"
    )
    with pytest.raises(ValueError, match="no place"):
        table.placed("a page", "new")
