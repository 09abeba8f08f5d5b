"""Runs of the command line in which something happens to a worker process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PREPARED = """\
import multiprocessing, os, pathlib, resource, signal, sys, time
from passrole_checks.cli import main
from passrole_checks.sources import detect

real, here = detect.load, os.getpid()
def load(unit, **inputs):
    if os.getpid() != here and unit.path.name == "root-3":
        trouble(pathlib.Path("marker"))
    return real(unit, **inputs)
detect.load = load
"""
DIES_ONCE = """
def trouble(marker):
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""
DIES = """
def trouble(marker):
    with marker.open("a") as times:
        times.write("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""
RAISES = """
def trouble(marker):
    raise KeyError("a fault")
"""
# Those in the background of a shell ignore an interrupt.
RUN = "\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nsys.exit(main())\n"


def ran(
    arguments: Sequence[object], folder: Path = ROOT, script: str | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The command line, run in a process of its own; with ``script``, which runs it after some preparation."""
    start = ["-m", "passrole_checks"] if script is None else ["-c", script]
    return subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PASSROLE_CHECKS_DEBUG": "", **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
