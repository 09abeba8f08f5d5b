"""Roots of other repositories, as an inventory has them: what they declare by name and pass to others."""

from __future__ import annotations

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.model.links import LinkSurface

EntityName = tuple[bytes, bytes]
"""The kind of an entity, ``role``, ``policy``, ``user`` or ``group``, and its literal name."""


@dataclass(frozen=True)
class RecordedRoot:
    """A root module or template that is not scanned, and what it passes.

    ``path``: its path in the repository. ``surface``: the values that it reads and passes. ``declared``: entities that
    it declares by a literal name, ``held``: principals that it only gives policies to, or has as members; ``entities``
    are these, with the policies of the principals. ``given``: a digest of the values of other roots with which it was
    read.
    """

    repository: str
    path: str
    surface: LinkSurface
    entities: Configuration
    declared: frozenset[EntityName] = frozenset()
    held: frozenset[EntityName] = frozenset()
    given: str = ""
