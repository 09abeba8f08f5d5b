"""What logs show of the statements of configurations, as whoever reads logs hands it over.

Nothing here reads logs: the command line puts it together from what does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from passrole_checks.iam.partial_values import Position
from passrole_checks.suggest.suggestion import StatementChange, TargetRole

SHORT = 90
"""Of fewer days nobody can tell what is needed once a quarter."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A role that a principal passed to a service, as far as it was one statement that allowed it.

    ``role``: its ARN, or its name where the logs hold no path; "" where they only show an instance ``profile``.
    ``account``: that of the request. ``services``: the values of ``iam:PassedToService``: of several any may be meant,
    none where nobody can tell. ``passes``: how many there were; what was denied is none. ``last``: when, as CloudTrail
    writes times. ``sure``: whether it surely was this statement.
    """

    who: str
    role: str
    account: str
    services: tuple[str, ...]
    passes: int
    last: str
    sure: bool
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What logs show.

    Args:
        since, until: the times of their first and last event, as CloudTrail writes them; "" where there are none.
        used: by the place of a statement, the address of the resource that holds it and the path in that, what it let
            be passed: nothing where it surely was not used. A statement that nothing is known of is not among them.
        silent: how many events there were that may have passed a role, and do not tell.
        grouped: roles with a common path or beginning become one pattern.
    """

    since: str
    until: str
    used: Mapping[tuple[Position, str, str], tuple[Observation, ...]]
    silent: int = 0
    grouped: bool = False

    @property
    def days(self) -> int:
        """How many days the logs touch."""
        if not self.since or not self.until:
            return 0
        return (date.fromisoformat(self.until[:10]) - date.fromisoformat(self.since[:10])).days + 1

    @property
    def window(self) -> str:
        """From when to when, for people."""
        return f"{self.since[:10]} to {self.until[:10]} ({self.days} {'day' if self.days == 1 else 'days'})"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a statement should become: a statement for each of ``parts``, each with roles and services, the first of
    them in its place. ``apart``: the statement stays, with its other actions, and all parts stand behind it.
    ``observed``: by the address of a resource what of it was passed, which all has to be allowed still. ``also``: the
    roles of the parts as they are called in each instance of a module."""

    parts: tuple[StatementChange, ...]
    observed: Mapping[str, tuple[Observation, ...]]
    drop: tuple[str, ...] = ()
    apart: bool = False
    also: tuple[TargetRole, ...] = ()
