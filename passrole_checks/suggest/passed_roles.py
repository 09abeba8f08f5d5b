"""Find the roles of a configuration that a statement allows to pass, and the services that its resources pass them to.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from passrole_checks.access.passable_roles import with_deployment
from passrole_checks.access.role_consumers import ASSUMED, GENERATED, LATER, RoleUse
from passrole_checks.access.service_trust import assumes, passed_to_service_values
from passrole_checks.aws.service_principals import known_services
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.limits import PassableSet
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.roles.role_set import surely_within
from passrole_checks.iam.roles.role_union import RoleSet
from passrole_checks.iam.values.nodes import Part, Position, StringNode, Ternary, Unresolved, UnresolvedKind, join
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.model.addresses import module_of, seen_from
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.suggest.referable_roles import ReferableRoles
from passrole_checks.suggest.render_statement import role_placeholder
from passrole_checks.suggest.suggestion import TargetRole

UNLIMITED = (Constraint.ABSENT, Constraint.INEFFECTIVE)
"""Constraints that do not limit the services."""

# resources whose roles are passed again by the principal that runs them (Amazon ECS Developer Guide, "Amazon ECS task
# execution IAM role"; Service Authorization Reference, "Actions, resources, and condition keys for Amazon Elastic
# Container Service")
_RUN_LATER = frozenset({"AWS::ECS::TaskDefinition", "aws_ecs_task_definition", "awscc_ecs_task_definition"})
_CLOUDFORMATION = "cloudformation.amazonaws.com"
_REF = lazy_regex(r"""!Ref\s+["']?([A-Za-z0-9]+)["']?|\{\s*["']?Ref["']?\s*:\s*["']?([A-Za-z0-9]+)["']?\s*\}""")


@dataclass(frozen=True, slots=True)
class PassedRole:
    """A role that this configuration passes to services. ``wanted``: how the statement can name it, None if it cannot;
    ``places``: where it is passed, nowhere if a service may only assume it.
    """

    label: str
    services: tuple[str, ...]
    wanted: TargetRole | None
    places: tuple[Position, ...] = ()

    def drafted(self, module: str, at: Position) -> TargetRole:
        """Return how a draft for a statement of a module names the role: by a placeholder if the statement cannot."""
        return self.wanted or role_placeholder(seen_from(module, self.label), at)


class PassedRoles:
    """The roles that the resources of a configuration receive, from the view of one statement."""

    def __init__(self, analyzed: AnalyzedConfiguration, referable: ReferableRoles, located: LocatedGrant) -> None:
        self.analyzed, self.referable, self.located = analyzed, referable, located
        receiving = analyzed.model.passable_roles.receiving
        self.received = receiving.roles if receiving is not None else ()
        self.grant = located.grant
        self.condition = self.grant.condition

    def allows_service(self, service: str) -> bool:
        """True if the conditions currently allow passing a role to a service."""
        if self.condition.dead or self.condition.constraint is Constraint.ABSENT:
            return True
        return service in self.condition.possible or (
            service not in known_services(self.partition) and self.condition.unknown_service is not Ternary.NO
        )

    @cached_property
    def partition(self) -> str:
        """Return the partition of the statement."""
        named = (arn.partition_of(role.pattern) for role in self.grant.roles)
        stated = next(filter(None, named), None) or next(
            iter(self.analyzed.configuration.change.home.partitions), "aws"
        )
        return stated if len(self.analyzed.configuration.change.home.partitions) == 1 or stated == "aws-cn" else "aws"

    def roles(self, intended_names: tuple[str, ...] | None, *, by_others: bool = False) -> tuple[PassedRole, ...]:
        """Return the roles that the statement covers and this configuration passes to a service that it allows, as far
        as its principals may be the ones that pass them; with ``by_others``, also those that its deployment passes, or
        that other modules do.
        """
        open_ = self.grant.services.constraint in UNLIMITED and intended_names is None
        if open_ and self._is_deployment_role:
            return ()  # the roles are passed in another configuration
        found: dict[str, PassedRole] = {}
        module = module_of(self.located.resource.address)
        own = self.own_tasks if open_ else frozenset[str]()  # starting one of these passes the principal's own role too
        for one in self.received:
            if one.how == ASSUMED or one.received.receiver.confidence == "hint":
                continue
            if not by_others and not one.received.resource.address.startswith(module):
                continue  # a module does not know its callers
            if one.role is not None and one.role in self.located.principals:
                continue  # the principal's own role, passed by another one
            if one.received.resource.address in own:
                continue
            at_run_time = one.how == LATER or one.received.receiver.type in _RUN_LATER
            if self.is_runtime_only and open_ and not at_run_time and not by_others:
                continue
            is_allowed = intended_names.__contains__ if intended_names is not None else self.allows_service
            services = tuple(filter(is_allowed, self.service_names(one.services)))
            if not services or not self._is_covered(one):
                continue
            known = found.get(one.label)
            merged = tuple(sorted({*services, *(known.services if known is not None else ())}))
            places = (*(known.places if known is not None else ()), one.received.at)
            found[one.label] = PassedRole(one.label, merged, self._target_role(one), places)
        return tuple(found[label] for label in sorted(found))

    def in_other_modules(self) -> tuple[PassedRole, ...]:
        """Return the roles that the statement covers and that only other modules pass to a service that it allows; none
        if a module with the statement may serve others, or a name depends on variables."""
        if not self.referable.is_only_instance(self.located):
            return ()
        found = self.roles(None, by_others=True)
        names = {role.resource.address: role.name for role in self.analyzed.configuration.roles}
        for one in found:
            name = names.get(one.label)
            if one.wanted is None or name is None or name.literal is None or name.defaults:
                return ()
        return found

    @cached_property
    def own_tasks(self) -> frozenset[str]:
        """Return the addresses of tasks that run as a holder of this statement, if only services use its holders."""
        return frozenset(
            one.received.resource.address
            for one in self.received
            if self.is_runtime_only and one.role in self.located.principals and one.received.receiver.type in _RUN_LATER
        )

    def trusting(self, services: Collection[str], *, principals: bool = False) -> tuple[PassedRole, ...]:
        """Return the known roles that the statement covers and that trust one of these services; ``principals``: also
        the principals themselves."""
        if self._is_deployment_role:
            return ()  # the roles are passed in another configuration
        module = module_of(self.located.resource.address)
        found = []
        for address in sorted(self._covered_addresses):
            role = self.analyzed.model.roles[address]
            given = tuple(service for service in services if assumes(role, (service,)) is Ternary.YES)
            is_own = address in self.located.principals
            if given and (principals or not is_own) and address.startswith(module):
                found.append(PassedRole(address, given, self._target_known(role)))
        return tuple(found)

    def in_account(self, services: Collection[str]) -> tuple[PassedRole, ...]:
        """Return the known roles that the statement covers and that a service may assume, each with those services of
        its trust policy that the conditions allow; only these ``services``, if there are any. Empty if the roles of the
        account are not known."""
        if not self.analyzed.configuration.surroundings.context.roles:
            return ()
        found = []
        for address in sorted(self._covered_addresses):
            role = self.analyzed.model.roles[address]
            trusted = passed_to_service_values(role.may_trust)
            given = tuple(sorted(name for name in trusted if self.allows_service(name)))
            given = tuple(name for name in given if not services or name in services)
            if given:
                found.append(PassedRole(address, given, self._target_known(role)))
        return tuple(found)

    def origin_of(self, roles: Iterable[PassedRole]) -> str:
        """Return the origin of those roles that are known from the context; "" if none is."""
        known = self.analyzed.configuration.surroundings.context.roles
        return next((known[one.label] for one in roles if one.label in known), "")

    def _target_known(self, role: KnownRole) -> TargetRole | None:
        """Return how the statement can name a known role; None if it cannot."""
        deployed = self.analyzed.configuration.surroundings.context.arns.get(role.address)
        if deployed is not None:
            exact = TargetRole("", StringNode((deployed,), self.grant.at))
            return exact if self.referable.can_contain(self.located.grant.at.file, exact) else None
        address = self.referable.reference(role.address, self.located)
        if address is not None:
            return TargetRole(address, role.arn or StringNode((Unresolved(role.address),), self.grant.at))
        known = (self._named_by_arn(one.arn) for one in self.received if one.role == role.address)
        return self._named_by_arn(role.arn) or next(known, None)

    def service_names(self, services: Iterable[str]) -> Iterator[str]:
        """Yield the services; in China also the alternative name that some send (as in ``required``)."""
        known = known_services(self.partition)
        for service in services:
            yield service
            if self.partition == "aws-cn" and f"{service}.cn" in known:
                yield f"{service}.cn"

    @property
    def _holders(self) -> tuple[KnownRole | None, ...]:
        return tuple(self.analyzed.model.roles.get(name) for name in self.located.principals)

    @property
    def is_runtime_only(self) -> bool:
        """True if only services assume the roles with this statement: what runs under them passes roles at run time,
        not at deployment.
        """
        return bool(self._holders) and all(role is not None and role.only_services for role in self._holders)

    @property
    def _is_deployment_role(self) -> bool:
        """True if CloudFormation assumes a role with this statement: it passes roles in its own templates."""
        return any(role is not None and _CLOUDFORMATION in (role.trusted or ()) for role in self._holders)

    def _is_covered(self, one: RoleUse) -> bool:
        """True if the statement certainly allows passing the role."""
        grant = self.grant
        if one.role is not None and one.role in self._covered_addresses:
            return True
        if one.arn is None or one.arn.only_unresolved is not None:
            return grant.scope is Scope.ANY_ROLE  # its name is unknown
        return self.covers(one.arn)

    def covers(self, roles: StringNode) -> bool:
        """True if the Resource of the statement certainly contains all roles of a pattern."""
        grant = self.grant
        patterns = tuple(role.pattern for role in grant.roles)
        where = Deployment(self.analyzed.model.account or arn.only_account(patterns), (self.partition,))
        variables = grant.statement.variables
        inner = RoleSet((with_deployment(roles, where),), variables)
        return surely_within(inner, [RoleSet(patterns, variables, grant.complement)], where=where)

    @cached_property
    def _covered_addresses(self) -> Collection[str]:
        grant = self.grant
        passed = PassableSet(tuple(role.pattern for role in grant.roles), grant.complement, grant.scope, Ternary.YES)
        return self.analyzed.model.passable_roles.reached(passed, grant).addresses

    def _target_role(self, one: RoleUse) -> TargetRole | None:
        """Return how the statement can name a role; None if it cannot."""
        if one.role is not None:
            address = self.referable.reference(one.role, self.located)
            if address is not None:
                return TargetRole(address, one.arn or StringNode((Unresolved(one.role),), self.grant.at))
        words = self.referable.words(one, self.located)
        if words is not None:
            value = one.arn if one.arn is not None and one.arn.only_unresolved is None else None
            return TargetRole("", StringNode((Unresolved(words, role=one.role),), self.grant.at), value)
        if one.role is None and one.arn is not None and one.arn.defaults:
            return self._named_by_parameter(one.arn, one)
        return self._named_by_arn(one.arn)

    def _named_by_parameter(self, value: StringNode, one: RoleUse) -> TargetRole | None:
        """Return a role whose ARN is the default of a template parameter, named by that parameter. Its value may differ
        from the default, so the ARN itself cannot be written.
        """
        given = _REF.fullmatch(self.referable.text_at(one.received.at).strip())
        if given is None or value.defaults != (given[1] or given[2],) or not str(value).startswith("arn:"):
            return None
        if one.received.resource.at.file != self.grant.at.file:
            return None
        return TargetRole("", StringNode((Unresolved(value.defaults[0]),), self.grant.at), value)

    def _named_by_arn(self, value: StringNode | None) -> TargetRole | None:
        """Return a role by its ARN, if enough of its name is known for a pattern."""
        if value is None or value.only_unresolved is not None:
            return None
        own = self.analyzed.configuration.framework is not Framework.TERRAFORM
        parts: list[Part] = []
        for part in value.parts:
            if part == GENERATED:
                if not own:
                    return None  # terraform-* would match many roles of the account
                parts.append("*")
            elif (
                isinstance(part, str)
                or part.kind in (UnresolvedKind.ACCOUNT_ID, UnresolvedKind.PARTITION)
                or (own and part.expression == "AWS::StackName")  # a template can write it
            ):
                parts.append(part)
            else:
                return None
        role = TargetRole("", StringNode(join(parts), value.at))
        return role if self.referable.can_contain(self.located.grant.at.file, role) else None
