"""Fuzzing where python-hcl2 reads Terraform, in the environment that has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.second_reader
def test_the_second_reader_does_no_harm_either(tmp_path: Path) -> None:
    """Mutated samples are read or named by python-hcl2 too, in time and in memory."""
    command = [sys.executable, "-m", "tests.fuzz", "--second-reader", "--seed", "106", "--samples", "200"]
    command += ["--target", "scan", "--target", "functions", "--save", str(tmp_path), "--shrink", "20"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)
    saved = "".join(path.read_text("utf-8") for path in sorted(tmp_path.rglob("failure.txt")))
    assert done.returncode == 0, f"{done.stdout}{done.stderr[-3000:]}\n{saved}"
