"""Parse the output of ``aws iam get-account-authorization-details`` into users, groups, roles and policies.

Policy documents are JSON objects, as the AWS CLI and SDKs return them, or URL-encoded text as in the API's response
(IAM API Reference, ``GetAccountAuthorizationDetails``, RFC 3986).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from functools import cached_property
from itertools import islice
from urllib.parse import unquote

from passrole_checks.files.decoded_json import as_text, text_of
from passrole_checks.iam import deadline
from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Node, Position, StringNode
from passrole_checks.sources.account.pages import KINDS, BrokenPagesError, Pages, Value
from passrole_checks.sources.files.json_positions import Json, Lines, Member, members, replace_lone_surrogates
from passrole_checks.sources.model.configuration import Unreadable

_LISTS = frozenset({"UserDetailList", "GroupDetailList", "RoleDetailList"})
_SHAPE = lazy_regex(r'"(?:User|Group|Role)DetailList"\s*:\s*\[')
_ARN = lazy_regex(r"arn:([\w-]+):iam::([0-9]{12}|aws):(user|group|role|policy)/[\w+=,.@/!-]+")
_TEMPLATE_KEYS = frozenset({"AWSTemplateFormatVersion", "Resources", "Transform"})
_STARTS = lazy_regex(
    r'[\s\[]*\{\s*"(?:(?:User|Group|Role)DetailList|Policies|IsTruncated|Marker|NextToken|ResponseMetadata)"\s*:'
)
_OWNER = lazy_regex(r'"Arn"\s*:\s*"arn:([\w-]+):iam::([0-9]{12}):(?:user|group|role|policy)/')
_OVERLAP = 200  # characters, more than the beginning of an ARN with its key
_MOST_BEFORE = 1_000_000  # values before the first list that identifies the file


@dataclass(frozen=True)
class Entity:
    """A user, group, role or managed policy, or an element of a list in it.

    ``text`` is the entity as written, ``start`` the offset of the fields in it, ``path`` the keys of an element, each
    followed by a "/".
    """

    kind: str
    arn: str
    text: str
    at: Position
    file: AccountFile
    lines: Lines
    start: int = 0
    path: str = ""

    @cached_property
    def members(self) -> dict[str | int, Member]:
        """The fields and their offsets. Of a duplicate key the last one counts."""
        return {member.key: member for member in members(self.text, self.start)}

    def get(self, key: str) -> Json:
        """Return the value of a field; None if there is none."""
        member = self.members.get(key)
        return member.value if member is not None else None

    def get_text(self, key: str) -> str:
        """Return a field that is text, else ""."""
        return as_text(self.get(key)) or ""

    def elements(self, key: str) -> Iterator[Entity]:
        """Yield the elements of a list. A value that is no list is recorded, as are elements that are no objects."""
        member = self.members.get(key)
        if member is None or member.value is None:
            return
        if not isinstance(member.value, list):
            self.report(f"{key} is not a list")
            return
        for element in members(self.text, member.start) if member.value else ():
            deadline.check()
            path, at = f"{self.path}{key}/{element.key}/", self.lines.position(element.start, element.end)
            part = Entity(self.kind, self.arn, self.text, at, self.file, self.lines, element.start, path)
            if isinstance(element.value, dict):
                yield part
            else:
                part.report("not an object")

    def report(self, reason: str) -> None:
        """Record that a part of the entity cannot be read."""
        where = f"{self.arn}: {self.path.removesuffix('/')}".removesuffix(": ")
        self.file.unreadable.append(Unreadable(self.file.name, f"{where}: {reason}", self.at.line))

    def node(self, key: str) -> StringNode:
        """Return a field that is text, with its position; without text, an empty one."""
        member = self.members.get(key)
        if member is None:
            return StringNode(("",), self.at)
        return StringNode((as_text(member.value) or "",), self.lines.position(member.start, member.end))

    def part(self, key: str) -> Entity | None:
        """Return an object in a field; None if there is none."""
        member = self.members.get(key)
        if member is None or not isinstance(member.value, dict):
            return None
        at = self.lines.position(member.start, member.end)
        return Entity(self.kind, self.arn, self.text, at, self.file, self.lines, member.start, f"{self.path}{key}/")

    def document_text(self, key: str) -> str | None:
        """Return the JSON text of a policy document; None if there is none."""
        member = self.members.get(key)
        if member is None or member.value is None:
            return None
        return unquote(member.value) if isinstance(member.value, str) else self.text[member.start : member.end]

    def document(self, key: str) -> Node | None:
        """Return the policy document of a key; None if there is none, or if it is malformed, which is recorded."""
        member, text = self.members.get(key), self.document_text(key)
        if member is None or text is None:
            return None
        at, start = self.lines.position(member.start, member.end), self.lines.line_and_column(member.start)
        try:
            return parse_json(StringNode((text,), at, (start,)))
        except MalformedDocument as error:
            reason = f"{self.arn}: {self.path}{key}: {error.reason}"
            self.file.unreadable.append(Unreadable(self.file.name, reason, at.line))
            return None


@dataclass(eq=False)
class AccountFile:
    """A file with the entities of one account. ``unreadable`` grows while it is read.

    ``owner``: partition and account of the entities; None without any. ``more``: the key that says that later pages
    are missing.
    """

    name: str
    unreadable: list[Unreadable] = field(default_factory=list)
    owner: tuple[str, str] | None = None
    more: str = ""

    def entities(self, pieces: Iterator[str]) -> Iterator[Entity]:
        """Yield the entities in the order of the file, which is read piece by piece.

        Never raises for its content: what follows a syntax error is missing, which is recorded.
        """
        page = 0
        try:
            for value in Pages(pieces).values():
                deadline.check()
                if value.page != page:
                    page, self.more = value.page, ""
                if value.text:
                    entity = self._entity(value)
                    if entity is not None:
                        yield entity
                elif value.key in KINDS and not value.is_list:
                    self.unreadable.append(Unreadable(self.name, f"{value.key} is not a list", value.line))
                elif value.key in _TEMPLATE_KEYS:
                    reason = f"{value.key}: not a part of account details"
                    self.unreadable.append(Unreadable(self.name, reason, value.line))
                elif value.value and value.key in ("IsTruncated", "NextToken"):
                    self.more = value.key
        except BrokenPagesError as error:
            self.unreadable.append(Unreadable(self.name, f"{error.reason}; read up to there", error.line))

    def _entity(self, value: Value) -> Entity | None:
        """Return an entity; None, with a record of the reason, if it has no ARN of this account."""
        kind, arn = KINDS[value.key], text_of(value.value, "Arn")
        text = replace_lone_surrogates(value.text)
        lines = Lines(self.name, text, value.line, value.column)
        at = lines.position(0, len(text))
        match = _ARN.fullmatch(arn)
        if match is None or match[3] != kind:
            self.unreadable.append(Unreadable(self.name, f"an entry has no ARN of a {kind}", at.line))
            return None
        if match[2] != "aws":
            owner = (match[1], match[2])
            self.owner = self.owner or owner
            if owner != self.owner:
                reason = f"{arn}: of another account than {':iam::'.join(self.owner)}; split the file by account"
                self.unreadable.append(Unreadable(self.name, reason, at.line))
                return None
        return Entity(kind, arn, text, at, self, lines)


def owner_of(pieces: Iterator[str]) -> tuple[str, str] | None:
    """Return partition and account of the first entity in the text of an account file; None if it has none."""
    rest = ""
    for piece in pieces:
        deadline.check()
        found = _OWNER.search(rest + piece)
        if found is not None:
            return found[1], found[2]
        rest = (rest + piece)[-_OVERLAP:]
    return None


def may_be_account_file(head: str) -> bool:
    """True if a text begins like an account file, so that its other keys have to be read to know what it is."""
    return _STARTS.match(head) is not None


def is_account_file(content: str) -> bool:
    """True if a text is the output of ``get-account-authorization-details``, also if it is truncated.

    A document that only contains one of its lists further down, or that has the keys of a template, is none.
    """
    if content[:1000].lstrip()[:1] not in ("{", "[") or not _SHAPE.search(content):
        return False
    return is_account(iter([content]))


def is_account(pieces: Iterator[str], *, completely: bool = True) -> bool:
    """True for the text of an account file. ``completely``: False to stop at the first list of principals."""
    has_list = False
    try:
        for value in islice(Pages(pieces).values(), None if completely else _MOST_BEFORE):
            if value.key in _TEMPLATE_KEYS:
                return False
            has_list |= value.is_list and value.key in _LISTS
            if has_list and not completely:
                break
    except BrokenPagesError:
        pass
    return has_list
