"""Find new and changed calls of Terraform modules whose source is not available.

Another version of such a module, or other arguments, may grant more. A source is noted once, at its first call, so the
calls themselves are compared: by folder and name, which Terraform requires to be unique, and otherwise by their
content, since a call may move or be renamed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from passrole_checks.git_versions import Snapshots
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.terraform.modules.folder import is_local_source, literal_attribute, resolve_local_source
from passrole_checks.sources.terraform.reading.files import MAX_FILE_BYTES, parse_bytes
from passrole_checks.sources.terraform.reading.syntax import Block

CHANGED = ", and its call has changed"
"""End of the note on a call that differs from that of the old version."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A module call. ``content``: its lines without layout, comments and the header."""

    file: str
    name: str
    line: int
    source: str | None
    content: tuple[str, ...]


def changed_calls(entries: Iterable[Unreadable], snapshots: Snapshots) -> Iterator[Unreadable]:
    """Yield a note on each new or changed call, in a changed file, of a module that the new version lacks.

    ``entries``: what is not evaluated in either version.
    """
    old_top, new_top = (f"{folder}/" for folder in snapshots.folders)
    modules = [entry for entry in entries if entry.kind is NoteKind.MODULE and entry.subject]
    missing = {entry.subject: entry for entry in modules if entry.file.startswith(new_top)}
    known = {entry.subject.replace(old_top, new_top) for entry in modules if entry.file.startswith(old_top)}
    if not missing:
        return
    old = [call for change in snapshots.changed for call in _calls(old_top, change.old)]
    new = [call for change in snapshots.changed for call in _calls(new_top, change.new)]
    by_place = {_place(call, old_top, snapshots.renames or {}): call for call in old}
    gone = [call.content for place, call in by_place.items() if place not in {_place(one, new_top, {}) for one in new}]
    first = {(entry.file, entry.line): entry for entry in missing.values()}
    for call in new:
        note = first.get((call.file, call.line)) or missing.get(_subject(call))
        if note is None:
            continue
        before = by_place.get(_place(call, new_top, {}))
        if before is not None and before.content == call.content:
            continue
        if before is None and (note.file, note.line) == (call.file, call.line) and note.subject not in known:
            continue  # its own note says it
        if before is None and call.content in gone:  # moved or renamed
            gone.remove(call.content)
            continue
        _, _, first_reason = note.cause.partition(" ")[2].partition(" ")
        reason = f"module {call.name} {first_reason}{CHANGED if before is not None else ''}"
        yield replace(note, file=call.file, line=call.line, reason=reason, subject="", dependents="")


def _place(call: _Call, top: str, renames: Mapping[str, str]) -> tuple[str, str]:
    name = call.file.removeprefix(top)
    return os.path.dirname(renames.get(name, name)), call.name


def _subject(call: _Call) -> str:
    """Return the subject of the note on a missing module (see ``Run.note_missing``); "" if only its place is known."""
    if call.source is None:
        return ""
    if is_local_source(call.source):
        return f"module {call.source} {resolve_local_source(Path(call.file).parent, call.source)}"
    return f"module {call.source}"


def _calls(top: str, name: str | None) -> Iterator[_Call]:
    """Yield the calls in a file; none if it is not a Terraform file."""
    file = f"{top}{name}"
    if name is None or not is_terraform_file(Path(file)):
        return
    try:
        data = Path(file).read_bytes()
    except OSError:
        return
    if len(data) > MAX_FILE_BYTES:
        return
    parsed = parse_bytes(file, data)
    lines = parsed.source.data.decode("utf-8", "replace").split("\n")
    for block in parsed.body.all("module"):
        if block.labels:
            source = literal_attribute(block, "source")
            yield _Call(file, block.labels[0], block.span.line, source, _content(block, lines))


def _content(block: Block, lines: list[str]) -> tuple[str, ...]:
    words = (" ".join(line.split()) for line in lines[block.span.line - 1 : block.span.end_line])
    return tuple(line for line in words if line and not line.startswith(("#", "//", "module ")))
