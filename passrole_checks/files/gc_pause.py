"""Pause garbage collection while a unit is parsed and analyzed.

A template or a root module becomes many thousand nodes that all live until it is analyzed. Without this, the cyclic
garbage collector traverses them repeatedly, a third of the time of a scan of templates, and finds nothing: reference
counting frees objects without cycles. Source: Python documentation, module ``gc``.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Allocations between collections, less those freed: cycles of some hundred MB. The largest roots make less at once.
_OBJECTS = 3_000_000


def collect_rarely() -> None:
    """Collect cycles rarely from now on: in a process that ends after its task."""
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])


@contextmanager
def gc_paused() -> Iterator[None]:
    """Collect cycles rarely within this context, and once at its end. As a decorator it applies to each call."""
    before = gc.get_threshold()
    if before[0] >= _OBJECTS or not before[0]:
        yield
        return
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
