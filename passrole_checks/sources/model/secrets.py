"""Evaluate without the values that the code itself declares to be secret, for results that are kept.

Sources: Terraform language documentation, "Manage sensitive data" (``sensitive``, ``ephemeral``); AWS CloudFormation
User Guide, "Parameters" (``NoEcho``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_hidden: ContextVar[bool] = ContextVar("secrets", default=False)


@contextmanager
def hiding_secrets() -> Iterator[None]:
    """Leave secret variables, parameters and outputs unresolved within this context."""
    token = _hidden.set(True)
    try:
        yield
    finally:
        _hidden.reset(token)


def hides_secrets() -> bool:
    """True if secret values are left unresolved in this context."""
    return _hidden.get()
