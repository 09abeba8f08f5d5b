"""Commands that are run and measured, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


class BenchmarkError(Exception):
    """A command that is measured did not do its work."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Cost of a run: processor ``seconds`` (user and system, with children), ``wall`` seconds, and the ``peak`` memory
    in bytes of its largest process (at least that of this process, which starts it)."""

    seconds: float
    wall: float
    peak: int

    def least(self, other: Measured) -> Measured:
        """The less of both, one by one: what else the machine does only ever adds."""
        return Measured(min(self.seconds, other.seconds), min(self.wall, other.wall), min(self.peak, other.peak))


@dataclass(frozen=True, slots=True)
class Command:
    """A command line of Python (``-m module`` or a file, and its arguments) or of another ``program``, and the statuses
    that mean success."""

    arguments: Sequence[str]
    statuses: Collection[int] = (0, 1)
    environment: Mapping[str, str] = field(default_factory=dict)
    program: str | Path = sys.executable


def measure(command: Command) -> Measured:
    """Run a command once. Raises :class:`BenchmarkError` where its status is none that it should have."""
    return _run(command, subprocess.DEVNULL)


def output(command: Command) -> str:
    """Return the output of a command. Raises :class:`BenchmarkError` for an unexpected exit status."""
    with tempfile.TemporaryFile() as printed:
        _run(command, printed.fileno())
        printed.seek(0)
        return printed.read().decode("utf-8")


def _run(command: Command, printed: int) -> Measured:
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "NO_COLOR": "1", **command.environment,
    }  # fmt: skip
    # what pip installs is compiled, and so is what it is compared with
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            [command.program, *command.arguments],
            stdin=subprocess.DEVNULL, stdout=printed, stderr=errors, env=environment, cwd=ROOT,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in command.statuses:
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace")[-2000:]
            raise BenchmarkError(f"{' '.join(command.arguments)[:300]}: status {process.returncode}\n{said}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Measured(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * unit)


def interleaved(commands: Mapping[str, Command], repeats: int) -> dict[str, Measured]:
    """The least that each command took, run in turns, so that what else the machine does disturbs all of them alike."""
    least: dict[str, Measured] = {}
    for _ in range(repeats):
        for name, command in commands.items():
            taken = measure(command)
            least[name] = taken.least(least[name]) if name in least else taken
    return least
