"""iam:PassRole, or iam:GetRole, in a statement of its own, behind the one that is there.

The new statement is a copy of the old one, as it is written, with the edits of what it should say; of the actions the
old one keeps all others, and the new one has iam:PassRole alone. Sources: IAM User Guide, "IAM JSON policy elements:
Sid" (unique within a policy) and "... Condition operators" (a key that a request does not carry is not met).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from passrole_checks.scan.result import LocatedGrant
from passrole_checks.suggest.edits import apply
from passrole_checks.suggest.suggestion import Edit
from passrole_checks.suggest.verify import offset_of, place_of

_BETWEEN = re.compile(r"(?:[\s,-]|#[^\n]*\n|//[^\n]*\n)*")
_ITEM = re.compile(r"""(["']?)([\w*?:.-]+)\1""")
_SID = re.compile(r"""(?m)((?:^|(?<=[\s{,"']))["']?[Ss]id["']?\s*[:=]\s*)(["']?)([A-Za-z0-9]*)\2(?=[\s,}]|$)""")
_COMMENT = re.compile(r"(?m)^[ \t]*(?:#|//)[^\n]*\n")
_SAID = re.compile(
    r"""(?m)^((?:[^"'#/\n]|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|(?<=\S)#|/(?!/))*?(?<=\S))[ \t]+((?:#|//)[^\r\n]*)"""
)  # a comment behind something on its line
_ALONE = re.compile(r"""["']?\bStatement["']?\s*[:=]$""")
_DASH = re.compile(r"[ \t]*-[ \t\r\n]")
_DASH_ABOVE = re.compile(r"(?m)^[ \t]*-[ \t]*\r?\n[ \t]*\Z")
_WORDS = re.compile(r"[A-Za-z0-9]+")
_BLANK = r"(?:[ \t]*\r?\n)+"
_BLANK_LINES = re.compile(rf"(?:(?<=[\[{{:]\n)|(?<=[\[{{:]\r\n)){_BLANK}|(?<=\n){_BLANK}(?=[ \t]*\r?\n)")

_READING = "ReadPassedRoles"


@dataclass(frozen=True, slots=True)
class _Item:
    """An action as it is written, by offsets."""

    start: int
    end: int
    passes: bool


def apart(
    located: LocatedGrant,
    inner: Sequence[Edit],
    text: str,
    *,
    passing: Sequence[str] | None = None,
    reading: Sequence[Edit] | None = None,
    taken: Collection[str] = (),
) -> tuple[Edit, ...] | str:
    """The edits that put statements behind one that is there, or the reason, for people, why there are none.

    Args:
        inner: the edits of what iam:PassRole's statement should say, as if the old one were to say it.
        text: the file.
        passing: iam:PassRole gets a statement of its own, which is called after these services; None: it stays.
        reading: iam:GetRole gets a statement of its own, with these edits of the old one, as it is now.
        taken: Sids that no new statement may have.
    """
    items = _items(located, text)
    if isinstance(items, str):
        return items
    statement, indent = _statement_at(located, text, items, taken)
    try:
        own = statement.moved(inner)
        copies = []
        if passing is not None:
            copies.append(statement.copy([*own, *statement.without(passing=False)], _name_for(passing)))
            own = statement.without(passing=True)
        if reading is not None:
            copies.append(statement.copy([*statement.moved(reading), *statement.renamed_action()], _READING))
        return _placed(statement, own, copies, indent)
    except _RefusedError as reason:
        return str(reason)


def parted(
    located: LocatedGrant,
    parts: Sequence[tuple[Sequence[Edit], Sequence[str]]],
    text: str,
    *,
    beside: bool,
    taken: Collection[str] = (),
) -> tuple[Edit, ...] | str:
    """The edits that make several statements of one, or the reason, for people, why there are none.

    Args:
        parts: for each statement the edits of the one that is there, and the services that it is called after.
        beside: the statement that is there keeps its other actions, and all parts stand behind it; else the first part
            stands in its place. The parts behind it are about iam:PassRole alone.
        text, taken: as for :func:`apart`.
    """
    if len(parts) == 1 and not beside:
        return tuple(parts[0][0])
    found = _items(located, text)
    if isinstance(found, str) and beside:
        return found
    items = found if not isinstance(found, str) else []
    mixed = any(item.passes for item in items) and not all(item.passes for item in items)
    known = set(taken)
    statement, indent = _statement_at(located, text, items, known)
    try:
        own = statement.without(passing=True) if beside else statement.moved(parts[0][0])
        copies = []
        for inner, services in parts if beside else parts[1:]:
            edits = [*statement.moved(inner), *(statement.without(passing=False) if beside or mixed else ())]
            copies.append(statement.copy(edits, _name_for(services)))
            known |= {found[3] for found in _SID.finditer(copies[-1])}
        return _placed(statement, own, copies, indent)
    except _RefusedError as reason:
        return str(reason)


def _statement_at(
    located: LocatedGrant, text: str, items: Sequence[_Item], taken: Collection[str]
) -> tuple[_Statement, str]:
    """The statement, and what stands before it on its line."""
    place = place_of(located.grant.at, text)
    start, end = place.start, place.end
    indent = text[text.rfind("\n", 0, start) + 1 : start].removeprefix("\ufeff")
    above = _DASH_ABOVE.search(text, 0, start)
    indent = above[0] if above is not None and above.end() == start else indent
    if _DASH.match(indent):  # what is written into YAML may stand behind a comment on the last line
        line = text.find("\n", end)
        end = len(text) if line < 0 else line - (text[line - 1 : line] == "\r")
    return _Statement(located, text, start, end, items, taken), indent


class _RefusedError(Exception):
    """Why a statement cannot be parted, for people."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement in the text of its file, with its actions; edits of it count from its beginning."""

    located: LocatedGrant
    text: str
    start: int
    end: int
    items: Sequence[_Item]
    taken: Collection[str]

    @property
    def own(self) -> str:
        return self.text[self.start : self.end]

    def moved(self, edits: Iterable[Edit]) -> list[Edit]:
        edits, file = list(edits), self.located.grant.at.file
        found = [Edit("", one.start - self.start, one.end - self.start, one.text) for one in edits]
        inside = all(0 <= one.start <= one.end <= self.end - self.start for one in found)
        if not inside or any(one.file != file for one in edits):
            raise _RefusedError("what would change stands outside of the statement")
        return found

    def without(self, *, passing: bool) -> list[Edit]:
        """The edits that take out the actions that pass roles, or all others."""
        spans = _without(self.items, self.text, passing=passing)
        if spans is None:
            raise _RefusedError("its actions are written in a way that cannot be parted")
        return [
            Edit("", first - self.start, last - self.start, "")
            for first, last in (_before_the_end(span, self.text, self.end) for span in spans)
        ]

    def renamed_action(self) -> list[Edit]:
        """The edits by which it allows iam:GetRole alone."""
        edits = [] if all(item.passes for item in self.items) else self.without(passing=False)
        passes = [item for item in self.items if item.passes]
        if len(passes) != 1:
            raise _RefusedError("its actions are written in a way that cannot be parted")
        item = passes[0]
        quote = self.text[item.start] if self.text[item.start] in "\"'" else ""
        return [*edits, Edit("", item.start - self.start, item.end - self.start, f"{quote}iam:GetRole{quote}")]

    def copy(self, edits: Iterable[Edit], name: str) -> str:
        """The statement once more, with edits, under another Sid and without the comments on lines of their own, nor
        the blank lines that only parted what is gone."""
        made = _renamed(self.made(edits), self.located, name, self.text, self.taken)
        return _BLANK_LINES.sub("", _COMMENT.sub("", made))

    def made(self, edits: Iterable[Edit]) -> str:
        try:
            return apply(self.own, edits)
        except ValueError:
            raise _RefusedError("what would change stands too close together") from None


def sids_of(edits: Iterable[Edit]) -> set[str]:
    """The Sids in what edits write."""
    return {found[3] for one in edits for found in _SID.finditer(one.text)}


def _placed(statement: _Statement, own: Sequence[Edit], copies: Sequence[str], indent: str) -> tuple[Edit, ...]:
    """The edits of the old statement, and the new ones behind it."""
    text, start, end = statement.text, statement.start, statement.end
    file = statement.located.grant.at.file
    break_ = "\r\n" if "\r\n" in text[: text.find("\n") + 1] else "\n"
    before = _before(text[:start])
    closing = ""
    if _DASH.match(indent):
        between = break_ + indent
    elif re.match(r"statement\b", statement.own):
        between = break_ + break_ + indent
    elif before.endswith(("[", ",")):
        between = f",{break_}{indent}" if not indent.strip() else ", "
    elif _ALONE.search(before) and statement.own.startswith("{"):
        own, between, closing = [Edit("", 0, 0, "["), *own], ", ", "]"
    elif _ALONE.search(before) and not indent.strip():
        first = statement.made(own)
        parts = (first, *_said_once(first, copies))
        listed = (f"- {one.rstrip()}".replace("\n", "\n  ") for one in parts)
        whole = re.sub(r"(?m)^[ \t]+(?=\r?$)", "", f"{break_}{indent}".join(listed))
        return (Edit(file, start, end, whole),)
    else:
        raise _RefusedError("it stands alone: make a list of statements, and add one for iam:PassRole")
    last = end - start
    copies = _said_once(statement.made(own), copies)
    behind = "".join(one.text for one in own if one.start == last)
    added = Edit(file, end, end, behind + "".join(between + one for one in copies) + closing)
    return (*(Edit(file, one.start + start, one.end + start, one.text) for one in own if one.start < last), added)


def _said_once(first: str, copies: Iterable[str]) -> list[str]:
    """The new statements without the comments that stand in an earlier one, or still in the old one."""
    said, found = {one[2].rstrip() for one in _SAID.finditer(first)}, list[str]()
    for copy in copies:
        found.append(_SAID.sub(lambda one: one[1] if one[2].rstrip() in said else one[0], copy))
        said.update(one[2].rstrip() for one in _SAID.finditer(copy))
    return found


def _before(text: str) -> str:
    """What stands before a statement, without blanks and comments at its end."""
    while True:
        text = text.rstrip(" \t\r\n\ufeff")
        line = text[text.rfind("\n") + 1 :]
        comment = re.search(r"(?:^|(?<=[\[,:={]))\s*(?:#|//)[^\n]*$", line)
        if comment is None:
            return text
        text = text[: len(text) - len(line) + comment.start()]


def _items(located: LocatedGrant, text: str) -> list[_Item] | str:
    """The actions in the order of the file; or why they cannot be told apart."""
    statement = located.grant.statement
    place = place_of(statement.at, text)
    found: list[_Item] = []
    for action in statement.actions or ():
        if action.at.file != statement.at.file or action.literal is None or action.at.end_line < action.at.line:
            return "its actions stand elsewhere, or are computed"
        start = offset_of(text, action.at.line, action.at.column)
        end = offset_of(text, action.at.end_line, action.at.end_column)
        match = _ITEM.fullmatch(text[start:end])
        if not place.start <= start < end <= place.end or match is None or match[2] != action.literal:
            return "its actions stand elsewhere, or are computed"
        found.append(_Item(start, end, action.literal.lower() == "iam:passrole"))
    found.sort(key=lambda item: item.start)
    gaps = [text[one.end : other.start] for one, other in pairwise(found)]
    if any(not _BETWEEN.fullmatch(gap) for gap in gaps):
        return "its actions are written in a way that cannot be parted"
    return found


def _without(items: Sequence[_Item], text: str, *, passing: bool) -> list[tuple[int, int]] | None:
    """What is taken out so that the actions that pass roles are gone, or all others are; None where that leaves none,
    or the layout is none that is known."""
    gone = [item.passes is passing for item in items]
    if all(gone) or not any(gone):
        return None
    spans: list[tuple[int, int]] = []
    last_kept = max(number for number, is_gone in enumerate(gone) if not is_gone)
    for number, item in enumerate(items):
        if not gone[number]:
            continue
        line = text.rfind("\n", 0, item.start) + 1
        rest = re.compile(r"[ \t]*,?[ \t]*(?:(?:#|//)[^\n]*)?\r?(?:\n|$)").match(text, item.end)
        if re.fullmatch(r"[ \t]*(?:-[ \t]+)?", text[line : item.start]) and rest is not None:
            spans.append((line, rest.end()))  # it has its line to itself
        elif number < last_kept:
            spans.append((item.start, items[number + 1].start))
        else:
            spans.append((items[number - 1].end if number else item.start, item.end))
    comma = re.compile(r"[ \t]*,").match(text, items[last_kept].end)
    closing = re.compile(r"[ \t]*,?\s*\]").match(text, items[-1].end)
    # JSON takes no comma behind the last element
    if last_kept < len(items) - 1 and comma is not None and not re.match(r"[ \t]*,\s*\]", text[items[-1].end :]):
        begin, stop = items[last_kept].end, comma.end()
        if closing is not None and not any(first <= begin < last for first, last in spans):
            spans = [(max(first, stop), last) if first == begin else (first, last) for first, last in spans]
            spans.append((begin, stop))
    return _joined(spans)


def _before_the_end(span: tuple[int, int], text: str, end: int) -> tuple[int, int]:
    """Of lines that are the last ones of the statement, the line break before them goes, not the one behind them."""
    first, last = span
    if last < end or text[first - 1 : first] != "\n":
        return span
    before = 2 if text[first - 2 : first] == "\r\n" else 1
    return first - before, end


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def _name_for(services: Sequence[str]) -> str:
    """The Sid of a statement that passes roles to services."""
    names = ["".join(map(_capital, _WORDS.findall(one.partition(".amazonaws")[0]))) for one in services]
    return "PassRoles" + (f"To{names[0]}" if len(names) == 1 else "")


def _renamed(copy: str, located: LocatedGrant, name: str, text: str, taken: Collection[str]) -> str:
    """The copy under a Sid that neither the file nor another statement of the policy holds."""
    sid = located.grant.sid
    found = list(_SID.finditer(copy))
    if not sid and not found:
        return copy
    if len(found) != 1 or found[0][3] != sid:
        raise _RefusedError("its Sid is computed")
    number, free = 1, name
    while free in taken or re.search(rf"\b{free}\b", text):
        number += 1
        free = f"{name}{number}"
    match = found[0]
    new = f"{match[1]}{match[2]}{free}{match[2]}"
    return f"{copy[: match.start()]}{new}{copy[match.end() :]}"


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
