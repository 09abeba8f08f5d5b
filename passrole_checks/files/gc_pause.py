"""Python's collector of cycles, held back while units are read and judged.

A template or a root module becomes many thousand nodes that all live until it is judged. By itself the collector goes
through them again and again, which took a third of a scan of templates, to find nothing: what is in no cycle goes
without it. Source: Python documentation, module ``gc``.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 100_000  # that may come before it looks for cycles: some 20 MB


@contextmanager
def gc_paused() -> Iterator[None]:
    """Within it cycles are looked for rarely, and once at its end. As a decorator it holds for each call."""
    before = gc.get_threshold()
    if before[0] >= _OBJECTS or not before[0]:
        yield
        return
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
