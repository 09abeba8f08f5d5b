"""Shorten names, expressions and lists of names for messages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from passrole_checks.iam.lazy_regex import lazy_regex


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first ``most`` names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def shortened(words: str, most: int = 90) -> str:
    """Return a name or an expression on one line, cut to about ``most`` characters.

    What can be searched for stays: of an ARN, the partition and the account are cut first, of references in ``${...}``
    and of addresses the leading modules; the resource's type and name are never cut.
    """
    words = " ".join(words.split())
    if len(words) > most:
        words = _ARN_START.sub(lambda match: _EXPRESSION.sub("${…}", match[0]), words)
    if len(words) > most:
        words = _MODULES.sub("…", words)
    if len(words) > most:
        words = _EXPRESSION.sub(_cut_in_the_middle, words)
    if len(words) > most and not _EXPRESSION.fullmatch(words):
        words = _EXPRESSION.sub("${…}", words)
    return words if len(words) <= most or _ADDRESS.fullmatch(words) else words[: most - 1] + "…"


def condition_in_short(words: str) -> str:
    """Return a condition on one line, cut in the middle to 90 characters: its end is what it compares with."""
    words = " ".join(words.split())
    return words if len(words) <= 90 else f"{words[:59]}…{words[-30:]}"


def _cut_in_the_middle(match: re.Match[str]) -> str:
    """Return an expression with its beginning and its end, or as it is if little would be gained."""
    words = match[0]
    return words if len(words) < 46 or words.startswith("${…") else f"{words[:20]}…{words[-22:]}"


_EXPRESSION = lazy_regex(r"\$\{(?:[^{}]|\{[^{}]*\})*\}")
_ARN_START = lazy_regex(rf"\barn:(?:{_EXPRESSION.pattern}|[\w-]*):iam::(?:{_EXPRESSION.pattern}|[\d*]*):")
_MODULES = lazy_regex(r'(?<![\w.])(?:module\.[\w-]+(?:\[(?:"[^"]*"|[^\]"]*)\])?\.)+')
_ADDRESS = lazy_regex(r'…?(?:data\.)?\w+\.[\w-]+(?:\[(?:"[^"]*"|[^\]"]*)\])?')


_LOOSE_END = lazy_regex(r"(?:[\s,;:(]|\s(?:and|or|to|on|of|with))+$")


def cut_at_word(text: str, most: int) -> str:
    """Return ``text``, cut off within ``most`` characters after a word, not within ``code``; anywhere if the words are
    too long."""
    if len(text) <= most:
        return text
    ends = (end for end in range(most - 1, most // 2, -1) if text[end] == " " and text.count("`", 0, end) % 2 == 0)
    end = next(ends, None)
    return truncate(text, most) if end is None else _LOOSE_END.sub("", text[:end]) + "…"


def truncate(text: str, most: int) -> str:
    """Return ``text``, cut off after ``most`` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def cut_in_the_middle(name: str, most: int) -> str:
    """Return a name without what is in its middle if it is too long: its end says most."""
    return name if len(name) <= most else f"{name[: most // 3]}…{name[-(most - most // 3 - 1) :]}"
