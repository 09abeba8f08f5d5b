"""A scan in several processes, or with any executor, gives what a scan in one gives, whatever happens to them."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from worker_scripts import DIES, DIES_ONCE, PREPARED, RAISES, ROOT, RUN, ran

from passrole_checks.cli import main
from passrole_checks.files.access_log import FileAccessLog, recording_accesses
from passrole_checks.scan.parallel import processes as room
from passrole_checks.scan.parallel.any_executor import picklable_error, scan_with
from passrole_checks.scan.parallel.batches import MOST, Batch, batches, in_order, weight
from passrole_checks.scan.parallel.processes import (
    FORK,
    SPAWN,
    count_processors,
    in_processes,
    processes,
    worthwhile_processes,
)
from passrole_checks.scan.scan_linked import connected
from passrole_checks.scan.scanner import ScannedUnit, ScanOptions, ScanResult, scan_paths, scan_unit
from passrole_checks.sources.detect import Unit, discover
from passrole_checks.sources.files.path_states import FileFingerprints
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.sources.unit_tasks import UnitTask

SAMPLES = ROOT / "sample_templates"
FEW = [SAMPLES / name for name in ("documents", "variables", "everyday", "008-privilege-escalation", "015-new-access")]
METHODS = [FORK, SPAWN] if sys.platform == "linux" else [SPAWN]
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
with_fork = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

POLICY = """\
resource "aws_iam_user_policy" "p{number}" {{
  user   = "bot"
  policy = jsonencode({{ Statement = [{{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }}] }})
}}
"""


def roots(folder: Path, count: int) -> Path:
    """A folder with so many Terraform roots, each with a finding; the fourth is called ``root-3``."""
    for number in range(count):
        root = folder / f"root-{number}"
        root.mkdir(parents=True)
        (root / "main.tf").write_text(POLICY.format(number=number))
    return folder


# The result


@pytest.mark.parametrize("method", METHODS)
def test_processes_change_nothing(method: str) -> None:
    """All samples, in three processes however they begin, give exactly what one gives."""
    assert scan_paths([SAMPLES], ScanOptions(), processes(3, method)) == _scanned_in_one()


@cache
def _scanned_in_one() -> ScanResult:
    return scan_paths([SAMPLES], ScanOptions())


def _threads() -> Executor:
    return ThreadPoolExecutor(3)


def _processes() -> Executor:
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


@pytest.mark.parametrize("pool", [_threads, _processes])
def test_any_executor_will_do(pool: Callable[[], Executor]) -> None:
    """Pools of threads and of processes of the standard library give what a scan without them gives."""
    with pool() as executor:
        assert scan_paths(FEW, ScanOptions(), scan_with(executor)) == scan_paths(FEW, ScanOptions())


def test_output_is_the_same_to_the_byte(tmp_path: Path) -> None:
    """One process or four, paths in another order, files that were made in another order, another seed of hashes: the
    same text, JSON and SARIF, to the byte, and the same exit status."""
    outputs = {name: tmp_path / f"output.{name}" for name in ("text", "json", "sarif")}
    formats = [word for name, file in outputs.items() for word in ("--format", name, "--output", file)]
    told = set()
    for turn in range(2):
        files = sorted(file for folder in FEW for file in folder.rglob("*") if file.is_file())
        random.Random(turn).shuffle(files)
        for file in files:
            copy = tmp_path / "copy" / file.relative_to(SAMPLES)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
        names = sorted(path.name for path in (tmp_path / "copy").iterdir())
        for seed, jobs, paths in (("0", 1, names), ("1", 4, names[::-1]), ("2", 4, ["."])):
            scan = ["scan", *paths, *formats, "--jobs", jobs, "--severity", "info"]
            done = ran(scan, tmp_path / "copy", PYTHONHASHSEED=seed)
            told.add((done.returncode, done.stderr, *(file.read_bytes() for file in outputs.values())))
        (tmp_path / "copy").rename(tmp_path / f"copy-{turn}")
    ((status, errors, text, *others),) = told
    assert (status, errors) == (1, "")
    assert min(output.count(b"PASSROLE_0") for output in (text, *others)) > 20


def test_grants_are_listed_by_processes_too(tmp_path: Path) -> None:
    """``grants --jobs`` lists what ``grants`` lists."""
    roots(tmp_path, 5)
    one, many = (ran(["grants", ".", "--format", "json", "--jobs", jobs], tmp_path) for jobs in (1, 3))
    assert len(json.loads(one.stdout)["grants"]) == 5
    assert (one.returncode, one.stdout, one.stderr) == (many.returncode, many.stdout, many.stderr)


def test_unreadable_files_are_reported_by_worker_processes(tmp_path: Path) -> None:
    """Files that cannot be read are named in the same lines, with the same exit status."""
    roots(tmp_path, 3)
    (tmp_path / "broken.yaml").write_text("Resources:\n  A: {Type: AWS::IAM::Role\n")
    (tmp_path / "root-1" / "main.tf").write_text('resource "a" {{{\n')
    one, many = (ran(["scan", ".", "--jobs", jobs], tmp_path) for jobs in (1, 3))
    assert one.returncode == 2 and one.stderr
    assert (one.returncode, one.stdout, one.stderr) == (many.returncode, many.stdout, many.stderr)


# How units are submitted


def test_units_are_submitted_in_batches(tmp_path: Path) -> None:
    """Small units go together, none is lost or doubled, the largest go first, and a large one goes alone."""
    roots(tmp_path, 30)
    (tmp_path / "root-7" / "main.tf").write_text("# " + "x" * (2 * MOST))
    units = discover([tmp_path]).units
    found = batches(units)
    assert 2 <= len(found) < 5
    assert [unit.path.name for unit in found[0].units] == ["root-7"]
    numbers = [number for batch in found for number in batch.numbers]
    assert sorted(numbers) == list(range(30))
    assert all(
        units[number] is unit for batch in found for number, unit in zip(batch.numbers, batch.units, strict=True)
    )
    assert [batch.weight for batch in found] == sorted((batch.weight for batch in found), reverse=True)


def test_missing_unit_has_a_weight() -> None:
    """A unit that cannot be read has a weight; the scan of the unit reports the error."""
    for framework in (Framework.TERRAFORM, Framework.CLOUDFORMATION):
        assert weight(Unit(framework, Path("/no/such/place"))) > 0
    assert weight(Unit(Framework.SAM, Path("app.yaml"), content="x" * 5000)) == 5000


def test_units_are_returned_in_order_without_delay(tmp_path: Path) -> None:
    """Results have the order of the units, not of completion, and none is delayed."""
    units = discover([roots(tmp_path, 4)]).units
    first, second = batches(units, 10**9)[::-1][:2], batches(units, 10**9)[::-1][2:]
    asked = []

    def answers() -> Iterator[tuple[Batch, list[ScannedUnit]]]:
        for batch in (*first, *second):
            asked.append(batch.numbers)
            yield batch, [scan_unit(unit, ScanOptions()) for unit in batch.units]

    came = [(scanned.path.name, len(asked)) for scanned in in_order(answers())]
    assert came == [("root-0", 4), ("root-1", 4), ("root-2", 4), ("root-3", 4)]


# Where it pays


@pytest.mark.parametrize("method", [FORK, SPAWN])
def test_little_code_starts_no_process(method: str) -> None:
    """Processes are for much code; there are never more than processors."""
    assert worthwhile_processes(0, method) == worthwhile_processes(100_000, method) == 0
    assert worthwhile_processes(10**12, method) == count_processors() >= 1
    assert worthwhile_processes(10**12, None) == 1


def test_a_small_scan_does_not_even_import_what_starts_processes(tmp_path: Path) -> None:
    """By default a few files are scanned as fast as ever."""
    script = (  # a tracer may have imported it before
        "import sys; sys.modules.pop('multiprocessing', None); from passrole_checks.cli import main; main();"
        "print('multiprocessing' in sys.modules)"
    )
    done = ran(["scan", "--quiet", "--format", "json", roots(tmp_path, 3)], script=script)
    assert done.stdout.splitlines()[-1] == "False"
    done = ran(["scan", "--quiet", "--format", "json", "--jobs", "2", tmp_path], script=script)
    assert done.stdout.splitlines()[-1] == "True"


@pytest.mark.parametrize(
    "quota, most",
    [("max 100000\n", 10**6), ("150000 100000\n", 2), ("50000 100000\n", 1), ("nonsense", 10**6), ("1 0\n", 10**6)],
)
def test_the_quota_of_a_container_counts(
    quota: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel gives a container less than the machine has, that many processes pay."""
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(room, "_QUOTA", tmp_path / "cpu.max")
    assert 1 <= count_processors() <= most


# What can happen to a process

_RAISES_WHAT_CANNOT_BE_HANDED_BACK = """
class Fault(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} {two}")
def trouble(marker):
    raise Fault("a", "fault")
"""


@with_fork
def test_killed_process_loses_nothing(tmp_path: Path) -> None:
    """Units of a killed process are scanned again: the output is that of one process, byte for byte."""
    roots(tmp_path, 12)
    plain = ran(["scan", ".", "--format", "json", "--jobs", "1"], tmp_path)
    done = ran(["scan", ".", "--format", "json", "--jobs", "2"], tmp_path, PREPARED + DIES_ONCE + RUN)
    assert (tmp_path / "marker").exists()
    assert (done.returncode, done.stdout, done.stderr) == (plain.returncode, plain.stdout, plain.stderr)


_HANGS = """
from passrole_checks.scan.parallel import worker_pool
worker_pool.SECONDS = 4
def trouble(marker):
    with marker.open("a") as times:
        times.write("x")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    time.sleep(120)
"""


@with_fork
@pytest.mark.parametrize(
    "trouble, words", [(DIES, "its scan ended the process (out of memory?)"), (_HANGS, "its scan did not end in time")]
)
def test_unit_that_ends_or_blocks_its_process_twice_is_unreadable(trouble: str, words: str, tmp_path: Path) -> None:
    """The unit is tried only twice and reported in one line, and all other units are scanned."""
    roots(tmp_path, 12)
    done = ran(["scan", ".", "--format", "json", "--jobs", "2"], tmp_path, PREPARED + trouble + RUN)
    assert done.returncode == 2
    assert done.stderr == f"root-3: {words}\n"
    files = [finding["file"] for finding in json.loads(done.stdout)["findings"]]
    assert sorted(files) == sorted(f"root-{number}/main.tf" for number in range(12) if number != 3)
    assert (tmp_path / "marker").read_text() == "xx"


_DIES_WHILE_SENDING = """
from multiprocessing.connection import Connection
def trouble(marker):
    marker.touch()
    Connection.send = dies
def dies(connection, message):
    os.write(connection.fileno(), b"\\x00\\x00\\xff\\xff half of a message")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@with_fork
def test_process_that_is_killed_while_it_sends_blocks_nothing(tmp_path: Path) -> None:
    """Half of a message is none: its unit is tried once more, and unreadable if it is the same again."""
    roots(tmp_path, 6)
    done = ran(["scan", ".", "--format", "json", "--jobs", "2"], tmp_path, PREPARED + _DIES_WHILE_SENDING + RUN)
    assert (done.returncode, done.stderr) == (2, "root-3: its scan ended the process (out of memory?)\n")
    assert (tmp_path / "marker").exists() and len(json.loads(done.stdout)["findings"]) == 5


@with_fork
@pytest.mark.parametrize(
    "trouble, words", [(RAISES, "KeyError: 'a fault'"), (_RAISES_WHAT_CANNOT_BE_HANDED_BACK, "Fault: a fault")]
)
def test_fault_in_a_worker_process_costs_one_unit(trouble: str, words: str, tmp_path: Path) -> None:
    """The exit status is 3, one line names the unit, and the findings of all others are reported."""
    roots(tmp_path, 6)
    done = ran(["scan", ".", "--format", "json", "--jobs", "2"], tmp_path, PREPARED + trouble + RUN)
    assert done.returncode == 3
    assert done.stderr.startswith(f"root-3: internal error: {words} (") and done.stderr.count("\n") == 1
    files = [finding["file"] for finding in json.loads(done.stdout)["findings"]]
    assert sorted(files) == sorted(f"root-{number}/main.tf" for number in range(6) if number != 3)


_RETURNS_WHAT_CANNOT_BE_HANDED_BACK = """
from passrole_checks.scan.parallel import worker_pool
worker_pool.run_batch = lambda units, task: (lambda: None,)
def trouble(marker):
    pass
"""


@with_fork
def test_result_that_cannot_be_returned_is_a_fault(tmp_path: Path) -> None:
    """Each unit of the batch is named; there is no traceback."""
    roots(tmp_path, 6)
    done = ran(["scan", ".", "--jobs", "2"], tmp_path, PREPARED + _RETURNS_WHAT_CANNOT_BE_HANDED_BACK + RUN)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 6 and all("internal error" in line for line in done.stderr.splitlines())


@with_fork
def test_where_no_process_can_begin_this_one_scans(tmp_path: Path) -> None:
    """A system that lets no process begin, here for lack of open files, changes nothing of the output."""
    roots(tmp_path, 6)
    few = "resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir('/proc/self/fd')) + 2,) * 2)\n"
    failing = "\ndef trouble(marker):\n    marker.touch()\n"  # is not reached: that would be in another process
    plain = ran(["scan", ".", "--jobs", "1"], tmp_path)
    done = ran(["scan", ".", "--jobs", "3"], tmp_path, PREPARED + failing + few + RUN)
    assert (done.returncode, done.stdout, done.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    assert not (tmp_path / "marker").exists()


def test_broken_pool_of_the_caller_raises_its_own_error() -> None:
    """A pool whose process has been killed raises what it always raises."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(BrokenExecutor):
            pool.submit(signal.raise_signal, signal.SIGKILL).result()
        with pytest.raises(BrokenExecutor):
            scan_paths(FEW, ScanOptions(), scan_with(pool))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no new Python is started there, unless one is asked for")
def test_code_in_the_working_directory_is_not_run_by_new_processes(tmp_path: Path) -> None:
    """A scanned repository with modules named like those of the standard library runs none of them."""
    roots(tmp_path / "repository", 6)
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from passrole_checks.scan.parallel.processes import processes\n"
        "from passrole_checks.scan.scanner import ScanOptions, scan_paths\n"
        "if __name__ == '__main__':\n"
        "    result = scan_paths([Path('.')], ScanOptions(), processes(2, 'spawn'))\n"
        "    print(len(result.findings), len(result.unreadable))\n"
    )
    for name in ("multiprocessing", "signal", "socket", "pickle", "threading", "click", "passrole_checks"):
        (tmp_path / "repository" / f"{name}.py").write_text("open('marker', 'w').write('run')\n")
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path / "repository", env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "6 0\n", "")
    assert not (tmp_path / "repository" / "marker").exists()


_SLOW = """
def trouble(marker):
    marker.write_text(str(os.getpid()))
    time.sleep(120)
"""


def _slow_scan(folder: Path) -> subprocess.Popen[str]:
    """A scan with two processes, one of which is in the middle of a unit that takes two minutes."""
    scan = subprocess.Popen(
        [sys.executable, "-c", PREPARED + _SLOW + RUN, "scan", ".", "--jobs", "2"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    _until(lambda: (folder / "marker").is_file() and (folder / "marker").read_text() != "")  # created, then written
    return scan


def _until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def _session_is_empty(leader: int) -> bool:
    """True if no process of a session is left, except for those that have ended."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(session) == leader and state not in ("Z", "X"):
                return False
    return True


@with_fork
def test_an_interrupt_ends_all_processes_at_once(tmp_path: Path) -> None:
    """Ctrl-C, which the terminal sends to all of them, is one line, the shell's usual status, and leaves none."""
    with _slow_scan(roots(tmp_path, 6)) as scan:
        os.killpg(scan.pid, signal.SIGINT)
        out, errors = scan.communicate(timeout=30)
        assert (scan.returncode, out, errors) == (130, "", "\npassrole-checks: interrupted\n")
        _until(lambda: _session_is_empty(scan.pid))


@with_fork
def test_workers_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    """If the parent process is killed, idle workers end at once; none waits for more units."""
    with _slow_scan(roots(tmp_path, 6)) as scan:
        scan.kill()
        slow = int((tmp_path / "marker").read_text())
        os.kill(slow, signal.SIGKILL)  # it would sleep on
        _until(lambda: _session_is_empty(scan.pid))
        scan.communicate()


# Transferred errors, and the options


def test_errors_are_returned_unchanged() -> None:
    """An error that cannot be pickled unchanged keeps its message."""

    class Odd(Exception):
        def __reduce__(self) -> tuple[object, ...]:
            return (Odd, (1, 2, 3))

    error = ValueError("as it is")
    assert picklable_error(error) is error
    odd = picklable_error(Odd("words"))
    assert str(odd) == "Odd: words" and type(pickle.loads(pickle.dumps(odd))) is RuntimeError


@pytest.mark.parametrize("value", ["0", "-1", "two", "", "1.5", "٣"])
def test_jobs_is_a_number_or_auto(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything else is a mistake in the options, told in one line."""
    assert main(["scan", str(FEW[0]), f"--jobs={value}"]) == 2
    error = capsys.readouterr().err
    assert "--jobs" in error and "auto" in error and error.count("\n") == 1


def test_jobs_can_be_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``jobs`` in pyproject.toml is the option, for the commands that have it; others do not mind it."""
    roots(tmp_path, 3)
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text('[tool.passrole_checks]\njobs = "1"\n')
    assert main(["scan", "."]) == 1
    assert main(["required", "."]) == 0
    Path("pyproject.toml").write_text('[tool.passrole_checks]\njobs = "many"\n')
    assert main(["scan", "."]) == 2


def test_no_configuration_names_an_executor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repository cannot have its scan sent to a cluster, whose answers would be trusted."""
    roots(tmp_path, 2)
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text('[tool.passrole_checks]\nexecutor = "dask://example.com:8786"\n')
    assert main(["scan", "."]) == 2
    assert capsys.readouterr().err.startswith("pyproject.toml: [tool.passrole_checks] executor ")


@pytest.mark.parametrize("url", ["dask://", "dask://host", "dask://host:port", "tcp://host:8786", "dask://h:1/x"])
def test_an_executor_is_an_address(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything else is a mistake in the options, told in one line."""
    assert main(["scan", str(FEW[0]), "--executor", url]) == 2
    error = capsys.readouterr().err
    assert "dask://HOST:PORT" in error and error.count("\n") == 1


def test_missing_dask_reports_what_to_install() -> None:
    """Where the extra is not installed, ``--executor`` is one line and exit status 2."""
    script = "import sys; sys.modules['distributed'] = None; from passrole_checks.cli import main; sys.exit(main())"
    done = ran(["scan", FEW[0], "--executor", "dask://127.0.0.1:8786"], script=script)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dask://127.0.0.1:8786: needs ")
    assert "-I -m pip install 'distributed>=2025.1'" in done.stderr
    assert done.stderr.count("\n") == 1


# Values that roots pass to each other

PARAMETER = 'resource "aws_ssm_parameter" "p" {{\n  name  = "/{0}"\n  type  = "String"\n  value = "{1}"\n}}\n'
READS = 'data "aws_ssm_parameter" "q" {{\n  name = "/{0}"\n}}\n'


def chained_roots(folder: Path, count: int) -> Path:
    """Roots with a finding, each of which reads a parameter that the one before writes."""
    for number in range(count):
        root = folder / f"root-{number}"
        root.mkdir(parents=True)
        passed = POLICY.format(number=number).replace('"*"', "data.aws_ssm_parameter.q.value")
        value = f"arn:aws:iam::111122223333:role/app-{number}*"
        (root / "main.tf").write_text(PARAMETER.format(number, value) + READS.format(number - 1) + passed)
    return folder


@pytest.mark.parametrize("log", [None, FileAccessLog, FileFingerprints])
def test_processes_evaluate_what_roots_pass(log: type[FileAccessLog] | None, tmp_path: Path) -> None:
    """They give what one gives, and what they access is recorded here."""
    given: list[int] = []

    def distribute(units: Sequence[Unit], task: UnitTask[Any]) -> Iterator[Any] | None:
        given.append(len(units))
        return in_processes(units, task, 2)

    found = discover([chained_roots(tmp_path, 4)])
    logs = [log() if log is not None else None for _ in range(2)]
    with recording_accesses(logs[0]) if log is not None else nullcontext():
        alone = connected(found, ScanOptions())
    with recording_accesses(logs[1]) if log is not None else nullcontext():
        together = connected(found, ScanOptions(), distribute)
    assert together.units == alone.units and sum(bool(unit.links) for unit in alone.units) == 3
    assert given
    if log is not None:
        one, other = (vars(entry) | {"began": 0} for entry in logs)
        assert one == other and any(path.endswith("root-1/main.tf") for path in one["files"])


_DIES_WHILE_CONNECTING = """
from passrole_checks.sources import terraform
really = terraform.read_links
def read_links(folder, **how):
    if os.getpid() != here and folder.name == "root-3":
        trouble(pathlib.Path("marker"))
    return really(folder, **how)
terraform.read_links = read_links
detect.load = real
"""


@with_fork
@pytest.mark.parametrize("dies, status", [(DIES_ONCE, 1), (DIES, 2)])
def test_killed_process_loses_no_value_in_silence(dies: str, status: int, tmp_path: Path) -> None:
    """A root whose values are lost with its process is evaluated again; if that fails too, it is reported."""
    chained_roots(tmp_path, 6)
    plain = ran(["scan", ".", "--format", "json", "--no-cache", "--jobs", "1"], tmp_path)
    script = PREPARED + dies + _DIES_WHILE_CONNECTING + RUN
    done = ran(["scan", ".", "--format", "json", "--no-cache", "--jobs", "2"], tmp_path, script)
    assert (tmp_path / "marker").exists() and done.returncode == status
    if status == 1:
        assert (done.stdout, done.stderr) == (plain.stdout, plain.stderr)
    else:
        words = "values of other roots are not followed: its scan ended the process (out of memory?)"
        assert done.stderr == f"root-3: {words}\n"


# Other commands


@with_fork
@pytest.mark.parametrize("command", ["required", "suggest"])
def test_other_commands_write_the_same_with_processes(command: str, tmp_path: Path) -> None:
    """Also with the values of files that no option names, and what cannot be read."""
    for name in ("suggestions", "required", "value-files", "missing-modules"):
        shutil.copytree(SAMPLES / name, tmp_path / name)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "main.tf").write_text('resource "a" {')
    one, two = (ran([command, ".", "--format", "json", "--jobs", jobs], tmp_path) for jobs in (1, 2))
    assert one.returncode == 2 and len(one.stdout) > 5_000
    assert (two.returncode, two.stdout, two.stderr) == (one.returncode, one.stdout, one.stderr)


@with_fork
def test_fix_writes_the_same_with_processes(tmp_path: Path) -> None:
    """The scan after it looks at what was written, also with the cache."""
    outputs = []
    for jobs in (1, 2):
        shutil.copytree(SAMPLES / "suggestions", tmp_path / str(jobs))
        cache = str(tmp_path / f"cache-{jobs}")
        arguments = ["fix", ".", "--grade", "narrowed", "--jobs", jobs]
        done = [ran(arguments, tmp_path / str(jobs), PASSROLE_CHECKS_CACHE_DIR=cache) for _ in range(2)]
        texts = {path.name: path.read_text() for path in sorted((tmp_path / str(jobs)).rglob("*.tf"))}
        outputs.append(([(one.returncode, one.stdout, one.stderr) for one in done], texts))
    assert outputs[0] == outputs[1]
    assert outputs[0][1] != {path.name: path.read_text() for path in sorted((SAMPLES / "suggestions").rglob("*.tf"))}


@with_fork
@pytest.mark.parametrize("dies, status", [(DIES_ONCE, 0), (DIES, 2)])
def test_killed_process_loses_nothing_that_required_reads(dies: str, status: int, tmp_path: Path) -> None:
    roots(tmp_path, 6)
    function = 'resource "aws_lambda_function" "f" {\n  role = "arn:aws:iam::111122223333:role/app-%d"\n}\n'
    for number in range(6):
        (tmp_path / f"root-{number}" / "f.tf").write_text(function % number)
    plain = ran(["required", ".", "--format", "json", "--jobs", "1"], tmp_path)
    done = ran(["required", ".", "--format", "json", "--jobs", "2"], tmp_path, PREPARED + dies + RUN)
    assert (tmp_path / "marker").exists() and done.returncode == status
    if status == 0:
        assert (done.stdout, done.stderr) == (plain.stdout, plain.stderr)
    else:
        assert done.stderr == "root-3: its scan ended the process (out of memory?)\n"
        assert len(json.loads(done.stdout)["required"]) == len(json.loads(plain.stdout)["required"]) - 1 == 5


@with_fork
def test_diff_follows_values_with_processes(tmp_path: Path) -> None:
    """Values that a root passes to another are compared alike."""
    chained_roots(tmp_path / "old", 4)
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    changed = tmp_path / "new" / "root-1" / "main.tf"
    changed.write_text(changed.read_text().replace("role/app-1*", "role/*"))
    one, two = (ran(["diff", "old", "new", "--format", "json", "--jobs", jobs], tmp_path) for jobs in (1, 2))
    assert [entry["file"] for entry in json.loads(one.stdout)["widened"]] == ["new/root-2/main.tf"]
    assert (two.returncode, two.stdout, two.stderr) == (one.returncode, one.stdout, one.stderr)
