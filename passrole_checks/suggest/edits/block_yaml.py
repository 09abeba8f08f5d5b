"""Edits in YAML block style, and the notation of strings and roles in YAML.

Sources: YAML 1.1, "Block styles", "Plain style" (characters of a plain scalar, fewer in flow style).
"""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.suggest.edits.braces import Braces, BraceSyntax, Span
from passrole_checks.suggest.edits.references import CloudFormationRoles
from passrole_checks.suggest.edits.syntax_changes import (
    Add,
    KeptValue,
    ListValue,
    MappingValue,
    Remove,
    SetKey,
    SetValue,
    Value,
)
from passrole_checks.suggest.edits.syntax_tree import (
    NotEditableError,
    SyntaxForm,
    WrittenNode,
    is_first,
    line_end,
    line_start,
    newline,
    previous_line_end,
)
from passrole_checks.suggest.suggestion import TargetRole

_PLAIN = lazy_regex(r"[A-Za-z](?:[\w./@*+=$-]|:(?=\S))*")  # never a number; see _WORDS for booleans and null
_PLAIN_SUB = lazy_regex(r"[A-Za-z](?:[\w./@*+=,${}!-]|:(?=\S))*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_COMMENT = lazy_regex(r"#[^\n]*")
_TAG = lazy_regex(r"^!\S+[ \t]+")
_COLON = lazy_regex(r"[ \t]*:")


class Scalars:
    """Writes strings and roles, quoted like the strings of a statement."""

    def __init__(self, text: str, statement: WrittenNode, roles: CloudFormationRoles) -> None:
        self.roles = roles
        self.mark = _mark_of(text, statement, "Action", "NotAction", "Effect", "Resource", "Sid")
        self.arn_mark = _mark_of(text, statement, "Resource") or self.mark
        key = text[statement.entries[0].start : statement.entries[0].start + 1] if statement.entries else ""
        self.key_mark = key if key in ("'", '"') else ""

    def quote(self, value: str, *, mark: str | None = None) -> str:
        """Return a string."""
        mark = self.mark if mark is None else mark
        if not mark and (not _PLAIN.fullmatch(value) or value.lower() in _WORDS):
            mark = "'"
        return _quoted(value, mark)

    def key(self, name: str) -> str:
        """Return a key."""
        return self.quote(name, mark=self.key_mark)

    def role(self, role: TargetRole, *, flow: bool = False, mark: str | None = None) -> str:
        """Return a role, in short form."""
        if role.address:
            return f"!GetAtt {self.roles.logical_id(role)}.Arn"
        parameter = self.roles.parameter(role)
        if parameter:
            return f"!Ref {parameter}"
        text, substitutes = self.roles.substituted(role)
        if not substitutes:
            return self.quote(text, mark=self.arn_mark if mark is None else mark)
        mark = self.arn_mark if mark is None else mark
        plain = not mark and not flow and _PLAIN_SUB.fullmatch(text)
        return f"!Sub {text if plain else _quoted(text, mark or chr(39))}"

    def in_flow(self, role: TargetRole) -> str:
        """Return a role in flow style; as JSON if the keys are quoted as in JSON."""
        return self.roles.json(role) if self.key_mark == '"' else self.role(role, flow=True)


def _mark_of(text: str, statement: WrittenNode, *keys: str) -> str:
    """Return the quotes of the strings of some entries; "" if any is plain."""
    strings = [
        text[one.start : one.start + 1]
        for field in statement.entries
        for one in (field.value, *field.value.items)
        if one.text not in (None, "", "*") and field.key in keys
    ]
    return strings[0] if strings and all(one in "'\"" for one in strings) else ""


def _quoted(value: str, mark: str) -> str:
    if mark == "'":
        doubled = value.replace("'", "''")
        return f"'{doubled}'"
    if mark == '"':
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return value


def flow_language(text: str, statement: WrittenNode, scalars: Scalars) -> BraceSyntax:
    """Return the syntax of YAML flow style in a file."""
    padded = text[statement.start : statement.start + 2] == "{ "
    lists = [field.value for field in statement.entries if field.value.form is SyntaxForm.LIST]
    opened = [text[one.start : one.start + 2] for one in lists if not one.block]
    padded_lists = bool(opened) and all(one == "[ " for one in opened)
    is_json = scalars.key_mark == '"'
    return BraceSyntax(
        _COMMENT,
        False,
        scalars.in_flow,
        scalars.quote,
        scalars.key,
        ": ",
        padded,
        padded_lists=padded_lists,
        short_lists=not is_json,
    )


class BlockYaml:
    """Converts changes in block style into edits of ``text``.

    ``unit`` and ``dashes``: indentation of mappings and list dashes from their key, in columns, if the statement has no
    example.
    """

    def __init__(
        self, text: str, statement: WrittenNode, scalars: Scalars, flow: Braces, *, unit: int, dashes: int
    ) -> None:
        self.text, self.scalars, self.flow = text, scalars, flow
        self.unit, self.dashes = unit, dashes
        self.newline = newline(text, statement.start)
        lists = [field.value for field in statement.entries if field.value.form is SyntaxForm.LIST]
        self.flow_lists = bool(lists) and not any(one.block for one in lists)
        for field in statement.entries:
            if field.value.form is SyntaxForm.MAPPING and field.value.block:
                self.unit = max(1, self._column(field.value.start) - self._column(field.start))
            elif field.value.form is SyntaxForm.LIST and field.value.block and field.value.items:
                self.dashes = max(0, self._column(self._dash(field.value.items[0].start)) - self._column(field.start))

    def _column(self, offset: int) -> int:
        start = line_start(self.text, offset)
        return offset - start - (1 if self.text[start : start + 1] == "\ufeff" else 0)

    def set_key(self, change: SetKey) -> Iterator[Span]:
        old = self.text[change.field.start : change.field.start + 1]
        yield change.field.start, change.field.key_end, self.scalars.quote(change.key, mark=old if old in "'\"" else "")

    def set_value(self, change: SetValue) -> Iterator[Span]:
        written, field = change.written, change.field
        if field is None or isinstance(change.value, (str, TargetRole, KeptValue)):
            text = self._line(change.value, self._mark(written))
            if field is not None and written.start == written.end:
                text = " " + text if self.text[written.start - 1 : written.start] == ":" else text
            if field is not None and written.form is SyntaxForm.LIST and written.block:
                # below its key, a dash may be in the column of the key, but no other value
                text = f"- {text}" if self._column(written.start) <= self._column(field.start) else text
            yield written.start, written.end, text
            return
        colon = _COLON.match(self.text, field.key_end)
        if colon is None or "#" in self.text[colon.end() : written.start]:
            raise NotEditableError("there is a comment between a key and its value")
        mark = self._mark(written) if written.text else None
        yield colon.end(), written.end, self._behind_colon(change.value, self._column(field.start), mark)

    def _mark(self, written: WrittenNode) -> str | None:
        """Return the quotes of the replaced text; None if it must be quoted anyway or is not a single string."""
        source = _TAG.sub("", self.text[written.start : written.end])
        if source[:1] in ("'", '"'):
            return None if source[1:2] == "*" else source[0]
        return "" if "\n" not in source and written.text is not None else None

    def _line(self, value: Value, mark: str | None = None) -> str:
        """Return a value on one line, with these quotes (None: those of the statement)."""
        if isinstance(value, KeptValue):
            text = self.text[value.written.start : value.written.end]
            if "\n" in text:
                raise NotEditableError("a multi-line value would have to move")
            return text
        if isinstance(value, str):
            return self.scalars.quote(value, mark=mark)
        if isinstance(value, TargetRole):
            return self.scalars.role(value, mark=mark)
        return self.flow.write(value, "", flat=True)

    def _behind_colon(self, value: Value, column: int, mark: str | None = None) -> str:
        """Return a value as written after the colon of a key in this column, the elements of a list with these quotes
        (None: those of the statement).
        """
        if isinstance(value, ListValue) and not self.flow_lists:
            dash = " " * (column + self.dashes) + "- "
            return "".join(f"{self.newline}{dash}{self._line(item, mark)}" for item in value.values)
        if isinstance(value, MappingValue):
            inner = column + self.unit
            return "".join(f"{self.newline}{' ' * inner}{self._entry(key, item, inner)}" for key, item in value.entries)
        return " " + self._line(value)

    def _entry(self, key: str, value: Value, column: int) -> str:
        return f"{self.scalars.key(key)}:{self._behind_colon(value, column)}"

    def add(self, change: Add) -> Iterator[Span]:
        container = change.container
        start, end = container.members[change.after]
        self._alone(end)
        offset = line_end(self.text, end)
        if change.keys:
            column = self._column(start)
            lines = [
                " " * column + self._entry(key, value, column)
                for key, value in zip(change.keys, change.values, strict=True)
            ]
        else:
            column = self._column(self._dash(start))
            mark = self._mark(container.items[change.after])
            lines = [f"{' ' * column}- {self._line(value, mark)}" for value in change.values]
        yield offset, offset, "".join(self.newline + line for line in lines)

    def remove(self, change: Remove) -> Iterator[Span]:
        container = change.container
        members = container.members
        for number in sorted(change.numbers):
            start, end = members[number]
            start = start if container.form is SyntaxForm.MAPPING else self._dash(start)
            self._alone(end)
            if is_first(self.text, start):
                yield previous_line_end(self.text, start), line_end(self.text, end), ""
                continue
            if number + 1 >= len(members) or container.form is SyntaxForm.LIST or number + 1 in change.numbers:
                raise NotEditableError("another element follows on its line, so it cannot be removed safely")
            gap = self.text[end : members[number + 1][0]]
            if "#" in gap:  # the comment stays, below the dash
                yield self._dash(start) + 1, line_end(self.text, end), ""
                continue
            yield start, members[number + 1][0], ""

    def _dash(self, start: int) -> int:
        """Return the offset of the dash before a list element."""
        dash = self.text.rfind("-", 0, start)
        if dash < 0 or self.text[dash + 1 : start].strip(" \r\n"):
            raise NotEditableError("a list element does not follow its dash")
        return dash

    def _alone(self, end: int) -> None:
        rest = self.text[end : line_end(self.text, end)].strip()
        if rest and not rest.startswith("#"):
            raise NotEditableError("other content follows an element on its line")
