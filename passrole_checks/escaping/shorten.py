"""Shorten names, expressions and lists of names for messages."""

from __future__ import annotations

import re
from collections.abc import Sequence


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first ``most`` names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def shortened(words: str, most: int = 90) -> str:
    """Return an expression on one line, cut to ``most`` characters.

    Long ``${...}`` parts are cut first, so that a role name after a long expression stays visible.
    """
    words = " ".join(words.split())
    if len(words) > most:
        words = _FILLED_IN.sub(r"\1…\2", words)
    return words if len(words) <= most else words[: most - 1] + "…"


def condition_in_short(words: str) -> str:
    """Return a condition on one line, cut in the middle to 90 characters: its end is what it compares with."""
    words = " ".join(words.split())
    return words if len(words) <= 90 else f"{words[:59]}…{words[-30:]}"


_FILLED_IN = re.compile(r"(\$\{[^{}]{18})[^{}]{4,}([^{}]{21}\})")
