"""Fingerprints: stable identifiers of findings, the same in every run and version."""

from __future__ import annotations

import hashlib


def digest(*parts: str) -> str:
    """Return a short identifier of some strings in their order, the same in every run and version."""
    unambiguous = (part.replace("\1", "\1\1").replace("\0", "\1\0") for part in parts)
    return hashlib.sha256("\0".join(unambiguous).encode("utf-8", "surrogatepass")).hexdigest()[:32]
