"""Suggestions as text, as JSON, and as a patch that ``git apply`` and ``patch -p1`` take.

Source of the patch's form: git-diff(1), "Generating patch text with -p"; git-config(1), ``core.quotePath``.
"""

from __future__ import annotations

import difflib
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence

from passrole_checks.escaping.terminal import harmless, shown
from passrole_checks.findings import Finding
from passrole_checks.output.excluded_files import shown_excluded
from passrole_checks.output.findings_text import PIPED, Line, StyledText, excluded_spans, located
from passrole_checks.sources.model.configuration import Unreadable, faults_in, without_faults
from passrole_checks.suggest.suggestion import ObservedUse, SharedFileUsers, Suggestion

_CONTEXT = 3
_FEW = 1  # lines around a change that people are shown
_LONG = 400  # characters of a line that people are shown whole
_AROUND = 60  # characters around a change in a longer one
_INDENT = " " * 10

Texts = Callable[[str], str]
Changed = Callable[[Suggestion], Mapping[str, str]]
"""The files that a suggestion changes, as they would be."""


def suggestion_lines(
    found: Sequence[Suggestion],
    texts: Texts,
    changed: Changed,
    notes: Sequence[str] = (),
    *,
    error: str = "",
    excluded: Sequence[str] = (),
    width: int = PIPED,
    quiet: bool = False,
) -> Iterator[Line]:
    """Each statement with its findings and the change, or what a person has to do; then, unless ``quiet``, the notes
    and a summary.

    Args:
        texts: gives the text of a file.
        changed: gives the files that a suggestion changes, as they would be.
        error: what was not read or judged.
    """
    for one in found:
        yield from _suggestion(one, texts, changed, width)
        yield ()
    if not quiet:
        yield from _notes(notes)
        yield (*_with_error(_summary(found), error), *excluded_spans(excluded))


def fixed_lines(
    made: Sequence[Suggestion],
    left: Sequence[Suggestion],
    notes: Sequence[str] = (),
    *,
    excluded: Sequence[str] = (),
    dry_run: bool,
    error: str = "",
    width: int = PIPED,
    quiet: bool = False,
) -> Iterator[Line]:
    """What was written, and what is left for a person; then, unless ``quiet``, the notes and a summary. ``error``: what
    was not read or judged."""
    for one in made:
        yield _header(one)
        yield (
            StyledText("  "),
            StyledText("would fix" if dry_run else "fixed", "good"),
            StyledText(f"  {_checks(one)}"),
        )
        yield from _prose(one.says, width)
        yield from _shared_by(one, width)
        yield ()
    for one in left:
        yield from _for_a_person(one, width)
        yield ()
    if quiet:
        return
    yield from _notes(notes)
    yield (*_with_error(_summary_of_fixes(made, left, dry_run=dry_run), error), *excluded_spans(excluded))


def _with_error(summary: Line, error: str) -> Line:
    if not error:
        return summary
    if summary[0].style == "good":
        return (StyledText(error, "high"),)
    return (StyledText(f"{error}; ", "high"), *summary)


def _summary_of_fixes(made: Sequence[Suggestion], left: Sequence[Suggestion], *, dry_run: bool) -> Line:
    fixed = sum(len(one.findings) for one in made)
    others = sum(len(one.findings) for one in left)
    files = len({edit.file for one in made for edit in one.edits})
    if not made and not left:
        return (StyledText("nothing to fix", "good"),)
    verb = "would be fixed" if dry_run else "fixed"
    more = _more(made, left, "would be narrowed" if dry_run else "narrowed")
    if not fixed and not others and more:
        return (StyledText(more, "place"),)
    return (
        StyledText(f"{_count(fixed, 'finding')} {verb}", "place"),
        StyledText(f" in {_count(files, 'file')}; {others} left for a person{'; ' if more else ''}{more}"),
    )


def suggestions_json(
    found: Sequence[Suggestion],
    patch: str,
    unreadable: Sequence[Unreadable],
    skipped: Sequence[Unreadable],
    excluded: Sequence[str] = (),
) -> str:
    """All that is known of each suggestion. ``patch``: those that go together, as :func:`patch_of` writes it."""
    document = {
        "version": 1,
        "suggestions": [_as_json(one) for one in found],
        "patch": patch,
        "unreadable": [_entry(one) for one in without_faults(unreadable)],
        "faults": [_entry(one) for one in faults_in(unreadable)],
        "not_evaluated": [_entry(one) for one in skipped],
        "excluded": shown_excluded(excluded),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def patch_of(changed: Mapping[str, str], texts: Texts) -> str:
    """The changes of files as one patch; "" where there are none. Line breaks are those of the files."""
    return "".join("".join(_file_patch(shown(file), texts(file), changed[file])) for file in sorted(changed, key=shown))


def _file_patch(name: str, old: str, new: str) -> Iterator[str]:
    lines = list(difflib.unified_diff(_lines(old), _lines(new), n=_CONTEXT, lineterm="\n"))
    if not lines:
        return
    yield f"diff --git {_quoted(f'a/{name}')} {_quoted(f'b/{name}')}\n"
    # a blank in a name is told from what may follow it by a tabulator
    end = "\t\n" if " " in name and _quoted(name) == name else "\n"
    yield f"--- {_quoted(f'a/{name}')}{end}"
    yield f"+++ {_quoted(f'b/{name}')}{end}"
    for line in lines[2:]:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    """The lines with their ends; only a line feed ends one, as for git."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _quoted(name: str) -> str:
    """A name as git writes it: in quotes where it holds one, a backslash or a control character."""
    if not any(character in '"\\' or ord(character) < 32 or ord(character) == 127 for character in name):
        return name
    escapes = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    plain = (escapes.get(one) or (f"\\{ord(one):03o}" if ord(one) < 32 or ord(one) == 127 else one) for one in name)
    return f'"{"".join(plain)}"'


# -- text


def _suggestion(one: Suggestion, texts: Texts, changed: Changed, width: int) -> Iterator[Line]:
    if not one.edits:
        yield from _for_a_person(one, width)
        return
    yield _header(one)
    yield (StyledText("  "), StyledText(_checks(one)))
    files = changed(one)
    for number, file in enumerate(sorted(files, key=shown)):
        if number or file != one.at.file:
            yield (StyledText(f"  in {harmless(shown(file))}", "quiet"),)
        yield from _small_diff(texts(file), files[file])
    yield from _prose(one.says, width)
    yield from _shared_by(one, width)


def _small_diff(old: str, new: str) -> Iterator[Line]:
    before, after = ([line.rstrip("\r\n") for line in _lines(text)] for text in (old, new))
    lines = [
        line for line in difflib.unified_diff(before, after, n=_FEW, lineterm="") if line[:3] not in ("---", "+++")
    ]
    if any(len(line) > _LONG for line in lines):
        lines = _cut(lines)
    words = [line[1:] for line in lines if line[:2] != "@@" and line[1:].strip()]
    blank = min((len(line) - len(line.lstrip()) for line in words), default=0)
    styles = {"-": "high", "+": "good"}
    for number, line in enumerate(lines):
        if line.startswith("@@"):
            if number:
                yield (StyledText("    …", "quiet"),)
            continue
        yield (StyledText("  "), StyledText(f"{line[0]} {harmless(line[1 + blank :])}", styles.get(line[0], "quiet")))


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginnings."""
    return next((number for number, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))


def _cut(lines: Sequence[str]) -> list[str]:
    """Of long lines, as of a template on one line, what differs with a little of what stands around it."""
    old, new = (
        [(number, line) for number, line in enumerate(lines) if line[0] == sign and len(line) > _LONG] for sign in "-+"
    )
    found = [line if len(line) <= _LONG or line[0] != " " else f"{line[:_LONG]} …" for line in lines]
    if len(old) != 1 or len(new) != 1:
        return found
    (here, before), (there, after) = old[0], new[0]
    same = _shared(before[1:], after[1:])
    end = _shared(before[:same:-1], after[:same:-1])
    first = max(1, same + 1 - _AROUND)
    for number, line in ((here, before), (there, after)):
        last = min(len(line), len(line) - end + _AROUND)
        found[number] = line[0] + ("… " if first > 1 else "") + line[first:last] + (" …" if last < len(line) else "")
    return found


def _for_a_person(one: Suggestion, width: int) -> Iterator[Line]:
    yield _header(one)
    yield (StyledText("  "), StyledText(_checks(one)))
    yield (StyledText(_INDENT), StyledText("Left for a person:", "medium"))
    for phrase in one.missing:
        wrapped = textwrap.wrap(harmless(" ".join(phrase.split())), width - len(_INDENT) - 2, break_long_words=False)
        for number, line in enumerate(wrapped):
            yield (StyledText(f"{_INDENT}{'  ' if number else '- '}"), StyledText(line))
    if one.statement:
        yield (StyledText(_INDENT), StyledText("It would read:"))
        for line in one.statement.split("\n"):
            yield (StyledText(f"{_INDENT}  "), StyledText(harmless(line), "code"))


def _header(one: Suggestion) -> Line:
    resource, sid = _whose(one)
    spans = [
        StyledText(located(one.at.file, one.at.line), "place"),
        StyledText("  "),
        StyledText(harmless(resource)),
    ]
    return [*spans, StyledText(f"  {harmless(sid)}", "quiet")] if sid else spans


def _whose(one: Suggestion) -> tuple[str, str | None]:
    first = one.findings[0] if one.findings else None
    return (first.resource.address, first.sid) if first is not None else (one.resource, one.sid)


def _checks(one: Suggestion) -> str:
    """What is found; of a statement that nothing is found of, what the logs show."""
    if one.findings:
        found = sorted(one.findings, key=lambda finding: finding.check_id)
        return ", ".join(dict.fromkeys(f"{finding.check_id} {finding.name}" for finding in found))
    return "not used" if _is_unused(one) else "wider than used"


def _notes(notes: Sequence[str]) -> Iterator[Line]:
    for note in notes:
        yield (StyledText("note: ", "quiet"), StyledText(harmless(note)))


def _prose(text: str, width: int) -> Iterator[Line]:
    for line in textwrap.wrap(
        harmless(" ".join(text.split())), width - len(_INDENT), break_long_words=False, break_on_hyphens=False
    ):
        yield (StyledText(_INDENT), StyledText(line))


def _shared_by(one: Suggestion, width: int) -> Iterator[Line]:
    """Who else uses the files that a suggestion edits."""
    if one.shared is None:
        return
    units, callers = (", ".join(map(shown, paths)) for paths in (one.shared.units, one.shared.callers))
    if len(one.shared.units) > 1:
        yield from _prose(f"The change applies to, and is checked for: {units}.", width)
    if callers:
        yield from _prose(f"Also called by, but not scanned or checked for: {callers}.", width)
    if not one.shared.is_complete:
        yield from _prose(
            "Other folders may call this module: not all files of the repository could be searched.", width
        )


def _summary(found: Sequence[Suggestion]) -> Line:
    if not found:
        return (StyledText("nothing to suggest", "good"),)
    able = sum(len(one.findings) for one in found if one.edits)
    others = sum(len(one.findings) for one in found if not one.edits)
    more = _more([one for one in found if one.edits], found, "can be narrowed")
    if not able and not others and more:
        return (StyledText(more, "place"),)
    return (
        StyledText(f"{_count(able, 'finding')} can be fixed (passrole-checks fix)", "place"),
        StyledText(f"; {others} left for a person{'; ' if more else ''}{more}"),
    )


def _more(able: Sequence[Suggestion], others: Sequence[Suggestion], verb: str) -> str:
    """How many statements there are beside those that something is found of, as the logs show."""
    wider = sum(not one.findings for one in able)
    unused = sum(_is_unused(one) for one in others)
    told = [f"{_count(wider, 'statement')} wider than used {verb}"] if wider else []
    told += [f"{_count(unused, 'statement')} not used"] if unused else []
    return "; ".join(told)


def _is_unused(one: Suggestion) -> bool:
    return one.evidence is not None and not one.evidence.passes + one.evidence.perhaps


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# -- JSON


def _as_json(one: Suggestion) -> dict[str, object]:
    resource, sid = _whose(one)
    return {
        "file": shown(one.at.file),
        "line": one.at.line,
        "end_line": max(one.at.line, one.at.end_line),
        "resource": resource,
        "sid": sid,
        "findings": [_finding(finding) for finding in one.findings],
        "says": one.says,
        "missing": list(one.missing),
        "statement": one.statement,
        "edits": [
            {"file": shown(edit.file), "start": edit.start, "end": edit.end, "text": edit.text} for edit in one.edits
        ],
        "evidence": _seen(one.evidence) if one.evidence is not None else None,
        "shared": _users(one.shared) if one.shared is not None else None,
    }


def _users(one: SharedFileUsers) -> dict[str, object]:
    return {
        "units": list(map(shown, one.units)),
        "callers": list(map(shown, one.callers)),
        "callers_complete": one.is_complete,
    }


def _seen(one: ObservedUse) -> dict[str, object]:
    return {
        "since": one.since,
        "until": one.until,
        "passes": one.passes,
        "perhaps": one.perhaps,
        "roles": one.roles,
        "last": one.last or None,
    }


def _finding(one: Finding) -> dict[str, str]:
    return {
        "check_id": one.check_id,
        "name": one.name,
        "severity": one.severity.value,
        "message": one.message,
        "fingerprint": one.fingerprint,
    }


def _entry(one: Unreadable) -> dict[str, object]:
    return {"file": shown(one.file), "line": one.line, "reason": one.reason}


__all__ = ["fixed_lines", "patch_of", "suggestion_lines", "suggestions_json"]
