"""Lines of code to be read: a small difference, and a statement that was cut out of its file."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from textwrap import dedent

from passrole_checks.review.report import Replacement

KEPT, GONE, CAME, LEFT_OUT = " ", "-", "+", "…"

_CONTEXT = 3
_MOST_LINES = 200  # that are compared with each other


def changed_lines(replacement: Replacement) -> Iterator[tuple[str, str]]:
    """What a replacement changes, line by line, each with one of the marks above, without the indentation that all of
    them have; of lines that stay, those near a change only. Where the old lines are not known, the new ones alone."""
    old, new = (text.replace("\r\n", "\n") for text in (replacement.old, replacement.text))
    before, after = _split(old), _split(new)
    both = dedent("\n".join([*before, *after])).split("\n") if before or after else []
    before, after = both[: len(before)], both[len(before) :]
    if len(before) + len(after) > _MOST_LINES:
        yield from ((GONE, line) for line in before)
        yield from ((CAME, line) for line in after)
        return
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(_CONTEXT)):
        if number:
            yield LEFT_OUT, ""
        for what, first, end, first_new, end_new in group:
            if what == "equal":
                yield from ((KEPT, line) for line in before[first:end])
            else:
                yield from ((GONE, line) for line in before[first:end])
                yield from ((CAME, line) for line in after[first_new:end_new])


def _split(text: str) -> list[str]:
    return text.split("\n") if text else []


def aligned(statement: str) -> str:
    """A statement with its further lines moved to the left, to where its first one is: that one often stands behind
    something else on its line, and has no indentation of its own."""
    first, *others = statement.split("\n")
    if not others or first[:1].isspace() or not first.rstrip().endswith(("{", "[", "(")):
        return statement
    return "\n".join([first, *dedent("\n".join(others)).split("\n")])
