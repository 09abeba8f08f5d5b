"""No search for reference cycles while one root module is evaluated.

What evaluation makes lives until the root is done, so that each search would look through all of it and free next to
nothing. What is left of a root is found by the first search behind it.
Source: Python documentation, module ``gc``.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Within this context nothing is searched, unless whoever calls has seen to that already."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
