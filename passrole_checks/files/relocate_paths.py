"""Rewrite paths in results from a temporary checkout to the repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

_Value = TypeVar("_Value")


def relocate(value: _Value, folders: Mapping[str, str]) -> _Value:
    """Return ``value``, nested frozen dataclasses and tuples, with paths below ``folders`` rewritten.

    ``folders`` maps absolute paths of our temporary folders to the paths that replace them; ``""`` is the top of the
    repository.
    """
    prefixes = [(f"{folder}/", f"{name}/" if name else "") for folder, name in folders.items()]
    exact_folders = [(folder, name or ".") for folder, name in folders.items()]
    rewritten: dict[int, tuple[Any, Any]] = {}

    def rewrite(item: Any) -> Any:
        if isinstance(item, Enum):
            return item
        if isinstance(item, str):
            for old, new in (*prefixes, *exact_folders):
                item = item.replace(old, new) if old in item else item
            return item
        if isinstance(item, tuple):
            return item if not item else tuple(map(rewrite, item))
        if isinstance(item, frozenset):
            return frozenset(map(rewrite, item))
        if not is_dataclass(item) or isinstance(item, type):
            return item
        if id(item) not in rewritten:
            values = {field.name: getattr(item, field.name) for field in fields(item) if field.init}
            changed = {name: new for name, old in values.items() if (new := rewrite(old)) is not old and new != old}
            rewritten[id(item)] = (
                item,
                (replace(item, **changed) if changed else item),
            )  # keeps the item alive, so that its id stays unique
        return rewritten[id(item)][1]

    result: _Value = rewrite(value)
    return result
