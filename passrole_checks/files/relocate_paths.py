"""Results about files in one folder, told as if the files lay in another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

_Value = TypeVar("_Value")


def relocate(value: _Value, folders: Mapping[str, str]) -> _Value:
    """``value``, frozen dataclasses and tuples all the way down, with paths below ``folders`` (whole paths of folders
    that only we have made) as paths below what stands for each of them: ``""`` for the top of the repository."""
    prefixes = [(f"{folder}/", f"{name}/" if name else "") for folder, name in folders.items()]
    whole = [(folder, name or ".") for folder, name in folders.items()]
    known: dict[int, tuple[Any, Any]] = {}

    def renamed(item: Any) -> Any:
        if isinstance(item, Enum):
            return item
        if isinstance(item, str):
            for old, new in (*prefixes, *whole):
                item = item.replace(old, new) if old in item else item
            return item
        if isinstance(item, tuple):
            return item if not item else tuple(map(renamed, item))
        if isinstance(item, frozenset):
            return frozenset(map(renamed, item))
        if not is_dataclass(item) or isinstance(item, type):
            return item
        if id(item) not in known:
            values = {one.name: getattr(item, one.name) for one in fields(item) if one.init}
            other = {name: new for name, old in values.items() if (new := renamed(old)) is not old and new != old}
            known[id(item)] = item, (replace(item, **other) if other else item)  # the item is kept, and so its id
        return known[id(item)][1]

    result: _Value = renamed(value)
    return result
