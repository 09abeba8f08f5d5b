"""Where in the difference of a merge request a thread stands, as GitLab wants it named.

GitLab names a line by its numbers in both versions of the file: an added one by the new number alone, an unchanged one
by both, and by both paths in any case. Any other combination is refused, or leads to a thread that stands nowhere.
Which lines are which is read from GitLab's own version of the difference, since the position is looked up in that.

Source: GitLab Docs, "Discussions API", section on threads in the difference of a merge request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from passrole_checks.review.gitlab.api import FileDiff, Version
from passrole_checks.review.report import Anchor

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True, slots=True)
class DiffPosition:
    """``line`` of HEAD that it is at, 0: at the file as a whole. ``fields``: as GitLab takes it."""

    line: int
    fields: Mapping[str, Any]


class Positions:
    """The places of one version of the difference."""

    def __init__(self, version: Version, diffs: Sequence[FileDiff]) -> None:
        self._version = version
        self._files = {each.new_path: each for each in diffs if each.new_path and not each.is_deleted}
        self._lines: dict[str, dict[int, int | None]] = {}

    def at(self, anchor: Anchor) -> DiffPosition | None:
        """The place of a comment that is on the lines of ``anchor``: the last of them that was added, else the last one
        that GitLab shows, else the file. None for a file that is not in the difference."""
        file = self._files.get(anchor.file)
        if file is None:
            return None
        lines = self._of(file) if anchor.line > 0 else {}
        shown = [line for line in lines if anchor.line <= line <= anchor.end_line]
        added = [line for line in shown if lines[line] is None]
        if not shown:
            return DiffPosition(0, self._fields(file, "file"))
        line = max(added or shown)
        fields = {**self._fields(file, "text"), "new_line": line}
        old_line = lines[line]
        return DiffPosition(line, fields if old_line is None else {**fields, "old_line": old_line})

    def _fields(self, file: FileDiff, kind: str) -> dict[str, Any]:
        version = self._version
        return {
            "position_type": kind,
            "base_sha": version.base_sha,
            "start_sha": version.start_sha,
            "head_sha": version.head_sha,
            "old_path": file.old_path or file.new_path,
            "new_path": file.new_path,
        }

    def _of(self, file: FileDiff) -> dict[int, int | None]:
        if file.new_path not in self._lines:
            self._lines[file.new_path] = dict(lines_of(file.diff))
        return self._lines[file.new_path]


def lines_of(diff: str) -> Iterator[tuple[int, int | None]]:
    """The lines of the new version that hunks show, each with its number in the old version, None where it is added."""
    old = new = 0
    for text in diff.split("\n"):
        head = _HUNK.match(text)
        if head is not None:
            old, new = int(head[1]), int(head[2])
        elif text.startswith("+") and new:
            yield new, None
            new += 1
        elif text.startswith("-"):
            old += 1
        elif text.startswith(" ") and new:
            yield new, old
            old, new = old + 1, new + 1
