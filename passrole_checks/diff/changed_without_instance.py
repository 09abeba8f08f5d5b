"""Find changed statements that are not compared, because they have no instance in the new version.

Modules are often off by default (``count = var.create ? 1 : 0``), and on where they are used. Both versions then have
the same note, so the change would not be reported.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from passrole_checks.diff.change import AccessDifference
from passrole_checks.diff.text_changes import ChangedFile, changed_file
from passrole_checks.git_versions import Snapshots
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.patterns.glob import wildcard_match
from passrole_checks.iam.values.nodes import Position
from passrole_checks.sources.collect.terraform_tables import (
    ATTACHMENTS,
    IDENTITY_POLICIES,
    NESTED_POLICIES,
    OWN_ATTACHMENTS,
)
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.terraform.modules.folder import called_folders
from passrole_checks.sources.terraform.reading.files import parse_bytes
from passrole_checks.sources.terraform.reading.syntax import Block

_RESOURCES = frozenset({*IDENTITY_POLICIES, *NESTED_POLICIES, *ATTACHMENTS, *OWN_ATTACHMENTS})
_DOCUMENT = "aws_iam_policy_document"
_ACTION = lazy_regex(r'"([\w*?-]+:[\w*?-]+|\*)"')
_NOT_ACTION = lazy_regex(r"not_?actions?\b", re.IGNORECASE)
_PASS_ROLE = "iam:passrole"
_HAS_NONE = " has no instance ("
_NEVER = " is never created: "
NOT_COMPARED = ": not compared; "
"""Part of the note on a policy without an instance, before the text of what it newly grants."""


def changed_without_instance(found: AccessDifference, snapshots: Snapshots) -> Iterator[Unreadable]:
    """Yield a note on each block in a changed file of the new version whose change is not compared: it declares or
    attaches a policy that may allow PassRole, and neither it nor its module has an instance."""
    tops = [f"{folder}/" for folder in snapshots.folders]
    described = [note for note in found.not_evaluated if NOT_COMPARED in note.reason]
    yield from described
    notes = [
        note
        for note in found.not_evaluated
        if note.kind is NoteKind.NO_INSTANCE and note.file.startswith(tops[1]) and note not in described
    ]
    blocks = {(note.file, note.line): note for note in notes}
    evaluated = {os.path.dirname(file) for file in found.files[1]}
    modules: dict[str, Unreadable] = {}
    for note in notes:
        for folder in absent_folders(note, evaluated) if note.subject else ():
            modules.setdefault(folder, note)
    noted = {(note.file, note.line) for note in described if note.kind is not NoteKind.COMMAND}
    compared = [change.grant.grant.at for name in ("new", "widened", "narrowed") for change in getattr(found, name)]
    for change in snapshots.changed if blocks or modules else ():
        place = Path(f"{tops[1]}{change.new}")
        if change.new is None or change.old is None or not is_terraform_file(place):
            continue
        lines = {at.line for at in compared if at.file == str(place)}
        file = changed_file(change.old, change.new, Path(f"{tops[0]}{change.old}"), place)
        module = modules.get(str(place.parent))
        for block in _changed_blocks(file, place) if file is not None else ():
            own_lines = range(block.span.line, block.span.end_line + 1)
            if not lines.isdisjoint(own_lines) or any((str(place), line) in noted for line in own_lines):
                continue
            own = blocks.get((str(place), block.span.line))
            reason = ""
            if own is not None:
                reason = _changed(own)
            elif module is not None and block.type != "module" and _may_allow(block):
                reason = f"{'.'.join(block.labels)} has changed, but {module.cause}"
            if reason:
                yield Unreadable(str(place), f"{reason}: not compared", block.span.line, kind=NoteKind.NO_INSTANCE)


def newly_granted(old: Sequence[Unreadable], new: Sequence[Unreadable]) -> Iterator[Unreadable]:
    """Yield a note on each policy that exists in neither version and has a statement about PassRole in the new one
    only, and on each command that a file with commands has in the new one only. ``old``: the notes of the old version,
    with the paths of the new one."""

    def subject(note: Unreadable) -> str:
        return note.kind if note.kind is NoteKind.COMMAND else note.cause

    before, after = (Counter((subject(note), text) for note in notes for text in note.content) for notes in (old, new))
    added = after - before
    unchanged = {(note.file, subject(note), text) for note in old for text in note.content}
    files = {note.file for note in old if note.kind is NoteKind.COMMAND}
    for note in new:
        for text in note.content if note.kind is not NoteKind.COMMAND or note.file in files else ():
            if added[subject(note), text] and (note.file, subject(note), text) not in unchanged:
                yield replace(note, reason=f"{_changed(note)}{NOT_COMPARED}{text}", content=())


def granted_by_absent_module(module: Unreadable, address: str, at: Position, message: str) -> Unreadable:
    """Return the note on a policy in a module without an instance that grants more than in the old version.

    ``message``: what it grants more.
    """
    reason = f"{address} has changed, but {module.cause}{NOT_COMPARED}{message.removesuffix('.')}"
    return Unreadable(at.file, reason, at.line, kind=NoteKind.NO_INSTANCE)


def _changed(note: Unreadable) -> str:
    if note.kind is NoteKind.COMMAND:
        return "a new command"
    for words in (_HAS_NONE, _NEVER):
        if words in note.cause:
            return note.cause.replace(words, f" has changed, but{words}", 1)
    return note.cause


def absent_folders(note: Unreadable, evaluated: Collection[str]) -> set[str]:
    """Return the folders of a module without an instance, and of those that only it calls."""
    found, pending = set[str](), [note.subject]
    while pending:
        folder = pending.pop()
        found.add(folder)
        pending += {str(path) for path in called_folders(Path(folder))}.difference(evaluated, found)
    return found


def _changed_blocks(file: ChangedFile, place: Path) -> Iterator[Block]:
    """Yield the blocks of a Terraform file that declare or attach policies, or call a module, and differ in more than
    layout."""
    for block in parse_bytes(str(place), place.read_bytes()).body.blocks:
        is_policy = block.type == "resource" and block.labels[:1] and block.labels[0] in _RESOURCES
        is_document = block.type == "data" and block.labels[:1] == (_DOCUMENT,)
        lines = block.span.line, block.span.end_line
        if (is_policy or is_document or block.type == "module") and any(
            piece.is_meaningful and piece.is_within(*lines) for piece in file.pieces
        ):
            yield block


def _may_allow(block: Block) -> bool:
    """True if a block may allow PassRole, as far as its text shows."""
    text = (block.source_bytes or b"").decode("utf-8", "replace")
    actions = _ACTION.findall(text)
    is_open = not actions or _NOT_ACTION.search(text) is not None
    return is_open or any(wildcard_match(action.lower(), _PASS_ROLE) for action in actions)
