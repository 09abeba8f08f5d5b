"""100,000 mutated samples of every format, with fixed seeds: ``pytest -m nightly``, about an hour on two processors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(1001, 1041)
SAMPLES = 2500  # of each seed
PROCESSES = 2


def share(seed: int, folder: Path) -> dict[str, Any]:
    """Run the samples of one seed in a process of its own; what fails is saved in the folder."""
    command = [sys.executable, "-m", "tests.fuzz", "--seed", str(seed), "--samples", str(SAMPLES), "--shrink", "60"]
    command += ["--save", str(folder), "--summary", str(folder / "summary.json")]
    folder.mkdir()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    failures = [path.read_text("utf-8") for path in sorted(folder.rglob("failure.txt"))]
    if done.returncode and not failures:
        failures = [f"{(folder / 'current.txt').read_text('utf-8')}{done.stdout}{done.stderr[-5000:]}"]
    file = folder / "summary.json"
    summary: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return {"samples": {}, "seconds": 0.0, "memory": 0, "slowest": [], **summary, "failures": failures}


def test_hostile_samples_do_no_harm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, no exit status 3, nothing read or written outside, 20 s and 1 GB at most for each sample."""
    counts = Counter[str]()
    failures: list[str] = []
    seconds, memory, slowest = 0.0, 0, 0.0
    with ThreadPoolExecutor(PROCESSES) as pool:
        for one in pool.map(lambda seed: share(seed, tmp_path / str(seed)), SEEDS):
            counts.update(one["samples"])
            failures += one["failures"]
            seconds += one["seconds"]
            memory = max(memory, one["memory"])
            slowest = max([slowest, *(took for took, _, _ in one["slowest"])])
    with capsys.disabled():
        print(f"\nseeds {SEEDS[0]} to {SEEDS[-1]}, {sum(counts.values()):,} samples: {dict(counts)}")
        print(f"processor time {seconds:.0f} s, slowest sample {slowest:.1f} s, memory at most {memory / 1e6:.0f} MB")
    assert not failures, "\n\n".join(failures)
    assert sum(counts.values()) == len(SEEDS) * SAMPLES
