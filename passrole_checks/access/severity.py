"""The severity of access through passed roles: one table for every check that reports access.

The same access has the same severity however it is attached (an inline statement, an AWS managed policy), and more
access is never less severe. Unknown roles count by :data:`BY_ROLES`, known ones by how much more they can do than the
holder; the worse of both then counts by :data:`BY_HOLDER`. `docs/checks/index.md` shows these tables.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, IntEnum

from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.fast_dataclass import dataclass


class Roles(IntEnum):
    """The roles that can be passed and whose permissions are unknown here, in ascending order."""

    NONE = 0
    EXACT = 1
    PATTERN = 2
    ANY = 3


class Services(IntEnum):
    """The services that the roles can be passed to, in ascending order: only those that do their own work with a role,
    some that run caller code or make calls that callers choose, or every service."""

    OWN_WORK = 0
    CALLER_CODE = 1
    ANY = 2


class Use(Enum):
    """A use of the roles that a principal has. `PASS`: pass them, and no more that is known."""

    PASS = "pass"
    KEEP = "pass itself"
    CHANGE = "change"
    LAUNCH = "launch a workload with"


class Holder(IntEnum):
    """The users of the permissions of the principal that passes roles, in ascending order.

    `OWN_WORK`: only services that never run caller code. `TASKS`: only EventBridge or Step Functions, to start ECS
    tasks. `PEOPLE`: an administrator, and only people: an identity provider or MFA authenticates them, or they are
    members of a group. `ACCOUNTS`: an administrator, and only IAM users or principals of named accounts, which may be
    workloads. `DEPLOYMENT`: only services that act for those who pass them the role (CloudFormation, Service Catalog,
    Fault Injection Service), or workflows of the repositories that the trust policy names. `ANYONE`: everyone else, and
    everyone of whom that is unknown.
    """

    OWN_WORK = 0
    TASKS = 1
    PEOPLE = 2
    ACCOUNTS = 3
    DEPLOYMENT = 4
    ANYONE = 5


@dataclass(frozen=True, slots=True)
class PassedAccess:
    """Access through passed roles.

    ``gain``: how much more the known roles can do than the holder, as :mod:`role_privilege` grades it; None for no
    more. ``gain_is_known``: False if the other permissions of the holder are unknown. ``is_handover``: only services
    use the holder, and it passes roles that are named exactly, each to the one service that can assume it.
    ``is_deployment``: only principals of its own account use the holder, each of which needs a policy for that, and it
    passes roles that are named exactly and that only CloudFormation can assume. ``may_be_none``: a permissions boundary
    or an SCP allows unknown roles only for some values of its variables. ``are_bounded``: the holder can create and
    change the unknown roles, by a name or path pattern or exact names, only with a permissions boundary.
    """

    roles: Roles
    services: Services
    use: Use = Use.PASS
    gain: Severity | None = None
    gain_is_known: bool = True
    is_handover: bool = False
    is_deployment: bool = False
    holder: Holder = Holder.ANYONE
    confidence: Confidence = Confidence.HIGH
    may_be_none: bool = False
    are_bounded: bool = False


_INFO, _LOW, _MEDIUM, _HIGH = Severity

BY_ROLES: dict[tuple[Use, Roles], tuple[Severity, Severity, Severity]] = {
    (Use.PASS, Roles.ANY): (_LOW, _MEDIUM, _HIGH),
    (Use.PASS, Roles.PATTERN): (_INFO, _INFO, _MEDIUM),
    (Use.PASS, Roles.EXACT): (_INFO, _INFO, _LOW),
    (Use.KEEP, Roles.PATTERN): (_LOW, _MEDIUM, _MEDIUM),
    (Use.KEEP, Roles.EXACT): (_LOW, _LOW, _MEDIUM),
    (Use.CHANGE, Roles.PATTERN): (_LOW, _MEDIUM, _MEDIUM),
    (Use.CHANGE, Roles.EXACT): (_LOW, _MEDIUM, _MEDIUM),
    (Use.LAUNCH, Roles.ANY): (_LOW, _HIGH, _HIGH),
    (Use.LAUNCH, Roles.PATTERN): (_INFO, _INFO, _MEDIUM),
    (Use.LAUNCH, Roles.EXACT): (_INFO, _INFO, _LOW),
}
"""The severity of access to unknown roles, for each of :class:`Services`; of uses without a row as for `PASS`."""

BY_HOLDER: dict[Holder, dict[Severity, Severity]] = {
    Holder.OWN_WORK: {_HIGH: _LOW, _MEDIUM: _INFO, _LOW: _INFO, _INFO: _INFO},
    Holder.TASKS: {_HIGH: _LOW, _MEDIUM: _INFO, _LOW: _INFO, _INFO: _INFO},
    Holder.PEOPLE: {_HIGH: _LOW, _MEDIUM: _LOW, _LOW: _LOW, _INFO: _INFO},
    Holder.ACCOUNTS: {_HIGH: _MEDIUM, _MEDIUM: _MEDIUM, _LOW: _LOW, _INFO: _INFO},
    Holder.DEPLOYMENT: {_HIGH: _MEDIUM, _MEDIUM: _MEDIUM, _LOW: _LOW, _INFO: _INFO},
    Holder.ANYONE: {_HIGH: _HIGH, _MEDIUM: _MEDIUM, _LOW: _LOW, _INFO: _INFO},
}
"""The severity by who can use the holder. One exception, see :func:`severity_of`: what is medium because a workload can
be launched is low instead of info."""


def severity_of(access: PassedAccess) -> Severity:
    """Return the severity of access through passed roles.

    At low confidence it is at most medium, and low if the patterns of the roles and of those that the holder can
    change, or that a limit allows, may have no role in common. That hides no grant of any role: where it is known to be
    one, any-role and managed-policy report it at medium or high confidence.
    """
    severity = _unlowered(access)
    holder = access.holder
    is_launched = access.use is Use.LAUNCH and _unlowered(replace(access, is_handover=False)) is _MEDIUM
    severity = _LOW if is_launched and holder <= Holder.TASKS else BY_HOLDER[holder][severity]
    if access.confidence is not Confidence.LOW:
        return severity
    if access.may_be_none:
        return _lower(severity, _LOW)
    if access.use is not Use.CHANGE:
        return _lower(severity, _MEDIUM)
    by_passing = severity_of(replace(access, use=Use.PASS))
    return max(_lower(severity, _LOW), by_passing, key=lambda one: one.rank)


def _unlowered(access: PassedAccess) -> Severity:
    """Return the severity of access for a holder that anyone may use, at high confidence."""
    by_roles = _INFO
    if access.roles:
        row = BY_ROLES.get((access.use, access.roles)) or BY_ROLES[Use.PASS, access.roles]
        by_roles = row[access.services]
        if access.are_bounded and access.roles is not Roles.ANY:
            by_roles = _lower(by_roles, _LOW)
    gain = access.gain or _INFO
    if access.services is Services.OWN_WORK or (access.is_handover and gain is _MEDIUM):
        gain = _lower(gain, _LOW)
    if access.is_deployment:
        gain = _lower(gain, _MEDIUM)
    if access.use is Use.PASS and not access.gain_is_known:
        gain = _MEDIUM if gain is _HIGH else _INFO
    return max(by_roles, gain, key=lambda one: one.rank)


def _lower(one: Severity, other: Severity) -> Severity:
    return min(one, other, key=lambda severity: severity.rank)
