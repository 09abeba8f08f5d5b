"""Lines of a pull request that a comment can be on, and their new numbers when the head moves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff

_HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True)
class Hunk:
    """``lines``: with their sign. ``old`` and ``new``: the numbers of the lines in it, on the left and right."""

    header: str
    lines: tuple[str, ...]
    old: range
    new: range
    offset: int  # how many lines of the file's difference stand before its header

    def side(self, side: str) -> range:
        return self.old if side == "LEFT" else self.new

    def position(self, side: str, line: int) -> int:
        """Return the offset of a line below the first hunk header, as GitHub counts: later headers are lines."""
        skip, number = ("+", self.old.start) if side == "LEFT" else ("-", self.new.start)
        for index, text in enumerate(self.lines, start=1):
            if text[0] == skip:
                continue
            if number == line:
                return self.offset + index
            number += 1
        raise ValueError(f"line {line} is not in {self.header}")

    def upto(self, side: str, line: int) -> str:
        return "\n".join([self.header, *self.lines[: self.position(side, line) - self.offset]])


def hunks(old: str, new: str) -> tuple[Hunk, ...]:
    """Return the hunks of a diff with three context lines."""
    found: list[Hunk] = []
    rows = [row.removesuffix("\n") for row in unified_diff(old.splitlines(True), new.splitlines(True), n=3)][2:]
    starts = [index for index, row in enumerate(rows) if row.startswith("@@")]
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        match = _HEADER.match(rows[start])
        assert match is not None
        old_start, old_count, new_start, new_count = (int(each) if each else 1 for each in match.groups())
        found.append(
            Hunk(
                rows[start],
                tuple(row for row in rows[start + 1 : end]),
                range(old_start, old_start + old_count),
                range(new_start, new_start + new_count),
                start,
            )
        )
    return tuple(found)


def patch(old: str, new: str) -> str:
    return "\n".join(line for hunk in hunks(old, new) for line in (hunk.header, *hunk.lines))


def counts(old: str, new: str) -> tuple[int, int]:
    """Return the numbers of added and removed lines."""
    signs = [line[0] for hunk in hunks(old, new) for line in hunk.lines]
    return signs.count("+"), signs.count("-")


def moved(old: str, new: str) -> dict[int, int]:
    """Map the numbers of unchanged lines to their new ones."""
    matcher = SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    return {
        block.a + index + 1: block.b + index + 1
        for block in matcher.get_matching_blocks()
        for index in range(block.size)
    }


def changed_files(base: Mapping[str, str], head: Mapping[str, str]) -> list[tuple[str, str, str | None]]:
    """Yield each changed file: status, name, and previous name if it was renamed (equal text elsewhere)."""
    gone = {path for path in base if path not in head}
    found: list[tuple[str, str, str | None]] = []
    for path in sorted(head):
        if path in base:
            if base[path] != head[path]:
                found.append(("modified", path, None))
            continue
        before = next((each for each in sorted(gone) if base[each] == head[path]), None)
        if before is None:
            found.append(("added", path, None))
        else:
            gone.discard(before)
            found.append(("renamed", path, before))
    found += [("removed", path, None) for path in sorted(gone)]
    return sorted(found, key=lambda entry: entry[1])
