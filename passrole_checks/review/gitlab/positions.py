"""Positions of threads in the diff of a merge request, as GitLab's API takes them.

GitLab names a line by its numbers in both versions of the file: an added line by the new number only, an unchanged line
by both; and always by both paths. It refuses any other combination, or shows the thread nowhere. Added and unchanged
lines are read from GitLab's own version of the diff, in which it looks the position up.

Source: GitLab Docs, "Discussions API", section on threads in the merge request diff.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.review.forge import DiffPosition
from passrole_checks.review.report import Anchor

_HUNK = lazy_regex(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the diff of a merge request, which positions refer to."""

    id: int
    base_sha: str
    start_sha: str
    head_sha: str


@dataclass(frozen=True, slots=True)
class FileDiff:
    """``diff``: the hunks, without a header; "" where GitLab has none (large and binary files, renames)."""

    old_path: str
    new_path: str
    diff: str
    is_deleted: bool


class Positions:
    """The positions in one version of the diff."""

    def __init__(self, version: Version, diffs: Sequence[FileDiff]) -> None:
        self._version = version
        self._files = {diff.new_path: diff for diff in diffs if diff.new_path and not diff.is_deleted}
        self._lines: dict[str, dict[int, int | None]] = {}

    def at(self, anchor: Anchor) -> DiffPosition | None:
        """Return the position of a comment on the lines of ``anchor``: the last added line of them, else the last one
        that GitLab shows, else the file. None for a file that is not in the diff."""
        file = self._files.get(anchor.file)
        if file is None:
            return None
        lines = self._old_lines(file) if anchor.line > 0 else {}
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

    def _old_lines(self, file: FileDiff) -> dict[int, int | None]:
        if file.new_path not in self._lines:
            self._lines[file.new_path] = dict(diff_line_numbers(file.diff))
        return self._lines[file.new_path]


def diff_line_numbers(diff: str) -> Iterator[tuple[int, int | None]]:
    """Yield each line of the new version in the hunks, with its number in the old version, or None if it was added."""
    old = new = 0
    for text in diff.split("\n"):
        header = _HUNK.match(text)
        if header is not None:
            old, new = int(header[1]), int(header[2])
        elif text.startswith("+") and new:
            yield new, None
            new += 1
        elif text.startswith("-"):
            old += 1
        elif text.startswith(" ") and new:
            yield new, old
            old, new = old + 1, new + 1
