"""What is left undone because it cannot matter; a test does all of it, and compares."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_taken: ContextVar[bool] = ContextVar("shortcuts", default=True)


def skips_irrelevant() -> bool:
    """Whether what cannot matter is left undone."""
    return _taken.get()


@contextmanager
def evaluate_everything() -> Iterator[None]:
    """Within this context everything is read and evaluated, whether it can matter or not."""
    token = _taken.set(False)
    try:
        yield
    finally:
        _taken.reset(token)
