"""Grades of suggestions: how certain it is that an edit leaves everything working, and what it changes."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum


class Grade(str, Enum):
    """The effect of an edit on access, the safest first.

    ``EQUIVALENT``: adds no access, and every service that an allowed action of the holders can pass a role to stays
    allowed for the same roles. ``NARROWED``: adds no access, and names the roles and services that the configuration
    passes, or the roles that trust the service. ``OBSERVED``: keeps what the logs show. ``REPAIRING``: adds access that
    the text seems to intend, such as a corrected service name in a condition that never matches.
    """

    EQUIVALENT = "equivalent"
    NARROWED = "narrowed"
    OBSERVED = "observed"
    REPAIRING = "repairing"

    @property
    def rank(self) -> int:
        """The place among all grades, 0 for the safest."""
        return list(Grade).index(self)


def grades_to_write(asked: Collection[Grade] = (), *, with_evidence: bool = False) -> tuple[Grade, ...]:
    """Return the grades of the edits to write: equivalent ones, those ``asked`` for, and with evidence those by
    observed use.
    """
    own = {Grade.EQUIVALENT, *asked, *([Grade.OBSERVED] if with_evidence else [])}
    return tuple(grade for grade in Grade if grade in own)
