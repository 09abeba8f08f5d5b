"""Narrow decoded JSON, whose shape is not trusted: what a value lacks is empty."""

from __future__ import annotations

from typing import Any


def as_object(value: object) -> dict[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_items(value: object) -> list[Any]:
    """Return the items of a list; a value that is no list is the only item."""
    return value if isinstance(value, list) else [value]


def as_text(value: object) -> str | None:
    """Return the value if it is a string, else None."""
    return value if isinstance(value, str) else None


def get_nested(value: object, *keys: str) -> Any:
    """Return the value at a path of keys; None if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text_of(value: object, key: str) -> str:
    """Return a string field; "" if there is none."""
    return as_text(get_nested(value, key)) or ""


def number_of(value: object, key: str) -> int:
    """Return an integer field; 0 if there is none."""
    field = get_nested(value, key)
    return field if isinstance(field, int) and not isinstance(field, bool) else 0
