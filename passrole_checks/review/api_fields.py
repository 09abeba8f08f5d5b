"""Fields of a forge's responses. Their shape is not trusted: what a response lacks is empty."""

from __future__ import annotations

from typing import Any


def get_nested(value: object, *keys: str) -> object:
    """Return the value at a path of keys; None if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def list_of(value: object) -> list[Any]:
    """Return a list; empty if the value is none."""
    return value if isinstance(value, list) else []


def text_of(value: object, key: str) -> str:
    """Return a string field; "" if there is none."""
    field = get_nested(value, key)
    return field if isinstance(field, str) else ""


def number_of(value: object, key: str) -> int:
    """Return an integer field; 0 if there is none."""
    field = get_nested(value, key)
    return field if isinstance(field, int) and not isinstance(field, bool) else 0
