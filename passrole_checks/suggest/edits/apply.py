"""Apply edits to the text of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from passrole_checks.suggest.suggestion import Edit


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return the text of a file with edits. Raises ValueError if two overlap or one is out of range."""
    done, pieces = 0, list[str]()
    last = -1
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        if edit.start < done or edit.start == last or not edit.start <= edit.end <= len(text):
            raise ValueError(f"an edit at {edit.start} overlaps another or is out of range")
        pieces += [text[done : edit.start], edit.text]
        done, last = edit.end, edit.start
    return "".join([*pieces, text[done:]])


def edited_files(edits: Iterable[Edit], read: Callable[[str], str]) -> dict[str, str]:
    """Return the text of each edited file; ``read`` returns the text before. Raises ValueError if two edits overlap."""
    found: dict[str, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.file, []).append(edit)
    return {file: apply_edits(read(file), own) for file, own in found.items()}
