"""Check and correct service names for ``iam:PassedToService``.

Sources: IAM User Guide, "Available keys for IAM and AWS STS" (``iam:PassedToService``: some services do not send it),
"IAM JSON policy elements: Principal"; Service Authorization Reference, whose tables "API operations" list the values.
"""

from __future__ import annotations

from collections.abc import Collection

from passrole_checks.aws.passing_actions import services_sent
from passrole_checks.iam.patterns.glob import wildcard_match

_DOMAIN = ".amazonaws.com"


def sends_the_key(service: str) -> bool:
    """True if AWS documents or relies on it that requests passing a role to this service carry
    ``iam:PassedToService`` with its name.
    """
    return service.removesuffix(".cn") in services_sent()


def intended_services(value: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the services that a value of iam:PassedToService unambiguously means.

    It may be a name without its domain, in capitals, with blanks or with a wrong domain; or a pattern that matches one
    service.
    """
    plain = value.strip().lower()
    if plain in known:
        return (plain,)
    name = plain.partition(".ama")[0].partition(".aws")[0]
    if name and f"{name}{_DOMAIN}" in known and plain in (name, *(f"{name}{end}" for end in _WRONG_DOMAINS)):
        return (f"{name}{_DOMAIN}",)
    if "*" in plain.lstrip("*")[1:] or "?" in plain:
        fitting = sorted(service for service in known if wildcard_match(plain, service))
        if 1 <= len(fitting) <= 2 and len({one.removesuffix(".cn") for one in fitting}) == 1:
            return tuple(fitting)
    return ()


_WRONG_DOMAINS = (
    ".amazon.com",
    ".aws.com",
    ".amazonaws",
    ".amazonaws.co",
    ".aws.amazon.com",
    ".amazon.aws.com",
    ".aws",
)
