"""Unions of sets of service principals, each computed once."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=64)
def union_of(*sets: frozenset[str]) -> frozenset[str]:
    """Return the union of sets of service principals; for equal sets the same object.

    All known services are more than a thousand names, and thousands of principals have the same ones.
    """
    return frozenset[str]().union(*sets)
