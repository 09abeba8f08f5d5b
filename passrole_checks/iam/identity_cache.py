"""A cache for functions of long tuples that many callers share: it compares them by identity, without hashing them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, TypeVar

_Result = TypeVar("_Result")


def cached_by_identity(size: int) -> Callable[[Callable[..., _Result]], Callable[..., _Result]]:
    """Return a decorator that remembers about ``size`` results by the identity of the first argument, an immutable
    object, and the equality of the others. As with ``functools.lru_cache``, the function has ``cache_clear`` and
    ``cache_parameters``."""

    def decorate(function: Callable[..., _Result]) -> Callable[..., _Result]:
        known: dict[tuple[Hashable, ...], tuple[Any, _Result]] = {}  # keeps the objects alive, so that ids stay unique

        @wraps(function)
        def cached(item: Any, *others: Hashable) -> _Result:
            key = (id(item), *others)
            entry = known.get(key)
            if entry is None:
                if len(known) >= size:
                    known.clear()
                entry = known[key] = item, function(item, *others)
            return entry[1]

        vars(cached).update(cache_clear=known.clear, cache_parameters=lambda: {"maxsize": size})
        return cached

    return decorate
