"""Services that the holders of a statement can pass roles to, derived from the other actions that they are allowed.

iam:PassRole takes effect only together with an action that takes a role, so ``iam:PassedToService`` can be limited to
the values that the holder's allowed actions send. All policies of a holder count: its groups', AWS managed ones, Deny
statements, its boundary and the service control policies. Nothing here changes a policy: `DerivedServices.open_points`
are the reasons for manual review.

Sources: IAM User Guide, "Grant a user permissions to pass a role to an AWS service"; Service Authorization Reference
(see `aws.passing_actions`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from passrole_checks.access.service_trust import assumes
from passrole_checks.aws.passing_actions import PassedValues, names_in_partition, passed_values
from passrole_checks.aws.service_principals import known_services
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.identity_cache import BoundedCache, by_identity, cached_by_identity
from passrole_checks.iam.permissions.escalation import normalize_service
from passrole_checks.iam.permissions.permissions import ContentClasses, Permissions
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles.arn import partition_of
from passrole_checks.iam.values.nodes import StringNode, Ternary

if TYPE_CHECKING:
    from passrole_checks.access.access_model import AccessModel
    from passrole_checks.iam.grants.grant import PassRoleGrant
    from passrole_checks.sources.model.configuration import AttachedPolicy

MOST_SERVICES = 8
"""More services than these are not proposed."""


class OpenPointKind(str, Enum):
    """A reason for manual review.

    ``HOLDER_UNKNOWN``: the policy is attached nowhere. ``HOLDER_INCOMPLETE``: a policy of the holder cannot be read.
    ``NOT_BY_NAME``: a wildcard or NotAction grants iam:PassRole. ``OPEN_ACTION``: an allowed action can send other
    services. ``KEY_UNKNOWN``: the requests of an allowed action may lack the key. ``TOO_MANY``: more than
    `MOST_SERVICES` services. ``NOT_TRUSTED``: roles in scope are known, and none trusts a derived service.
    ``NO_ACTION``: no allowed action takes a role.
    """

    HOLDER_UNKNOWN = "holder_unknown"
    HOLDER_INCOMPLETE = "holder_incomplete"
    NOT_BY_NAME = "not_by_name"
    OPEN_ACTION = "open_action"
    KEY_UNKNOWN = "key_unknown"
    TOO_MANY = "too_many"
    NOT_TRUSTED = "not_trusted"
    NO_ACTION = "no_action"


@dataclass(frozen=True, slots=True)
class OpenPoint:
    """A reason for manual review. ``names``: the actions, holders, unknown policies, services or roles that it is
    about."""

    kind: OpenPointKind
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DerivedService:
    """One service, as ``iam:PassedToService`` has it.

    ``actions``: the allowed actions that send it, as AWS spells them; empty if none does. ``trusted``: a role in scope
    trusts a principal that assumes roles passed to it. ``passed``: a resource of the configuration receives a role in
    scope for it. ``written``: the condition already names it. ``allowed``: False if the condition excludes it today, so
    that it would add access.
    """

    service: str
    actions: tuple[str, ...] = ()
    trusted: bool = False
    passed: bool = False
    written: bool = False
    allowed: bool = True

    @property
    def rank(self) -> tuple[bool, ...]:
        """The order of services, those that are probably meant first: allowed, derived and trusted."""
        wanted = (self.allowed, bool(self.actions and self.trusted), self.passed, self.written, bool(self.actions))
        return tuple(not reason for reason in wanted)


@dataclass(frozen=True, slots=True)
class DerivedServices:
    """The services for one statement, those that are probably meant first.

    ``services`` keeps every value that an allowed action is known to send and every value that the condition names.
    ``holders``: the names of the principals. ``allowed_patterns``: the action patterns that their policies allow, as
    written.
    """

    services: tuple[DerivedService, ...]
    open_points: tuple[OpenPoint, ...]
    holders: tuple[str, ...]
    allowed_patterns: tuple[str, ...]

    @property
    def count(self) -> int:
        """The number of allowed services; the names of one service in several partitions count once."""
        return _count(self.services)

    @property
    def is_complete(self) -> bool:
        """True if nothing needs manual review."""
        return not self.open_points

    def has(self, kind: OpenPointKind) -> bool:
        """True if there is a reason of this kind."""
        return any(point.kind is kind for point in self.open_points)


_actions_by_content = by_identity(BoundedCache[int, "tuple[PassedValues, ...]"](256))


@cached_by_identity(32)
def allowed_passing_actions(permissions: Permissions) -> tuple[PassedValues, ...]:
    """Return the actions that take a role and may be allowed by all policies of a principal, on any resource, under any
    condition; ordered by name. Principals with equal permissions have equal ones."""
    number = ContentClasses().of(permissions)
    known = _actions_by_content.get(number)
    if known is None:
        known = _actions_by_content[number] = tuple(
            values
            for service, actions in _actions_by_service().items()
            if permissions.may_allow_service(service)
            for name, values in actions
            if permissions.allows(name) is not None
        )
    return known


@cache
def _actions_by_service() -> dict[str, list[tuple[str, PassedValues]]]:
    """Return the actions that take a role, by the prefix of their service; both ordered by name."""
    return grouped((name.partition(":")[0], (name, values)) for name, values in sorted(passed_values().items()))


@cached_by_identity(32)
def _senders(actions: tuple[PassedValues, ...], partition: str | None) -> Mapping[str, tuple[str, ...]]:
    """Return the actions that send each service, ordered by name."""
    senders: dict[str, list[str]] = {}
    for item in actions:
        for value in names_in_partition((value for value in item.values if "*" not in value), partition):
            senders.setdefault(value, []).append(item.action)
    return {service: tuple(sorted(names)) for service, names in senders.items()}


def derive_services(
    holders: Sequence[Principal],
    *,
    by_name: bool = True,
    written: Iterable[str] = (),
    passed: Iterable[str] = (),
    roles: Sequence[KnownRole] = (),
    partition: str | None = None,
    excludes: Callable[[str], bool] | None = None,
) -> DerivedServices:
    """Derive the services for a statement from all of its holders.

    ``by_name``: iam:PassRole is granted by its name. ``written``: the services that the condition names. ``passed``:
    those that resources of the configuration pass the roles in scope to. ``roles``: the known roles in scope.
    ``partition``: that of the roles; None if it is open, which adds the names of all partitions. ``excludes``: returns
    whether the condition surely excludes a service.
    """
    several = {id(some): some for holder in holders for some in [allowed_passing_actions(holder.permissions)]}
    # the same object for one of several, since what follows is remembered by identity
    merged = tuple({item.action: item for some in several.values() for item in some}.values())
    actions = merged if len(several) != 1 else next(iter(several.values()))
    senders = _senders(actions, partition)
    authored, handed_over = frozenset(written), frozenset(names_in_partition(passed, partition))
    found = (
        DerivedService(
            service,
            senders.get(service, ()),
            trusted=any(assumes(role, (service,)) is Ternary.YES for role in roles),
            passed=service in handed_over,
            written=service in authored,
            allowed=excludes is None or not excludes(service),
        )
        for service in {*senders, *authored, *handed_over}
    )
    services = tuple(sorted(found, key=_order))
    allowed_patterns = tuple(dict.fromkeys(pattern for holder in holders for pattern in _allowed_patterns(holder)))
    points = (
        *_holder_points(holders),
        *(() if by_name else (OpenPoint(OpenPointKind.NOT_BY_NAME),)),
        *_action_points(actions, services, allowed_patterns),
        *_trust_points(services, roles),
    )
    return DerivedServices(services, points, tuple(dict.fromkeys(holder.name for holder in holders)), allowed_patterns)


def derive_for_grant(
    model: AccessModel,
    policies: Sequence[AttachedPolicy],
    grant: PassRoleGrant,
    known_holders: Callable[[AttachedPolicy], Sequence[Principal]] = lambda _: (),
) -> DerivedServices:
    """Derive the services for one PassRole grant, from all holders of the policies that share its statement.

    ``known_holders``: returns the holders of a policy that leaves the configuration, none if they are not known.
    """
    holders: dict[str, Principal] = {}
    roles: dict[str, KnownRole] = {}
    for policy in policies:
        for holder in known_holders(policy) or model.principals.of(policy):
            holders.setdefault(holder.name, holder)
            widest = model.effective_grant(policy, grant, holder).for_any_service
            if widest is not None:
                roles.update((role.address, role) for role in model.passable_roles.reached(widest, grant).roles)
    names = known_services("aws-cn")  # contains those of aws
    dead = grant.condition.dead
    return derive_services(
        tuple(holders.values()),
        by_name=grant.only_pass_role,
        written=_written(grant, names),
        passed=dict.fromkeys(s for role in roles.values() for s in model.passable_roles.services_of(role)),
        roles=tuple(roles.values()),
        partition=partition_of_roles(model, [role.pattern for role in grant.roles]),
        excludes=None if dead else lambda service: grant.lets(service, frozenset()) is Ternary.NO,
    )


def merge_derived(several: Sequence[DerivedServices]) -> DerivedServices:
    """Return the services for a statement that several policies or configurations share, from those for each of them.

    A service is allowed only if the condition excludes it in none of them, and they have no action that takes a role
    only if that is true for all of them.
    """
    if len(several) == 1:
        return several[0]
    by_name = grouped((item.service, item) for one in several for item in one.services)
    points: dict[OpenPointKind, dict[str, None]] = {}
    for point in (point for one in several for point in one.open_points):
        points.setdefault(point.kind, {}).update(dict.fromkeys(point.names))
    merged = (
        DerivedService(
            service,
            tuple(sorted({action for item in items for action in item.actions})),
            trusted=any(item.trusted for item in items),
            passed=any(item.passed for item in items),
            written=any(item.written for item in items),
            allowed=all(item.allowed for item in items),
        )
        for service, items in by_name.items()
    )
    services = tuple(sorted(merged, key=_order))
    if not all(one.has(OpenPointKind.NO_ACTION) for one in several):
        points.pop(OpenPointKind.NO_ACTION, None)
    if _count(services) > MOST_SERVICES:
        points[OpenPointKind.TOO_MANY] = {item.service: None for item in services if item.allowed}
    return DerivedServices(
        services,
        tuple(OpenPoint(kind, tuple(names)) for kind, names in points.items()),
        tuple(dict.fromkeys(holder for one in several for holder in one.holders)),
        tuple(dict.fromkeys(pattern for one in several for pattern in one.allowed_patterns)),
    )


def _written(grant: PassRoleGrant, known: Collection[str]) -> Iterator[str]:
    """Yield the services and patterns that the condition of a grant lets through, as written.

    A value that is no service, or that leaves no service out, is none of them.
    """
    if grant.condition.negated_only:
        return
    for value in grant.services.values:
        if {"*", "?"} & set(value):
            if grant.services.constraint is Constraint.PATTERN:
                yield value
        elif value in known and grant.lets(value, frozenset()) is not Ternary.NO:
            yield value


def partition_of_roles(model: AccessModel, patterns: Sequence[StringNode]) -> str | None:
    """Return the partition of the roles of a grant; None if an ARN leaves it open (``arn:${AWS::Partition}:iam``) and
    the configuration does not state it. It is ``aws`` for roles without an ARN."""
    named = {partition_of(pattern) for pattern in patterns} - {None}
    is_open = len(named) > 1 or any(
        partition_of(pattern) is None and str(next(iter(pattern.parts), "")).startswith("arn:") for pattern in patterns
    )
    if named and not is_open:
        return named.pop()
    stated = model.configuration.change.home.partitions
    if len(stated) == 1:
        return next(iter(stated))
    return None if is_open else "aws"


def _holder_points(holders: Sequence[Principal]) -> Iterator[OpenPoint]:
    unknown = tuple(holder.name for holder in holders if holder.kind is PrincipalKind.POLICY)
    if unknown or not holders:
        yield OpenPoint(OpenPointKind.HOLDER_UNKNOWN, unknown)
    incomplete = [holder for holder in holders if not holder.permissions.complete]
    if incomplete:
        names = dict.fromkeys(name for holder in incomplete for name in holder.unknown or (holder.name,))
        yield OpenPoint(OpenPointKind.HOLDER_INCOMPLETE, tuple(names))


def _action_points(
    actions: Sequence[PassedValues], services: Sequence[DerivedService], allowed_patterns: tuple[str, ...]
) -> Iterator[OpenPoint]:
    if not actions:
        yield OpenPoint(OpenPointKind.NO_ACTION, allowed_patterns)
    unknown = tuple(sorted(item.action for item in actions if not item.key_sent))
    open_ = tuple(sorted(item.action for item in actions if item.key_sent and not item.closed))
    if open_:
        yield OpenPoint(OpenPointKind.OPEN_ACTION, open_)
    if unknown:
        yield OpenPoint(OpenPointKind.KEY_UNKNOWN, unknown)
    if _count(services) > MOST_SERVICES:
        yield OpenPoint(OpenPointKind.TOO_MANY, tuple(item.service for item in services if item.allowed))


def _trust_points(services: Sequence[DerivedService], roles: Sequence[KnownRole]) -> Iterator[OpenPoint]:
    derived = [item.service for item in services if item.actions and item.allowed]
    if derived and roles and all(assumes(role, derived) is Ternary.NO for role in roles):
        yield OpenPoint(OpenPointKind.NOT_TRUSTED, tuple(role.address for role in roles))


def _allowed_patterns(holder: Principal) -> Iterator[str]:
    """Yield the action patterns that the policies of a holder allow, as written; a NotAction as ``NotAction``."""
    for statement in holder.permissions.statements:
        if statement.effect != "Deny":
            yield from map(str, statement.actions) if statement.actions is not None else ("NotAction",)


def _order(item: DerivedService) -> tuple[tuple[bool, ...], str]:
    return item.rank, item.service


def _count(services: Iterable[DerivedService]) -> int:
    return len({normalize_service(item.service) for item in services if item.allowed})
