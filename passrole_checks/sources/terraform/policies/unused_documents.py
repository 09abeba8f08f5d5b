"""Policy documents that no resource, module call or output uses: they grant nothing, and are noted."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.model.unknown_consumers import may_grant_pass_role
from passrole_checks.sources.terraform.modules.folder import Folder
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.handed_out import documents_of
from passrole_checks.sources.terraform.policies.unknown_resources import DOCUMENT
from passrole_checks.sources.terraform.reading.syntax import Block, ParsedFile
from passrole_checks.sources.terraform.resources.data_document import build_document

_MENTION = re.compile(rb"(?<![\w.-])(?:data\s*\.\s*aws_iam_policy_document|local)\s*\.\s*([A-Za-z_][\w-]*)")
# begins with the word, which is then found faster
_MODULE_OUTPUT = re.compile(
    rb"module(?<![\w.-]module)\s*\.\s*([\w\x80-\xff-]+)(?:\s*\[[^\]]*\])?(?:\s*\.\s*([\w\x80-\xff*-]+))?"
)
_IN_LOCAL = re.compile(rb"Statement|\bactions\b")
_Name = tuple[str, str]  # "data" or "local", and the name
_KEEPERS = ("null_resource", "random_", "time_")  # their arguments only decide when something is replaced
_USELESS = frozenset({"provider", "terraform", "check", "import", "moved", "removed", "variable"})


def unused_documents(root: Module) -> Iterator[Unreadable]:
    """Yield a note on each policy document, of a data source or a local, that may allow PassRole and that no resource,
    module call or output of its module uses."""
    modules: dict[Path, list[Module]] = {}
    for module in root.walk():
        modules.setdefault(module.folder.path, []).append(module)
    outputs = _OutputMentions(root.run.folders)
    for same in modules.values():
        folder = same[0].folder
        documents = [block for block in folder.data if block.labels[0] == DOCUMENT]
        local_names = [name for name, attribute in folder.locals.items() if _IN_LOCAL.search(attribute.source_bytes)]
        if documents or local_names:
            yield from _unused_in(same, documents, local_names, outputs)


def _unused_in(
    modules: list[Module], documents: list[Block], local_names: list[str], outputs: _OutputMentions
) -> Iterator[Unreadable]:
    """Yield the notes for one folder; ``modules`` are its instances."""
    module = modules[0]
    used = _used_names(module.folder, _used_outputs(modules, outputs) if module.folder.outputs else frozenset())
    for block in documents:
        if ("data", block.labels[1]) in used:
            continue
        scope = module.instance_scope(block, None)
        if may_grant_pass_role(build_document(block, scope)):
            yield _note(f"data.{DOCUMENT}.{block.labels[1]}", block.source.file, block.span.line)
    for name in local_names:
        if ("local", name) in used:
            continue
        attribute = module.folder.locals[name]
        at = module.scope(attribute.source).position(attribute.span)
        if any(map(may_grant_pass_role, documents_of(module.local(name, at)))):
            yield _note(f"local.{name}", attribute.source.file, attribute.span.line)


def _note(address: str, file: str, line: int) -> Unreadable:
    return Unreadable(
        file,
        f"{address}: policy document that no resource, module call or output uses",
        line,
        kind=NoteKind.UNUSED_DOCUMENT,
    )


def _used_names(folder: Folder, outputs: _Mentioned) -> set[_Name]:
    """Return the documents and locals of a folder that its other blocks use, directly or not."""
    mentions: dict[_Name | None, set[_Name]] = {}
    for parsed in folder.files:
        owners = _Owners(parsed, outputs)
        for match in _MENTION.finditer(parsed.source.data):
            kind = "local" if match[0].startswith(b"local") else "data"
            is_user, owner = owners.at(match.start())
            if is_user:
                mentions.setdefault(owner, set()).add((kind, match[1].decode()))
    pending: list[_Name | None] = [None]
    used: set[_Name] = set()
    while pending:
        for name in mentions.get(pending.pop(), ()):
            if name not in used:
                used.add(name)
                pending.append(name)
    return used


_Mentioned = frozenset[bytes | None]  # names of outputs; None for all


def _is_user(block: Block, outputs: _Mentioned) -> bool:
    """True if a block passes on what it mentions, or may do so. ``outputs``: those that are used."""
    if block.type == "output":
        return None in outputs or block.labels[0].encode() in outputs
    if block.type == "resource" and block.labels[0].startswith(_KEEPERS):
        return b"provisioner" in (block.source_bytes or b"")
    return block.type not in _USELESS


def _used_outputs(modules: list[Module], mentions: _OutputMentions) -> _Mentioned:
    """Return the outputs of a folder that callers of its instances mention; all of a root module."""
    if not all(module.key for module in modules):
        return frozenset((None,))
    callers = {(module.ancestors[-2], module.key[-1]) for module in modules}
    return frozenset(output for path, name in callers for output in mentions.of(path, name))


class _OutputMentions:
    """The outputs of modules that the files of a folder mention, searched once for each folder."""

    def __init__(self, folders: Mapping[Path, Folder]) -> None:
        self._folders = folders
        self._found: dict[Path, dict[str, set[bytes | None]]] = {}

    def of(self, caller: Path, module_name: str) -> Collection[bytes | None]:
        """Return the outputs of a module that its caller mentions."""
        if caller not in self._folders:
            return (None,)
        if caller not in self._found:
            found = self._found[caller] = {}
            for parsed in self._folders[caller].files:
                for match in _MODULE_OUTPUT.finditer(parsed.source.data):
                    found.setdefault(match[1].decode(), set()).add(None if match[2] == b"*" else match[2])
        return self._found[caller].get(module_name, ())


class _Owners:
    """The data sources with documents, and the locals, of a file by their offsets."""

    def __init__(self, parsed: ParsedFile, outputs: _Mentioned) -> None:
        self._starts: list[int] = []
        self._entries: list[tuple[int, bool, _Name | None]] = []
        source = parsed.source
        spans: list[tuple[int, int, bool, _Name | None]] = []
        for block in parsed.body.blocks:
            if not block.literal:
                continue
            span = block.span
            end = source.offset(span.end_line, span.end_column)
            if block.type == "locals":
                spans.extend(
                    (
                        source.offset(attribute.span.line, attribute.span.column),
                        source.offset(attribute.span.end_line, attribute.span.end_column),
                        True,
                        ("local", attribute.name),
                    )
                    for attribute in block.body.attributes
                )
            elif block.type == "data" and block.labels[:1] == (DOCUMENT,):
                spans.append((source.offset(span.line, span.column), end, True, ("data", block.labels[-1])))
            elif not _is_user(block, outputs):
                spans.append((source.offset(span.line, span.column), end, False, None))
        for start, end, is_user, name in sorted(spans, key=lambda entry: entry[0]):
            self._starts.append(start)
            self._entries.append((end, is_user, name))

    def at(self, offset: int) -> tuple[bool, _Name | None]:
        """Return false for a block that does not use what it mentions, and the document or local around an offset."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0 or offset >= self._entries[index][0]:
            return True, None
        return self._entries[index][1:]
