"""Excerpts of code to display: a small diff, and a statement cut out of its file."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from textwrap import dedent

from passrole_checks.review.report import Replacement

UNCHANGED, REMOVED, ADDED, OMITTED = " ", "-", "+", "…"

_CONTEXT = 3
_MAX_DIFF_LINES = 200  # to compare with each other


def diff_lines(replacement: Replacement) -> Iterator[tuple[str, str]]:
    """Yield the diff of a replacement: each line with one of the marks above, without the common indentation.
    Unchanged lines are included only near a change. If the old lines are unknown, yield only the new ones."""
    old, new = (text.replace("\r\n", "\n") for text in (replacement.old, replacement.text))
    before, after = _split(old), _split(new)
    both = dedent("\n".join([*before, *after])).split("\n") if before or after else []
    before, after = both[: len(before)], both[len(before) :]
    if len(before) + len(after) > _MAX_DIFF_LINES:
        yield from ((REMOVED, line) for line in before)
        yield from ((ADDED, line) for line in after)
        return
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(_CONTEXT)):
        if number:
            yield OMITTED, ""
        for what, first, end, first_new, end_new in group:
            if what == "equal":
                yield from ((UNCHANGED, line) for line in before[first:end])
            else:
                yield from ((REMOVED, line) for line in before[first:end])
                yield from ((ADDED, line) for line in after[first_new:end_new])


def _split(text: str) -> list[str]:
    return text.split("\n") if text else []


def dedent_statement(statement: str) -> str:
    """Dedent the further lines of a statement to its first line, which often follows other text on its line and so has
    no indentation of its own."""
    first, *others = statement.split("\n")
    if not others or first[:1].isspace() or not first.rstrip().endswith(("{", "[", "(")):
        return statement
    return "\n".join([first, *dedent("\n".join(others)).split("\n")])
