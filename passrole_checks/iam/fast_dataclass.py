"""Dataclasses of which a scan makes many: ``frozen=True`` is checked by mypy and has no cost at run time.

``__init__`` of a frozen dataclass calls ``object.__setattr__`` for each field, which doubles its time.
Equality, hash, slots and pickling are those of ``dataclasses.dataclass`` with the same arguments.
Source: Python documentation, module ``dataclasses``, "Frozen instances", "@dataclass", ``unsafe_hash``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(
        cls: type | None = None, /, *, frozen: bool = False, eq: bool = True, slots: bool = False
    ) -> type | Callable[[type], type]:
        """Return what ``dataclasses.dataclass`` makes of a class, without the guard of ``frozen``."""
        if cls is None:
            return lambda decorated: dataclass(decorated, frozen=frozen, eq=eq, slots=slots)
        unsafe_hash = frozen and eq and vars(cls).get("__hash__") is None
        made = dataclasses.dataclass(eq=eq, unsafe_hash=unsafe_hash, slots=slots)(cls)
        if frozen and slots:
            made.__getstate__, made.__setstate__ = _state, _set_state
        return made


def _state(self: Any) -> list[Any]:
    """Return the state for a pickle: the values without their names."""
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        setattr(self, each.name, value)
