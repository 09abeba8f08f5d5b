"""Move iam:PassRole, or iam:GetRole, into a separate statement after the existing one.

The new statement is an edited copy of the old one, as written; the old one keeps all other actions, the new one has
iam:PassRole alone. Sources: IAM User Guide, "IAM JSON policy elements: Sid" (unique within a policy) and "... Condition
operators" (a key that a request does not carry does not match).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import count, pairwise
from pathlib import Path

from passrole_checks.iam.documents.action import matches_only_pass_role
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.sources.terraform.reading.syntax import Object
from passrole_checks.suggest.edits import apply_edits
from passrole_checks.suggest.edits.hcl_alignment import with_alignment
from passrole_checks.suggest.edits.hcl_nodes import HclFile
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.edits.yaml_nodes import read_yaml
from passrole_checks.suggest.render_statement import dedented_text, with_dash
from passrole_checks.suggest.suggestion import Edit
from passrole_checks.suggest.verify import statement_span

_BETWEEN = lazy_regex(r"(?:[\s,-]|#[^\n]*\n|//[^\n]*\n)*")
_ITEM = lazy_regex(r"""(["']?)([\w*?:.-]+)\1""")
_SID = lazy_regex(r"""(?m)((?:^|(?<=[\s{,"']))["']?[Ss]id["']?\s*[:=]\s*)(["']?)([A-Za-z0-9]*)\2(?=[\s,}]|$)""")
_COMMENT = lazy_regex(r"(?m)^[ \t]*(?:#|//)[^\n]*\n")
_TRAILING_COMMENT = lazy_regex(
    r"""(?m)^((?:[^"'#/\n]|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|(?<=\S)#|/(?!/))*?(?<=\S))[ \t]+((?:#|//)[^\r\n]*)"""
)  # a comment after other content on its line
_SINGLE_STATEMENT = lazy_regex(r"""["']?\b[Ss]tatement["']?\s*[:=]$""")
_ENTRY = lazy_regex(r"""(?P<indent>[ \t]*)(?P<quote>"?)(?P<name>[\w-]+)(?P=quote)(?P<equals>[ \t]*[=:][ \t]*)""")
_BLOCK_ATTRIBUTE = lazy_regex(r"\b(?:not_)?actions\b[ \t\"]*[=:]")
_DASH = lazy_regex(r"[ \t]*-[ \t\r\n]")
_TRAILING_BLANKS = lazy_regex(r"(?m)[ \t]+(?=\r?$)")
_OUTER_DASH = lazy_regex(r"-(?=[ ]+-[ ])")
_TEMPLATES = (Framework.CLOUDFORMATION, Framework.SAM)
_FUNCTION_IF = lazy_regex(r"!If\b|\bFn::If\b")
_DASH_ABOVE = lazy_regex(r"(?m)^[ \t]*-[ \t]*\r?\n[ \t]*\Z")
_WORDS = lazy_regex(r"[A-Za-z0-9]+")
_BLANK = r"(?:[ \t]*\r?\n)+"
_BLANK_LINES = lazy_regex(
    rf"(?<=\n){_BLANK}(?=[ \t]*[\]}}])|(?:(?<=[\[{{:]\n)|(?<=[\[{{:]\r\n)){_BLANK}|(?<=\n){_BLANK}(?=[ \t]*\r?\n)"
)

_READ_SID = "ReadPassedRoles"


@dataclass(frozen=True, slots=True)
class _Item:
    """An action or a resource as written, by offsets. ``passes``: it is iam:PassRole, or may be a role."""

    start: int
    end: int
    passes: bool


def split_off_actions(
    located: LocatedGrant,
    inner: Sequence[Edit],
    text: str,
    *,
    passing: Sequence[str] | None = None,
    reading: Sequence[Edit] | None = None,
    freeing: Sequence[Edit] = (),
    taken: Collection[str] = (),
) -> tuple[Edit, ...]:
    """Return the edits that insert statements after the existing one. Raises :class:`NotEditableError` with the reason
    why there are none.

    Args:
        inner: the edits for iam:PassRole's statement, as edits of the old one.
        text: the file.
        passing: iam:PassRole gets a separate statement, named after these services; None: it stays.
        reading: iam:GetRole gets a separate statement, with these edits of the old one.
        freeing: the edits for the other actions, which stay.
        taken: Sids that no new statement may have.
    """
    statement = _Statement.of(located, text, _action_items(located, text), taken)
    own = statement.moved(inner)
    copies = []
    if passing is not None:
        copies.append(statement.copy([*own, *statement.without(passing=False)], _sid_for(passing)))
        own = statement.with_joined_removals([*statement.moved(freeing), *statement.without(passing=True)])
    if reading is not None:
        copies.append(statement.copy([*statement.moved(reading), *statement.renamed_action()], _READ_SID))
    return _insert_statements(statement, own, copies)


def separate_statement(
    located: LocatedGrant,
    inner: Sequence[Edit],
    text: str,
    services: Sequence[str],
    *,
    reads: bool = False,
    taken: Collection[str] = (),
) -> str:
    """Return the text of a statement for iam:PassRole (with ``reads``, for iam:GetRole) alone, to be added beside the
    existing one. Raises :class:`NotEditableError` if the existing one cannot be copied.

    ``inner``, ``text``, ``taken``: as for :func:`split_off_actions`; ``services``: those for its Sid.
    """
    statement = _Statement.of(located, text, _action_items(located, text), taken)
    others = statement.renamed_action() if reads else statement.without(passing=False) if statement.has_others else ()
    copy = statement.copy([*statement.moved(inner), *others], _READ_SID if reads else _sid_for(services))
    indent = statement.indent
    copy = dedented_text(indent + copy, len(indent), len(indent + copy))
    return copy if copy.startswith(("{", "statement", "- ")) else with_dash(copy)


def split_statement(
    located: LocatedGrant,
    parts: Sequence[tuple[Sequence[Edit], Sequence[str]]],
    text: str,
    *,
    keep_original: bool,
    taken: Collection[str] = (),
) -> tuple[Edit, ...]:
    """Return the edits that split one statement into several. Raises :class:`NotEditableError` with the reason why
    there are none.

    Args:
        parts: for each statement, the edits of the existing one, and the services for its Sid.
        keep_original: the existing statement keeps its other actions, and all parts follow it; else the first part
            replaces it. The parts after it contain iam:PassRole alone.
        text, taken: as for :func:`split_off_actions`.
    """
    if len(parts) == 1 and not keep_original:
        return tuple(parts[0][0])
    try:
        items = _action_items(located, text)
    except NotEditableError:
        if keep_original:
            raise
        items = []
    known = set(taken)
    statement = _Statement.of(located, text, items, known)
    own = statement.without(passing=True) if keep_original else statement.moved(parts[0][0])
    copies = []
    for inner, services in parts if keep_original else parts[1:]:
        others = statement.without(passing=False) if keep_original or statement.has_others else ()
        copies.append(statement.copy([*statement.moved(inner), *others], _sid_for(services)))
        known |= {found[3] for found in _SID.finditer(copies[-1])}
    return _insert_statements(statement, own, copies)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement in the text of its file, with its actions; edits are relative to its start."""

    located: LocatedGrant
    text: str
    start: int
    end: int
    indent: str  # the text before it on its line
    items: Sequence[_Item]
    taken: Collection[str]

    @classmethod
    def of(cls, located: LocatedGrant, text: str, items: Sequence[_Item], taken: Collection[str]) -> _Statement:
        """Return a statement, or the ``Fn::If`` that makes it conditional. Raises :class:`NotEditableError`."""
        at = located.grant.at
        span, around = statement_span(at, text), None
        if located.resource.framework in _TEMPLATES and _FUNCTION_IF.search(text):
            around = read_yaml(text).conditional_element(at.line, at.column)
        start, end = around or (span.start, span.end)
        indent = text[text.rfind("\n", 0, start) + 1 : start].removeprefix("\ufeff")
        above = _DASH_ABOVE.search(text, 0, start)
        indent = above[0] if above is not None and above.end() == start else indent
        indent = _OUTER_DASH.sub(" ", indent)
        if _DASH.match(indent):  # in YAML, text may be inserted after a comment on the last line
            line = text.find("\n", end)
            end = len(text) if line < 0 else line - (text[line - 1 : line] == "\r")
        return cls(located, text, start, end, indent, items, taken)

    @property
    def own(self) -> str:
        """Return the text of the statement."""
        return self.text[self.start : self.end]

    @property
    def has_others(self) -> bool:
        """True if it has actions other than iam:PassRole."""
        return not all(item.passes for item in self.items)

    def moved(self, edits: Iterable[Edit]) -> list[Edit]:
        """Return edits relative to the statement. Raises :class:`NotEditableError` for edits outside it."""
        edits, file = list(edits), self.located.grant.at.file
        found = [Edit("", edit.start - self.start, edit.end - self.start, edit.text) for edit in edits]
        inside = all(0 <= one.start <= one.end <= self.end - self.start for one in found)
        if not inside or any(edit.file != file for edit in edits):
            raise NotEditableError("the change extends beyond the statement")
        return found

    def without(self, *, passing: bool) -> list[Edit]:
        """Return the edits that remove the actions that pass roles, or all others."""
        edits = []
        for first, last in _spans_without(self.items, self.text, passing=passing):
            if last >= self.end and self.text[first - 1 : first] == "\n":
                # it ends the statement: remove the line break before it, not after it
                first, last = first - (2 if self.text[first - 2 : first] == "\r\n" else 1), self.end
            edits.append(Edit("", first - self.start, last - self.start, ""))
        return edits

    def with_joined_removals(self, edits: Iterable[Edit]) -> list[Edit]:
        """Return edits of the statement in which removals that overlap are one, of whole lines if they are."""
        found: list[Edit] = []
        for edit in sorted(edits, key=lambda one: (one.start, one.end)):
            before = found[-1] if found else None
            if before is None or edit.start >= before.end or before.text or edit.text:
                found.append(edit)
                continue
            end = max(before.end, edit.end)
            rest = re.compile(r"\r?\n").match(self.own, end) if self.own[before.start - 1] == "\n" else None
            found[-1] = Edit("", before.start, end if rest is None else rest.end(), "")
        return found

    def renamed_action(self) -> list[Edit]:
        """Return the edits that leave iam:GetRole as the only action."""
        edits = self.without(passing=False) if self.has_others else []
        passes = [item for item in self.items if item.passes]
        if len(passes) != 1:
            raise NotEditableError("its actions cannot be split as written")
        item = passes[0]
        quote = self.text[item.start] if self.text[item.start] in "\"'" else ""
        return [*edits, Edit("", item.start - self.start, item.end - self.start, f"{quote}iam:GetRole{quote}")]

    def copy(self, edits: Iterable[Edit], name: str) -> str:
        """Return an edited copy with another Sid, without full-line comments and without blank lines around removed
        text.
        """
        made = _with_free_sid(self.made(edits), self.located, name, self.text, self.taken)
        return _TRAILING_BLANKS.sub("", _BLANK_LINES.sub("", _COMMENT.sub("", made)))

    def made(self, edits: Iterable[Edit]) -> str:
        """Return the edited text."""
        try:
            return apply_edits(self.own, edits)
        except ValueError:
            raise NotEditableError("the changes overlap") from None


def sids_of(edits: Iterable[Edit]) -> set[str]:
    """Return the Sids in the texts of edits."""
    return {found[3] for edit in edits for found in _SID.finditer(edit.text)}


def _insert_statements(statement: _Statement, own: Sequence[Edit], copies: Sequence[str]) -> tuple[Edit, ...]:
    """Return the edits of the old statement and the insertion of the new ones after it."""
    text, start, end, indent = statement.text, statement.start, statement.end, statement.indent
    file = statement.located.grant.at.file
    break_ = "\r\n" if "\r\n" in text[: text.find("\n") + 1] else "\n"
    before = _text_before(text[:start])
    closing = ""
    if _DASH.match(indent):
        between = break_ + indent
    elif re.match(r"statement\b", statement.own):
        between = break_ + (break_ if _has_blank_lines(text, start, end) else "") + indent
    elif before.endswith(("[", ",")):
        tight = "," in statement.own and not re.search(r",\s", statement.own)
        between = f",{break_}{indent}" if not indent.strip() else "," if tight else ", "
        if indent.strip():
            own = [*own, *_closing_brace_indented(statement)]
    elif _SINGLE_STATEMENT.search(before) and statement.own.startswith("{"):
        own, between, closing = [Edit("", 0, 0, "["), *own, *_closing_brace_indented(statement)], ", ", "]"
    elif _SINGLE_STATEMENT.search(before) and not indent.strip():
        first = statement.made(own)
        parts = (first, *_without_repeated_comments(first, copies))
        listed = (f"- {part.rstrip()}".replace("\n", "\n  ") for part in parts)
        whole = re.sub(r"(?m)^[ \t]+(?=\r?$)", "", f"{break_}{indent}".join(listed))
        return (Edit(file, start, end, whole),)
    elif (key := _ENTRY.fullmatch(indent)) is not None and _BLOCK_ATTRIBUTE.search(statement.own):
        between = f"{',' if text[end : end + 1] == ',' or before.endswith(',') else ''}{break_}"
        names = _free_names(key["name"], copies, text)
        start_of = f"{key['indent']}{key['quote']}{{}}{key['quote']}{key['equals']}"
        copies = [f"{start_of.format(name)}{copy}" for name, copy in zip(names, copies, strict=True)]
    else:
        raise NotEditableError("a single statement: make it a list, and add a statement for iam:PassRole")
    last = end - start
    copies = _without_repeated_comments(statement.made(own), copies)
    behind = "".join(one.text for one in own if one.start == last)
    added = Edit(file, end, end, behind + "".join(between + one for one in copies) + closing)
    edits = (*(Edit(file, one.start + start, one.end + start, one.text) for one in own if one.start < last), added)
    return with_alignment(text, edits, start, end) if is_terraform_file(Path(file)) else edits


def _closing_brace_indented(statement: _Statement) -> list[Edit]:
    """Return the edit that indents the closing brace of an HCL object like its members, as ``terraform fmt`` does in
    ``}, {`` if the list begins with ``[{``.
    """
    own, at = statement.own, statement.located.grant.at
    found = re.search(r"\n([ \t]*)\}$", own)
    member = re.match(r"\{[ \t]*\r?\n([ \t]*)\S", own)
    if found is None or member is None or not is_terraform_file(Path(at.file)):
        return []
    try:
        is_object = isinstance(HclFile.of(at.file, statement.text).find(at.line, at.column).expression, Object)
    except NotEditableError:
        return []
    return [Edit("", found.start(1), found.end(1), member[1])] if is_object and found[1] != member[1] else []


def _free_names(key: str, copies: Iterable[str], text: str) -> Iterator[str]:
    """Yield names for new statements of an object of statements, in the style of the ``key`` of the old one; each is
    free in the file, and no two are the same.
    """
    used = set[str]()
    for copy in copies:
        name = "PassRoles" if re.search(r"(?i)iam:Pass", copy) else _READ_SID
        if key.islower():
            name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-" if "-" in key else "_", name).lower()
        used.add(free := _free_name(name, used, text))
        yield free


def _free_name(name: str, taken: Collection[str], text: str) -> str:
    """Return the name, with a number if it is taken or occurs in the text."""
    names = (f"{name}{number}" if number > 1 else name for number in count(1))
    return next(free for free in names if free not in taken and not re.search(rf"\b{free}\b", text))


def _has_blank_lines(text: str, start: int, end: int) -> bool:
    """True if blank lines separate a block from its neighbors, or it has none."""
    below = re.match(r"[^\S\n]*\n([^\S\n]*\n)?[^\S\n]*(?:statement|dynamic)\b", text[end:])
    if below is not None:
        return below[1] is not None
    above = re.search(r"\}[^\S\n]*\n([^\S\n]*\n)?[^\S\n]*\Z", text[:start])
    return above is None or above[1] is not None


def _without_repeated_comments(first: str, copies: Iterable[str]) -> list[str]:
    """Return the new statements without comments that remain in the old one or an earlier one."""
    seen_comments, found = {one[2].rstrip() for one in _TRAILING_COMMENT.finditer(first)}, list[str]()
    for copy in copies:
        found.append(_TRAILING_COMMENT.sub(lambda one: one[1] if one[2].rstrip() in seen_comments else one[0], copy))
        seen_comments.update(one[2].rstrip() for one in _TRAILING_COMMENT.finditer(copy))
    return found


def _text_before(text: str) -> str:
    """Return the text before a statement, without trailing blanks, comments and directives of a template."""
    while True:
        text = text.rstrip(" \t\r\n\ufeff")
        line = text[text.rfind("\n") + 1 :]
        comment = re.search(r"(?:(?:^|(?<=[\[,:={]))\s*(?:#|//)[^\n]*|%\{[^{}]*\})$", line)
        if comment is None:
            return text
        text = text[: len(text) - len(line) + comment.start()]


def _action_items(located: LocatedGrant, text: str) -> list[_Item]:
    """Return the actions in file order. Raises :class:`NotEditableError` if they cannot be located."""
    statement = located.grant.statement
    span = statement_span(statement.at, text)
    found: list[_Item] = []
    for action in statement.actions or ():
        written = statement_span(action.at, text)
        match = _ITEM.fullmatch(text[written.start : written.end])
        is_within = span.start <= written.start < written.end <= span.end
        if action.at.file != statement.at.file or not is_within or match is None or match[2] != action.literal:
            raise NotEditableError("its actions are defined elsewhere or computed")
        found.append(_Item(written.start, written.end, matches_only_pass_role(match[2])))
    found.sort(key=lambda item: item.start)
    gaps = [text[one.end : other.start] for one, other in pairwise(found)]
    if not all(map(_BETWEEN.fullmatch, gaps)):
        raise NotEditableError("its actions cannot be split as written")
    return found


def _spans_without(items: Sequence[_Item], text: str, *, passing: bool) -> list[tuple[int, int]]:
    """Return the spans to remove the actions that pass roles, or all others. Raises :class:`NotEditableError` if no
    action would remain, or be removed.
    """
    gone = [item.passes is passing for item in items]
    if all(gone) or not any(gone):
        raise NotEditableError("its actions cannot be split as written")
    spans: list[tuple[int, int]] = []
    last_kept = max(number for number, is_gone in enumerate(gone) if not is_gone)
    for number, item in enumerate(items):
        if not gone[number]:
            continue
        above = _DASH_ABOVE.search(text, 0, item.start)
        line = above.start() if above is not None else text.rfind("\n", 0, item.start) + 1
        rest = re.compile(r"[ \t]*,?[ \t]*(?:(?:#|//)[^\n]*)?\r?(?:\n|$)").match(text, item.end)
        if re.fullmatch(r"[ \t]*(?:-\s+)?", text[line : item.start]) and rest is not None:
            spans.append((line, rest.end()))  # alone on its line
        elif number < last_kept:
            spans.append((item.start, items[number + 1].start))
        else:
            spans.append((items[number - 1].end if number else item.start, item.end))
    comma = re.compile(r"[ \t]*,").match(text, items[last_kept].end)
    closing = re.compile(r"[ \t]*,?\s*\]").match(text, items[-1].end)
    commented = any(re.search("#|//", text[one.end : other.start]) for one, other in pairwise(items[last_kept:]))
    behind = closing is not None and not commented and not re.search(r"[,\n]", closing[0])
    if behind and "\n" in text[items[last_kept].end : items[-1].start]:  # a closing bracket is behind them
        spans = [(first, last) for first, last in spans if first < items[last_kept].start]
        return _merge_spans([*spans, (items[last_kept].end, items[-1].end)], text)
    # JSON allows no trailing comma
    if last_kept < len(items) - 1 and comma is not None and not re.match(r"[ \t]*,\s*\]", text[items[-1].end :]):
        begin, stop = items[last_kept].end, comma.end()
        if closing is not None and not any(first <= begin < last for first, last in spans):
            spans = [(max(first, stop), last) if first == begin else (first, last) for first, last in spans]
            spans.append((begin, stop))
    return _merge_spans(spans, text)


def _merge_spans(spans: Iterable[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Return the spans in order, with adjacent ones merged; if the next line moves up to the start of one, that ends
    after the indentation of the line."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    for number, (first, last) in enumerate(found):
        if text[first - 1 : first] != "\n" and text[last - 1 : last] == "\n":
            blanks = re.compile(r"[ \t]*").match(text, last)
            found[number] = (first, blanks.end() if blanks is not None else last)
    return found


def _sid_for(services: Sequence[str]) -> str:
    """Return the Sid of a statement that passes roles to services."""
    if len(services) != 1:
        return "PassRoles"
    words = _WORDS.findall(services[0].partition(".amazonaws")[0])
    return "PassRolesTo" + "".join(word[:1].upper() + word[1:] for word in words)


def _with_free_sid(copy: str, located: LocatedGrant, name: str, text: str, taken: Collection[str]) -> str:
    """Return the copy with a Sid that occurs neither in the file nor in another statement of the policy."""
    sid = located.grant.sid
    found = list(_SID.finditer(copy))
    if not sid and not any(one[3] for one in found):
        return copy
    if len(found) != 1 or found[0][3] != sid:
        raise NotEditableError("its Sid is computed")
    free = _free_name(name, taken, text)
    match = found[0]
    new = f"{match[1]}{match[2]}{free}{match[2]}"
    return f"{copy[: match.start()]}{new}{copy[match.end() :]}"
