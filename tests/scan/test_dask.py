"""A scan on a cluster of Dask workers, real processes of this machine, gives what a scan without one gives.

Skipped where ``distributed`` (extra ``dask``) is not installed, unless NEED_DASK is set.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from passrole_checks import __version__
from passrole_checks.errors import ExecutorError
from passrole_checks.scan.account_context import digest_of_account_details
from passrole_checks.scan.parallel import dask as room
from passrole_checks.scan.parallel.any_executor import scan_with
from passrole_checks.scan.parallel.dask import cluster_scanner, scan_on_worker
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.detect import Unit, discover
from passrole_checks.sources.files.path_states import PathStates
from passrole_checks.sources.model.configuration import Framework

if os.environ.get("NEED_DASK"):
    import distributed
else:
    distributed = pytest.importorskip("distributed")

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = [ROOT / "sample_templates" / name for name in ("documents", "variables", "008-privilege-escalation")]

# Workers that meet a unit called "poison" die as they do where memory runs out.
_PRELOADED = """\
import os, signal
from passrole_checks.sources import detect
def deadly(real):
    def load(unit, **inputs):
        if unit.path.name == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        return real(unit, **inputs)
    return load
if detect.load.__module__ == detect.__name__:  # it may run more than once
    detect.load = deadly(detect.load)
"""
_ROOT = """\
resource "aws_iam_user_policy" "p" {
  count  = 60
  user   = "bot-${count.index}"
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${count.index}*" }]
  })
}
"""


def started(workers: int, preloaded: str = "") -> Any:
    """A cluster whose workers are processes; each runs ``preloaded`` first."""
    import dask

    values = {
        "distributed.scheduler.allowed-failures": 1,
        "distributed.worker.preload": [preloaded] if preloaded else [],
        "distributed.nanny.pre-spawn-environ.PYTHONPATH": str(ROOT),
    }
    with dask.config.set(values):
        return distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0",
            silence_logs=logging.CRITICAL + 1,
        )  # fmt: skip


def url_of(cluster: Any) -> str:
    return str(cluster.scheduler_address).replace("tcp://", "dask://")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three workers."""
    with started(3, _PRELOADED) as found:
        yield found


@pytest.fixture
def client(cluster: Any) -> Iterator[Any]:
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as found:
        try:
            found.wait_for_workers(3, timeout=60)
        except asyncio.TimeoutError:  # one that a test killed did not come back: a loaded machine starts it too late
            cluster.scale(0)
            cluster.scale(3)
            found.wait_for_workers(3, timeout=60)
        yield found


def roots(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "main.tf").write_text(_ROOT)
    return folder


def ran(*arguments: object, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "passrole_checks", *map(str, arguments)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip


def until(what: Callable[[], Any]) -> Any:
    end = time.monotonic() + 60
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def test_a_cluster_changes_nothing(cluster: Any) -> None:
    """The command line writes the same to the byte, on standard error too, and ends with the same status."""
    arguments = ["scan", *SAMPLES, "--format", "json", "--severity", "info"]
    one = ran(*arguments, "--jobs", 1)
    many = ran(*arguments, "--executor", url_of(cluster))
    assert one.returncode == 1 and len(json.loads(one.stdout)["findings"]) > 20
    assert (many.returncode, many.stdout, many.stderr) == (one.returncode, one.stdout, one.stderr)


def test_the_executor_of_a_client_is_one_like_others(client: Any) -> None:
    """``over`` takes what Dask's client gives as an executor."""
    found = scan_paths(SAMPLES, ScanOptions(), scan_with(client.get_executor()))
    assert found == scan_paths(SAMPLES, ScanOptions())


def test_a_worker_that_is_killed_loses_nothing(cluster: Any, client: Any, tmp_path: Path) -> None:
    """Of three workers one is killed while it scans: nothing is lost and nothing counted twice, to the byte."""
    roots(tmp_path, *(f"root-{number:02}" for number in range(40)))
    arguments = ["scan", ".", "--format", "json"]
    one = ran(*arguments, "--jobs", 1, folder=tmp_path)
    pids = client.run(os.getpid)
    with subprocess.Popen(
        [sys.executable, "-m", "passrole_checks", *arguments, "--executor", url_of(cluster)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    ) as scan:  # fmt: skip
        busy = until(lambda: [worker for worker, tasks in client.processing().items() if tasks])
        os.kill(pids[busy[0]], signal.SIGKILL)
        assert scan.poll() is None
        out, errors = scan.communicate(timeout=300)
    assert len(json.loads(out)["findings"]) >= 40
    assert (scan.returncode, out, errors) == (one.returncode, one.stdout, one.stderr)


def test_a_unit_that_takes_all_workers_with_it_is_unreadable(cluster: Any, client: Any, tmp_path: Path) -> None:
    """It is named, and the others, also those that lay in the same hands, are scanned."""
    roots(tmp_path, "a", "poison", "z")
    found = scan_paths([tmp_path], ScanOptions(), cluster_scanner(url_of(cluster)))
    (lost,) = found.unreadable
    assert lost.file == str(tmp_path.resolve() / "poison") and "its scan ended the process" in lost.reason
    assert {Path(file).parent.name for file in found.files} == {"a", "z"}


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="a path that is another file for each process")
def test_files_that_differ_on_workers_are_unreadable(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that a worker lacks, as without a shared file system, are reported and never skipped silently."""
    monkeypatch.chdir(roots(tmp_path, "root"))
    (tmp_path / "app.yaml").write_text('{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}')
    units = (
        Unit(Framework.TERRAFORM, Path("/proc/self/cwd/root")),
        Unit(Framework.CLOUDFORMATION, Path("/proc/self/cwd/app.yaml")),
        Unit(Framework.TERRAFORM, tmp_path.resolve() / "root"),
    )
    first, second, third = cluster_scanner(url_of(cluster))(units, ScanOptions())
    for scanned, unit, other in ((first, units[0], "/root"), (second, units[1], "")):
        assert scanned.analysis is None and scanned.unreadable is not None
        assert scanned.unreadable.file == str(unit.path)
        assert scanned.unreadable.reason == f"a worker of the cluster sees something else at /proc/self/cwd{other}"
    assert third.analysis is not None and third.analysis.findings


def test_differing_files_are_detected(tmp_path: Path) -> None:
    """A changed, missing or new file among those that the scan of a unit accessed is reported by its path."""
    top = roots(tmp_path, "root").resolve() / "root"
    (top / "more.tf").write_text('resource "aws_iam_policy" "p" {\n  policy = file("text.txt")\n}\n')
    (top / "text.txt").write_text("text")
    (units, main) = discover([top]).units, top / "main.tf"
    ((_, there),) = scan_on_worker(__version__, units, ScanOptions())
    assert PathStates().first_difference(there) is None
    (top / "text.txt").write_text("another")
    assert PathStates().first_difference(there) == str(top / "text.txt")
    (top / "text.txt").write_text("text")
    assert PathStates().first_difference(there) is None
    (top / "new.tf").touch()
    assert PathStates().first_difference(there) is not None
    (top / "new.tf").unlink()
    main.unlink()
    assert PathStates().first_difference(there) == str(main)


def test_workers_of_another_version_scan_nothing(cluster: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line reports the other version before any unit is submitted, also for a worker that joins later."""

    def pretend(version: str) -> None:
        import passrole_checks
        from passrole_checks.scan.parallel import dask as cluster

        for module in (passrole_checks, cluster):
            module.__dict__["__version__"] = version

    client.run(pretend, "0.0.9")
    try:
        done = ran("scan", *SAMPLES, "--executor", url_of(cluster))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"{url_of(cluster)}: the worker tcp://") and done.stderr.count("\n") == 1
        assert done.stderr.endswith(f" has passrole_checks 0.0.9, and this is {__version__}\n")
        monkeypatch.setattr(room, "_check_workers", lambda *_: 3)
        with pytest.raises(ExecutorError, match=r"a worker has passrole_checks 0\.0\.9"):
            scan_paths(SAMPLES, ScanOptions(), cluster_scanner(url_of(cluster)))
    finally:
        client.run(pretend, __version__)


def test_workers_with_another_account_file_scan_nothing(tmp_path: Path) -> None:
    """A worker without the file of ``--account-details``, or with another one, would miss what is attached there."""
    (tmp_path / "account.json").write_text('{"RoleDetailList": []}')
    options = ScanOptions(account_details=(tmp_path / "account.json",))
    units, digest = discover([roots(tmp_path / "code", "a")]).units, digest_of_account_details(options.account_details)
    ((found, _),) = scan_on_worker(__version__, units, options, digest)
    assert found.analysis is not None
    (tmp_path / "account.json").write_text('{"RoleDetailList": [] }')
    with pytest.raises(ExecutorError, match=r"--account-details: a worker does not have the same file at /.*t\.json"):
        scan_on_worker(__version__, units, options, digest)
    (tmp_path / "account.json").unlink()
    with pytest.raises(ExecutorError, match="does not have the same file"):
        scan_on_worker(__version__, units, options, digest)


def test_workers_without_this_package_scan_nothing() -> None:
    """One line reports the worker that lacks the package."""
    with started(1, "import sys\nsys.modules['passrole_checks'] = None\n") as bare:  # fmt: skip
        scanner = cluster_scanner(url_of(bare))
        with pytest.raises(ExecutorError, match=r"the worker tcp://\S+ does not have passrole_checks"):
            scan_paths(SAMPLES, ScanOptions(), scanner)


def test_cluster_without_workers_is_reported() -> None:
    """It is not waited for without end."""
    with started(0) as empty, pytest.raises(ExecutorError, match="the cluster has no workers"):
        scan_paths(SAMPLES, ScanOptions(), cluster_scanner(url_of(empty), seconds=1))


def test_missing_scheduler_is_reported_in_one_line() -> None:
    """Nobody listens: exit status 2, and one line that starts with the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"dask://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ExecutorError, match=f"^{url}: the scheduler cannot be reached: "):
            scan_paths(SAMPLES, ScanOptions(), cluster_scanner(url, seconds=1))
    with pytest.raises(ExecutorError, match="the scheduler cannot be reached: "):
        scan_paths(SAMPLES, ScanOptions(), cluster_scanner(url.replace("dask:", "dask+tls:"), seconds=1))
