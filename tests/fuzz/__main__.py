"""Fuzzing by hand, for as long as you like::

    python -m tests.fuzz --minutes 30 --seed 7 --save /tmp/found
    python -m tests.fuzz --seed 7 --only scan:1234        # one sample again, its files printed

What fails is made small and saved with its traceback. The exit status is 1 where something failed.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fuzzing import commands, running, watching


def main(arguments: list[str] | None = None) -> int:
    names = [target.name for target in running.TARGETS]
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("::")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, help="how long; default: until --samples are done")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--target", action="append", choices=names, default=[], help="only these; repeatable")
    parser.add_argument("--only", metavar="TARGET:NUMBER", help="one sample")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="where samples that fail are written, made small")
    parser.add_argument("--shrink", type=float, default=60, metavar="SECONDS", help="how long each is made small")
    parser.add_argument("--memory", type=float, default=3, metavar="GB", help="what the process may take")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write the counts as JSON")
    parser.add_argument("--second-reader", action="store_true", help="read Terraform with python-hcl2")
    given = parser.parse_args(arguments)
    os.environ["PASSROLE_CHECKS_DEBUG"] = "1"  # so that an exception ends the sample, and is no fault in its result
    if given.second_reader:
        sys.modules["tree_sitter_hcl"] = None  # as if it were not installed
    running.limit_memory(given.memory)
    faulthandler.enable()
    if given.only:
        try:
            return one(given.only, given.seed)
        finally:
            commands.leave()
    until = time.monotonic() + given.minutes * 60 if given.minutes else None

    def goes_on(count: int) -> bool:
        return time.monotonic() < until if until is not None else count < given.samples

    try:
        return report(running.run(*work(given, goes_on)), given)
    finally:
        commands.leave()


def work(given: argparse.Namespace, goes_on: Callable[[int], bool]) -> tuple[Any, ...]:
    """The arguments of :func:`running.run`."""
    current = None
    if given.save is not None:
        given.save.mkdir(parents=True, exist_ok=True)
        current = given.save / "current.txt"
    return running.order(given.target), given.seed, goes_on, lambda line: print(line, flush=True), current


def report(summary: running.Summary, given: argparse.Namespace) -> int:
    """Save what failed, made small, and print the counts. Return the exit status."""
    for failure in summary.failures:
        if given.save is not None:
            print("saved", running.save(failure, running.shrunk(failure, given.shrink), given.save, given.seed))
        else:
            print(failure.trace)
    for key, times in summary.again.items():
        print(f"{times} more: {key}")
    print("samples:", ", ".join(f"{name} {count}" for name, count in summary.samples.items()))
    print("slowest:", ", ".join(f"{name}:{number} {took:.2f} s" for took, name, number in summary.slowest[:5]))
    print(f"processor: {summary.seconds:.0f} s; memory: at most {summary.memory // 1_000_000} MB")
    if given.summary is not None:
        counts = {"samples": summary.samples, "seconds": summary.seconds, "memory": summary.memory}
        given.summary.write_text(json.dumps({**counts, "slowest": summary.slowest}), "utf-8")
    print(f"{len(summary.failures)} failures")
    return 1 if summary.failures else 0


def one(name: str, seed: int) -> int:
    """Run one sample again and print it."""
    target_name, _, number = name.partition(":")
    (target,) = (target for target in running.TARGETS if target.name == target_name)
    tree = running.sample(target, seed, int(number))
    for file, content in tree.items():
        print(f"== {file}\n{content.decode('utf-8', 'backslashreplace')}")
    began = watching.processor_time()
    failed = running.fails(target, tree, memory=True)
    print(f"== {watching.processor_time() - began:.2f} s\n{failed[1] if failed else 'all holds'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
