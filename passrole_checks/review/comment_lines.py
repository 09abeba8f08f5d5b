"""Lines of HEAD that a comment can be on: those in the hunks of the diff of both versions.

A forge shows a change in hunks, each changed line with three unchanged ones around it, and accepts comments only there.
Hunks are those of git (git-diff(1), ``-U3``) if both versions of a file are git objects, and else computed here.
Source: GitHub REST API, "Create a review comment for a pull request" (``line``, ``start_line``, ``side``,
``subject_type``); a range must be within one hunk.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from passrole_checks.git_versions import Snapshots
from passrole_checks.git_versions.git import TooMuchOutputError
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.review.report import Anchor, Location

_CONTEXT = 3
_HUNK = lazy_regex(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_MAX_FILE_BYTES = 5_000_000
_MAX_DIFF_LINES = 5_000  # between the first and last difference, to compare line by line


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines ``first`` to ``last`` of the new version of a file, 1-based and inclusive. ``changed``: those that are not
    in the old version. ``gone``: pairs of a line of the old version that was removed, and the line of the new version
    that follows it."""

    first: int
    last: int
    changed: frozenset[int]
    gone: tuple[tuple[int, int], ...] = ()

    def clip(self, line: int, end_line: int) -> tuple[int, int] | None:
        """Return the part of a range that is in this hunk."""
        first, last = max(line, self.first), min(end_line, self.last)
        return (first, last) if first <= last else None


class Anchors:
    """The hunks of all files that differ between two versions, computed on demand.

    ``unlike_head``: files whose lines in the new version differ from the commit that comments belong to; True if that
    commit has the file at all. Comments on them can only be on the whole file.
    """

    def __init__(self, snapshots: Snapshots, unlike_head: Mapping[str, bool] | None = None) -> None:
        self._snapshots, self._unlike_head = snapshots, unlike_head or {}
        self._old_names = {change.new: change.old for change in snapshots.changed if change.new is not None}
        self._entries = [{entry.path: entry for entry in side} for side in snapshots.entries]
        self._hunks: dict[str, tuple[Hunk, ...]] = {}

    def is_touched(self, file: str) -> bool:
        """True if a file of HEAD differs from that of BASE, or is new."""
        return file in self._old_names

    def is_new(self, file: str) -> bool:
        """True if BASE does not have a file of HEAD, under any name."""
        return file in self._old_names and self._old_names[file] is None

    def hunks(self, file: str) -> tuple[Hunk, ...]:
        """Return the hunks of a file of HEAD, in order; none if it is unchanged, binary or too large."""
        if not self.is_touched(file):
            return ()
        if file not in self._hunks:
            self._hunks[file] = tuple(self._compute_hunks(file))
        return self._hunks[file]

    def hunk_of(self, file: str, line: int, end_line: int) -> Hunk | None:
        """Return the hunk that contains all of these lines; None if no comment can be on them."""
        if file in self._unlike_head:
            return None
        return next((hunk for hunk in self.hunks(file) if hunk.first <= line and end_line <= hunk.last), None)

    def anchor(self, at: Location, cause: Location | None = None, *, cause_removed: bool = False) -> Anchor | None:
        """Return where to comment on the lines ``at``: their part in the first hunk that changes them; else the
        ``cause`` (of BASE, if ``cause_removed``); else their part in any hunk; else the file."""
        if not _is_utf8(at.file):
            return None
        if at.file in self._unlike_head:
            return self._at_file(at.file) or (self._at_cause(cause, removed=cause_removed) if cause else None)
        shown = [(hunk, lines) for hunk in self.hunks(at.file) if (lines := hunk.clip(at.line, at.end_line))]
        changed = next((lines for hunk, lines in shown if _overlaps(hunk.changed, *lines)), None)
        if changed is not None:
            return Anchor(at.file, *changed)
        if cause is not None:
            at_cause = self._at_cause(cause, removed=cause_removed)
            if at_cause is not None:
                return at_cause
        if shown:
            return Anchor(at.file, *shown[0][1])
        at_cause_file = cause is not None and cause.file in self._unlike_head
        return self._at_file(at.file) or (self._at_file(cause.file) if cause is not None and at_cause_file else None)

    def _at_file(self, file: str) -> Anchor | None:
        is_possible = self.is_touched(file) and _is_utf8(file) and self._unlike_head.get(file, True)
        return Anchor(file, 0, 0) if is_possible else None

    def _at_cause(self, cause: Location, *, removed: bool) -> Anchor | None:
        if not _is_utf8(cause.file):
            return None
        if not removed:
            if cause.file in self._unlike_head:
                return None
            shown = (hunk.clip(cause.line, cause.end_line) for hunk in self.hunks(cause.file))
            lines = next(filter(None, shown), None)
            return Anchor(cause.file, *lines) if lines is not None else None
        file = next((new for new, old in self._old_names.items() if old == cause.file), None)
        for hunk in self.hunks(file) if file is not None and file not in self._unlike_head else ():
            for old, new in hunk.gone:
                if old == cause.line and file is not None and hunk.first <= hunk.last:
                    line = min(max(new, hunk.first), hunk.last)
                    return Anchor(file, line, line)
        return None

    # -- hunks

    def _compute_hunks(self, file: str) -> Iterator[Hunk]:
        before = self._old_names[file]
        old = self._entries[0].get(before) if before is not None else None
        new = self._entries[1].get(file)
        if old is not None and new is not None and old.id and new.id:
            with suppress(TooMuchOutputError):
                yield from list(_git_hunks(self._snapshots, old.id, new.id))
            return
        texts = [
            _read_lines(self._snapshots.folders[side] / name) if name is not None else []
            for side, name in ((0, before), (1, file))
        ]
        if texts[0] is not None and texts[1] is not None:
            yield from text_hunks(texts[0], texts[1])


def _git_hunks(snapshots: Snapshots, old: str, new: str) -> Iterator[Hunk]:
    # all options that git's configuration could change
    options = [f"-U{_CONTEXT}", "--inter-hunk-context=0", "--diff-algorithm=default", "--indent-heuristic"]
    options += ["--no-ext-diff", "--no-textconv", "--no-color", "--no-prefix"]
    command = ["diff", *options, "--end-of-options", old, new]
    lines = snapshots.repository.records(command, separator=b"\n", most=_MAX_FILE_BYTES)
    for line in lines:
        header = _HUNK.match(line)
        if header is None:
            continue
        counts = [int(part) if part is not None else 1 for part in (header[2], header[4])]
        before, after = int(header[1]), int(header[3])
        before += counts[0] == 0  # for an empty side git names the line before it
        after += counts[1] == 0
        first, last = after, after + counts[1] - 1
        changed, gone = set[int](), []
        while (counts[0] > 0 or counts[1] > 0) and (content := next(lines, None)) is not None:
            mark = content[:1]
            if mark == b"-":
                gone.append((before, after))
            elif mark == b"+":
                changed.add(after)
            mark = mark or b" "  # with diff.suppressBlankEmpty
            if mark in (b"-", b" "):
                before, counts[0] = before + 1, counts[0] - 1
            if mark in (b"+", b" "):
                after, counts[1] = after + 1, counts[1] - 1
        yield Hunk(first, last, frozenset(changed), tuple(gone))


def text_hunks(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[Hunk]:
    """Yield the hunks of two texts, given as lines."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    a, b = old[start : len(old) - end], new[start : len(new) - end]
    codes = [("replace", 0, len(a), 0, len(b))]
    if max(len(a), len(b)) <= _MAX_DIFF_LINES:
        codes = [*difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()]
    pieces = [(i + start, j + start, k + start, m + start) for tag, i, j, k, m in codes if tag != "equal" and (a or b)]
    groups: list[list[tuple[int, int, int, int]]] = []
    for piece in pieces:
        if groups and piece[2] - groups[-1][-1][3] <= 2 * _CONTEXT:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    for group in groups:
        first = max(group[0][2] - _CONTEXT, 0) + 1
        last = min(group[-1][3] + _CONTEXT, len(new))
        changed = frozenset(line + 1 for _, _, k, m in group for line in range(k, m))
        gone = tuple((line + 1, k + 1) for i, j, k, _ in group for line in range(i, j))
        yield Hunk(first, last, changed, gone)


def _read_lines(path: Path) -> list[bytes] | None:
    try:
        data = path.read_bytes() if path.stat().st_size <= _MAX_FILE_BYTES else b"\0"
    except OSError:
        return None
    if b"\0" in data:
        return None
    return data.splitlines(keepends=True) if b"\r" not in data else [line + b"\n" for line in data.split(b"\n")]


def _overlaps(lines: frozenset[int], first: int, last: int) -> bool:
    return any(line in lines for line in range(first, last + 1))


def _is_utf8(file: str) -> bool:
    """True if a path is UTF-8; git accepts any bytes in names, the APIs of forges do not."""
    try:
        file.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
