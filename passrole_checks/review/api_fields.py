"""Fields of what a forge answers. Nothing here trusts its shape: what an answer lacks is taken as empty."""

from __future__ import annotations

from typing import Any


def within(value: object, *keys: str) -> object:
    """What stands below these keys, one after the other; None where there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def items_of(value: object) -> list[Any]:
    """A list, empty where it is none."""
    return value if isinstance(value, list) else []


def text_of(value: object, key: str) -> str:
    """A text field, "" where there is none."""
    found = within(value, key)
    return found if isinstance(found, str) else ""


def number_of(value: object, key: str) -> int:
    """A field that is a whole number, 0 where there is none."""
    found = within(value, key)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
