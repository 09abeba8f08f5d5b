"""The rows of the table: what each of them measures, and how much of it is aimed at."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from benchmarking import corpora, organization, scanners, terraform_files
from benchmarking.runs import Command, Measured, interleaved, output

SIZES = (1, 2, 4, 8)
HISTORY = 21  # how often the systems of a corpus are in the repository of a review
_HOSTS = 2  # the size that hosts are run on; they take minutes for the largest one
_MEGABYTE = 1_000_000
_ROOT = 50  # files of the root module that is edited
_ANSWER = 0.3  # seconds
_PLAN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How large corpora of size 1 and the plan are, and how often each command is run."""

    systems: int = 19
    roots: int = 200
    templates: int = 63
    plan: int = 100 * _MEGABYTE
    repeats: int = 3
    repositories: int = 1_000


QUICK = Settings(systems=1, roots=2, templates=2, plan=_MEGABYTE // 2, repeats=1, repositories=8)


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. ``ratio``: None where it cannot be measured, and ``ours`` then says why."""

    ours: str
    theirs: str = ""
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """``target``: what the ratio should be at most, None where it is only told."""

    name: str
    title: str
    target: float | None
    measure: Callable[[Bench], Result]

    def met(self, result: Result) -> str:
        """Return whether the target is met, as text for the table."""
        if self.target is None or result.ratio is None:
            return ""
        return "yes" if result.ratio <= self.target else "**no**"


class Bench:
    """The corpora, made when they are first asked for, and what was measured on them, each once."""

    def __init__(self, folder: Path, settings: Settings, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.settings = settings
        self.say = say
        self._corpora: dict[str, Path] = {}

    def terraform(self, size: int) -> Path:
        """The Terraform corpus of a size."""
        return self.made(f"terraform-{size}", lambda path: corpora.terraform(path, size * self.settings.systems))

    def templates(self, size: int) -> Path:
        """The templates of a size."""
        return self.made(f"templates-{size}", lambda path: corpora.templates(path, size * self.settings.templates))

    def files(self, kind: str, size: int) -> int:
        """How many files a corpus has."""
        each = self.settings.systems * terraform_files.FILES if kind == "terraform" else self.settings.templates
        return size * each

    def run(self, commands: dict[str, Command], repeats: int | None = None) -> dict[str, Measured]:
        """Run commands in turns."""
        return interleaved(commands, repeats or self.settings.repeats)

    @cached_property
    def plan(self) -> Path:
        """The large plan."""
        return self.made("plan", lambda path: corpora.plan(path, self.settings.plan))

    @cached_property
    def planned(self) -> Measured:
        """A scan of the large plan."""
        self.say("a large plan")
        return self.run({"plan": scanners.ours(self.plan)})["plan"]

    @cached_property
    def shared_modules(self) -> dict[str, Measured]:
        """A scan of many roots that call the same modules, and the bare parser for comparison."""
        self.say("roots that share modules")
        path = self.made("shared", lambda folder: corpora.shared_modules_corpus(folder, self.settings.roots))
        return self.run({"ours": scanners.ours(path), "bare": scanners.bare("tree-sitter", path)})

    @cached_property
    def history(self) -> Path:
        """A repository of many systems whose last commit changes one root."""
        return self.made("history", lambda path: corpora.history(path, HISTORY * self.settings.systems))

    @cached_property
    def growth(self) -> dict[str, list[Measured]]:
        """Scans of all sizes, and the bare parsers for comparison, by kind and parser."""
        commands = {}
        for size in SIZES:
            commands[f"terraform {size}"] = scanners.ours(self.terraform(size))
            commands[f"tree-sitter {size}"] = scanners.bare("tree-sitter", self.terraform(size))
            commands[f"templates {size}"] = scanners.ours(self.templates(size))
            commands[f"libyaml {size}"] = scanners.bare("libyaml", self.templates(size))
        self.say("scans of all sizes")
        measured = self.run(commands)
        names = ("terraform", "tree-sitter", "templates", "libyaml")
        return {name: [measured[f"{name} {size}"] for size in SIZES] for name in names}

    @cached_property
    def organization(self) -> dict[str, Measured]:
        """Scans of the repositories of an organization, and of half of them."""
        self.say("an organization")
        return self.run({name: scanners.ours_on_organization(self.repositories(name)) for name in ("half", "whole")})

    def repositories(self, part: str) -> Path:
        """The repositories of an organization (``whole``), or half of them."""
        count = self.settings.repositories // (2 if part == "half" else 1)
        return self.made(f"organization-{part}", lambda path: organization.write(path, count))

    @cached_property
    def checkov_terraform(self) -> dict[str, Measured]:
        """checkov on Terraform: its IAM checks, all of it, and all of it with our checks; and our scan."""
        return self._checkov("terraform", self.terraform(_HOSTS))

    @cached_property
    def checkov_templates(self) -> dict[str, Measured]:
        """The same on templates."""
        return self._checkov("cloudformation", self.templates(_HOSTS))

    @cached_property
    def cfn_lint(self) -> dict[str, Measured]:
        """cfn-lint on templates without and with our rules, and our scan."""
        self.say("cfn-lint")
        path = self.templates(_HOSTS)
        return self.run({
            "ours": scanners.ours(path),
            "all": scanners.cfn_lint(path),
            "leaf": scanners.cfn_lint(path, leaf=True),
        })  # fmt: skip

    def _checkov(self, framework: str, path: Path) -> dict[str, Measured]:
        self.say(f"checkov, {framework}")
        return self.run({
            "ours": scanners.ours(path),
            "iam": scanners.checkov(path, framework, iam=True),
            "all": scanners.checkov(path, framework),
            "leaf": scanners.checkov(path, framework, checks=scanners.CHECKS),
            "idle": scanners.checkov(path, framework, checks=scanners.IDLE_CHECKS),
        })  # fmt: skip

    def made(self, name: str, make: Callable[[Path], Path]) -> Path:
        """Return a corpus, made when it is first asked for."""
        if name not in self._corpora:
            self._corpora[name] = make(self.folder / name)
        return self._corpora[name]


def _seconds(ours: Measured, theirs: Measured) -> Result:
    return Result(f"{ours.seconds:.2f} s", f"{theirs.seconds:.2f} s", ours.seconds / theirs.seconds)


def _parse(kind: str, parser: str) -> Callable[[Bench], Result]:
    return lambda bench: _seconds(bench.growth[kind][-1], bench.growth[parser][-1])


def _growth(kind: str, of: Callable[[Measured], float]) -> Callable[[Bench], Result]:
    def measure(bench: Bench) -> Result:
        values = [of(measured) for measured in bench.growth[kind]]
        unit, scale = ("s", 1.0) if values[0] < _MEGABYTE else ("MB", _MEGABYTE)
        shown = ", ".join(f"{value / scale:.{2 if unit == 's' else 0}f}" for value in values)
        steps = [later / earlier for earlier, later in pairwise(values)]
        return Result(f"{shown} {unit}", "steps " + ", ".join(f"{step:.2f}" for step in steps), max(steps))

    return measure


def _plan_memory(bench: Bench) -> Result:
    size = bench.plan.stat().st_size
    peak = bench.planned.peak
    return Result(f"{peak / _MEGABYTE:,.0f} MB", f"{size / _MEGABYTE:.1f} MB", peak / size)


def _plan_time(bench: Bench) -> Result:
    seconds = bench.planned.seconds
    return Result(f"{seconds:.1f} s", f"{_PLAN_SECONDS:.0f} s", seconds / _PLAN_SECONDS)


def _repeated(bench: Bench) -> Result:
    if "--no-cache" not in scanners.options():
        return Result("no cache")
    bench.say("a repeated scan")
    path, cache = bench.terraform(SIZES[-1]), bench.folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    bench.run({"fills it": scanners.ours(path, cache=cache)}, 1)
    measured = bench.run({"cold": scanners.ours(path), "repeated": scanners.ours(path, cache=cache)})
    return _seconds(measured["repeated"], measured["cold"])


def _review(bench: Bench) -> Result:
    bench.say("a review")
    path = bench.history
    measured = bench.run({"review": scanners.review(path), "scan": scanners.ours(path)})
    return _seconds(measured["review"], measured["scan"])


def _edit(bench: Bench) -> Result:
    if find_spec("pygls") is None:
        return Result("no language server")
    bench.say("edits")
    path = bench.made("root", lambda folder: corpora.root(folder, _ROOT))
    seconds = min(float(output(scanners.editing(path))) for _ in range(bench.settings.repeats))
    return Result(f"{seconds:.2f} s", f"{_ANSWER:.2f} s", seconds / _ANSWER)


def _jobs(bench: Bench) -> Result:
    if "--jobs" not in scanners.options():
        return Result("no --jobs")
    bench.say("two processes")
    path = bench.terraform(SIZES[-1])
    measured = bench.run({"two": scanners.ours(path, jobs=2), "one": scanners.ours(path)})
    two, one = measured["two"].wall, measured["one"].wall
    return Result(f"{two:.2f} s wall", f"{one:.2f} s wall", two / one)


def _organization(of: Callable[[Measured], float]) -> Callable[[Bench], Result]:
    def measure(bench: Bench) -> Result:
        half, whole = (of(bench.organization[name]) for name in ("half", "whole"))
        if whole > _MEGABYTE:
            return Result(f"{half / _MEGABYTE:.0f}, {whole / _MEGABYTE:.0f} MB", "", whole / half)
        return Result(f"{half:.1f}, {whole:.1f} s", _throughput(bench, bench.organization["whole"]), whole / half)

    return measure


def _throughput(bench: Bench, measured: Measured) -> str:
    files = sum(map(organization.size, range(bench.settings.repositories)))
    return f"{files / measured.wall:,.0f} files each second of wall time"


def _cluster(bench: Bench) -> Result:
    if find_spec("distributed") is None:
        return Result("no Dask")
    bench.say("a cluster")
    path = bench.repositories("whole")
    # once: an organization takes minutes
    measured = bench.run({"cluster": scanners.ours_on_organization(path, on_cluster=True)}, 1)["cluster"]
    own = bench.organization["whole"]
    return Result(f"{measured.wall:.1f} s wall, {_throughput(bench, measured)}", f"{own.wall:.1f} s wall",
                  measured.wall / own.wall)  # fmt: skip


ROWS: Sequence[Row] = (
    Row("terraform-parse", "Terraform, cold scan : tree-sitter's bare parse", 2.0, _parse("terraform", "tree-sitter")),
    Row("shared-parse", "Terraform, 200 roots that share modules, cold scan : tree-sitter's bare parse", 3.0,
        lambda bench: _seconds(bench.shared_modules["ours"], bench.shared_modules["bare"])),
    Row("templates-parse", "templates, cold scan : libyaml's bare parse", 3.0, _parse("templates", "libyaml")),
    Row("growth-terraform", "Terraform, twice the files: time", 2.2, _growth("terraform", lambda run: run.seconds)),
    Row("memory-terraform", "Terraform, twice the files: memory", 2.2, _growth("terraform", lambda run: run.peak)),
    Row("growth-templates", "templates, twice the files: time", 2.2, _growth("templates", lambda run: run.seconds)),
    Row("memory-templates", "templates, twice the files: memory", 2.2, _growth("templates", lambda run: run.peak)),
    Row("plan-memory", "a plan of 100 MB, memory : size of the file", 5.0, _plan_memory),
    Row("plan-time", f"a plan of 100 MB : {_PLAN_SECONDS:.0f} s", 1.0, _plan_time),
    Row("repeated", "Terraform, repeated scan : cold scan", 0.05, _repeated),
    Row("review", "4,788 files, review of a change to one root : scan", 0.3, _review),
    Row("edit", f"an edit in a root module of {_ROOT} files, in an editor : {_ANSWER} s", 1.0, _edit),
    Row("jobs", "Terraform, two processes : one", None, _jobs),
    Row("organization", "1,000 repositories, two processes : 500 of them, time", 2.1,
        _organization(lambda run: run.seconds)),
    Row("organization-memory", "1,000 repositories, two processes : 500 of them, memory", 2.1,
        _organization(lambda run: run.peak)),
    Row("organization-cluster", "1,000 repositories, a Dask cluster of two workers : two processes", None, _cluster),
    Row("terraform-checkov", "Terraform, ours : checkov's IAM checks", None,
        lambda bench: _seconds(bench.checkov_terraform["ours"], bench.checkov_terraform["iam"])),
    Row("templates-checkov", "templates, ours : checkov's IAM checks", None,
        lambda bench: _seconds(bench.checkov_templates["ours"], bench.checkov_templates["iam"])),
    Row("templates-cfn-lint", "templates, ours : cfn-lint", None,
        lambda bench: _seconds(bench.cfn_lint["ours"], bench.cfn_lint["all"])),
    Row("leaf-checkov-terraform", "checkov on Terraform, with our checks : without", 1.03,
        lambda bench: _seconds(bench.checkov_terraform["leaf"], bench.checkov_terraform["all"])),
    Row("idle-checkov-terraform", "checkov on Terraform, with as many checks that do nothing : without", None,
        lambda bench: _seconds(bench.checkov_terraform["idle"], bench.checkov_terraform["all"])),
    Row("leaf-checkov-templates", "checkov on templates, with our checks : without", 1.03,
        lambda bench: _seconds(bench.checkov_templates["leaf"], bench.checkov_templates["all"])),
    Row("idle-checkov-templates", "checkov on templates, with as many checks that do nothing : without", None,
        lambda bench: _seconds(bench.checkov_templates["idle"], bench.checkov_templates["all"])),
    Row("leaf-cfn-lint", "cfn-lint, with our rules : without", 1.02,
        lambda bench: _seconds(bench.cfn_lint["leaf"], bench.cfn_lint["all"])),
)  # fmt: skip
