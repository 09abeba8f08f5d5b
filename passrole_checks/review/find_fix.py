"""Find a fix for an item: a narrower statement, or else the revert of the change that is its cause.

Each fix is verified by a trial: a copy of HEAD with other text in one file, compared with BASE and scanned as HEAD
was. The item must be gone, or for equivalent edits less severe, no other item new, and no access of BASE taken away by
a narrower statement. Only fixes that a forge can apply are tried: whole lines within one hunk of the diff. Edits that
add access are advice only, and only items of high severity are reverted: below that, the author may mean what the
change says.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from passrole_checks.diff import Side
from passrole_checks.diff.moved_resources import names_in_code
from passrole_checks.diff.text_changes import ChangedFile, ChangedLines, changed_file
from passrole_checks.findings import Severity
from passrole_checks.git_versions import Snapshots
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Position
from passrole_checks.review.build_items import NEW_ACCESS, ReviewState, TracedItem
from passrole_checks.review.comment_lines import Anchors
from passrole_checks.review.report import Item, Location, Replacement
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.sources.files.trial_copy import TrialCopy
from passrole_checks.sources.model.configuration import Unreadable
from passrole_checks.suggest import edits
from passrole_checks.suggest.generated_files import why_not_edited
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.suggest import Session
from passrole_checks.suggest.suggestion import Suggestion

MAX_ITEMS = 30  # number of items, worst first, that a fix is searched for
_MAX_TRIALS = 40
_MAX_SECONDS = 20.0  # of processor time; fixes found by then are reported
_MAX_CHANGES = 16  # reverted in trials to find an unknown cause
_MAX_LINES = 10  # of a revert
_LESS_SEVERE = "This makes the statement less severe; it is still reported."
_NOT_ABOUT_SERVICES = frozenset({"PASSROLE_005", "PASSROLE_010"})  # nor does a statement for them show more
_REVERTED = Severity.HIGH  # the minimum severity of an item whose cause is reverted


@dataclass(frozen=True, slots=True)
class FixOutcome:
    """The comparison of BASE with a version. ``unreadable``: the reasons why parts of it are unknown."""

    state: ReviewState
    unreadable: tuple[str, ...]


Compare = Callable[[Path], "FixOutcome | None"]
"""Compare BASE with a folder in place of HEAD; None if it cannot be read."""

_ChangeIndex = tuple[int, int]  # the indexes of a changed file, and of a hunk in it


class FixFinder:
    """Searches fixes of items. A context manager, which deletes the folder of the trials.

    ``with_plans``: some items are from Terraform plans, which do not change with the source. The trials evaluate the
    source, so that these items are fixed only if the source shows them too.
    """

    def __init__(
        self,
        sides: tuple[Side, Side],
        snapshots: Snapshots,
        present: FixOutcome,
        compare: Compare,
        *,
        with_plans: bool = False,
    ) -> None:
        self._sides, self._snapshots, self._present, self._compare = sides, snapshots, present, compare
        self._with_plans = with_plans
        self._copy = TrialCopy(sides[1].path, link=True)
        self._changed: list[ChangedFile] | None = None
        self._outcomes: dict[tuple[str, str | None], FixOutcome | None] = {}
        self._unchanged: FixOutcome | None = None
        self._was_compared = False
        self._until = 0.0
        self._suggested: dict[Position, list[Suggestion]] = {}
        self._reducing: set[int] = set()  # ids of suggestions that take away access of BASE
        self.faults: list[Unreadable] = []  # internal errors

    def __enter__(self) -> FixFinder:
        return self

    def __exit__(self, *_: object) -> None:
        self._copy.delete()

    # -- causes

    def with_cause(self, traced: TracedItem, anchors: Anchors) -> Item:
        """Return the item with the changed line that is its cause, if its own lines are unchanged and the item depends
        on one change."""
        item = traced.item
        if item.cause is not None or self._is_changed(traced, anchors):
            return item
        for change in itertools.islice(self._changes_by_distance(item), _MAX_CHANGES):
            outcome = self._revert(change)
            if outcome is not None and outcome.state.marks[traced.mark] < self._before().marks[traced.mark]:
                file = self._changed_files()[change[0]]
                principals = item.access.principals if item.access is not None else ()
                line, gone = file.line_of(file.pieces[change[1]], names_in_code(principals))
                name = file.old_name if gone else file.new_name
                return replace(item, cause=Location(name, line, line), cause_removed=gone)
        return item

    def _is_changed(self, traced: TracedItem, anchors: Anchors) -> bool:
        """True if the lines of the statement differ in either version, and not only beside it."""
        if (
            traced.before is not None
            and self._is_same_file(traced.before, traced.at)
            and (text := _statement_text(traced.at))
            and text == _statement_text(traced.before)
        ):
            return False
        at = traced.item.at
        if any(line in hunk.changed for hunk in anchors.hunks(at.file) for line in range(at.line, at.end_line + 1)):
            return True
        if traced.before is None:
            return anchors.is_new(at.file)
        end = max(traced.before.line, traced.before.end_line)
        removed = (old for hunk in anchors.hunks(at.file) for old, _ in hunk.gone)
        return any(traced.before.line <= old <= end for old in removed)

    def _is_same_file(self, old: Position, new: Position) -> bool:
        before, after = (
            os.path.relpath(at.file, folder) for at, folder in zip((old, new), self._snapshots.folders, strict=True)
        )
        return (self._snapshots.renames or {}).get(before, before) == after

    def _changes_by_distance(self, item: Item) -> Iterator[_ChangeIndex]:
        """Yield all changes: those in the same file, then those in the same folder, then others."""
        folder = os.path.dirname(item.at.file)
        files = self._changed_files()
        changes = [
            (number, piece)
            for number, file in enumerate(files)
            for piece in range(len(file.pieces))
            if file.pieces[piece].is_meaningful
        ]

        def distance(change: _ChangeIndex) -> tuple[int, _ChangeIndex]:
            name = files[change[0]].new_name or files[change[0]].old_name
            return 0 if name == item.at.file else 1 if os.path.dirname(name) == folder else 2, change

        yield from sorted(changes, key=distance)

    # -- narrower statements

    def prepare_suggestions(self, items: Sequence[TracedItem], read: ReadPaths, options: ScanOptions) -> None:
        """Suggest narrower statements for all items. ``read``: the files of HEAD to search."""
        findings = {id(finding): finding for traced in items for finding in traced.findings}
        if not findings:
            return
        session = Session(read, tuple(findings.values()), options)
        self.faults += session.faults
        for suggestion in sorted(session.suggestions, key=_safest_first):
            self._suggested.setdefault(suggestion.at, []).append(suggestion)

    def narrower_statement(self, traced: TracedItem, anchors: Anchors) -> Replacement | None:
        """Return the lines of HEAD for a narrower statement, if a forge can apply them as a suggestion: the safest edit
        that fixes the item, or else an equivalent one that makes it less severe."""
        if traced.shares_place:
            return None
        less_severe: Replacement | None = None
        for suggestion in self._suggested.get(traced.at, ()):
            if suggestion.grade is Grade.REPAIRING or suggestion.on_request:
                continue
            edited = self._edited_lines(suggestion)
            if edited is None:
                continue
            name, text, (first, last, lines) = edited
            if anchors.hunk_of(name, first, last) is None:
                continue
            first, lines = self._with_opening_line(name, first, last, lines, anchors)
            outcome, old = self._try(name, text), self._old_lines(name, first, last)
            if suggestion.grade is Grade.NARROWED and self._takes_access_of_base(outcome):
                self._reducing.add(id(suggestion))
                continue
            replacement = Replacement(name, first, last, lines, suggestion.says, old=old)
            if self._is_fix(traced, outcome):
                return replacement
            is_equivalent = suggestion.grade is Grade.EQUIVALENT and bool(suggestion.less_severe)
            if less_severe is None and is_equivalent and self._is_less_severe(traced, outcome):
                less_severe = replace(replacement, says=f"{suggestion.says} {_LESS_SEVERE}")
        return less_severe

    def advice(self, traced: TracedItem) -> str:
        """Return what to write or fill in: a sentence on the first line, and the statement below it."""
        sentence, statement = remediation_of(traced.item), ""
        check_ids = {remark.check_id for remark in traced.item.remarks}
        for suggestion in () if traced.shares_place else self._suggested.get(traced.at, ()):
            own = (*suggestion.findings, *suggestion.less_severe)
            if check_ids.isdisjoint(finding.check_id for finding in own) or check_ids <= _NOT_ABOUT_SERVICES:
                continue  # it fixes another issue of the statement
            if id(suggestion) in self._reducing:
                continue
            remediations = [finding.remediation for finding in suggestion.findings]
            missing = "; ".join(" ".join(part.split()) for part in suggestion.missing if part not in remediations)
            if suggestion.edits:
                sentence = f"Write the statement as below: it {_lower_first(suggestion.says)}".rstrip(".") + "."
                if not check_ids - {NEW_ACCESS} <= {finding.check_id for finding in suggestion.findings}:
                    sentence += f" {_LESS_SEVERE}"
            elif missing:
                sentence += f" Unknown: {missing.rstrip('.')}."
            statement = suggestion.statement
            if suggestion.edits or missing:
                break
        return f"{sentence}\n{statement}".rstrip() if statement else sentence

    def _edited_lines(self, suggestion: Suggestion) -> tuple[str, str, tuple[int, int, str]] | None:
        """Return the file of a suggestion, its text with the edits, and the edited lines (first, last, new text)."""
        files = {edit.file for edit in suggestion.edits}
        root = f"{self._snapshots.folders[1]}/"
        if len(files) != 1 or not (file := files.pop()).startswith(root):
            return None
        try:
            before = Path(file).read_bytes().decode("utf-8")
            after = edits.apply_edits(before, suggestion.edits)
        except (OSError, ValueError):
            return None
        start, end = min(edit.start for edit in suggestion.edits), max(edit.end for edit in suggestion.edits)
        lines = _whole_lines(before, after, start, end)
        return (file.removeprefix(root), after, lines) if lines is not None else None

    def _old_lines(self, name: str, first: int, last: int) -> str:
        """Return lines of HEAD, without their line breaks."""
        text = (self._snapshots.folders[1] / name).read_bytes().decode("utf-8")
        return "\n".join(line.rstrip("\r") for line in text.split("\n")[first - 1 : last])

    def _with_opening_line(self, name: str, first: int, last: int, lines: str, anchors: Anchors) -> tuple[int, str]:
        """Return the first line and the new text with the lines before, if those open a bracket that the first closes:
        they say what the text is about. Unchanged if a comment cannot be on them."""
        above = self._old_lines(name, max(first - _MAX_LINES, 1), first - 1).split("\n") if first > 1 else []
        old, added = self._old_lines(name, first, last), list[str]()
        while _closes_more("\n".join([*added, old])) and above:
            added.insert(0, above.pop())
        start = first - len(added)
        if not added or _closes_more("\n".join([*added, old])) or anchors.hunk_of(name, start, last) is None:
            return first, lines
        return start, "\n".join([*added, lines])

    # -- reverting

    def reverted_change(self, item: Item, traced: TracedItem, anchors: Anchors) -> Replacement | None:
        """Return the lines of HEAD that revert the cause of an item, or the only change of a statement that BASE has
        too, if the item is severe enough and a forge can apply them as a suggestion."""
        if item.severity.rank < _REVERTED.rank:
            return None
        cause, removed = item.cause, item.cause_removed
        change = self._change_at(cause, removed=removed) if cause is not None else self._own_change(traced)
        if change is None:
            return None
        file = self._changed_files()[change[0]]
        piece = file.pieces[change[1]]
        lines = _reverted_lines(file, piece)
        if (
            lines is None
            or self._is_generated(file.new_name, "".join(file.new))
            or anchors.hunk_of(file.new_name, lines[0], lines[1]) is None
        ):
            return None
        if not self._is_fix(traced, self._revert(change)):
            return None
        first, last, text = lines
        if not piece.old[1] - piece.old[0]:
            says = "Removes the lines added here."
        elif not piece.new[1] - piece.new[0]:
            says = "Restores the lines removed here."
        else:
            says = "Reverts the change of this line." if first == last else "Reverts the change of these lines."
        old = self._old_lines(file.new_name, first, last)
        return Replacement(file.new_name, first, last, text, says, of_cause=item.cause is not None, old=old)

    def _is_generated(self, name: str, text: str) -> bool:
        """True if another tool writes a file of HEAD, and would overwrite an edit."""
        return bool(why_not_edited(str(self._snapshots.folders[1] / name), text))

    def _change_at(self, cause: Location, *, removed: bool) -> _ChangeIndex | None:
        """Return the change that contains the cause of an item."""
        for number, file in enumerate(self._changed_files()):
            if (file.old_name if removed else file.new_name) != cause.file:
                continue
            for index, piece in enumerate(file.pieces):
                first, end = piece.old if removed else piece.new
                if piece.is_meaningful and first < cause.line <= end:
                    return number, index
        return None

    def _own_change(self, traced: TracedItem) -> _ChangeIndex | None:
        """Return the only change in the lines of a statement that BASE has too."""
        at = traced.item.at
        if traced.before is None:
            return None
        changes = [
            (number, index)
            for number, file in enumerate(self._changed_files())
            if file.new_name == at.file
            for index, piece in enumerate(file.pieces)
            if piece.is_meaningful and piece.is_within(at.line, at.end_line)
        ]
        return changes[0] if len(changes) == 1 else None

    # -- trials

    def _is_fix(self, traced: TracedItem, outcome: FixOutcome | None) -> bool:
        if outcome is None:
            return False
        before, after = self._before().marks, outcome.state.marks
        return after[traced.mark] < before[traced.mark] and after <= before

    def _takes_access_of_base(self, outcome: FixOutcome | None) -> bool:
        """True if a version grants less than BASE in a statement where HEAD does not, such as only the roles that the
        code passes instead of those that the statement named before it was widened."""
        if outcome is None:
            return False

        def reduced(state: ReviewState) -> Counter[tuple[str, str, str]]:
            return Counter((one.at.file, one.resource, one.sid) for one in state.less)

        return bool(reduced(outcome.state) - reduced(self._before()))

    def _is_less_severe(self, traced: TracedItem, outcome: FixOutcome | None) -> bool:
        """True if the statement of an item is reported by no other check, and less severe."""
        if outcome is None:
            return False
        present, now = (
            [each for each in state.items if each.statement_mark == traced.statement_mark]
            for state in (self._before(), outcome.state)
        )
        if len(present) != 1 or len(now) != 1:
            return False
        (one,) = now
        rest = outcome.state.marks - Counter([one.mark])
        return (
            set(one.mark) <= set(traced.mark)
            and one.item.severity.rank < traced.item.severity.rank
            and rest <= self._before().marks - Counter([traced.mark])
        )

    def _before(self) -> ReviewState:
        """Return the state that trials are compared with."""
        return self._unchanged.state if self._with_plans and self._unchanged is not None else self._present.state

    def _changed_files(self) -> list[ChangedFile]:
        if self._changed is None:
            old, new = self._snapshots.folders
            files = (
                changed_file(
                    change.old or "",
                    change.new or "",
                    old / change.old if change.old is not None else None,
                    new / change.new if change.new is not None else None,
                )
                for change in self._snapshots.changed
            )
            self._changed = [file for file in files if file is not None and _has_plain_line_breaks(file)]
        return self._changed

    def _revert(self, change: _ChangeIndex) -> FixOutcome | None:
        """Compare without one change; None if that cannot be tried or read."""
        file = self._changed_files()[change[0]]
        text = file.without({change[1]})
        return self._try(file.new_name or file.old_name, text if text or not file.is_new else None)

    def _try(self, name: str, text: str | None) -> FixOutcome | None:
        """Compare with another ``text`` of a file of HEAD, or (None) without the file; None if that cannot be tried or
        read. Results are cached."""
        if (name, text) not in self._outcomes:
            if not self._outcomes:
                self._until = time.process_time() + _MAX_SECONDS
            if len(self._outcomes) >= _MAX_TRIALS or time.process_time() > self._until:
                return None
            self._outcomes[name, text] = self._outcome(name, text)
        return self._outcomes[name, text]

    def _outcome(self, name: str, text: str | None) -> FixOutcome | None:
        if not self._copy_has_all_items():
            return None
        try:
            with self._copy.with_texts({name: text}) as top:
                outcome = self._compare(top)
        except OSError:
            return None
        if outcome is None or self._unchanged is None or outcome.unreadable != self._unchanged.unreadable:
            return None
        return outcome

    def _copy_has_all_items(self) -> bool:
        """True if the unmodified copy has all items; only then does a missing item prove a fix."""
        if not self._was_compared:
            self._was_compared = True
            self._unchanged = self._compare(self._copy.path)
        if self._unchanged is None or self._with_plans:
            return self._unchanged is not None
        return self._unchanged.state.marks == self._present.state.marks


def remediation_of(item: Item) -> str:
    """Return the remediation of the worst remark, preferring those about the statement to that about new access."""
    return next((remark for remark in item.remarks if remark.check_id != NEW_ACCESS), item.remarks[0]).remediation


def _closes_more(text: str) -> bool:
    """True if a text closes a bracket that it does not open."""
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return True
    return False


def _lower_first(sentence: str) -> str:
    """Return a sentence without its initial capital, unless that is one of an abbreviation."""
    return sentence if sentence[1:2].isupper() else f"{sentence[:1].lower()}{sentence[1:]}"


def _safest_first(suggestion: Suggestion) -> int:
    """Return the sort key of suggestions for a statement; those without edits are last."""
    return suggestion.grade.rank if suggestion.grade is not None else len(Grade)


def _statement_text(at: Position) -> str:
    """Return the text of a statement, or "" if its end is unknown."""
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


def _has_plain_line_breaks(file: ChangedFile) -> bool:
    """True if no line contains another line separator; forges may count those as line breaks."""
    return all(len(line.splitlines()) <= 1 for lines in (file.old, file.new) for line in lines)


def _reverted_lines(file: ChangedFile, piece: ChangedLines) -> tuple[int, int, str] | None:
    """Return the lines of the new text that revert a change: first, last, text."""
    if not (file.old_name and file.new_name) or len({_ending(line) for line in (*file.old, *file.new)} - {""}) > 1:
        return None
    (first, end), before = piece.new, list(file.old[slice(*piece.old)])
    if max(end - first, len(before)) > _MAX_LINES:
        return None
    if first == end:  # a comment needs a line
        if not file.new:
            return None
        if first < len(file.new):
            end, before = first + 1, [*before, file.new[first]]
        else:
            first, before = first - 1, [file.new[first - 1], *before]
    return first + 1, end, "\n".join(line.rstrip("\r\n") for line in before)


def _whole_lines(before: str, after: str, start: int, end: int) -> tuple[int, int, str] | None:
    """Return the whole lines (first, last, new text) that turn ``before`` into ``after``, which differ by edits from
    ``start`` to ``end``; None if the file mixes line endings."""
    endings = {_ending(line) for line in before.splitlines(keepends=True)} - {""}
    if len(endings) > 1 or "\r" in before.replace("\r\n", ""):
        return None
    first = before.rfind("\n", 0, start) + 1
    stop = before.find("\n", max(end - 1, start))
    stop = len(before) if stop < 0 else stop
    text = after[first : len(after) - (len(before) - stop)]
    return before.count("\n", 0, first) + 1, before.count("\n", 0, stop) + 1, text.replace("\r\n", "\n").rstrip("\r")


def _ending(line: str) -> str:
    return "\r\n" if line.endswith("\r\n") else "\n" if line.endswith("\n") else ""
