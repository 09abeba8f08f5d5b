"""Suggestions as text, as JSON, and as a patch for ``git apply`` and ``patch -p1``.

Patch format: git-diff(1), "Generating patch text with -p"; git-config(1), ``core.quotePath``.
"""

from __future__ import annotations

import difflib
import json
import re
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from passrole_checks.escaping.terminal import display_path, sanitize, typed_path
from passrole_checks.findings import Finding
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.output.findings_text import PIPED, Line, StyledText, file_and_line, statement_header, wrap_prose
from passrole_checks.output.json_output import unread_entries
from passrole_checks.sources.model.configuration import Unreadable
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.suggestion import Suggestion

_CONTEXT = 3
_FEW = 1  # context lines in text output
_LONG = 400  # maximum characters of a line that is shown whole
_AROUND = 60  # context characters around a change in a longer line
_INDENT = " " * 10
_CONDITION = lazy_regex(r"""["']?conditions?\b""", re.IGNORECASE)

Texts = Callable[[str], str]
Changed = Callable[[Suggestion], Mapping[str, str]]
"""Returns the new contents of the files that a suggestion changes."""


def suggestions_of_grades(
    suggestions: Sequence[Suggestion], grades: Collection[Grade] | None
) -> tuple[Suggestion, ...]:
    """Return the suggestions whose edits have one of the grades, and those without edits; all if there are no
    ``grades``.
    """
    return tuple(one for one in suggestions if grades is None or one.grade is None or one.grade in grades)


def suggestion_lines(
    suggestions: Sequence[Suggestion], texts: Texts, changed: Changed, width: int = PIPED
) -> Iterator[Line]:
    """Return each statement with its findings and the change, or what needs manual review.

    Args:
        texts: returns the text of a file.
        changed: returns the new contents of the files that a suggestion changes.
    """
    for suggestion in suggestions:
        yield from _suggestion(suggestion, texts, changed, width)
        yield ()


def fixed_lines(
    fixed: Sequence[Suggestion], remaining: Sequence[Suggestion], grades: Collection[Grade], width: int = PIPED
) -> Iterator[Line]:
    """Return what was fixed, then what was not written and what needs manual review. ``grades``: those asked for."""
    for suggestion in fixed:
        yield _header(suggestion)
        verb = "less severe" if suggestion.less_severe and not suggestion.findings else "fixed"
        yield (StyledText("  "), StyledText(verb, "good"), StyledText(f"  {_reason(suggestion)}"), _grade(suggestion))
        yield from _explanation(suggestion, width)
        yield ()
    for suggestion in remaining:
        if suggestion.edits:
            yield _header(suggestion)
            yield (StyledText(f"  {_reason(suggestion)}"), _grade(suggestion))
            grade = suggestion.grade
            option = "--interactive" if grade is None or grade in grades else f"--grade {grade.value}"
            yield from wrap_prose(f"Not written: use {option}.", width)
            yield from _explanation(suggestion, width)
        else:
            yield from _manual_review(suggestion, width)
        yield ()


def suggestions_json(
    suggestions: Sequence[Suggestion],
    patch: str,
    unreadable: Sequence[Unreadable],
    skipped: Sequence[Unreadable],
    excluded: Sequence[str] = (),
) -> str:
    """Return all data of each suggestion. ``patch``: the compatible ones, as :func:`patch_of` writes it."""
    document = {
        "version": 1,
        "suggestions": [_suggestion_entry(suggestion) for suggestion in suggestions],
        "patch": patch,
        **unread_entries(unreadable, skipped, excluded),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def patch_of(changed: Mapping[str, str], texts: Texts) -> str:
    """Return the changes of files as one patch; "" if there are none. Line endings are kept."""
    return "".join(
        "".join(_file_patch(display_path(file), texts(file), changed[file]))
        for file in sorted(changed, key=display_path)
    )


def _file_patch(name: str, old: str, new: str) -> Iterator[str]:
    lines = list(difflib.unified_diff(_lines(old), _lines(new), n=_CONTEXT, lineterm="\n"))
    if not lines:
        return
    yield f"diff --git {_quote_path(f'a/{name}')} {_quote_path(f'b/{name}')}\n"
    # after a name with spaces, a tab marks its end
    end = "\t\n" if " " in name and _quote_path(name) == name else "\n"
    yield f"--- {_quote_path(f'a/{name}')}{end}"
    yield f"+++ {_quote_path(f'b/{name}')}{end}"
    for line in lines[2:]:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    """Return the lines with their ends; only a line feed ends one, as for git."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _quote_path(name: str) -> str:
    """Return a path as git writes it: quoted if it contains a quote, a backslash or a control character."""
    if not any(character in '"\\' or ord(character) < 32 or ord(character) == 127 for character in name):
        return name
    escapes = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    plain = (
        escapes.get(character)
        or (f"\\{ord(character):03o}" if ord(character) < 32 or ord(character) == 127 else character)
        for character in name
    )
    return f'"{"".join(plain)}"'


# -- text


def _suggestion(suggestion: Suggestion, texts: Texts, changed: Changed, width: int) -> Iterator[Line]:
    if not suggestion.edits:
        yield from _manual_review(suggestion, width)
        return
    yield _header(suggestion)
    yield (StyledText(f"  {_reason(suggestion)}"), _grade(suggestion))
    files = changed(suggestion)
    for number, file in enumerate(sorted(files, key=display_path)):
        if number or file != suggestion.at.file:
            yield (StyledText(f"  in {file_and_line(file, None)}", "quiet"),)
        yield from _small_diff(texts(file), files[file])
    yield from _explanation(suggestion, width)


def _explanation(suggestion: Suggestion, width: int) -> Iterator[Line]:
    """Yield what the edits do, to findings that remain and to other users of the files too."""
    yield from wrap_prose(suggestion.says, width)
    if suggestion.less_severe:
        yield from wrap_prose(f"Becomes less severe: {_checks(suggestion.less_severe)}.", width)
    yield from _shared_by(suggestion, width)


def _grade(suggestion: Suggestion) -> StyledText:
    """Return the grade of the edits, as the end of a line."""
    return StyledText(f"  ({suggestion.grade.value})" if suggestion.grade is not None else "", "quiet")


def _small_diff(old: str, new: str) -> Iterator[Line]:
    before, after = ([line.rstrip("\r\n") for line in _lines(text)] for text in (old, new))
    lines = [
        line for line in difflib.unified_diff(before, after, n=_FEW, lineterm="") if line[:3] not in ("---", "+++")
    ]
    if any(len(line) > _LONG for line in lines):
        lines = _cut_long_lines(lines)
    words = [line[1:] for line in lines if line[:2] != "@@" and line[1:].strip()]
    blank = min((len(line) - len(line.lstrip()) for line in words), default=0)
    styles = {"-": "high", "+": "good"}
    for number, line in enumerate(lines):
        if line.startswith("@@"):
            if number:
                yield (StyledText("    …", "quiet"),)
            continue
        yield (StyledText("  "), StyledText(f"{line[0]} {sanitize(line[1 + blank :])}", styles.get(line[0], "quiet")))


def _common_prefix_length(first: str, second: str) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((number for number, (one, other) in pairs if one != other), len(first))


def _cut_long_lines(lines: Sequence[str]) -> list[str]:
    """Cut long lines, such as those of a one-line template, to what differs with some context."""
    old, new = (
        [(number, line) for number, line in enumerate(lines) if line[0] == sign and len(line) > _LONG] for sign in "-+"
    )
    result = [line if len(line) <= _LONG or line[0] != " " else f"{line[:_LONG]} …" for line in lines]
    if len(old) != 1 or len(new) != 1:
        return result
    (old_number, before), (new_number, after) = old[0], new[0]
    same = _common_prefix_length(before[1:], after[1:])
    end = _common_prefix_length(before[:same:-1], after[:same:-1])
    first = max(1, same + 1 - _AROUND)
    for number, line in ((old_number, before), (new_number, after)):
        last = min(len(line), len(line) - end + _AROUND)
        result[number] = line[0] + ("… " if first > 1 else "") + line[first:last] + (" …" if last < len(line) else "")
    return result


def _manual_review(suggestion: Suggestion, width: int) -> Iterator[Line]:
    yield _header(suggestion)
    yield (StyledText("  "), StyledText(_reason(suggestion)))
    yield (StyledText(_INDENT), StyledText("Needs manual review:", "medium"))
    for phrase in suggestion.missing:
        wrapped = textwrap.wrap(sanitize(" ".join(phrase.split())), width - len(_INDENT) - 2, break_long_words=False)
        for number, line in enumerate(wrapped):
            yield (StyledText(f"{_INDENT}{'  ' if number else '- '}"), StyledText(line))
    if suggestion.statement:
        part = "condition" if _CONDITION.match(suggestion.statement) else "statement"
        yield (StyledText(_INDENT), StyledText(f"Suggested {part}:"))
        for line in suggestion.statement.split("\n"):
            yield (StyledText(f"{_INDENT}  "), StyledText(sanitize(line), "code"))


def _header(suggestion: Suggestion) -> Line:
    return statement_header(suggestion.at, *_resource_and_sid(suggestion))


def _resource_and_sid(suggestion: Suggestion) -> tuple[str, str | None]:
    first = next(iter((*suggestion.findings, *suggestion.less_severe)), None)
    return (first.resource.address, first.sid) if first is not None else (suggestion.resource, suggestion.sid)


def _reason(suggestion: Suggestion) -> str:
    """Return the checks that flag a statement; for a statement without findings, how its use differs from the grant."""
    findings = suggestion.findings or suggestion.less_severe
    if findings:
        return _checks(findings)
    return "unused" if suggestion.is_unused else "broader than observed use"


def _checks(findings: Sequence[Finding]) -> str:
    ordered = sorted(findings, key=lambda finding: finding.check_id)
    return ", ".join(dict.fromkeys(f"{finding.check_id} {finding.name}" for finding in ordered))


def _shared_by(suggestion: Suggestion, width: int) -> Iterator[Line]:
    """Yield notes on other users of the files that a suggestion edits."""
    if suggestion.shared is None:
        return
    units, callers = (
        ", ".join(map(typed_path, paths)) for paths in (suggestion.shared.units, suggestion.shared.callers)
    )
    if len(suggestion.shared.units) > 1:
        yield from wrap_prose(f"The change affects, and was verified for: {units}.", width)
    if callers:
        yield from wrap_prose(f"Also affects these callers, which were not scanned: {callers}.", width)
    if not suggestion.shared.is_complete:
        yield from wrap_prose(
            "Other folders may call this module: not all files of the repository could be searched.", width
        )


# -- JSON


def _suggestion_entry(suggestion: Suggestion) -> dict[str, object]:
    resource, sid = _resource_and_sid(suggestion)
    observed, shared = suggestion.evidence, suggestion.shared
    return {
        "file": display_path(suggestion.at.file),
        "line": suggestion.at.line,
        "end_line": max(suggestion.at.line, suggestion.at.end_line),
        "resource": resource,
        "sid": sid,
        "grade": suggestion.grade.value if suggestion.grade is not None else None,
        "on_request": suggestion.on_request,
        "findings": [_finding_entry(finding) for finding in suggestion.findings],
        "less_severe": [_finding_entry(finding) for finding in suggestion.less_severe],
        "says": suggestion.says,
        "missing": list(suggestion.missing),
        "statement": suggestion.statement,
        "edits": [
            {"file": display_path(edit.file), "start": edit.start, "end": edit.end, "text": edit.text}
            for edit in suggestion.edits
        ],
        "added": list(suggestion.added),
        "evidence": None
        if observed is None
        else {
            "since": observed.since,
            "until": observed.until,
            "passes": observed.passes,
            "perhaps": observed.perhaps,
            "roles": observed.roles,
            "last": observed.last or None,
        },
        "shared": None
        if shared is None
        else {
            "units": list(map(display_path, shared.units)),
            "callers": list(map(display_path, shared.callers)),
            "callers_complete": shared.is_complete,
        },
    }


def _finding_entry(finding: Finding) -> dict[str, str]:
    return {
        "check_id": finding.check_id,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "fingerprint": finding.fingerprint,
    }
