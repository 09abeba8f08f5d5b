"""Observed use of the statements of configurations, as plain data.

Nothing here reads logs: the command line builds these objects from the CloudTrail package.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Position
from passrole_checks.suggest.suggestion import StatementChange, TargetRole

SHORT_WINDOW_DAYS = 90
"""Logs of fewer days may miss quarterly tasks."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A role that a principal passed to a service, as far as one statement allowed it.

    ``role``: its ARN, or its name if the logs have no path; "" if they only show an instance ``profile``. ``account``:
    that of the request. ``services``: possible values of ``iam:PassedToService``: of several, any may apply; empty if
    unknown. ``passes``: number of successful passes. ``last``: time of the last one, as CloudTrail writes times.
    ``sure``: True if it was certainly this statement.
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
    """Observed use from logs.

    Args:
        since, until: the times of their first and last event, as CloudTrail writes them; "" if there are none.
        used: the passes a statement allowed, by its position, the address of its resource and its path there; empty if
            it was certainly not used. Statements of which nothing is known are missing.
        silent: number of events that may have passed a role but do not say so.
        grouped: combine roles with a common path or prefix into one pattern.
    """

    since: str
    until: str
    used: Mapping[tuple[Position, str, str], tuple[Observation, ...]]
    silent: int = 0
    grouped: bool = False

    @property
    def days(self) -> int:
        """Return the number of days that the logs cover."""
        if not self.since or not self.until:
            return 0
        return (date.fromisoformat(self.until[:10]) - date.fromisoformat(self.since[:10])).days + 1

    @property
    def window(self) -> str:
        """Return the time range of the logs for display."""
        return f"{self.since[:10]} to {self.until[:10]} ({self.days} {'day' if self.days == 1 else 'days'})"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """The narrowed form of a statement: one statement per item of ``parts``, each with roles and services, the first in
    its place.

    ``separate``: the statement stays with its other actions, and all parts follow it. ``observed``: the passes by
    resource address, which must all remain allowed. ``also``: the roles of the parts as named in each instance of a
    module.
    """

    parts: tuple[StatementChange, ...]
    observed: Mapping[str, tuple[Observation, ...]]
    drop: tuple[str, ...] = ()
    separate: bool = False
    also: tuple[TargetRole, ...] = ()
