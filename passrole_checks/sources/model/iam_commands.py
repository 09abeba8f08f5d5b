"""Find the calls of the AWS CLI in the text of a command that attach or create IAM policies.

Sources: AWS CLI Command Reference, ``iam`` (``attach-role-policy``, ``put-role-policy``, ``create-policy`` and the same
for users, groups and versions) and ``sso-admin``; POSIX, "Shell Command Language", sections 2.2 "Quoting" and 2.3
"Token Recognition". The shell itself is not evaluated: variables, substitutions and files stay unresolved.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from passrole_checks.iam.documents.json_document import json_or_none
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.partial_values import Node, ObjectNode, Part, Position, StringNode, Unresolved

_POLICY_ARN, _DOCUMENT, _PERMISSION_SET = "--policy-arn", "--policy-document", "permission-set"
_AWS_MANAGED = lazy_regex(r"\S*:iam::aws:policy/\S+")


@dataclass(frozen=True, slots=True)
class _Operation:
    """Options of an operation: for the policy (an ARN or a document) and the principal, and the principal's kind."""

    policy: str
    principal: str = ""
    kind: str = ""


_OPERATIONS: Mapping[str, _Operation] = {
    **{f"attach-{kind}-policy": _Operation(_POLICY_ARN, f"--{kind}-name", kind) for kind in ("group", "role", "user")},
    **{f"put-{kind}-policy": _Operation(_DOCUMENT, f"--{kind}-name", kind) for kind in ("group", "role", "user")},
    "create-policy": _Operation(_DOCUMENT),
    "create-policy-version": _Operation(_DOCUMENT),
    "attach-managed-policy-to-permission-set": _Operation(
        "--managed-policy-arn", "--permission-set-arn", _PERMISSION_SET
    ),
    "put-inline-policy-to-permission-set": _Operation("--inline-policy", "--permission-set-arn", _PERMISSION_SET),
}
_SERVICES = frozenset({"iam", "sso-admin"})
_POLICY = lazy_regex("-policy")  # in each name; a plain text is found fast in a plan of 100 MB
_NAMED = lazy_regex(
    r"(?<![\w-])(?:(?:attach|put)-(?:group|role|user)-policy|create-policy(?:-version)?"
    r"|attach-managed-policy-to-permission-set|put-inline-policy-to-permission-set)(?![\w-])"
)
_MENTION = lazy_regex(
    rb"\b(?:iam|sso-admin)[\"',\s]+((?:attach|put)-[\w-]*policy[\w-]*|create-policy(?:-version)?)(?![\w-])"
)
_COMMENT = lazy_regex(rb"[ \t]*(?:#|//)")
_TOKEN = lazy_regex(
    r"(?P<blank>(?:[ \t\r]|\\\r?\n)+)|(?P<end>[;&|()\n`]+)|(?P<comment>#[^\n]*)|'(?P<single>[^']*)'"
    r'|"(?P<double>(?:[^"\\]|\\.)*)"|\\(?P<escaped>.)|(?P<plain>[^\s;&|()`\'"\\]+|.)',
    re.DOTALL,
)
_ESCAPE_IN_QUOTES = lazy_regex(r'\\(?:\r?\n|([$`"\\]))')
_FIRST_PLACEHOLDER = 0xF0000  # Unicode, "Private-use characters"
_PLACEHOLDERS = lazy_regex("[\U000f0000-\U000ffffd]|[^\U000f0000-\U000ffffd]+")
_MAX_LENGTH = 200_000
_MAX_WORDS = 5_000
_MAX_DEPTH = 4  # commands within the arguments of commands: bash -c "…"


@dataclass(frozen=True, slots=True)
class IamCommand:
    """One call of the AWS CLI.

    ``operation`` is its name (``attach-role-policy``). ``principal`` and ``kind`` name the principal, if there is one.
    ``managed_policy`` is the ARN of an AWS managed policy, ``document`` a policy document that the command contains.
    """

    operation: str
    at: Position
    principal: StringNode | None = None
    kind: str = ""
    managed_policy: StringNode | None = None
    document: Node | None = None

    def not_evaluated_reason(self, address: str) -> str:
        """Return the reason of the entry for a command of a resource."""
        return note_reason(address, self.text, literal=self.document is not None or self.managed_policy is not None)

    @property
    def text(self) -> str:
        """The beginning of the call."""
        return f"aws {'sso-admin' if self.kind == _PERMISSION_SET else 'iam'} {self.operation}"


def names_operation(text: str) -> bool:
    """True if a text contains the name of an operation that attaches or creates IAM policies."""
    for found in _POLICY.finditer(text):
        named = _NAMED.search(text, max(0, found.start() - 40), found.end() + 40)
        if named is not None and _NAMED.match(text, named.start()):  # not only the beginning of a longer word
            return True
    return False


def find_mention(text: bytes) -> tuple[str, int] | None:
    """Return the name and the offset of the first such operation in any text, such as a start script; None if there is
    none."""
    if not (b"attach-" in text or b"put-" in text or b"create-policy" in text):
        return None
    for match in _MENTION.finditer(text):
        if not _COMMENT.match(text, text.rfind(b"\n", 0, match.start()) + 1):
            return match[1].decode(), match.start(1)
    return None


def note_reason(address: str, command: str, *, literal: bool = False) -> str:
    """Return the reason of the entry for a command that is not evaluated. ``literal``: except for its policy."""
    but = ", except for the policy in it" if literal else ""
    return f"{address} runs `{command}`, which is not evaluated{but}"


def commands_in_text(text: StringNode) -> list[IamCommand]:
    """Return the calls in a command or script."""
    if sum(len(part) for part in text.parts if isinstance(part, str)) > _MAX_LENGTH or not _may_name(text):
        return []
    source = _Source(text)
    return list(_in_commands(_commands(source.text, source), 0))


def commands_in_words(words: Sequence[StringNode]) -> list[IamCommand]:
    """Return the calls in a command that is a list of words (a program and its arguments)."""
    if not any(map(_may_name, words)):
        return []
    sources = [_Source(word) for word in words[:_MAX_WORDS]]
    return list(_in_commands([[_Word(source.text, 0, source) for source in sources]], 0))


def _may_name(text: StringNode) -> bool:
    return any(isinstance(part, str) and names_operation(part) for part in text.parts)


class _Source:
    """A text in which each unresolved part is one private-use character."""

    def __init__(self, node: StringNode) -> None:
        self.node = node
        self.unresolved: list[Unresolved] = []
        pieces: list[str] = []
        self.offsets: list[int] = []
        length = 0
        for part in node.parts:
            self.offsets.append(length)
            piece = part
            if isinstance(piece, Unresolved):
                self.unresolved.append(piece)
                piece = chr(_FIRST_PLACEHOLDER + len(self.unresolved) - 1)
            pieces.append(piece)
            length += len(piece)
        self.text = "".join(pieces)

    def position(self, start: int, end: int) -> Position:
        """Return the position of a piece: its own one if the text appears verbatim in its file."""
        if not self.node.starts:
            return self.node.at
        return Position(self.node.at.file, *self._line_and_column(start), *self._line_and_column(end))

    def _line_and_column(self, offset: int) -> tuple[int, int]:
        starts = self.node.starts
        index = min(max(bisect_right(self.offsets, offset) - 1, 0), len(starts) - 1)
        line, column = starts[index]
        lines = self.text.count("\n", self.offsets[index], offset)
        if not lines:
            return line, column + offset - self.offsets[index]
        return line + lines, offset - self.text.rindex("\n", 0, offset) + self.node.indent

    def string(self, text: str, offset: int, *, verbatim: bool) -> StringNode:
        """Return a piece of the text with its unresolved parts. ``verbatim``: the text has it at the offset."""
        pieces: list[tuple[Part, int]] = []
        for piece in _PLACEHOLDERS.finditer(text):
            number = ord(piece[0][0]) - _FIRST_PLACEHOLDER
            is_known = not 0 <= number < len(self.unresolved)
            pieces.append((piece[0] if is_known else self.unresolved[number], offset + piece.start()))
        starts = tuple(self._line_and_column(start) for _, start in pieces) if verbatim and self.node.starts else ()
        parts = tuple(part for part, _ in pieces) or ("",)
        at = self.position(offset, offset + len(text))
        return StringNode(parts, at, starts, self.node.indent if starts else 0, self.node.defaults)


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a command without its quotes, and the offset at which it begins; ``verbatim``: it has no escapes."""

    text: str
    offset: int
    source: _Source
    verbatim: bool = True

    @property
    def value(self) -> StringNode:
        """The word as a value."""
        return self.source.string(self.text, self.offset, verbatim=self.verbatim)


def _commands(text: str, source: _Source, offset: int = 0) -> list[list[_Word]]:
    """Return the words of each simple command in a text, which begins at an offset of its source."""
    commands: list[list[_Word]] = [[]]
    word: list[_Word] = []  # the pieces of the current word
    for token in islice(_TOKEN.finditer(text), _MAX_WORDS):
        kind = token.lastgroup
        if kind in ("blank", "end") or (kind == "comment" and not word):
            if word:
                commands[-1].append(_joined(word))
                word = []
            if kind == "end" and commands[-1]:
                commands.append([])
            continue
        written = token[kind] if kind else token[0]
        value = _ESCAPE_IN_QUOTES.sub(r"\1", written) if kind == "double" else written
        start = token.start(kind) if kind else token.start()
        word.append(_Word(value, offset + start, source, value == written))
    if word:
        commands[-1].append(_joined(word))
    return commands


def _joined(pieces: Sequence[_Word]) -> _Word:
    """Return the word of adjacent pieces in different quotes."""
    if len(pieces) == 1:
        return pieces[0]
    return replace(pieces[0], text="".join(piece.text for piece in pieces), verbatim=False)


def _in_commands(commands: Sequence[Sequence[_Word]], depth: int) -> Iterator[IamCommand]:
    for words in commands:
        service = False
        for index, word in enumerate(words):
            if word.text in _OPERATIONS and service:
                yield _command(word, words[index + 1 :])
            elif word.text in _SERVICES:
                service = True
            elif depth < _MAX_DEPTH and names_operation(word.text) and word.text not in _OPERATIONS:
                inner = _commands(word.text, word.source, word.offset)
                if not word.verbatim:
                    inner = [[replace(each, verbatim=False) for each in words] for words in inner]
                yield from _in_commands(inner, depth + 1)


def _command(name: _Word, arguments: Sequence[_Word]) -> IamCommand:
    operation = _OPERATIONS[name.text]
    options = _options(arguments)
    principal = options.get(operation.principal)
    policy = options.get(operation.policy)
    is_arn = operation.policy.endswith("-arn")
    arn = policy.value if policy is not None and is_arn and _AWS_MANAGED.fullmatch(str(policy.value)) else None
    return IamCommand(
        name.text,
        name.source.position(name.offset, name.offset + len(name.text)),
        principal.value if principal is not None else None,
        operation.kind,
        arn,
        _document(policy) if policy is not None and not is_arn else None,
    )


def _options(arguments: Sequence[_Word]) -> dict[str, _Word]:
    """Return the options with their values: ``--name value`` or ``--name=value``."""
    options: dict[str, _Word] = {}
    for index, word in enumerate(arguments):
        name, equals, value = word.text.partition("=")
        if not name.startswith("--"):
            continue
        if equals:
            options[name] = replace(word, text=value, offset=word.offset + len(name) + 1)
        elif index + 1 < len(arguments):
            options[name] = arguments[index + 1]
    return options


def _document(word: _Word) -> Node | None:
    """Return a document written as JSON in the command; None for a file, a variable and anything else.

    In single quotes for PowerShell or cmd, each quote of the JSON has a backslash before it.
    """
    for text in (word.text, word.text.replace('\\"', '"')):
        if "{" in text:
            verbatim = word.verbatim and text == word.text
            document = json_or_none(word.source.string(text, word.offset, verbatim=verbatim))
            if document is not None:
                return document if isinstance(document, ObjectNode) else None
    return None
