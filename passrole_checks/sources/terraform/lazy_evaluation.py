"""Switch for optimizations that skip evaluation. A test disables them and compares the results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_skip: ContextVar[bool] = ContextVar("skip_irrelevant", default=True)


def skips_irrelevant() -> bool:
    """True if evaluation that cannot change the result is skipped."""
    return _skip.get()


@contextmanager
def evaluate_everything() -> Iterator[None]:
    """Evaluate everything within this context, even what cannot change the result."""
    token = _skip.set(False)
    try:
        yield
    finally:
        _skip.reset(token)
