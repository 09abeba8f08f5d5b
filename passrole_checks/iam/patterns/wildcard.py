"""Match a string against a wildcard pattern in time bounded by the product of both lengths.

A regular expression that tries all ways to distribute a string over many runs does not terminate in reasonable time.
Here each segment between two runs is found at its first match, which leaves the most for those after it.
"""

from __future__ import annotations

import re
from functools import lru_cache


def wildcard_match(pattern: str, text: str, *, run: str = "*", one: str = "?", but: str = "") -> bool:
    """True if ``pattern`` matches the whole of ``text``.

    In ``pattern``, ``run`` matches any characters and ``one`` a single character that is not in ``but``.
    """
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
    """Return the first position at which a segment without runs matches, -1 if there is none."""
    if one not in piece:
        return text.find(piece, start, end)
    found = _compiled(piece, one, but).search(text, start, end)
    return found.start() if found is not None else -1


@lru_cache(maxsize=4096)
def _compiled(piece: str, one: str, but: str) -> re.Pattern[str]:
    other = f"[^{re.escape(but)}]" if but else "."
    return re.compile("".join(other if char == one else re.escape(char) for char in piece), re.DOTALL)
