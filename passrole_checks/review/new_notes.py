"""Select the notes of two versions that a change is responsible for.

A note is new if only the new version has it, wherever in the file it is and whatever the file is called. A note that
only the old version has is of interest only where its subject still exists: what the new version grants there may not
be new. A file that cannot be read in either version has a note if it has changed.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from passrole_checks.diff.module_calls import CHANGED
from passrole_checks.diff.unreadable_base import COUNTS_AS_NEW
from passrole_checks.git_versions import Snapshots
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.scan.analyze import UNKNOWN_POLICY
from passrole_checks.sources.detect import UNREADABLE_TEMPLATE
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.configuration import NoteKind, Unreadable

_COUNT = lazy_regex(r"\d+")
_NAMING = frozenset({
    NoteKind.NO_INSTANCE, NoteKind.UNUSED_DOCUMENT, NoteKind.DEFINED_ELSEWHERE, NoteKind.LIMIT_NOT_COUNTED,
    NoteKind.DUPLICATE_KEY,
})  # fmt: skip
"""Kinds whose reasons name what they are about, so that it can be followed into another file."""
_ABSENT = frozenset({
    NoteKind.NO_INSTANCE, NoteKind.UNUSED_DOCUMENT, NoteKind.VALUE_FILE, NoteKind.COMMAND, NoteKind.LIMIT_NOT_COUNTED,
    NoteKind.DUPLICATE_KEY,
})  # fmt: skip
"""Kinds about what granted nothing, or may have granted less, in the old version: access in its place is new."""


_QUIET = frozenset({
    NoteKind.MODULE, NoteKind.SUBMODULE, NoteKind.NO_INSTANCE, NoteKind.UNUSED_DOCUMENT, NoteKind.VALUE_FILE,
    NoteKind.LIMIT_NOT_COUNTED, NoteKind.DUPLICATE_KEY,
})  # fmt: skip
"""Kinds of notes that most changes of infrastructure code bring along, as every update of a module's version does."""
_MOVED_AWAY = ", and its location has changed"
_ABOUT_ACCESS = lazy_regex(r"passrole|\biam\b|polic|\barn:|(?<![\w/.-])\*(?![\w/.-])", re.IGNORECASE)
_CHANGED_UNREAD = "; it has changed"
_CHANGED_ACCESS = "; its change mentions permissions"


def new_notes(
    entries: Iterable[Unreadable], aside: Collection[Unreadable], snapshots: Snapshots
) -> Iterator[Unreadable]:
    """Yield the new notes of both versions. ``entries``: the notes of both; ``aside``: those on changed files that are
    not read and on changed calls of modules, which are new in any case."""
    return _Selection(entries, aside, snapshots).select()


def starts_comment(entry: Unreadable, touched: Collection[str], name: str) -> bool:
    """True if a new note alone is worth a comment: the change adds what may grant access and is not evaluated.

    ``touched``: the changed files; ``name``: the path of the note's file, or folder, in its version.
    """
    if entry.kind in _QUIET or entry.reason.endswith((_MOVED_AWAY, _CHANGED_UNREAD)):
        return False
    return is_touched(name, touched)


def is_touched(name: str, touched: Collection[str]) -> bool:
    """True if a file, or a file in a folder, is among the changed ones."""
    return name in touched or any(file.startswith(f"{name}/") for file in touched)


class _Selection:
    def __init__(self, entries: Iterable[Unreadable], aside: Collection[Unreadable], snapshots: Snapshots) -> None:
        self._tops = [f"{folder}/" for folder in snapshots.folders]
        self._renames: Mapping[str, str] = snapshots.renames or {}
        self._snapshots = snapshots
        self._aside = aside
        self._touched = snapshots.touched()
        entries = [entry for entry in entries if entry not in aside]
        self._old = [entry for entry in entries if entry.file.startswith(self._tops[0])]
        self._new = [entry for entry in entries if not entry.file.startswith(self._tops[0])]
        self._present = {self._key(entry) for entry in self._new}
        self._present |= {(self._name(entry), entry.cause) for entry in self._new}
        self._texts: dict[str, str | None] = {}

    def select(self) -> Iterator[Unreadable]:
        yield from self._aside
        yield from self._new_in_head()
        yield from filter(self._may_hide_access, self._old)

    def _new_in_head(self) -> Iterator[Unreadable]:
        counts = {self._key(entry): entry.dependents for entry in self._old}
        followed = Counter(entry.cause for entry in self._old if self._is_gone(entry) and entry.kind in _NAMING)
        changed = {(entry.file, entry.line) for entry in self._aside if entry.reason.endswith(CHANGED)}
        noted = {entry.file for entry in self._aside}
        known = {(self._name(entry), entry.cause) for entry in self._old}
        for entry in self._new:
            key = self._key(entry)
            if key in counts and _is_about_file(entry) and self._name(entry) in self._touched:
                if entry.file in noted:
                    continue  # another note says that the file has changed
                yield replace(entry, reason=f"{entry.reason}{self._change_of_unread(entry)}")
                continue
            if (entry.file, entry.line) in changed and entry.kind is NoteKind.MODULE:
                continue  # the note on the changed call says more
            if key in counts and not _depend_more(entry.dependents, counts[key]):
                continue
            if key not in counts and followed[entry.cause] > 0 and entry.kind in _NAMING:
                followed[entry.cause] -= 1
                continue
            is_known = entry.kind is NoteKind.DEFINED_ELSEWHERE and (self._name(entry), entry.cause) in known
            yield replace(entry, reason=f"{entry.cause}{_MOVED_AWAY}{entry.dependents}") if is_known else entry

    def _key(self, entry: Unreadable) -> Hashable:
        """Return what a note is about, the same in both versions."""
        if entry.kind is NoteKind.DEFINED_ELSEWHERE and entry.subject:
            return self._without_tops(entry.subject), self._without_tops(entry.cause)
        if entry.subject:
            return self._without_tops(entry.subject)
        return self._name(entry), self._without_tops(entry.cause)

    def _name(self, entry: Unreadable) -> str:
        """Return the file of a note as in the new version."""
        old_top, new_top = self._tops
        if not entry.file.startswith(old_top):
            return entry.file.removeprefix(new_top)
        name = entry.file.removeprefix(old_top)
        return self._renames.get(name, name)

    def _without_tops(self, text: str) -> str:
        for top in self._tops:
            text = text.replace(top, "")
        return text

    def _is_gone(self, entry: Unreadable) -> bool:
        """True if the new version does not have the file, or the folder, of an old note."""
        name = self._name(entry)
        at = bisect_left(self._paths, name)
        if self._paths[at : at + 1] == [name]:
            return False
        at = bisect_left(self._paths, f"{name}/")
        return not any(path.startswith(f"{name}/") for path in self._paths[at : at + 1])

    def _change_of_unread(self, entry: Unreadable) -> str:
        """Return the end of the note on a changed file that neither version can be read of."""
        name = self._name(entry)
        before = next((one for one, other in self._renames.items() if other == name), name)
        texts = [self._read(f"{self._tops[0]}{before}"), self._read(f"{self._tops[1]}{name}")]
        if None in texts:
            return _CHANGED_ACCESS
        old, new = (set((text or "").splitlines()) for text in texts)
        return _CHANGED_ACCESS if any(map(_ABOUT_ACCESS.search, new ^ old)) else _CHANGED_UNREAD

    @staticmethod
    def _read(path: str) -> str | None:
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except OSError:
            return None

    @cached_property
    def _paths(self) -> list[str]:
        """The paths of the new version, sorted."""
        return sorted(entry.path for entry in self._snapshots.entries[1])

    def _may_hide_access(self, entry: Unreadable) -> bool:
        """True if only the old version has a note, and the new one may evaluate its subject."""
        if entry.reason.endswith(COUNTS_AS_NEW):
            return is_terraform_file(Path(entry.file)) or not self._is_gone(entry)
        if entry.kind in _ABSENT or self._is_gone(entry) or entry.reason.endswith(UNKNOWN_POLICY):
            return False
        if self._key(entry) in self._present or (self._name(entry), entry.cause) in self._present:
            return False
        named = _name_in(entry)
        return not named or self._mentions(self._name(entry), named, entry.kind)

    def _mentions(self, name: str, word: str, kind: NoteKind) -> bool:
        """True if a file of the new version mentions a module, or the resource that a reason begins with."""
        if name not in self._texts:
            self._texts[name] = self._read(f"{self._tops[1]}{name}")
        text = self._texts[name]
        if text is None:
            return True
        if kind is not NoteKind.MODULE:
            return word in text
        missing = {_name_in(other) for other in (*self._new, *self._aside) if self._name(other) == name}
        return word not in missing and re.search(rf'module"?[\s:{{]+"?{re.escape(word)}"', text) is not None


def _name_in(entry: Unreadable) -> str:
    """Return the name of the module, or of the resource, that a reason begins with; "" if it names none."""
    if entry.kind is NoteKind.MODULE:
        match = re.match(r"module (\S+) \(", entry.reason)
        return match[1] if match is not None else ""
    match = re.match(r"(?:[\w\[\]\"-]+\.)*([\w-]+): ", entry.reason)
    return match[1] if match is not None else ""


def _is_about_file(entry: Unreadable) -> bool:
    """True if nothing in the file of a note is evaluated."""
    return entry.subject == entry.file or entry.reason.startswith(UNREADABLE_TEMPLATE)


def _depend_more(now: str, before: str) -> bool:
    """True if more policies depend on a missing source than before."""
    return bool(now) and now != before and _count(now) >= _count(before)


def _count(dependents: str) -> int:
    match = _COUNT.search(dependents)
    return int(match[0]) if match is not None else 0


__all__ = ["is_touched", "new_notes", "starts_comment"]
