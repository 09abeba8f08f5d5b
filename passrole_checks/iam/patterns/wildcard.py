"""Whether a text fits a pattern of characters, runs of any characters, and single ones, in time that is bounded by the
product of both lengths: a regular expression that tries all ways to share a text among many runs does not end.

Each piece between two runs is looked for at the first place where it fits, which leaves most to those after it.
"""

from __future__ import annotations

import re
from functools import lru_cache


def takes(pattern: str, text: str, *, run: str = "*", one: str = "?", but: str = "") -> bool:
    """Whether the whole of ``text`` fits. ``run`` stands for any characters in ``pattern``, ``one`` for one, which is
    none of ``but``."""
    first, *pieces = pattern.split(run)
    if not pieces:
        return len(first) == len(text) and _find(first, text, 0, len(text), one, but) == 0
    last = pieces.pop()
    place, end = len(first), len(text) - len(last)
    if place > end or _find(first, text, 0, place, one, but) != 0 or _find(last, text, end, len(text), one, but) != end:
        return False
    for piece in pieces:
        place = _find(piece, text, place, end, one, but)
        if place < 0:
            return False
        place += len(piece)
    return True


def _find(piece: str, text: str, start: int, end: int, one: str, but: str) -> int:
    """The first place between two others at which a piece without runs fits; -1 where there is none."""
    if one not in piece:
        return text.find(piece, start, end)
    found = _compiled(piece, one, but).search(text, start, end)
    return found.start() if found is not None else -1


@lru_cache(maxsize=4096)
def _compiled(piece: str, one: str, but: str) -> re.Pattern[str]:
    other = f"[^{re.escape(but)}]" if but else "."
    return re.compile("".join(other if char == one else re.escape(char) for char in piece), re.DOTALL)
