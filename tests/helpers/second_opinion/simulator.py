"""iam-simulate, an evaluator of IAM policies that others wrote, as one process that answers many cases.

It is installed from npm, by the lock file beside its program (tests/differential), which pins it with checksums. It is
not part of this package and runs as a separate program: its license is the AGPL.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

from second_opinion.cases import Case

HERE = Path(__file__).parents[2] / "differential"
_OLDEST_NODE = 20


class NotHereError(Exception):
    """The simulator cannot be run here; the message says why."""


def install(folder: Path) -> Path:
    """Install the simulator below a folder that several processes may use at a time, once; where it was installed.

    Raises NotHereError.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise NotHereError("there is no npm, which brings iam-simulate")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=60).stdout
    if not version.startswith("v") or int(version[1:].partition(".")[0]) < _OLDEST_NODE:
        raise NotHereError(f"iam-simulate needs Node.js {_OLDEST_NODE}, and this is {version.strip() or 'none'}")
    there = folder / "iam-simulate"
    if there.exists():
        return there
    own = folder / f"iam-simulate-{os.getpid()}"
    own.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "simulate.mjs"):
        shutil.copy(HERE / name, own / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]
    done = subprocess.run(command, cwd=own, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        shutil.rmtree(own)
        raise NotHereError(f"iam-simulate cannot be installed: {done.stderr.strip()[-400:]}")
    try:
        own.rename(there)
    except OSError:  # another process was faster
        shutil.rmtree(own)
    return there


class Simulator:
    """The running program."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["node", "simulate.mjs"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, cases: Iterable[Case]) -> list[list[str]]:
        """The answers to the requests of each case: "Allowed", "ImplicitlyDenied", "ExplicitlyDenied", or "refused: "
        with a reason."""
        wanted = [json.dumps(one.plain()) + "\n" for one in cases]
        assert self._process.stdin is not None and self._process.stdout is not None
        # written beside the reading: else both sides wait for each other once their pipes are full
        writer = threading.Thread(target=self._write, args=(wanted,))
        writer.start()
        answers = [json.loads(self._process.stdout.readline()) for _ in wanted]
        writer.join()
        return answers

    def _write(self, lines: list[str]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.writelines(lines)
        self._process.stdin.flush()

    def close(self) -> None:
        """End the program."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()
