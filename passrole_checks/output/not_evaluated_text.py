"""Notes on items that were not evaluated, for text: one for each kind, with a count, or one for each item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.output.counts import count_noun
from passrole_checks.sources.model.configuration import NoteKind

if TYPE_CHECKING:
    from passrole_checks.sources.model.configuration import Unreadable

_FIRST = 3  # items of a kind whose text is an option to paste
_DEPENDING = lazy_regex(r"; (\d+) polic(?:y|ies) depends? on it\b")
_NOUNS = {
    NoteKind.MODULE: ("unresolved module", ""),
    NoteKind.NO_INSTANCE: ("resource or module without an instance", "resources or modules without an instance"),
    NoteKind.UNUSED_DOCUMENT: ("unused policy document", ""),
    NoteKind.SKIPPED_PATH: ("skipped folder or link", "skipped folders or links"),
    NoteKind.SUBMODULE: ("submodule", ""),
    NoteKind.VALUE_FILE: ("file with values", "files with values"),
    NoteKind.COMMAND: ("command", ""),
    NoteKind.DEFINED_ELSEWHERE: (
        "policy, template or value from elsewhere",
        "policies, templates or values from elsewhere",
    ),
    NoteKind.LIMIT_NOT_COUNTED: ("limit that may not apply", "limits that may not apply"),
    NoteKind.OTHER_TOOL: ("file or section of another tool", "files or sections of other tools"),
    NoteKind.POLICY_DOCUMENT: ("policy document without a known use", "policy documents without a known use"),
    NoteKind.INCOMPLETE: (
        "missing part of a plan, change set or account",
        "missing parts of plans, change sets or accounts",
    ),
    NoteKind.DUPLICATE_KEY: ("duplicate key", ""),
    NoteKind.TOO_LONG: ("policy that exceeds AWS's limit of length", "policies that exceed AWS's limits of length"),
    NoteKind.DRIFT: ("policy that differs in the account", "policies that differ in the account"),
    NoteKind.INFERRED_NAME: ("name inferred from the account", "names inferred from the account"),
    NoteKind.DENIED: ("denied Allow of iam:PassRole", "denied Allows of iam:PassRole"),
}


class Note(NamedTuple):
    """The text of a note, and its file and line, if it is about one."""

    words: str
    file: str = ""
    line: int | None = None


def not_evaluated_in_words(entries: Sequence[Unreadable], *, verbose: bool) -> Iterator[Note]:
    """Yield a note for each item if ``verbose``; else for each kind, with the number of its items.

    The only item of a kind, and the first files with values, which an option evaluates, are always named.
    """
    if verbose:
        yield from map(_of_item, entries)
        return
    for kind in NoteKind:
        items = [entry for entry in entries if entry.kind is kind]
        named = _FIRST if kind is NoteKind.VALUE_FILE else 1 if len(items) == 1 else 0
        yield from map(_of_item, items[:named])
        if len(items) > named:
            yield _of_kind(kind, items[named:], more=bool(named))


def _of_item(entry: Unreadable) -> Note:
    return Note(f"{_prefix(entry.kind)}{entry.reason}", entry.file, entry.line)


_EVALUATED = frozenset({NoteKind.TOO_LONG, NoteKind.DRIFT, NoteKind.INFERRED_NAME, NoteKind.DENIED})


def _prefix(kind: NoteKind) -> str:
    return "" if kind in _EVALUATED else "not evaluated: "


def _of_kind(kind: NoteKind, items: Sequence[Unreadable], *, more: bool) -> Note:
    before = "more " if more else ""
    singular, plural = _NOUNS.get(kind, ("item", ""))
    words = count_noun(len(items), f"{before}{singular}", plural and f"{before}{plural}")
    counts = [int(match[1]) for entry in items if (match := _DEPENDING.search(entry.reason)) is not None]
    if counts:
        words += f"; {count_noun(sum(counts), 'policy depends', 'policies depend')} on them"
    option = "--verbose lists it" if len(items) == 1 else "--verbose lists them"
    return Note(f"{_prefix(kind)}{words} ({option})")
