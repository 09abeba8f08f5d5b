"""A review or a comparison in several processes is that in one, whatever happens to these."""

from __future__ import annotations

import json
import random
import shutil
import sys
from subprocess import CompletedProcess
from typing import Any

import pytest
from changing_trees import change, planted
from reviews_of_tests import ANY, APP, Reviews, policy
from sample_folders import SAMPLES
from worker_scripts import DIES, DIES_ONCE, PREPARED, RAISES, RUN, ran

from passrole_checks.cli.review import FORMATS
from passrole_checks.diff.read_versions import VersionReader
from passrole_checks.scan.parallel import processes

with_fork = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
AFFECTED, ALL = ("text", "json", "markdown", "github"), FORMATS
JOBS = (1, 3)


def outcomes(repository: Reviews, command: str, formats: tuple[str, ...], script: str | None = None) -> list[object]:
    """The statuses and outputs of a command about the last commit, with one process and with three."""
    found: list[object] = []
    for jobs in JOBS:
        outputs = {name: repository.folder.parent / f"{name}-{jobs}" for name in formats}
        chosen = [word for name, file in outputs.items() for word in ("--format", name, "--output", file)]
        done = ran([command, "HEAD^", "HEAD", *chosen, "--jobs", jobs], repository.folder, script)
        found.append((done.returncode, done.stdout, done.stderr, [file.read_bytes() for file in outputs.values()]))
    return found


def check(repository: Reviews) -> None:
    for command, formats in (("review", AFFECTED), ("review", ALL), ("diff", ("text", "json"))):
        one, several = outcomes(repository, command, formats)
        assert one == several


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.nightly)])
def test_random_changes(seed: int, repository: Reviews) -> None:
    """All outputs are equal to the byte after random changes to files that refer to each other."""
    chance, top = random.Random(seed), repository.folder / "tree"
    planted(top)
    for name in ("root/.terraform", "cdk.out/asset.1"):  # with these, everything is read
        shutil.rmtree(top / name)
    repository.commit()
    for _ in range(2):
        for _ in range(4):
            change(top, chance)
        for path in (top / ".git", top / "root/.git"):
            path.unlink(missing_ok=True)
        repository.commit()
        check(repository)


@pytest.mark.nightly
def test_samples(repository: Reviews) -> None:
    """All outputs are equal to the byte for the samples of diff, and for all samples at once."""
    repository.commit({"README": ""})
    shutil.copytree(SAMPLES, repository.folder / "samples", symlinks=True)
    repository.commit()
    check(repository)
    for old in sorted(SAMPLES.glob("diff/*/old*")):
        new = old.with_name(old.name.replace("old", "new"))
        one, several = (ran(["diff", old, new, "--format", "json", "--jobs", jobs]) for jobs in JOBS)
        assert (one.returncode, one.stdout, one.stderr) == (several.returncode, several.stdout, several.stderr)


def roots(repository: Reviews, count: int = 6) -> None:
    """Roots that call one module, in which the last commit lets any role be passed."""
    call = 'module "m" {\n  source = "../module"\n}\n'
    files = {f"root-{number}/main.tf": call for number in range(count)}
    notes = {f"root-{number}/notes.md": "" for number in range(count)}
    repository.commit({**files, **notes, "module/main.tf": policy(APP)})
    repository.commit({"module/main.tf": policy(ANY)})


@with_fork
def test_killed_process_loses_nothing(repository: Reviews) -> None:
    """The units of a killed process are read again."""
    roots(repository)
    one, several = outcomes(repository, "review", ALL, PREPARED + DIES_ONCE + RUN)
    assert (repository.folder / "marker").exists()
    assert one == several


@with_fork
@pytest.mark.parametrize("command", ["review", "diff"])
def test_unit_that_ends_its_process_twice_is_a_fault(command: str, repository: Reviews) -> None:
    """The status is 3 and the unit is named; nothing of it is new, widened or fixed, and the others are compared."""
    roots(repository)
    script = PREPARED + DIES + RUN
    done = ran([command, "HEAD^", "HEAD", "--format", "json", "--jobs", "2"], repository.folder, script)
    said = json.loads(done.stdout)
    assert done.returncode == 3
    assert "root-3: internal error: WorkerEndedError" in done.stderr
    assert (repository.folder / "marker").read_text() == "x" * 4  # in each version twice
    kinds = ("fixed", "new") if command == "review" else ("removed", "narrowed", "new")
    assert not any("root-3" in json.dumps(entry) for kind in kinds for entry in said.get(kind, ()))
    assert "module/main.tf" in json.dumps(said["items" if command == "review" else "widened"])


@with_fork
def test_fault_in_a_process_is_that_of_one(repository: Reviews) -> None:
    """A unit that fails in its process is read in this one: if it fails there too, the output is the same."""
    roots(repository)
    one, several = outcomes(repository, "review", ALL, PREPARED.replace("os.getpid() != here and ", "") + RAISES + RUN)
    assert one == several
    assert isinstance(one, tuple) and one[0] == 3 and "root-3: internal error: KeyError" in one[2]
    healed: CompletedProcess[str] = ran(
        ["review", "HEAD^", "HEAD", "--jobs", "2"], repository.folder, PREPARED + RAISES + RUN
    )
    assert healed.returncode == 1 and not healed.stderr


def test_processes_read_the_affected_units(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """Units that one change affects are read by processes, in both versions."""
    roots(repository)
    tasks: list[int] = []
    in_processes = processes.in_processes

    def counted(units: Any, *arguments: Any) -> object:
        tasks.append(len(list(units)))
        return in_processes(units, *arguments)

    monkeypatch.setattr("passrole_checks.diff.read_versions.in_processes", counted)
    reads: list[str] = []
    monkeypatch.setattr(VersionReader, "_read", lambda self, number, unit, options: reads.append(str(unit.path)))
    repository.review("HEAD^", "HEAD", "--jobs", "2")
    assert tasks[:2] == [6, 6] and not reads


def test_file_that_is_not_written_yet(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit that opens a file which no process could see is read in this process."""
    roots(repository)
    far = 'resource "aws_iam_policy" "far" {\n  policy = file("${path.module}/../../far/${"policy"}.json")\n}\n'
    wide = '{"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}'
    repository.commit({"far/policy.json": wide, "module/main.tf": policy(APP), **dict.fromkeys(("a/x", "b/x"), "")})
    repository.commit({"module/main.tf": policy(ANY), "root-1/far.tf": far, "root-2/far.tf": far})
    again: list[str] = []
    read = VersionReader._read
    monkeypatch.setattr(
        VersionReader,
        "_read",
        lambda self, number, unit, options: again.append(unit.path.name) or read(self, number, unit, options),
    )
    several = repository.review("HEAD^", "HEAD", "--jobs", "2")
    assert several.out == repository.review("HEAD^", "HEAD", "--jobs", "1").out
    assert again
