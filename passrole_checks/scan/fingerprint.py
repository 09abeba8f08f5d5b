"""Fingerprints: stable identifiers of findings, the same in every run and version."""

from __future__ import annotations

import hashlib


def digest(*parts: str) -> str:
    """A short name for texts in their order, the same in every run and version; others have another one."""
    unambiguous = (part.replace("\1", "\1\1").replace("\0", "\1\0") for part in parts)
    return hashlib.sha256("\0".join(unambiguous).encode("utf-8", "surrogatepass")).hexdigest()[:32]
