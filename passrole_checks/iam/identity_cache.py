"""Bounded caches, among them those of long tuples that many callers share: they compare these by identity, without
hashing them.

The latter keep the objects alive. A process that reads again and again, as for an editor, therefore clears them in
between.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_caches: list[Callable[[], None]] = []


class BoundedCache(dict[_Key, _Value]):
    """A dict that is emptied before it would have more than ``most`` entries."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: _Key, value: _Value) -> None:
        if len(self) >= self._most:
            self.clear()
        super().__setitem__(key, value)


def by_identity(cache: dict[_Key, _Value]) -> dict[_Key, _Value]:
    """Return a cache, which :func:`clear_identity_caches` clears as well."""
    _caches.append(cache.clear)
    return cache


def clear_identity_caches() -> None:
    """Release the objects that all of these caches keep alive."""
    for clear in _caches:
        clear()


def cached_by_identity(size: int) -> Callable[[Callable[..., _Result]], Callable[..., _Result]]:
    """Return a decorator that remembers about ``size`` results by the identity of the first argument, an immutable
    object, and the equality of the others. As with ``functools.lru_cache``, the function has ``cache_clear`` and
    ``cache_parameters``."""

    def decorate(function: Callable[..., _Result]) -> Callable[..., _Result]:
        # keeps the objects alive, so that ids stay unique
        known = by_identity(BoundedCache[tuple[Hashable, ...], tuple[Any, _Result]](size))

        @wraps(function)
        def cached(item: Any, *others: Hashable) -> _Result:
            key = (id(item), *others)
            entry = known.get(key)
            if entry is None:
                entry = known[key] = item, function(item, *others)
            return entry[1]

        vars(cached).update(cache_clear=known.clear, cache_parameters=lambda: {"maxsize": size})
        return cached

    return decorate
