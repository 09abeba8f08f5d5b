"""Parse the output of ``aws iam get-account-authorization-details`` into users, groups, roles and policies.

Accepted are one document, several after each other, or a list of them, as paginated calls write. Entities are decoded
one at a time, so that memory does not grow with the file beyond its text. Policy documents are JSON objects, as the AWS
CLI and SDKs return them, or URL-encoded text as in the API's response (IAM API Reference,
``GetAccountAuthorizationDetails``, RFC 3986).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

from passrole_checks.files.decoded_json import as_object, as_text, text_of
from passrole_checks.iam import deadline
from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.partial_values import Node, Position, StringNode
from passrole_checks.sources.files.json_positions import (
    Json,
    Keys,
    Lines,
    Member,
    NotJson,
    find_member,
    members,
    replace_lone_surrogates,
    walk_documents,
)
from passrole_checks.sources.model.configuration import NoteKind, Unreadable

KINDS = {
    "UserDetailList": "user",
    "GroupDetailList": "group",
    "RoleDetailList": "role",
    "Policies": "policy",
}
"""The lists of a page, with the kind of their entities."""

_LISTS = frozenset({"UserDetailList", "GroupDetailList", "RoleDetailList"})
_SHAPE = re.compile(r'"(?:User|Group|Role)DetailList"\s*:\s*\[')
_ARN = re.compile(r"arn:([\w-]+):iam::([0-9]{12}|aws):(user|group|role|policy)/[\w+=,.@/!-]+")
_TEMPLATE_KEYS = frozenset({"AWSTemplateFormatVersion", "Resources", "Transform"})


@dataclass(frozen=True)
class Entity:
    """A user, group, role or managed policy, or an element of a list in it: its decoded fields, and its text.

    ``start`` is the offset of the fields in the text of ``file``; ``path``: the keys of an element, each before a "/".
    """

    kind: str
    arn: str
    fields: dict[str, Json]
    at: Position
    start: int
    file: AccountFile = field(repr=False, compare=False)
    path: str = ""

    def text(self, key: str) -> str:
        """Return a field that is text, else ""."""
        return text_of(self.fields, key)

    def elements(self, key: str) -> Iterator[Entity]:
        """Yield the elements of a list. A value that is no list is recorded, as are elements that are no objects."""
        member = find_member(self.file.text, self.start, (key,))
        if member is None or member.value is None:
            return
        if not isinstance(member.value, list):
            self.report(f"{key} is not a list")
            return
        for element in members(self.file.text, member.start):
            deadline.check()
            path, at = f"{self.path}{key}/{element.key}/", self.file.lines.position(element.start, element.end)
            part = replace(self, fields=as_object(element.value), at=at, start=element.start, path=path)
            if isinstance(element.value, dict):
                yield part
            else:
                part.report("not an object")

    def report(self, reason: str) -> None:
        """Record that a part of the entity cannot be read."""
        where = f"{self.arn}: {self.path.removesuffix('/')}".removesuffix(": ")
        self.file.unreadable.append(Unreadable(self.file.name, f"{where}: {reason}", self.at.line))

    def node(self, *keys: str | int) -> StringNode:
        """Return the text at a path of keys, with its position."""
        member = find_member(self.file.text, self.start, keys)
        value = (as_text(member.value) or "") if member is not None else ""
        return StringNode((value,), self.at if member is None else self.file.lines.position(member.start, member.end))

    def document(self, key: str) -> Node | None:
        """Return the policy document of a key; None if there is none, or if it is malformed, which is recorded."""
        member = find_member(self.file.text, self.start, (key,))
        if member is None or member.value is None:
            return None
        lines = self.file.lines
        at, start = lines.position(member.start, member.end), lines.line_and_column(member.start)
        text = self.file.text[member.start : member.end]
        if isinstance(member.value, str):
            text = unquote(member.value)
        try:
            return parse_json(StringNode((text,), at, (start,)))
        except MalformedDocument as error:
            reason = f"{self.arn}: {self.path}{key}: {error.reason}"
            self.file.unreadable.append(Unreadable(self.file.name, reason, at.line))
            return None


@dataclass
class AccountFile:
    """A file with the entities of one account, by ARN. ``unreadable`` and ``notes`` grow while documents are read.

    ``owner``: partition and account of the users, groups and roles; None without any.
    """

    name: str
    text: str
    lines: Lines
    entities: dict[str, Entity] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    notes: list[Unreadable] = field(default_factory=list)
    owner: tuple[str, str] | None = None

    def note(self, reason: str, kind: NoteKind = NoteKind.INCOMPLETE, line: int | None = None) -> None:
        """Record what is missing, or not clear, in a file that can be read."""
        self.notes.append(Unreadable(self.name, reason, line, kind=kind))

    def of_kind(self, kind: str) -> Iterator[Entity]:
        """Yield the entities of a kind in the order of the file."""
        return (entity for entity in self.entities.values() if entity.kind == kind)


def is_account_file(content: str) -> bool:
    """True if a text is the output of ``get-account-authorization-details``, also if it is truncated.

    A document that only contains one of its lists further down, or that has the keys of a template, is none.
    """
    if content[:1000].lstrip()[:1] not in ("{", "[") or not _SHAPE.search(content):
        return False
    has_list = False
    try:
        for keys, member in walk_documents(content, _is_top_level):
            if len(keys) == 1 and keys[0] in _TEMPLATE_KEYS:
                return False
            has_list |= member.opened and keys[0] in _LISTS and content[member.start] == "["
    except NotJson:
        pass
    return has_list


def read_account(path: Path, content: str) -> AccountFile:
    """Read the entities of an account. Never raises: what follows a syntax error is missing, which is recorded."""
    text = replace_lone_surrogates(content)
    file = AccountFile(str(path), text, Lines(str(path), text))
    truncated = False
    try:
        for keys, member in walk_documents(text, _is_list_of_entities):
            deadline.check()
            if len(keys) == 2 and keys[0] in KINDS:
                _add(file, KINDS[str(keys[0])], member)
            elif keys == ("IsTruncated",):
                truncated = member.value is True
    except NotJson as error:
        line = file.lines.line_and_column(error.offset)[0]
        file.unreadable.append(Unreadable(file.name, f"{error.reason}; read up to there", line))
    if truncated:
        file.note("truncated output (IsTruncated): entities on later pages are missing")
    return file


def _is_top_level(keys: Keys) -> bool:
    return len(keys) == 1


def _is_list_of_entities(keys: Keys) -> bool:
    return len(keys) == 1 and keys[0] in KINDS


def _add(file: AccountFile, kind: str, member: Member) -> None:
    """Add an entity, or record why it cannot be read. The last of several with one ARN counts, which is noted."""
    fields = as_object(member.value)
    arn = text_of(fields, "Arn")
    match = _ARN.fullmatch(arn)
    at = file.lines.position(member.start, member.end)
    if match is None or match[3] != kind:
        file.unreadable.append(Unreadable(file.name, f"an entry has no ARN of a {kind}", at.line))
        return
    if match[2] != "aws":
        owner = (match[1], match[2])
        file.owner = file.owner or owner
        if owner != file.owner:
            reason = f"{arn}: of another account than {':iam::'.join(file.owner)}; split the file by account"
            file.unreadable.append(Unreadable(file.name, reason, at.line))
            return
    text, earlier = file.text[member.start : member.end], file.entities.get(arn)
    if earlier is not None and not file.text.startswith(text, earlier.start):
        file.note(f"{arn}: listed twice with different contents; the last one counts", NoteKind.DUPLICATE_KEY, at.line)
    file.entities[arn] = Entity(kind, arn, fields, at, member.start, file)
