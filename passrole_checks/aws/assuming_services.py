"""Service principals that assume a role passed to a service under another name.

A role is passed to the value of ``iam:PassedToService``, and its trust policy names the principal that assumes it. The
pairs come from the known role properties, actions and escalation paths of confidence above ``hint``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

from passrole_checks.aws.escalation_paths import escalation_paths
from passrole_checks.aws.passrole_actions import passing_actions
from passrole_checks.aws.role_properties import receiver_types, receivers_of


@cache
def assuming_principals() -> Mapping[str, frozenset[str]]:
    """Return for each known value of ``iam:PassedToService`` the service principals that may have to be trusted by a
    role passed so.

    Mostly it is the service itself; for ``iot.amazonaws.com`` also ``credentials.iot.amazonaws.com``. Several services
    of one entry are alternatives and not counterparts of each other: EMR receives roles both as ``elasticmapreduce``
    and as ``ec2``.
    """
    principals: dict[str, set[str]] = {}
    for services, trusted in _service_pairs():
        other_principals = set(trusted) - set(services)
        for service in services:
            principals.setdefault(service, set()).update({service} & set(trusted), other_principals)
            if service not in trusted and not other_principals:
                principals[service].update(trusted)
    return MappingProxyType(
        {service: frozenset(trusted_principals) for service, trusted_principals in principals.items()}
    )


def _service_pairs() -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield the passed-to services and the trusted principals of each entry."""
    for path in escalation_paths():
        yield path.services, path.trusted
    for action in passing_actions().values():
        if action.confidence != "hint":
            yield action.services, action.trusted
    for resource_type in receiver_types():
        for receiver in receivers_of(resource_type):
            if receiver.confidence != "hint":
                yield receiver.services, receiver.trusted
