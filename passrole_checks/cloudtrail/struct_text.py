"""Parse structures as Athena and CloudTrail Lake write them into CSV: ``{type=AssumedRole, arn=arn:aws:…, tags=[a,
b]}``.

Presto and Trino print rows, maps and arrays like this, without quotes or escapes (observed in exports; there is no
specification). A value that contains ``, `` or a bracket is ambiguous; parsing it is best effort.
"""

from __future__ import annotations

import json
from typing import Any

_DEEPEST = 60


def parse_structure(text: str | None) -> Any:
    """Return the value of a column: JSON, else a structure as above, else None."""
    if not text:
        return None
    stripped = text.strip()
    if not stripped or stripped.lower() == "null":
        return None
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        pass
    if not stripped.startswith("{"):
        return None
    value, _ = _value(stripped, 0, 0)
    return value


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    """Return the value at an offset, and the offset after it."""
    if depth < _DEEPEST and at < len(text):
        if text[at] == "{":
            return _object(text, at + 1, depth + 1)
        if text[at] == "[":
            return _list(text, at + 1, depth + 1)
    end = at
    while end < len(text) and text[end] not in "}]" and not text.startswith(", ", end):
        end += 1
    word = text[at:end].strip()
    return (None if word == "null" else word), end


def _object(text: str, at: int, depth: int) -> tuple[Any, int]:
    found: dict[str, Any] = {}
    while at < len(text) and text[at] != "}":
        equals = text.find("=", at)
        if equals < 0:
            return found, len(text)
        name = text[at:equals].strip(' ,"')
        found[name], at = _value(text, equals + 1, depth)
        while at < len(text) and text[at] in ", ":
            at += 1
        if at < len(text) and text[at] == "]":
            break
    return found, at + 1


def _list(text: str, at: int, depth: int) -> tuple[Any, int]:
    found: list[Any] = []
    while at < len(text) and text[at] != "]":
        before = at
        value, at = _value(text, at, depth)
        found.append(value)
        while at < len(text) and text[at] in ", ":
            at += 1
        if at == before or (at < len(text) and text[at] == "}"):
            break
    return found, at + 1
