"""Policy documents that no resource, module call or output uses: they grant nothing, and are noted.

A document in the branch of a conditional that its known condition does not choose is not used either.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.collect.handed_out import may_grant_pass_role
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import known_bool
from passrole_checks.sources.terraform.modules.folder import Folder
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.handed_out import documents_of
from passrole_checks.sources.terraform.policies.unknown_resources import DOCUMENT
from passrole_checks.sources.terraform.reading.syntax import (
    Attribute,
    Block,
    Conditional,
    ParsedFile,
    Span,
    children_of,
)
from passrole_checks.sources.terraform.resources.data_document import build_document

# patterns begin with a word, which is then found faster
_MENTIONS = (
    ("data", re.compile(rb"data(?<![\w.-]data)\s*\.\s*aws_iam_policy_document\s*\.\s*([A-Za-z_][\w-]*)")),
    ("local", re.compile(rb"local(?<![\w.-]local)\s*\.\s*([A-Za-z_][\w-]*)")),
)
_MODULE_OUTPUT = lazy_regex(
    rb"module(?<![\w.-]module)\s*\.\s*([\w\x80-\xff-]+)(?:\s*\[[^\]]*\])?(?:\s*\.\s*([\w\x80-\xff*-]+))?"
)
_IN_LOCAL = lazy_regex(rb"Statement|\bactions\b")
_Name = tuple[str, str]  # "data" or "local", and the name
_KEEPERS = ("null_resource", "random_", "time_")  # their arguments only decide when something is replaced
_USELESS = frozenset({"provider", "terraform", "check", "import", "moved", "removed", "variable"})


def unused_documents(root: Module) -> Iterator[Unreadable]:
    """Yield a note on each policy document, of a data source or a local, that may allow PassRole and that no resource,
    module call or output of its module uses."""
    modules: dict[Path, list[Module]] = {}
    for module in root.walk():
        modules.setdefault(module.folder.path, []).append(module)

    @cache
    def outputs(caller: Path) -> dict[str, set[bytes | None]]:
        """Return the outputs of modules that the files of a folder mention."""
        mentioned: dict[str, set[bytes | None]] = {}
        for parsed in root.run.folders[caller].files:
            for match in _MODULE_OUTPUT.finditer(parsed.source.data):
                mentioned.setdefault(match[1].decode(), set()).add(None if match[2] == b"*" else match[2])
        return mentioned

    for same in modules.values():
        folder = same[0].folder
        documents = [block for block in folder.data if block.labels[0] == DOCUMENT]
        local_names = list(_locals_with_statements(folder))
        if documents or local_names:
            callers = {(module.ancestors[-2], module.key[-1]) for module in same if module.key and folder.outputs}
            # those that callers of its instances mention; all of a root module
            used_outputs = {output for path, name in callers for output in outputs(path).get(name, ())}
            used_outputs |= set() if all(module.key for module in same) else {None}
            yield from _unused_in(same, documents, local_names, frozenset(used_outputs))


def _locals_with_statements(folder: Folder) -> Iterator[str]:
    """Yield the names of locals that may contain a statement, by their source texts."""
    in_file: dict[int, bool] = {}
    for name, attribute in folder.locals.items():
        source = attribute.source
        known = in_file.get(id(source))
        if known is None:
            known = in_file[id(source)] = b"Statement" in source.data or b"actions" in source.data
        if known and _IN_LOCAL.search(attribute.source_bytes):
            yield name


def _unused_in(
    modules: list[Module], documents: list[Block], local_names: list[str], used_outputs: _Mentioned
) -> Iterator[Unreadable]:
    """Yield the notes for one folder; ``modules`` are its instances."""
    module = modules[0]
    candidates = {("data", block.labels[1]) for block in documents} | {("local", name) for name in local_names}
    mentions = _Mentions(module.folder, used_outputs)
    used = mentioned = mentions.used()
    doubtful = mentions.doubtful(candidates)
    if doubtful and (not_chosen := _branches_not_chosen(modules, mentions.leading_to(doubtful))):
        used = mentions.used(not_chosen)
    for block in documents:
        name = ("data", block.labels[1])
        if name in used:
            continue
        scope = module.instance_scope(block, None)
        if may_grant_pass_role(build_document(block, scope)):
            yield _note(block.address, block.source.file, block.span.line, is_mentioned=name in mentioned)
    for local in local_names:
        if ("local", local) in used:
            continue
        attribute = module.folder.locals[local]
        at = module.scope(attribute.source).position(attribute.span)
        if any(map(may_grant_pass_role, documents_of(module.local(local, at)))):
            is_mentioned = ("local", local) in mentioned
            yield _note(f"local.{local}", attribute.source.file, attribute.span.line, is_mentioned=is_mentioned)


def _note(address: str, file: str, line: int, *, is_mentioned: bool) -> Unreadable:
    reason = "that a condition does not choose" if is_mentioned else "that no resource, module call or output uses"
    return Unreadable(file, f"{address}: policy document {reason}", line, kind=NoteKind.UNUSED_DOCUMENT)


_Spans = dict[str, list[tuple[int, int]]]  # by file, as offsets


def _branches_not_chosen(modules: Sequence[Module], names: Collection[_Name]) -> _Spans:
    """Return the branches of conditionals that a known condition does not choose in any instance of a module, where
    they may mention one of the ``names``."""
    found: _Spans = {}

    def is_conditional(text: bytes) -> bool:
        return b"?" in text and any(name in names for _, name in _mentions_in(text))

    for parsed in modules[0].folder.files:
        source = parsed.source
        for block in parsed.body.blocks if b"?" in source.data else ():
            if not is_conditional(block.source_bytes or b""):
                continue
            is_locals = block.type == "locals"
            scopes = [one.scope(source) if is_locals else one.instance_scope(block, None) for one in modules]
            every = (attribute for body in block.body.walk() for attribute in body.attributes)
            attributes = (attribute for attribute in every if is_conditional(attribute.source_bytes))
            for span in (span for attribute in attributes for span in _not_chosen(attribute.value, scopes)):
                start, end = source.offset(span.line, span.column), source.offset(span.end_line, span.end_column)
                found.setdefault(source.file, []).append((start, end))
    return found


def _mentions_in(text: bytes) -> Iterator[tuple[int, _Name]]:
    """Yield the documents and locals that a text mentions, with their offsets."""
    for kind, pattern in _MENTIONS:
        for match in pattern.finditer(text):
            yield match.start(), (kind, match[1].decode())


def _not_chosen(part: object, scopes: Sequence[EvaluationScope]) -> Iterator[Span]:
    """Yield the branches of conditionals in a part of an expression that are not chosen in any of the scopes."""
    if isinstance(part, Conditional):
        outcomes = {known_bool(evaluate(part.condition, scope)) for scope in scopes}
        if outcomes == {True}:
            yield part.otherwise.span
        elif outcomes == {False}:
            yield part.then.span
    for child in children_of(part):
        yield from _not_chosen(child, scopes)


class _Mention(NamedTuple):
    """A mention of a document or local. ``owner``: the document or local that contains it, if one does. ``doubtful``: a
    conditional may not choose it."""

    owner: _Name | None
    name: _Name
    file: str
    offset: int
    doubtful: bool


class _Mentions:
    """The mentions of documents and locals in the files of a folder, except those by blocks that do not use them."""

    def __init__(self, folder: Folder, outputs: _Mentioned) -> None:
        self._all: list[_Mention] = []
        for parsed in folder.files:
            mentions = list(_mentions_in(parsed.source.data))
            if not mentions:
                continue
            owners = _Owners(parsed, outputs)
            for offset, name in mentions:
                is_user, owner, doubtful = owners.at(offset)
                if is_user:
                    self._all.append(_Mention(owner, name, parsed.source.file, offset, doubtful))

    def used(self, left_out: _Spans | None = None) -> set[_Name]:
        """Return the documents and locals that other blocks use, directly or not. ``left_out``: where mentions do not
        count."""
        spans = left_out or {}
        return _reached(
            mention
            for mention in self._all
            if not any(start <= mention.offset < end for start, end in spans.get(mention.file, ()))
        )

    def doubtful(self, names: Collection[_Name]) -> set[_Name]:
        """Return those of the names that are used only if conditionals choose their mentions."""
        if not any(mention.doubtful for mention in self._all):
            return set()
        surely_used = _reached(mention for mention in self._all if not mention.doubtful)
        return {name for name in self.used() if name in names and name not in surely_used}

    def leading_to(self, names: Collection[_Name]) -> set[_Name]:
        """Return the names, and the documents and locals that mention one of them, directly or not."""
        owners: dict[_Name | None, set[_Name]] = {}
        for mention in self._all:
            if mention.owner is not None:
                owners.setdefault(mention.name, set()).add(mention.owner)
        return _closure(names, owners)


def _reached(mentions: Iterable[_Mention]) -> set[_Name]:
    """Return what is mentioned outside of documents and locals, and by what is reached."""
    by_owner: dict[_Name | None, set[_Name]] = {}
    for mention in mentions:
        by_owner.setdefault(mention.owner, set()).add(mention.name)
    return _closure(by_owner.get(None, ()), by_owner)


def _closure(names: Iterable[_Name], following: Mapping[_Name | None, Collection[_Name]]) -> set[_Name]:
    found = set(names)
    pending = list(found)
    while pending:
        new = [name for name in following.get(pending.pop(), ()) if name not in found]
        found.update(new)
        pending.extend(new)
    return found


_Mentioned = frozenset[bytes | None]  # names of outputs; None for all


def _is_user(block: Block, outputs: _Mentioned) -> bool:
    """True if a block passes on what it mentions, or may do so. ``outputs``: those that are used."""
    if block.type == "output":
        return None in outputs or block.labels[0].encode() in outputs
    if block.type == "resource" and block.labels[0].startswith(_KEEPERS):
        return b"provisioner" in (block.source_bytes or b"")
    return block.type not in _USELESS


class _Owners:
    """The blocks of a file, and the locals, by their offsets."""

    def __init__(self, parsed: ParsedFile, outputs: _Mentioned) -> None:
        source = parsed.source
        owners: list[tuple[Block | Attribute, bool, _Name | None]] = []
        for block in parsed.body.blocks:
            if not block.literal:
                continue
            if block.type == "locals":
                owners.extend((attribute, True, ("local", attribute.name)) for attribute in block.body.attributes)
            elif block.type == "data" and block.labels[:1] == (DOCUMENT,):
                owners.append((block, True, ("data", block.labels[-1])))
            else:
                owners.append((block, _is_user(block, outputs), None))
        places = [(part.place or source.place(part.span), is_user, name) for part, is_user, name in owners]
        places.sort(key=lambda entry: entry[0].start)
        self._starts = [place.start for place, *_ in places]
        self._entries = [(place.stop, is_user, name, b"?" in source.data[place]) for place, is_user, name in places]

    def at(self, offset: int) -> tuple[bool, _Name | None, bool]:
        """Return false for a block that does not use what it mentions, the document or local around an offset, and true
        if there are conditionals around it."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0 or offset >= self._entries[index][0]:
            return True, None, False
        return self._entries[index][1:]
