"""Find changed values of Terraform that may allow PassRole and that no evaluated statement contains.

Modules keep the permissions of what they may be used for in locals, and choose by a variable. Where no root of the
repository chooses them, nothing that is evaluated changes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from passrole_checks.diff.change import AccessDifference
from passrole_checks.diff.text_changes import changed_file
from passrole_checks.git_versions import Snapshots
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.terraform.reading.files import parse_bytes
from passrole_checks.sources.terraform.reading.syntax import Block

_PASS_ROLE = lazy_regex(r'^(?!\s*(?:#|//)).*"iam:pass(?:role|\*)"', re.IGNORECASE)
_VALUES = frozenset({"locals", "variable"})


def changed_values(found: AccessDifference, snapshots: Snapshots) -> Iterator[Unreadable]:
    """Yield a note on each block of locals, and each variable, in a changed file of the new version that names
    iam:PassRole in a changed line, if no evaluated statement has that action from there."""
    old, new = snapshots.folders
    if found.scans is None:
        return
    places = [
        (action.at.file, action.at.line)
        for located in found.scans[1].grants
        for action in located.grant.statement.actions or ()
    ]
    used, texts = set(places), dict[str, list[str]]()
    for change in snapshots.changed:
        if change.old is None or change.new is None or not is_terraform_file(Path(change.new)):
            continue
        place = new / change.new
        file = changed_file(change.old, change.new, old / change.old, place)
        if file is None or not any(map(_PASS_ROLE.search, file.new)):
            continue
        numbers = [
            number
            for piece in file.pieces
            for number in range(piece.new[0] + 1, piece.new[1] + 1)
            if _PASS_ROLE.search(file.new[number - 1])
        ]
        blocks = parse_bytes(str(place), place.read_bytes()).body.blocks
        for number, block in _first_of_each(numbers, blocks):
            if (str(place), number) not in used and not _is_computed(place, places, texts):
                name = ".".join((block.type, *block.labels))
                reason = f"{name} names iam:PassRole in a changed line, and no evaluated statement has it: not compared"
                yield Unreadable(str(place), reason, number, kind=NoteKind.NO_INSTANCE)


def _first_of_each(numbers: list[int], blocks: tuple[Block, ...]) -> Iterator[tuple[int, Block]]:
    """Yield the first of the lines in each block of values."""
    for block in blocks:
        inside = [number for number in numbers if block.span.line <= number <= block.span.end_line]
        if inside and block.type in _VALUES:
            yield inside[0], block


def _is_computed(place: Path, places: list[tuple[str, int]], texts: dict[str, list[str]]) -> bool:
    """True if a statement of the folder has an action that a function computed, maybe from the changed value."""
    for name, number in places:
        if os.path.dirname(name) != str(place.parent):
            continue
        if name not in texts:
            texts[name] = Path(name).read_text("utf-8", "replace").splitlines()
        line = texts[name][number - 1] if number <= len(texts[name]) else ""
        if '"' not in line and "<<" not in line:
            return True
    return False
