"""Scan on other computers: a cluster of Dask workers that see the same files under the same paths.

Each worker returns the states of the files that it read, and a unit whose files differ from those here is unreadable: a
file that a worker lacks, or has in another version, is always reported.

Dask reruns the tasks of a worker that died elsewhere, and gives up a task that killed several workers; then each of its
units is scanned once more on its own, and one that is given up again is unreadable.

The cluster is trusted: Dask sends functions and results as pickles. Only the command line names one, never a
configuration.

Sources: Dask's documentation of ``distributed`` ("Client", "Why did my worker die?", "TLS/SSL").
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from typing import TYPE_CHECKING

from passrole_checks import __version__
from passrole_checks.distribution import pip_install
from passrole_checks.errors import ExecutorError
from passrole_checks.files.access_log import FileAccessLog
from passrole_checks.scan.account_context import digest_of_account_details
from passrole_checks.scan.parallel.any_executor import results_as_completed, run_batch
from passrole_checks.scan.parallel.batches import BATCHES_EACH, Batch, ScanTask, batches, in_order, retried
from passrole_checks.scan.scanner import ScannedUnit, ScanOptions, UnitScanner
from passrole_checks.sources.files.path_states import PathStates, States

if TYPE_CHECKING:
    from distributed import Client

    from passrole_checks.sources.detect import Unit

_SECONDS = 30  # for the scheduler to answer, and for it to have a worker
_SCHEMES = {"dask": "tcp", "dask+tls": "tls"}

_WorkerResults = tuple[tuple[ScannedUnit, States], ...]


def cluster_scanner(url: str, seconds: float = _SECONDS) -> UnitScanner:
    """Return a scanner that uses the Dask cluster with the scheduler at ``url``.

    ``url``: ``dask://HOST:PORT``, or ``dask+tls://HOST:PORT`` with the certificates that Dask's configuration names.
    ``seconds``: how long it may take to answer.

    The scanner raises an :class:`~passrole_checks.errors.ExecutorError` if the extra ``dask`` is not installed, the
    scheduler is unreachable or lost, has no workers, or has workers without this version of this package.
    """

    def scanner(units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        return in_order(_scanned(url, seconds, units, options))

    return scanner


def _scanned(
    url: str, seconds: float, units: Sequence[Unit], options: ScanOptions
) -> Iterator[tuple[Batch, Sequence[ScannedUnit]]]:
    if not units:
        return
    with _connect(url, seconds) as client:
        threads = _check_workers(client, url, seconds)
        try:
            yield from _scan_on_cluster(client, units, options, threads)
        except CancelledError:
            raise ExecutorError(f"{url}: the connection to the scheduler was lost") from None


def _scan_on_cluster(
    client: Client, units: Sequence[Unit], options: ScanOptions, threads: int
) -> Iterator[tuple[Batch, Sequence[ScannedUnit]]]:
    from distributed import KilledWorker

    executor = client.get_executor()

    options = replace(options, account_details=tuple(path.absolute() for path in options.account_details))
    account = digest_of_account_details(options.account_details)

    def submit(batch: Batch) -> Future[_WorkerResults]:
        future: Future[_WorkerResults] = executor.submit(scan_on_worker, __version__, batch.units, options, account)
        return future

    def results(waiting: deque[Batch], at_once: float) -> Iterator[tuple[Batch, Sequence[ScannedUnit] | str]]:
        for batch, told in results_as_completed(submit, waiting, at_once, lost=(KilledWorker,)):
            yield batch, told if isinstance(told, str) else _verified_results(batch, told, task)

    task, at_once = ScanTask(options), threads * BATCHES_EACH
    return retried(results, batches(units, at_once), task, at_once)


def scan_on_worker(version: str, units: Sequence[Unit], options: ScanOptions, account: str = "") -> _WorkerResults:
    """Scan on a worker. ``account``: the digest of the files with account details. Raises an
    :class:`~passrole_checks.errors.ExecutorError` if its version or these files differ."""
    if version != __version__:
        raise ExecutorError(_version_mismatch("a worker", __version__, version))
    if digest_of_account_details(options.account_details) != account:
        names = ", ".join(map(str, options.account_details))
        raise ExecutorError(f"--account-details: a worker does not have the same file at {names}")
    scanned = run_batch(units, ScanTask(options))
    return tuple((unit, PathStates().all_of(unit.accesses or FileAccessLog())) for unit in scanned)


def _version_function() -> Callable[[], str | None]:
    """Return a function that returns the version of this package, and that can be sent where it is not installed.

    Nested functions are sent as they are, others by name.
    """

    def version() -> str | None:
        try:
            from passrole_checks import __version__
        except ImportError:
            return None
        return __version__

    return version


def _verified_results(batch: Batch, told: _WorkerResults, task: ScanTask) -> list[ScannedUnit]:
    """Return the results whose files are the same here."""
    found = []
    for unit, (scanned, there) in zip(batch.units, told, strict=True):
        other = PathStates().first_difference(there)
        reason = f"a worker of the cluster sees something else at {other}"
        found.append(scanned if other is None else task.lost(unit, reason))
    return found


def _connect(url: str, seconds: float) -> Client:
    try:
        from distributed import Client
    except ImportError:
        raise ExecutorError(f"{url}: needs Dask: {pip_install('distributed')}") from None
    for name in list(logging.root.manager.loggerDict):  # errors are reported here, in one line
        if name.partition(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    scheme, _, place = url.partition("://")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages in other versions, none of which is ours
            return Client(f"{_SCHEMES[scheme]}://{place}", timeout=seconds, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:  # no certificates are a TypeError
        words = " ".join(str(error).split()) or "no answer"
        raise ExecutorError(f"{url}: the scheduler cannot be reached: {words}") from None


def _check_workers(client: Client, url: str, seconds: float) -> int:
    """Return how many units the cluster scans at once, after checking the versions of its workers."""
    try:
        client.wait_for_workers(1, timeout=seconds)
    except (OSError, asyncio.TimeoutError):  # which is an error of its own before Python 3.11
        raise ExecutorError(f"{url}: the cluster has no workers") from None
    versions: dict[str, str | None] = client.run(_version_function())
    for worker, version in sorted(versions.items()):
        if version is None:
            raise ExecutorError(f"{url}: the worker {worker} does not have passrole_checks {__version__}")
        if version != __version__:
            raise ExecutorError(f"{url}: {_version_mismatch(f'the worker {worker}', version, __version__)}")
    threads: dict[str, int] = client.nthreads()
    return max(1, sum(threads.values()))


def _version_mismatch(who: str, theirs: str, ours: str) -> str:
    return f"{who} has passrole_checks {theirs}, and this is {ours}"
