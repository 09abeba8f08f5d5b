"""Which service principal assumes a role that was passed to a service under another name.

A role is passed to the value of ``iam:PassedToService``, and its trust policy names the principal that assumes it. What
is known of receivers, actions and escalation paths says which belong together; hints are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

from passrole_checks.aws.escalation_paths import escalation_paths
from passrole_checks.aws.passrole_actions import passing_actions
from passrole_checks.aws.role_properties import receiver_types, receivers_of


@cache
def counterparts() -> Mapping[str, frozenset[str]]:
    """For each value of ``iam:PassedToService`` that is known, the service principals that a role may have to
    trust which is passed so: mostly itself; ``credentials.iot.amazonaws.com`` for ``iot.amazonaws.com`` besides.

    A list of several services says that any of them may be meant, each with itself: that EMR is passed roles as
    ``elasticmapreduce`` and as ``ec2`` makes neither the counterpart of the other.
    """
    found: dict[str, set[str]] = {}
    for services, trusted in _lists():
        others = set(trusted) - set(services)
        for service in services:
            found.setdefault(service, set()).update({service} & set(trusted), others)
            if service not in trusted and not others:
                found[service].update(trusted)
    return MappingProxyType({service: frozenset(names) for service, names in found.items()})


def _lists() -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    for path in escalation_paths():
        yield path.services, path.trusted
    for action in passing_actions().values():
        if action.confidence != "hint":
            yield action.services, action.trusted
    for kind in receiver_types():
        for receiver in receivers_of(kind):
            if receiver.confidence != "hint":
                yield receiver.services, receiver.trusted
