"""Where the time of a scan goes, by rooms of the package: ``profiled.py scan PATH`` prints a table of shares.

What a room calls of other packages (tree-sitter, libyaml, the standard library) counts as its own. The profiler makes
calls dearer than they are, so that rooms with many small functions look larger here.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import sys
from collections import Counter
from contextlib import redirect_stdout, suppress
from typing import Any

_Function = tuple[str, int, str]
_PACKAGE = "/passrole_checks/"
_LEAST = 0.01


def room(file: str) -> str | None:
    """The room that a file is in: two folders deep in ``sources``, one elsewhere; None for what is not ours."""
    _, found, inside = file.replace("\\", "/").rpartition(_PACKAGE)
    if not found:
        return None
    names = inside.split("/")
    return "/".join(names[: 3 if names[0] == "sources" else 1]).removesuffix(".py")


def by_rooms(statistics: dict[_Function, Any]) -> Counter[str]:
    """Seconds of each room, of pstats' statistics: own time of functions, others' time by who calls them."""
    rooms: Counter[str] = Counter()
    for function, (_, _, own, _, callers) in statistics.items():
        if function[2] == "<module>" or function[0].startswith("<frozen importlib"):
            rooms["imports"] += own
        else:
            _give(rooms, statistics, function, own, callers, frozenset())
    return rooms


def _give(
    rooms: Counter[str],
    statistics: dict[_Function, Any],
    function: _Function,
    seconds: float,
    callers: dict[_Function, Any],
    seen: frozenset[_Function],
) -> None:
    name = room(function[0])
    if function[0].startswith("<frozen importlib"):
        name = "imports"
    known = {caller: told[2] for caller, told in callers.items() if caller not in seen}
    total = sum(known.values())
    if name is not None or not total or len(seen) > 6:
        rooms[name or "other"] += seconds
        return
    for caller, part in known.items():
        if part:
            around = statistics[caller][4]
            _give(rooms, statistics, caller, seconds * part / total, around, seen | {function})


def main(arguments: list[str]) -> None:
    """Profile a command of ours in this process, imports included, and print the shares."""
    profiler = cProfile.Profile()
    with redirect_stdout(io.StringIO()), suppress(SystemExit):
        profiler.enable()
        from passrole_checks.cli import main as run

        run(arguments)
    profiler.disable()
    rooms = by_rooms(pstats.Stats(profiler).stats)
    total = sum(rooms.values())
    small = sum(seconds for seconds in rooms.values() if seconds < _LEAST * total)
    for name, seconds in rooms.most_common():
        if seconds >= _LEAST * total:
            print(f"| `{name}` | {seconds / total:.0%} |")
    print(f"| the rest | {small / total:.0%} |")


if __name__ == "__main__":
    main(sys.argv[1:])
