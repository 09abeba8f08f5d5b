"""Rewrite paths in results from a temporary checkout to the repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import cache
from operator import is_
from typing import Any, TypeVar

_Value = TypeVar("_Value")


def relocate(value: _Value, folders: Mapping[str, str]) -> _Value:
    """Return ``value``, nested frozen dataclasses and tuples, with paths below ``folders`` rewritten.

    ``folders`` maps absolute paths of our temporary folders to the paths that replace them; ``""`` is the top of the
    repository.
    """
    replacements = [
        *((f"{folder}/", f"{name}/" if name else "") for folder, name in folders.items()),
        *((folder, name or ".") for folder, name in folders.items()),
    ]
    rewritten: dict[int, tuple[Any, Any]] = {}  # keeps the items alive, so that their ids stay unique

    def rewrite(item: Any) -> Any:
        if isinstance(item, str) and not isinstance(item, Enum):
            for old, new in replacements:
                item = item.replace(old, new) if old in item else item
            return item
        if isinstance(item, frozenset):
            return frozenset(map(rewrite, item))
        kind: Any = type(item)
        names = _init_fields(kind)
        if not names and not isinstance(item, tuple):
            return item
        known = rewritten.get(id(item))
        if known is None:
            known = rewritten[id(item)] = item, rewrite_fields(item, names) if names else rewrite_items(item)
        return known[1]

    def rewrite_items(items: tuple[Any, ...]) -> tuple[Any, ...]:
        changed = tuple(map(rewrite, items))
        return items if all(map(is_, items, changed)) else changed

    def rewrite_fields(item: Any, names: tuple[str, ...]) -> Any:
        values = ((name, getattr(item, name)) for name in names)
        changed = {name: new for name, old in values if (new := rewrite(old)) is not old and new != old}
        return replace(item, **changed) if changed else item

    result: _Value = rewrite(value)
    return result


@cache
def _init_fields(kind: type) -> tuple[str, ...]:
    """Return the names of the fields that the constructor of a dataclass takes; none for other types."""
    return tuple(field.name for field in fields(kind) if field.init) if is_dataclass(kind) else ()
