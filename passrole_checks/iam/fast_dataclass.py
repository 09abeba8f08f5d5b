"""Dataclasses that cost little: to define, because most scans use few of them, and to make, because a scan makes many.

``dataclasses.dataclass`` compiles four to six methods for each class, a third of the time of a scan of one file. Here
it compiles each method when it is first called. ``frozen=True`` is checked by mypy and has no cost at run time:
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
        cls: type | None = None, /, *, frozen: bool = False, eq: bool = True, slots: bool = False, kw_only: bool = False
    ) -> type | Callable[[type], type]:
        """Return what ``dataclasses.dataclass`` makes of a class, without the guard of ``frozen``."""
        if cls is None:
            return lambda decorated: dataclass(decorated, frozen=frozen, eq=eq, slots=slots, kw_only=kw_only)
        has_hash = vars(cls).get("__hash__") is not None
        cls.__doc__ = cls.__doc__ or cls.__name__  # else dataclasses inspects the signature for it
        made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
        compiled = {"__init__": {"init": True, "slots": slots}, "__repr__": {"repr": True}}
        if eq:
            compiled["__eq__"] = {"eq": True}
        for name in compiled.keys() - vars(cls).keys():
            _compile_at_first_call(made, name, **compiled[name])
        if eq and not has_hash:
            made.__hash__ = None
            if frozen:
                _compile_at_first_call(made, "__hash__", eq=True, unsafe_hash=True)
        if frozen and slots:
            made.__getstate__, made.__setstate__ = _state, _set_state
        return made


def _compile_at_first_call(cls: type, name: str, **parameters: bool) -> None:
    """Let the first call of a method replace it with that of a dataclass with the same fields and ``parameters``."""
    only = {"init": False, "repr": False, "eq": False, **parameters}

    def first_call(self: Any, *args: Any, **kwargs: Any) -> Any:
        own = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
        method = vars(dataclasses.dataclass(**only)(type(cls)(cls.__name__, (cls,), own)))[name]
        setattr(cls, name, method)
        return method(self, *args, **kwargs)

    setattr(cls, name, first_call)


def _state(self: Any) -> list[Any]:
    """Return the state for a pickle: the values without their names."""
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        setattr(self, each.name, value)
