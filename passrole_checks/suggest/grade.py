"""Grades of suggestions: how certain it is that an edit leaves everything working, and what it changes."""

from __future__ import annotations

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
