"""Making a failing sample small: files, lines and pieces are left out as long as it fails in the same way.

After Andreas Zeller and Ralf Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE Transactions on
Software Engineering 28 (2002), in its simple form: complements only.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from fuzzing.corpus import Tree

_PIECES = (re.compile(rb"(?<=\n)"), re.compile(rb"(?<=[\s{}\[\](),:\"=])"), re.compile(rb"(?<=.)", re.DOTALL))
_MOST_PIECES = 4_000


def smallest(tree: Tree, fails: Callable[[Tree], bool], seconds: float = 60.0) -> Tree:
    """A smaller tree that ``fails`` as well; the same one where nothing can be left out, or once the time is over."""
    until = time.monotonic() + seconds

    def still(smaller: Tree) -> bool:
        return time.monotonic() < until and fails(smaller)

    for name in sorted(tree):
        without = {other: content for other, content in tree.items() if other != name}
        if without and still(without):
            tree = without
    for pieces in _PIECES:
        for name in sorted(tree):
            parts = [part for part in pieces.split(tree[name]) if part]
            if len(parts) <= _MOST_PIECES:
                whole = tree
                left = _fewest(parts, lambda some, name=name, whole=whole: still({**whole, name: b"".join(some)}))
                tree = {**tree, name: b"".join(left)}
    return tree


def _fewest(parts: Sequence[bytes], fails: Callable[[Sequence[bytes]], bool]) -> Sequence[bytes]:
    """Fewer of the parts that fail still: ever smaller runs of them are left out."""
    size = max(len(parts) // 2, 1)
    while parts:
        start = 0
        while start < len(parts):
            fewer = [*parts[:start], *parts[start + size :]]
            if fails(fewer):
                parts = fewer
            else:
                start += size
        if size == 1:
            return parts
        size //= 2
    return parts
