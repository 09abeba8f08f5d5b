"""Counts with a noun in singular or plural."""

from __future__ import annotations


def count_noun(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 file``, ``2 files``, ``1,000 passes``."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
