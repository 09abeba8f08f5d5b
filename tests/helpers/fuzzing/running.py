"""Run numbered samples one after the other: seed, target and number identify each, and each fails alone."""

from __future__ import annotations

import faulthandler
import gc
import os
import random
import re
import sys
import traceback
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

from fuzzing import commands, layout, targets
from fuzzing.corpus import ROOT, Tree
from fuzzing.guard import Forbidden
from fuzzing.shrinking import smallest
from fuzzing.targets import Target
from fuzzing.watching import SECONDS, TooLong, in_memory, in_process_memory, in_time, peak_memory, processor_time

TARGETS = (*targets.TARGETS, *commands.TARGETS)
_EACH_NTH_IN_MEMORY = 25
_NAMED = 10  # of the slowest
_STUCK = 900  # seconds


@dataclass(frozen=True)
class Failure:
    """``kind``: the exception and the innermost place in our code, the same for every sample with this cause."""

    target: str
    number: int
    kind: str
    trace: str
    tree: Tree


@dataclass
class Summary:
    """``slowest``: seconds, target and number of the samples that took longest. ``seconds``: processor time of all
    samples. ``memory``: the most bytes that the process held during one of them.
    """

    samples: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    memory: int = 0
    failures: list[Failure] = field(default_factory=list)
    again: dict[str, int] = field(default_factory=dict)
    slowest: list[tuple[float, str, int]] = field(default_factory=list)


def sample(target: Target, seed: int, number: int) -> Tree:
    """The sample of that number."""
    return target.make(random.Random(f"{seed}:{target.name}:{number}"))


def fails(target: Target, tree: Tree, *, memory: bool = False, seconds: float = SECONDS) -> tuple[str, str] | None:
    """Run the target on a sample. Return kind and traceback of a failure, None without one."""
    place = commands.ground()
    with place.sample(tree) as folder:
        try:
            with in_time(seconds), in_process_memory():
                if memory:
                    with in_memory(sum(map(len, tree.values()))):
                        target.run(folder)
                else:
                    target.run(folder)
        except KeyboardInterrupt:
            raise
        except (Exception, TooLong, Forbidden) as error:
            trace = "".join(traceback.format_exception(error)[-30:])
            return _kind(error), trace.replace(str(folder.parent), "FOLDER").replace(str(place.top), "GROUND")
    return None


def _kind(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, TooLong):
        return "too long"
    ours = [frame for frame in frames if f"{os.sep}passrole_checks{os.sep}" in frame.filename]
    if isinstance(error, AssertionError) or not ours:
        return f"{type(error).__name__}: {frames[-1].name}: {re.sub('[0-9]+', '0', str(error))[:30]}"
    innermost = ours[-4:] if isinstance(error, Forbidden) else ours[-1:]  # much is opened in one place
    return f"{type(error).__name__} in {', '.join(f'{Path(one.filename).name}:{one.name}' for one in innermost)}"


def order(names: Sequence[str] = ()) -> Iterator[tuple[Target, int]]:
    """Yield targets with the numbers of their samples, endlessly, in proportion to their weights."""
    chosen = [target for target in TARGETS if not names or target.name in names]
    counts = dict.fromkeys((target.name for target in chosen), 0)
    while True:
        for target in chosen:
            for _ in range(target.weight):
                yield target, counts[target.name]
                counts[target.name] += 1


def run(
    samples: Iterator[tuple[Target, int]],
    seed: int,
    goes_on: Callable[[int], bool],
    tell: Callable[[str], None] = lambda _: None,
    current: Path | None = None,
) -> Summary:
    """Run samples while ``goes_on``, which gets the number of those that were run. Of equal failures keep the first.

    ``current``: a file that names the sample that runs, for a process that a library in C has ended.
    """
    summary = Summary()
    kinds: set[str] = set()
    for count, (target, number) in enumerate(samples):
        if not goes_on(count):
            break
        tree = sample(target, seed, number)
        if current is not None:
            current.write_text(f"--seed {seed} --only {target.name}:{number}\n", "utf-8")
        faulthandler.dump_traceback_later(_STUCK, exit=True)  # in C code, which no signal stops
        began = processor_time()
        failed = fails(target, tree, memory=number % _EACH_NTH_IN_MEMORY == _EACH_NTH_IN_MEMORY - 1)
        took = processor_time() - began
        faulthandler.cancel_dump_traceback_later()
        summary.seconds += took
        summary.memory = max(summary.memory, peak_memory())
        summary.samples[target.name] = summary.samples.get(target.name, 0) + 1
        summary.slowest = sorted([*summary.slowest, (took, target.name, number)], reverse=True)[:_NAMED]
        if failed is None:
            continue
        kind, trace = failed
        key = f"{target.name}: {kind}"
        if key in kinds:
            summary.again[key] = summary.again.get(key, 0) + 1
            continue
        kinds.add(key)
        summary.failures.append(Failure(target.name, number, kind, trace, tree))
        tell(f"{key} (--seed {seed} --only {target.name}:{number})")
    return summary


def shrunk(failure: Failure, seconds: float) -> Tree:
    """A small sample that fails in the same way."""
    (target,) = (target for target in TARGETS if target.name == failure.target)
    memory = failure.kind.startswith("TooMuch")
    limit = SECONDS if failure.kind != "too long" else SECONDS / 3

    def same(tree: Tree) -> bool:
        found = fails(target, tree, memory=memory, seconds=limit)
        return found is not None and found[0] == failure.kind

    return smallest(failure.tree, same, seconds)


def save(failure: Failure, tree: Tree, folder: Path, seed: int) -> Path:
    """Write a sample, and beside it what happened."""
    place = folder / f"{failure.target}-{seed}-{failure.number}"
    place.mkdir(parents=True, exist_ok=True)
    layout.write(tree, place / "sample")
    command = f"python -m tests.fuzz --seed {seed} --only {failure.target}:{failure.number}\n\n"
    (place / "failure.txt").write_text(command + failure.trace, "utf-8", errors="backslashreplace")
    return place


def growth(seed: int, samples: int, rounds: int) -> int:
    """Return how many bytes of Python's memory each round adds, at least: the least of all rounds after the first two.

    Each round runs the same samples in new folders, so that what is kept of each of them shows in every round. What
    grows now and then, such as the interpreter's table of interned strings, shows in one. Caches of a bounded size are
    emptied first.
    """
    held: list[int] = []
    tracemalloc.start()
    try:
        for _ in range(rounds):
            for (target, place), _ in zip(order(), range(samples), strict=False):
                fails(target, sample(target, seed, place))
            _empty_caches()
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    return min(after - before for before, after in pairwise(held[1:]))


def _modules() -> list[ModuleType]:
    return [module for name, module in sorted(sys.modules.items()) if name.partition(".")[0] == "passrole_checks"]


def caches() -> list[Any]:
    """The functions of the package that keep their answers."""
    named = [value for module in _modules() for value in vars(module).values()]
    return list({id(one): one for one in named if hasattr(one, "cache_parameters")}.values())


def _empty_caches() -> None:
    for one in caches():
        if one.cache_parameters()["maxsize"] is not None:
            one.cache_clear()
    for module in _modules():
        for name, value in vars(module).items():
            if isinstance(value, dict) and name.startswith("_") and name.islower() and not name.startswith("__"):
                value.clear()  # kept by hand; constants have names in capitals


def limit_memory(gigabytes: float) -> None:
    """From here on this process gets no more memory than that, so that a sample fails and not the machine."""
    if sys.platform == "linux":
        import resource

        most = int(gigabytes * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


__all__ = [
    "ROOT",
    "TARGETS",
    "Failure",
    "Summary",
    "caches",
    "fails",
    "growth",
    "limit_memory",
    "order",
    "run",
    "sample",
    "save",
    "shrunk",
]
