"""Read units in worker processes, for a command that needs their configurations.

``diff`` and ``review`` read them one after the other from a version that writes its files on demand
(:class:`passrole_checks.diff.read_versions.Side`): workers only read what is written already, and a unit that accessed
something else is read again in their own process. :class:`UnitReader` is for files that are all there.

The cache of ``scan`` is not used, not even for a complete evaluation of HEAD. It trusts what it contains
(SECURITY.md), and pipelines share it between runs: code that writes it while one pull request is checked could hide
access in another one. Nor would it help: its entries are for paths, and versions are in a new temporary folder each
time; and it contains findings, where these commands need configurations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from passrole_checks.errors import InputError, WorkerEndedError
from passrole_checks.files.access_log import FileAccessLog, recording_accesses
from passrole_checks.files.gc_pause import gc_paused
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.scanner import Analysis, ScanOptions, analyze_or_fault
from passrole_checks.sources.model.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from passrole_checks.sources.detect import Unit


@dataclass(frozen=True, slots=True)
class ReadUnit:
    """Result of reading a unit, and the files it accessed. ``analysis``: that of the configuration, if known."""

    found: Configuration | InputError
    accesses: FileAccessLog
    analysis: Analysis | None = None


@dataclass(frozen=True, slots=True)
class ReadTask:
    """Reads a unit with ``options``, and analyzes it if there are options for that (``analysis``).

    The answer is None for a unit that fails, or whose result cannot be sent: it is to be read where a fault can be
    reported.
    """

    options: ScanOptions
    analysis: ScanOptions | None

    def __call__(self, unit: Unit) -> ReadUnit | None:
        """Return what was read of a unit."""
        from passrole_checks.sources import detect  # the readers are heavy

        try:
            with gc_paused(), recording_accesses() as accesses:
                found = detect.load(unit, unchanged=self.options.unchanged, inputs=self.options.inputs)
            analysis = analyze_or_fault(found, self.analysis) if self.analysis is not None else None
        except InputError as error:
            return ReadUnit(error, accesses)
        except Exception:  # not lost: the main process reads the unit again, where the same fault is reported
            return None
        return ReadUnit(found, accesses, analysis)

    def lost(self, unit: Unit, reason: str, *, fault: bool = False) -> WorkerEndedError | None:
        """Return an error for a unit that ended its workers: it must not end this process too."""
        return None if fault else WorkerEndedError(reason)


class UnitReader:
    """Reads units in ``jobs`` processes, and analyzes them with the options ``analysis``, if there are any.

    :meth:`ahead` and :meth:`load` are arguments of :func:`passrole_checks.scan.scanner.read_paths`.
    """

    def __init__(self, options: ScanOptions, jobs: int | None, analysis: ScanOptions | None = None) -> None:
        self._task, self._jobs = ReadTask(options, analysis), jobs
        self._read: dict[Unit, ReadUnit | WorkerEndedError | None] = {}
        self.analyses: dict[int, Analysis] = {}
        """The results of workers, by the ids of their configurations."""

    def ahead(self, units: Sequence[Unit]) -> None:
        """Read units that :meth:`load` returns next, if several processes pay."""
        from passrole_checks.scan.parallel.processes import in_processes

        answers = in_processes(units, self._task, self._jobs) if self._jobs != 1 else None
        if answers is not None:
            self._read.update(zip(units, answers, strict=True))

    def load(self, unit: Unit) -> Configuration:
        """Return what was read of a unit. Raises an :class:`InputError`, also if it has ended its processes."""
        from passrole_checks.sources import detect  # the readers are heavy

        read = self._read.pop(unit, None)
        if isinstance(read, WorkerEndedError):
            raise InputError(str(unit.only or unit.path), str(read))
        if read is None:
            options = self._task.options
            return detect.load(unit, unchanged=options.unchanged, inputs=options.inputs)
        if isinstance(read.found, InputError):
            raise read.found
        if read.analysis is not None:
            self.analyses[id(read.found)] = read.analysis
        return read.found
