"""Thousands of mutated samples go through every reader and the evaluation: no exception but ours, no endless run, no
memory without end, and what must hold of each answer holds.

The seeds are fixed, so that a failure is one everywhere; ``python -m tests.fuzz`` looks for more.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing import running

ROOT = Path(__file__).resolve().parents[2]
SHARES = {  # seed and samples of one process; nightly runs 40 seeds with all targets
    "files": (101, 80, ("scan", "required")),
    "versions": (102, 70, ("diff", "suggest", "inputs")),
    "evaluation": (103, 70, ("functions", "policies", "document")),
    "others": (104, 120, ("configuration", "baseline", "bundle")),
    "program": (107, 160, ("command", "repository", "logs", "adapters")),
}


def fuzzed(folder: Path, seed: int, samples: int, targets: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Fuzz in a process of its own, which a fault of a parser in C may end, and which gets 3 GB of memory."""
    command = [sys.executable, "-m", "tests.fuzz", "--seed", str(seed), "--samples", str(samples), "--shrink", "20"]
    command += ["--save", str(folder), *(word for name in targets for word in ("--target", name))]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)


@pytest.mark.parametrize("share", SHARES)
def test_mutated_samples_do_no_harm(tmp_path: Path, share: str) -> None:
    """Every sample is read or refused, in time and in memory, and every answer is one that can be true."""
    done = fuzzed(tmp_path, *SHARES[share])
    saved = "".join(path.read_text("utf-8") for path in sorted(tmp_path.rglob("failure.txt")))
    assert done.returncode == 0, f"{done.stdout}{done.stderr[-3000:]}\n{saved}"
    assert done.stdout.splitlines()[-1] == "0 failures"


def test_nothing_is_kept_of_what_was_read() -> None:
    """The same samples in new folders, again and again, take no more memory than before, but for bounded caches."""
    assert running.growth(seed=105, samples=8, rounds=3) < 150_000
