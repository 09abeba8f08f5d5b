"""Services as they are written for ``iam:PassedToService``, and as they should be.

Sources: IAM User Guide, "Available keys for IAM and AWS STS" (``iam:PassedToService``: some services do not send it),
"IAM JSON policy elements: Principal"; Service Authorization Reference, whose tables "API operations" give the values.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from passrole_checks.aws.passrole_actions import passing_actions
from passrole_checks.aws.role_properties import receiver_types, receivers_of
from passrole_checks.iam.patterns.glob import wildcard_match

_DOMAIN = ".amazonaws.com"


@cache
def _documented() -> frozenset[str]:
    actions = passing_actions().values()
    return frozenset(name for one in actions if one.confidence == "documented" for name in one.services)


def sends_the_key(service: str) -> bool:
    """Whether AWS documents that requests that pass a role to a service carry ``iam:PassedToService`` with its name."""
    return service.removesuffix(".cn") in _documented()


@cache
def _received() -> frozenset[str]:
    rows = (row for kind in receiver_types() for row in receivers_of(kind) if row.confidence == "documented")
    return frozenset(name for row in rows for name in row.services)


def undocumented(services: Collection[str]) -> list[str]:
    """Those of which AWS documents nowhere that requests carry ``iam:PassedToService`` with their name: what is passed
    to them may be refused once the key is asked for."""
    return [name for name in services if not sends_the_key(name) and name.removesuffix(".cn") not in _received()]


def meant_by(value: str, known: Collection[str]) -> tuple[str, ...]:
    """The services that a value of iam:PassedToService stands for, where there is no doubt: a service's name without
    its domain, in capitals, with blanks or with a domain that no service has; or a pattern that fits one service."""
    plain = value.strip().lower()
    if plain in known:
        return (plain,)
    name = plain.partition(".ama")[0].partition(".aws")[0]
    if name and f"{name}{_DOMAIN}" in known and plain in (name, *(f"{name}{end}" for end in _MISTAKEN)):
        return (f"{name}{_DOMAIN}",)
    if "*" in plain.lstrip("*")[1:] or "?" in plain:
        fitting = sorted(service for service in known if wildcard_match(plain, service))
        if 1 <= len(fitting) <= 2 and len({one.removesuffix(".cn") for one in fitting}) == 1:
            return tuple(fitting)
    return ()


_MISTAKEN = (".amazon.com", ".aws.com", ".amazonaws", ".amazonaws.co", ".aws.amazon.com", ".amazon.aws.com", ".aws")
