"""How long inputs take that are made to take long, as ratios within one run::

    python -m tests.benchmarks.hostile                    # every family, scan, at half its large size and at the whole
    python -m tests.benchmarks.hostile --command diff roles_that_pass_each_other

Told are processor seconds of whole processes, and how they grow when the number that makes the input is doubled. What
takes more than 20 seconds is marked, and so is what grows by more than its family may.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

from adversarial import FAMILIES, Family

_COMMANDS = {
    "scan": ["scan", "new", "--no-cache", "--severity", "info"],
    "grants": ["grants", "new", "--format", "html"],
    "required": ["required", "new"],
    "suggest": ["suggest", "new"],
    "diff": ["diff", "old", "new"],
}
_MOST_SECONDS = 20
_START = 0.5  # seconds of start and imports; below twice that no growth is reported


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.hostile", description=__doc__.partition("::")[0])
    parser.add_argument("families", nargs="*", metavar="FAMILY", help="only these")
    parser.add_argument("--command", action="append", choices=_COMMANDS, default=[], help="repeatable; default: scan")
    asked = parser.parse_args(arguments)
    slow = False
    print("| family | command | bytes | half, s | whole, s | growth |\n|---|---|---|---|---|---|")
    for family in FAMILIES:
        if asked.families and family.name not in asked.families:
            continue
        for command in asked.command or ["scan"]:
            (_, half), (size, whole) = (_measured(family, n, command) for n in (family.large // 2, family.large))
            growth = (whole - _START) / (half - _START) if half > 2 * _START else None
            marked = whole > _MOST_SECONDS or (growth or 0) > (family.most or float("inf"))
            slow |= marked
            told = (f"{growth:.1f}" if growth is not None else "") + " **!**" * marked
            print(f"| {family.name} | {command} | {size:,} | {half:.1f} | {whole:.1f} | {told} |", flush=True)
    return int(slow)


def _measured(family: Family, n: int, command: str) -> tuple[int, float]:
    """The bytes of an input, and the processor seconds of a command on it."""
    with tempfile.TemporaryDirectory(prefix="passrole-hostile-") as folder:
        top = Path(folder)
        family.write(top / "new", n)
        family.write(top / "old", max(1, n - 1))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "passrole_checks", *_COMMANDS[command]], cwd=top, capture_output=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = sum(file.stat().st_size for file in (top / "new").rglob("*") if file.is_file())
    return size, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
