"""How time and memory of ``trail`` grow with the logs: ``python tests/benchmarks/trail.py --events 10000000``.

Makes logs of half, and of all of the events in a temporary folder (about 1 GB of packed files for ten million), and
reads each in a process of its own; ``--write`` puts what that took into ``docs/commands/trail.md``. Of a hundred events
about one passes a role, three might and do not, and the others are what fills logs: reading, decrypting, assuming
roles. Time is that of the processor, since other programs may run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HELPERS = Path(__file__).resolve().parent.parent / "helpers"
PAGE = HELPERS.parent.parent / "docs" / "commands" / "trail.md"
IN_A_FILE = 2_500
CODE = """
import resource, sys, time
from pathlib import Path
from passrole_checks.cloudtrail import UsageQuery
from passrole_checks.cloudtrail.report import read_usage
from passrole_checks.cloudtrail.model import RequestOutcome
before, begun = time.process_time(), time.time()
report = read_usage([Path(sys.argv[1])], UsageQuery())
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
passed = sum(sum(edge.counts.values()) for edge in report.edges)
print(report.reading.events, passed, time.process_time() - before, time.time() - begun, memory)
"""


def texts(number: int, seed: int) -> Iterator[str]:
    """So many events as JSON, each with an id of its own."""
    sys.path.insert(0, str(HELPERS))
    from trails.writing import Maker

    maker, draw = Maker(seed), random.Random(seed)
    made = [maker.log(noise=3000, repeat=0).events, maker.log(repeat=10).events]
    mays = ("RunInstances", "UpdateFunctionConfiguration", "ModifyDBInstance", "CreateAutoScalingGroup", "CreateStack")
    kinds = [
        [one for one in made[0] if not one["eventName"].startswith((*mays, "SetTopic", "ModifyCluster"))],
        [one for one in made[0] if one["eventName"].startswith(mays)],
        made[1],
    ]
    pools = [[json.dumps(one, separators=(",", ":")).partition('"eventID":"') for one in kind] for kind in kinds]
    for count in range(number):
        before, name, behind = draw.choice(draw.choices(pools, (96, 3, 1))[0])
        yield f"{before}{name}{count:08x}{behind[8:]}"


def write(folder: Path, number: int) -> int:
    """Writes logs of so many events; how many bytes they take."""
    size, batch = 0, []
    for count, text in enumerate(texts(number, 1), 1):
        batch.append(text)
        if len(batch) == IN_A_FILE or count == number:
            file = folder / f"{count:012d}.json.gz"
            file.write_bytes(gzip.compress(f'{{"Records":[{",".join(batch)}]}}'.encode(), 1))
            size += file.stat().st_size
            batch.clear()
    return size


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the logs are made; they are removed again")
    parser.add_argument("--write", action="store_true", help="put the table into docs/commands/trail.md")
    wanted = parser.parse_args()
    rows: list[tuple[float, float, float]] = []
    print(f"{'events':>12} {'MB':>8} {'passes':>9} {'s CPU':>8} {'s':>8} {'µs CPU/event':>13} {'MB memory':>10}")
    for number in (wanted.events // 2, wanted.events):
        with tempfile.TemporaryDirectory(dir=wanted.folder) as name:
            size = write(Path(name), number)
            done = subprocess.run([sys.executable, "-c", CODE, name], capture_output=True, text=True, check=True)
            read, passed, cpu, wall, memory = map(float, done.stdout.split())
            rows.append((read, cpu, memory))
            print(
                f"{read:12,.0f} {size / 1e6:8,.0f} {passed:9,.0f} {cpu:8.1f} {wall:8.1f} {cpu / read * 1e6:13.1f}"
                f" {memory:10.0f}",
                flush=True,
            )
    if wanted.write:
        sys.path.insert(0, str(HELPERS))
        from benchmarking.table import MARK_OF_TRAIL, grown, placed

        PAGE.write_text(placed(PAGE.read_text("utf-8"), grown(*rows), MARK_OF_TRAIL), "utf-8")


if __name__ == "__main__":
    main()
