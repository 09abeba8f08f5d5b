"""Numbers of examples that follow the profile of Hypothesis; ``tests/conftest.py`` registers the profiles."""

from __future__ import annotations

from hypothesis import settings

_USUAL = 100  # examples of a test that asks for no number; the profiles have a multiple of it


def examples(count: int) -> int:
    """Return the number of examples for the current profile, given the number that a test asks for."""
    return max(2, count * settings().max_examples // _USUAL)
