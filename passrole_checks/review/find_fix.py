"""What mends an item: a narrower statement, or else the change that is its cause, taken back. Both are proved by trial.

A trial is a copy of HEAD with other text in one file, compared with BASE and scanned as HEAD itself was: the item has
to be gone, and no other one may have come. Only what can be applied on a forge is tried, since that is what it is for:
whole lines that lie within one hunk of the difference.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from passrole_checks.diff import Side
from passrole_checks.diff.text_changes import ChangedFile, ChangedLines, changed_file
from passrole_checks.git_versions import Snapshots
from passrole_checks.iam.partial_values import Position
from passrole_checks.review.build_items import NEW_ACCESS, ReviewState, Told
from passrole_checks.review.comment_lines import Anchors
from passrole_checks.review.report import Item, Location, Replacement
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.sources.files.walk import walk
from passrole_checks.sources.model.configuration import Unreadable
from passrole_checks.suggest import edits
from passrole_checks.suggest.suggest import Session
from passrole_checks.suggest.suggestion import Suggestion

MOST = 30  # items, the worst, that something is looked for to mend
_MOST_TRIALS = 40
_MOST_SECONDS = 20.0  # of processor time, should a trial take long; what is known by then is told
_MOST_CHANGES = 16  # that are tried, for want of a cause
_LARGEST = 50_000_000
_MOST_LINES = 10  # of a change that comes back as a suggestion


@dataclass(frozen=True, slots=True)
class FixOutcome:
    """What the comparison of BASE with a version says. ``unreadable``: the reasons why something of it is not known."""

    judged: ReviewState
    unreadable: tuple[str, ...]


Compare = Callable[[Path], "FixOutcome | None"]
"""What is told where a folder stands in the place of HEAD; None where it cannot be read."""

_Atom = tuple[int, int]  # the number of a file, and that of a piece in it


class Mending:
    """Looks for what mends items, as a context, since it needs a folder to try in."""

    def __init__(self, sides: tuple[Side, Side], snapshots: Snapshots, found: FixOutcome, compare: Compare) -> None:
        self._sides, self._snapshots, self._found, self._compare = sides, snapshots, found, compare
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._changed: list[ChangedFile] | None = None
        self._known: dict[tuple[str, str | None], FixOutcome | None] = {}
        self._unchanged: FixOutcome | None = None
        self._was_tried = False
        self._until = 0.0
        self._suggested: dict[Position, list[Suggestion]] = {}
        self.faults: list[Unreadable] = []  # of this package

    def __enter__(self) -> Mending:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    # -- causes

    def with_cause(self, told: Told, anchors: Anchors) -> Item:
        """The item, with the changed line that is its cause, where its own lines are as they were and one change alone
        makes it."""
        item = told.item
        if item.cause is not None or self._is_changed(told, anchors):
            return item
        for atom in itertools.islice(self._near(item), _MOST_CHANGES):
            outcome = self._without(atom)
            if outcome is not None and outcome.judged.marks[told.mark] < self._found.judged.marks[told.mark]:
                file = self._files()[atom[0]]
                line, gone = file.line_of(file.pieces[atom[1]])
                name = file.old_name if gone else file.new_name
                return replace(item, cause=Location(name, line, line), cause_removed=gone)
        return item

    def _is_changed(self, told: Told, anchors: Anchors) -> bool:
        """Whether the statement's own lines differ, in either version, and not only beside it."""
        if told.before is not None and (words := _span(told.at)) and words == _span(told.before):
            return False
        at = told.item.at
        if any(line in hunk.changed for hunk in anchors.hunks(at.file) for line in range(at.line, at.end_line + 1)):
            return True
        if told.before is None:
            return anchors.is_new(at.file)
        end = max(told.before.line, told.before.end_line)
        gone = (old for hunk in anchors.hunks(at.file) for old, _ in hunk.gone)
        return any(told.before.line <= old <= end for old in gone)

    def _near(self, item: Item) -> Iterator[_Atom]:
        """All changes, those of the same file first, then those of the same folder."""
        folder = os.path.dirname(item.at.file)
        files = self._files()
        atoms = [
            (number, piece)
            for number, file in enumerate(files)
            for piece in range(len(file.pieces))
            if file.pieces[piece].is_meaningful
        ]

        def distance(atom: _Atom) -> tuple[int, _Atom]:
            name = files[atom[0]].new_name or files[atom[0]].old_name
            return 0 if name == item.at.file else 1 if os.path.dirname(name) == folder else 2, atom

        yield from sorted(atoms, key=distance)

    # -- narrower statements

    def suggested(self, told: Sequence[Told], read: ReadPaths, options: ScanOptions) -> None:
        """Have narrower statements suggested for all items. ``read``: what of HEAD they stand in."""
        findings = {id(one): one for item in told for one in item.findings}
        if not findings:
            return
        session = Session(read, tuple(findings.values()), options)
        self.faults += session.faults
        for suggestion in session.suggestions:
            self._suggested.setdefault(suggestion.at, []).append(suggestion)

    def narrowed(self, told: Told, anchors: Anchors) -> Replacement | None:
        """The lines of HEAD that say the narrower statement, where they can stand in a suggestion."""
        if told.shares_place:
            return None
        for suggestion in self._suggested.get(told.at, ()):
            written = self._lines_of(suggestion)
            if written is None:
                continue
            name, text, (first, last, lines) = written
            if anchors.hunk_of(name, first, last) is None:
                continue
            if self._mends(told, self._tried(name, text)):
                return Replacement(name, first, last, lines, suggestion.says, old=self._old(name, first, last))
        return None

    def advice(self, told: Told) -> str:
        """What a person has to write or to fill in: words on the first line, and the statement below it."""
        words, statement = remediation_of(told.item), ""
        asked = {remark.check_id for remark in told.item.remarks}
        for suggestion in () if told.shares_place else self._suggested.get(told.at, ()):
            if asked.isdisjoint(one.check_id for one in suggestion.findings):
                continue  # it mends something else of the statement
            known = [one.remediation for one in suggestion.findings]
            missing = "; ".join(" ".join(one.split()) for one in suggestion.missing if one not in known)
            if suggestion.edits:
                words = f"{suggestion.says[:1].upper()}{suggestion.says[1:]}".rstrip(".") + "."
            elif missing:
                words += f" What is not known here: {missing.rstrip('.')}."
            statement = suggestion.statement
            if suggestion.edits or missing:
                break
        return f"{words}\n{statement}".rstrip() if statement else words

    def _lines_of(self, suggestion: Suggestion) -> tuple[str, str, tuple[int, int, str]] | None:
        """The file of a suggestion, its text with the edits, and which lines become what."""
        files = {edit.file for edit in suggestion.edits}
        root = f"{self._snapshots.folders[1]}/"
        if len(files) != 1 or not (file := files.pop()).startswith(root):
            return None
        try:
            before = Path(file).read_bytes().decode("utf-8")
            after = edits.apply_edits(before, suggestion.edits)
        except (OSError, ValueError):
            return None
        start, end = min(one.start for one in suggestion.edits), max(one.end for one in suggestion.edits)
        lines = _whole_lines(before, after, start, end)
        return (file.removeprefix(root), after, lines) if lines is not None else None

    def _old(self, name: str, first: int, last: int) -> str:
        """These lines of HEAD as they are."""
        text = (self._snapshots.folders[1] / name).read_bytes().decode("utf-8")
        return "\n".join(line.rstrip("\r") for line in text.split("\n")[first - 1 : last])

    # -- taking back

    def taken_back(self, item: Item, told: Told, anchors: Anchors) -> Replacement | None:
        """The lines of HEAD that undo the cause of an item, or the one change of a statement that stood in BASE too,
        where they can stand in a suggestion."""
        cause, removed = item.cause, item.cause_removed
        atom = self._atom_of(cause, removed=removed) if cause is not None else self._own_atom(told)
        if atom is None:
            return None
        file = self._files()[atom[0]]
        piece = file.pieces[atom[1]]
        lines = _undone(file, piece)
        if lines is None or anchors.hunk_of(file.new_name, lines[0], lines[1]) is None:
            return None
        if not self._mends(told, self._without(atom)):
            return None
        first, last, text = lines
        if not piece.old[1] - piece.old[0]:
            says = "Takes away what has been added here."
        elif not piece.new[1] - piece.new[0]:
            says = "Puts back what has been taken away here."
        else:
            says = "Takes back the change of this line." if first == last else "Takes back the change of these lines."
        old = self._old(file.new_name, first, last)
        return Replacement(file.new_name, first, last, text, says, of_cause=item.cause is not None, old=old)

    def _atom_of(self, cause: Location, *, removed: bool) -> _Atom | None:
        """The one change that the cause of an item lies in."""
        for number, file in enumerate(self._files()):
            if (file.old_name if removed else file.new_name) != cause.file:
                continue
            for index, piece in enumerate(file.pieces):
                first, end = piece.old if removed else piece.new
                if piece.is_meaningful and first < cause.line <= end:
                    return number, index
        return None

    def _own_atom(self, told: Told) -> _Atom | None:
        """The one change in the lines of a statement that was there before."""
        at = told.item.at
        if told.before is None:
            return None
        found = [
            (number, index)
            for number, file in enumerate(self._files())
            if file.new_name == at.file
            for index, piece in enumerate(file.pieces)
            if piece.is_meaningful and piece.is_within(at.line, at.end_line)
        ]
        return found[0] if len(found) == 1 else None

    # -- trials

    def _mends(self, told: Told, outcome: FixOutcome | None) -> bool:
        if outcome is None:
            return False
        before, after = self._found.judged.marks, outcome.judged.marks
        return after[told.mark] < before[told.mark] and after <= before

    def _files(self) -> list[ChangedFile]:
        if self._changed is None:
            old, new = self._snapshots.folders
            found = (
                changed_file(
                    change.old or "",
                    change.new or "",
                    old / change.old if change.old is not None else None,
                    new / change.new if change.new is not None else None,
                )
                for change in self._snapshots.changed
            )
            self._changed = [one for one in found if one is not None and _is_in_lines(one)]
        return self._changed

    def _without(self, atom: _Atom) -> FixOutcome | None:
        """What is told without one change; None where that cannot be tried, or cannot be read."""
        file = self._files()[atom[0]]
        text = file.without({atom[1]})
        return self._tried(file.new_name or file.old_name, text if text or not file.is_new else None)

    def _tried(self, name: str, text: str | None) -> FixOutcome | None:
        """What is told where a file of HEAD says something else, or (None) is not there; None where that cannot be
        tried, or cannot be read."""
        if (name, text) not in self._known:
            if not self._known:
                self._until = time.process_time() + _MOST_SECONDS
            if len(self._known) >= _MOST_TRIALS or time.process_time() > self._until:
                return None
            self._known[name, text] = self._outcome(name, text)
        return self._known[name, text]

    def _outcome(self, name: str, text: str | None) -> FixOutcome | None:
        top = self._copy()
        if not self._is_alike(top):
            return None
        place = top / name
        original = self._snapshots.folders[1] / name
        try:
            _put(place, text)
            outcome = self._compare(top)
        except OSError:
            return None
        finally:
            place.unlink(missing_ok=True)
            if original.exists():
                _linked(original, place)
        same = outcome is not None and self._unchanged is not None and outcome.unreadable == self._unchanged.unreadable
        return outcome if same else None

    def _is_alike(self, top: Path) -> bool:
        """Whether the copy as it is shows all items: only then something can be concluded from what one lacks."""
        if not self._was_tried:
            self._was_tried = True
            self._unchanged = self._compare(top)
        return self._unchanged is not None and self._unchanged.judged.marks == self._found.judged.marks

    def _copy(self) -> Path:
        """HEAD once more, to change it. It is made of links: whoever writes to it has to make a new file."""
        if self._folder is None:
            root = self._sides[1].path
            self._folder = tempfile.TemporaryDirectory(prefix="passrole-checks-")
            top = Path(os.path.realpath(self._folder.name))
            (top / ".git").mkdir()  # the sources read no file beyond it
            for path in walk(root, lambda *_: None):
                if path.stat().st_size <= _LARGEST:
                    place = top / os.path.relpath(path, root)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    _linked(path, place)
        return Path(os.path.realpath(self._folder.name))


def remediation_of(item: Item) -> str:
    """What its worst remark says to write instead, one about the statement before the one about new access."""
    return next((one for one in item.remarks if one.check_id != NEW_ACCESS), item.remarks[0]).remediation


def _span(at: Position) -> str:
    """The text of a statement, from its column to where it ends; nothing where that is not known."""
    if at.end_line < at.line or not at.end_column:
        return ""
    try:
        lines = Path(at.file).read_text("utf-8-sig").split("\n")[at.line - 1 : at.end_line]
    except (OSError, ValueError):
        return ""
    if not lines:
        return ""
    lines[-1] = lines[-1][: at.end_column - 1]
    lines[0] = lines[0][at.column - 1 :]
    return "\n".join(lines)


def _linked(path: Path, place: Path) -> None:
    try:
        os.link(path, place)
    except OSError:
        place.write_bytes(path.read_bytes())


def _put(place: Path, text: str | None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    if text is not None:
        place.write_bytes(text.encode("utf-8"))


def _is_in_lines(file: ChangedFile) -> bool:
    """Whether line breaks are the only thing that ends its lines; some others count for forges alone."""
    return all(len(line.splitlines()) <= 1 for lines in (file.old, file.new) for line in lines)


def _undone(file: ChangedFile, piece: ChangedLines) -> tuple[int, int, str] | None:
    """Which lines of the new text become what, for a change to be taken back: first, last, text."""
    if not (file.old_name and file.new_name) or len({_ending(line) for line in (*file.old, *file.new)} - {""}) > 1:
        return None
    (first, end), before = piece.new, list(file.old[slice(*piece.old)])
    if max(end - first, len(before)) > _MOST_LINES:
        return None
    if first == end:  # a comment needs a line to stand at
        if not file.new:
            return None
        if first < len(file.new):
            end, before = first + 1, [*before, file.new[first]]
        else:
            first, before = first - 1, [file.new[first - 1], *before]
    return first + 1, end, "\n".join(line.rstrip("\r\n") for line in before)


def _whole_lines(before: str, after: str, start: int, end: int) -> tuple[int, int, str] | None:
    """Which lines become what (first, last, text), where ``before`` becomes ``after`` by edits from ``start`` to
    ``end``; None where the lines of the file end in several ways."""
    if len({_ending(line) for line in before.splitlines(keepends=True)} - {""}) > 1 or "\r" in before.replace(
        "\r\n", ""
    ):
        return None
    first = before.rfind("\n", 0, start) + 1
    stop = before.find("\n", max(end - 1, start))
    stop = len(before) if stop < 0 else stop
    text = after[first : len(after) - (len(before) - stop)]
    return before.count("\n", 0, first) + 1, before.count("\n", 0, stop) + 1, text.replace("\r\n", "\n").rstrip("\r")


def _ending(line: str) -> str:
    return "\r\n" if line.endswith("\r\n") else "\n" if line.endswith("\n") else ""
