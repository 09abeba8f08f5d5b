"""Workloads that a principal can launch with the roles that a grant lets it pass."""

from __future__ import annotations

from dataclasses import replace

from passrole_checks.access.passable_roles import PassableRoles, RoleGroup
from passrole_checks.iam.documents.trust import service_of_linked_role
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.limits import PassableSet
from passrole_checks.iam.identity_cache import cached_by_identity
from passrole_checks.iam.permissions.escalation import OpenPath, PassedRolePath
from passrole_checks.iam.values.nodes import StringNode, Ternary
from passrole_checks.iam.values.path_conditions import PathCondition, conjoin


@dataclass(frozen=True)
class Launch:
    """An escalation path that is open: what can be passed to which services, and the roles of the configuration among
    that, ``reached`` by name and those of them that the service may assume, ``roles``."""

    way: OpenPath
    passed: PassableSet
    services: tuple[str, ...]
    reached: RoleGroup
    roles: RoleGroup

    @property
    def when(self) -> PathCondition:
        """The path condition under which it is open."""
        return conjoin(self.way.when, self.passed.when) or ()


def launch_by(way: OpenPath, passing: EffectiveGrant, reach: PassableRoles) -> Launch | None:
    """Return the launch by an escalation path with the roles of a grant; None if there is none.

    There is none if the roles cannot be passed to the service, do not trust it, are service-linked, or if the actions
    are there only where the grant is not.
    """
    services = way.way.services
    candidates = [passing.for_service(name) for name in services] if services else [passing.for_any_service]
    passed = max(
        (one for one in candidates if one is not None), key=lambda one: one.certain is Ternary.YES, default=None
    )
    if passed is None:
        return None
    if not passed.complement and (roles_left := _without_linked(passed.roles)) is not passed.roles:
        passed = replace(passed, roles=roles_left)
    facts = conjoin(way.when, passed.when)
    if facts is None or not (passed.roles or passed.complement):
        return None
    reached = reach.reached(passed, passing.grant)
    roles = reach.roles_that_may_exist(reach.trusting(reached, way.way), facts)
    if reached.all_known and not roles.roles:
        return None
    let = tuple(name for name, one in zip(services, candidates, strict=False) if one is not None)
    return Launch(way, passed, let, reached, roles)


@cached_by_identity(256)
def _without_linked(roles: tuple[StringNode, ...]) -> tuple[StringNode, ...]:
    """Return patterns without those of service-linked roles, which no caller can act as."""
    left = tuple(role for role in roles if not service_of_linked_role(role))
    return left if len(left) < len(roles) else roles


MOST_USED = ("ec2:", "lambda:", "cloudformation:", "ecs:", "codebuild:", "glue:", "sagemaker:", "ssm:")
"""The services that attackers run code in, the most used first."""


def path_rank(way: PassedRolePath, *, sure: bool) -> tuple[object, ...]:
    """Return a key that is least for the paths to name first: published, sure, of the services that attackers use most,
    short."""
    return (
        way.derived,
        not sure,
        *(not way.actions[0].startswith(service) for service in MOST_USED),
        len(way.actions),
        way.id,
    )
