"""Limit the services of a statement although AWS does not document that each request carries ``iam:PassedToService``.

A condition on the key denies requests without it. A wildcard such as ``s3:*`` also allows actions that take a role in
rare features; they are left out, and named. An action that a policy names keeps the service that it passes roles to.

Sources: Service Authorization Reference (see `aws.passing_actions`); IAM User Guide, "IAM JSON policy elements:
Condition operators".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from passrole_checks.access.derived_services import DerivedService, DerivedServices, OpenPointKind
from passrole_checks.aws.passing_actions import values_of
from passrole_checks.iam.fast_dataclass import dataclass

_RECOUNTED = (OpenPointKind.KEY_UNKNOWN, OpenPointKind.TOO_MANY)


@dataclass(frozen=True, slots=True)
class UndocumentedKey:
    """The services of a statement without those that only undocumented actions of a wildcard pass roles to.

    ``left_out``: these actions. ``untested``: the undocumented actions that a policy names, whose services are kept.
    """

    derived: DerivedServices
    left_out: tuple[str, ...]
    untested: tuple[str, ...]


def without_undocumented(derived: DerivedServices) -> UndocumentedKey | None:
    """Return the services without those of undocumented actions; None if there are no such actions, or no service is
    known for one that a policy names.
    """
    actions = [name for point in derived.open_points if point.kind is OpenPointKind.KEY_UNKNOWN for name in point.names]
    named = {pattern.lower() for pattern in derived.allowed_patterns}
    untested = tuple(action for action in actions if action.lower() in named)
    left_out = tuple(action for action in actions if action.lower() not in named)
    if not actions or not all(map(values_of, untested)):
        return None
    kept = tuple(one for item in derived.services if (one := _without_actions(item, left_out)) is not None)
    points = tuple(point for point in derived.open_points if point.kind not in _RECOUNTED)
    return UndocumentedKey(replace(derived, services=kept, open_points=points), left_out, untested)


def _without_actions(item: DerivedService, actions: Sequence[str]) -> DerivedService | None:
    """Return a service as the other actions send it; None if only these do, and nothing else names it."""
    others = tuple(action for action in item.actions if action not in actions)
    return replace(item, actions=others) if others or not item.actions or item.passed or item.written else None
