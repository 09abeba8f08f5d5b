"""PassRoleGrant: the roles and the services of one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

from passrole_checks.iam import deadline
from passrole_checks.iam.conditions.passed_to_service import ConditionEffect, Constraint, allows_service, evaluate
from passrole_checks.iam.documents import action
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.identity_cache import BoundedCache, by_identity, cached_by_identity
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_intersection import RoleLimit, included_in_one_set
from passrole_checks.iam.roles.role_search import ANYWHERE, Deployment
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values.nodes import Part, Position, StringNode, Ternary, escape_policy_variables
from passrole_checks.iam.values.path_conditions import PathCondition, implies

PASS_ROLE_ACTION = "iam:PassRole"


@dataclass(frozen=True, slots=True)
class RoleScope:
    """One Resource (or NotResource) pattern and its scope."""

    pattern: StringNode
    scope: Scope


@dataclass(frozen=True, slots=True)
class Services:
    """The services that a role can be passed to: ``values`` as written or, after subtracting a Deny, by name.

    ``without_key``: requests without the key are surely allowed as well.
    """

    constraint: Constraint
    values: tuple[str, ...] = ()
    without_key: bool = False


@dataclass(frozen=True)
class PassRoleGrant:
    """The PassRole grant or denial of one statement, after the Deny statements of its document.

    ``effect``: ``Allow`` or ``Deny``. ``certain``: UNKNOWN if an unresolved Effect or Action decides. ``granted_by``:
    the action pattern, or ``NotAction``. ``roles``: the remaining Resource patterns; with ``complement`` they are those
    of NotResource, and all other roles are covered. ``denied``: nothing remains. ``other_actions``: the statement also
    covers other actions.
    """

    statement: Statement
    effect: str
    certain: Ternary
    granted_by: str
    explicit: bool
    scope: Scope
    roles: tuple[RoleScope, ...]
    complement: bool
    services: Services
    condition: ConditionEffect
    other_actions: bool
    denied: bool = False

    @property
    def only_pass_role(self) -> bool:
        """True if the action that grants iam:PassRole is its name, or a wildcard that matches nothing else."""
        return self.explicit or action.matches_only_pass_role(self.granted_by)

    @property
    def applies_surely(self) -> bool:
        """True unless an unresolved value or an undecidable condition test decides whether the statement applies."""
        return self.certain is Ternary.YES and not self.condition.has_undecidable_tests

    @cached_property
    def limit(self) -> RoleLimit:
        """The roles in its patterns, indexed for comparisons with many grants."""
        return RoleLimit((role.pattern for role in self.roles), self.statement.variables)

    def lets(self, service: str, known: frozenset[str]) -> Ternary:
        """Return whether the conditions let a role be passed to a service; ``known`` services are evaluated already."""
        deadline.check()
        condition = self.condition
        if condition.constraint is Constraint.ABSENT:
            return Ternary.YES
        if service not in known:
            return allows_service(self.statement.condition, service, variables=self.statement.variables)
        if service in condition.allowed:
            return Ternary.YES
        return Ternary.UNKNOWN if service in condition.possible else Ternary.NO

    def applies_under(self, when: PathCondition) -> bool:
        """True if the statement exists whenever a path condition holds."""
        return all(implies(when, assumption) for assumption in self.statement.when)

    @property
    def at(self) -> Position:
        """The position of the statement."""
        return self.statement.at

    @property
    def sid(self) -> str | None:
        """The statement's Sid, None if it has none."""
        return self.statement.sid

    @property
    def associated_resource_arn(self) -> bool:
        """True if its condition tests iam:AssociatedResourceArn."""
        return self.condition.associated_resource_arn

    @property
    def resource_tag(self) -> bool:
        """True if its condition tests tags of the role."""
        return bool(self.condition.tags)

    @property
    def other_conditions(self) -> tuple[str, ...]:
        """The condition keys about neither the role nor the service."""
        return self.condition.others

    @property
    def meaning(self) -> tuple[object, ...]:
        """All that the grant says about PassRole except its path condition: equal for variants that do not differ."""
        roles = frozenset((str(role.pattern), role.scope) for role in self.roles)
        services = (self.services.constraint, frozenset(self.services.values), self.condition.dead)
        conditions = (self.associated_resource_arn, self.resource_tag, self.other_conditions)
        return (self.effect, self.certain, self.denied, self.scope, self.complement, roles, services, conditions)

    @property
    def open_to_other_services(self) -> bool:
        """True if services are restricted by exclusions only: every other service is allowed."""
        if self.services.constraint is not Constraint.PATTERN:
            return False
        return self.condition.negated_only or self.condition.constraint in (Constraint.ABSENT, Constraint.INEFFECTIVE)


def covers_pass_role(statement: Statement) -> tuple[Ternary, str]:
    """Return whether a statement covers PassRole, and its effect (for an unresolved effect: UNKNOWN and Allow)."""
    certain = _match_action(statement)[0]
    return (certain if statement.effect or certain is Ternary.NO else Ternary.UNKNOWN), statement.effect or "Allow"


def raw_grants(
    statements: Sequence[Statement], services_of: dict[str, Collection[str]], account: str | None = None
) -> tuple[PassRoleGrant, ...]:
    """Return every grant and denial of PassRole in statements of any documents, without subtracting denials.

    Arguments as in `subtract_denials.grants_of`.
    """
    where = Deployment(account, partitions_of(statements))
    grants = (_parse_grant(statement, services_of, where) for statement in statements)
    return tuple(grant for grant in grants if grant is not None)


def as_2012_version(grant: PassRoleGrant) -> PassRoleGrant:
    """Convert a grant of a policy of the old Version, in which ``${`` is plain text, to Version 2012-10-17.

    Its patterns can then be compared with those of other policies. ``${$}`` is the character itself (IAM User Guide,
    "IAM policy elements: Variables and tags").
    """
    old = grant.statement
    if old.variables:
        return grant
    roles = tuple(replace(role, pattern=escape_policy_variables(role.pattern)) for role in grant.roles)
    condition = None if old.condition is None else escape_policy_variables(old.condition)
    left_out = None if old.not_resources is None else tuple(map(escape_policy_variables, old.not_resources))
    new = replace(old, condition=condition, not_resources=left_out, variables=True)
    return replace(grant, roles=roles, statement=new)


class _AllowIndex:
    """The roles of statements that allow one action, restricted to those with, or without, policy ``variables``.

    One Allow has to match by itself: statements do not merge (IAM User Guide, "Policy evaluation logic").
    """

    def __init__(self, statements: Iterable[Statement], variables: bool) -> None:
        self.variables = variables
        found = [statement for statement in statements if statement.variables is variables]
        self.left_out = [statement.not_resources or () for statement in found if statement.resources is None]
        self.named = RoleUnion(RoleSet(item.resources, variables) for item in found if item.resources is not None)

    def covers(self, role: StringNode) -> bool:
        """True if one of the statements covers every role of a pattern."""
        return included_in_one_set(role, self.named, variables=self.variables) or any(
            all(arn.overlaps(role, pattern, variables=self.variables) is Ternary.NO for pattern in left_out)
            for left_out in self.left_out
        )


def allows_on(statements: Sequence[Statement], name: str, role: StringNode) -> bool:
    """True if one of the statements surely allows the action ``name`` on every role of the pattern ``role``."""
    key = (id(statements), name)
    cached = _allow_indexes.get(key)
    if cached is None:
        selected = [
            statement
            for statement in statements
            if statement.effect == "Allow" and _match_action(statement, name)[0] is Ternary.YES
        ]
        cached = _allow_indexes[key] = (statements, [_AllowIndex(selected, variables) for variables in (True, False)])
    return any(allowing.covers(role) for allowing in cached[1])


# one document is looked up once per pattern
_allow_indexes = by_identity(BoundedCache[tuple[int, str], tuple[Sequence[Statement], list[_AllowIndex]]](256))


def _match_action(statement: Statement, name: str = PASS_ROLE_ACTION) -> tuple[Ternary, str, bool]:
    """Return whether a statement covers an action, through which pattern, and whether by name."""
    if statement.actions is not None:
        certain, pattern = action.best_match(statement.actions, name)
        if pattern is None:
            return Ternary.NO, "", False
        return certain, str(pattern), action.is_explicit(pattern, name)
    return action.not_action_covers(statement.not_actions or (), name), "NotAction", False


def _parse_grant(
    statement: Statement, services_of: dict[str, Collection[str]], where: Deployment
) -> PassRoleGrant | None:
    deadline.check()
    certain, granted_by, explicit = _match_action(statement)
    if certain is Ternary.NO:
        return None
    complement = statement.resources is None
    patterns = statement.resources or statement.not_resources or ()
    roles = _roles_of(patterns, statement.variables)
    if complement:
        scope = arn.complement_scope(patterns, variables=statement.variables, where=where)
    elif statement.effect == "Deny":
        roles, scope = _denied_roles(patterns, statement.variables)
    else:
        scope = _scope_of_all(patterns, statement.variables)
    partition = next(iter(_partitions_named(patterns)), "aws")
    known = services_of.get(partition, services_of["aws"])
    condition = evaluate(statement.condition, known, variables=statement.variables)
    return PassRoleGrant(
        statement=statement,
        effect=statement.effect or "Allow",
        certain=certain if statement.effect else Ternary.UNKNOWN,
        granted_by=granted_by,
        explicit=explicit,
        scope=scope,
        roles=roles,
        complement=complement,
        services=Services(condition.constraint, condition.values, condition.without_key is Ternary.YES),
        condition=condition,
        other_actions=_has_other_actions(statement),
    )


def partitions_of(statements: Sequence[Statement]) -> tuple[str, ...]:
    """Return the partitions that a document can apply to: those that it names, or all."""
    named = {
        partition
        for statement in statements
        for partition in _partitions_named(statement.resources or statement.not_resources or ())
    }
    return tuple(sorted(named)) or ANYWHERE.partitions


# many statements name the same roles

_ROLES_CACHE_SIZE = 64


@cached_by_identity(_ROLES_CACHE_SIZE)
def _partitions_named(patterns: tuple[StringNode, ...]) -> tuple[str, ...]:
    """Return the partitions that patterns name, in order."""
    return tuple(dict.fromkeys(found for pattern in patterns if (found := arn.partition_of(pattern)) is not None))


@cached_by_identity(_ROLES_CACHE_SIZE)
def _roles_of(patterns: tuple[StringNode, ...], variables: bool) -> tuple[RoleScope, ...]:
    """Return the distinct patterns with their scopes."""
    distinct = tuple(dict.fromkeys(patterns))
    return tuple(map(RoleScope, distinct, _scopes(tuple(pattern.parts for pattern in distinct), variables)))


@cached_by_identity(_ROLES_CACHE_SIZE)
def _denied_roles(patterns: tuple[StringNode, ...], variables: bool) -> tuple[tuple[RoleScope, ...], Scope]:
    """Return the distinct patterns of a Deny, and the scope of their union; NOT_A_ROLE if one excludes no role."""
    roles = tuple(
        replace(role, scope=Scope.NOT_A_ROLE) if arn.excludes_no_role(role.pattern, variables=variables) else role
        for role in _roles_of(patterns, variables)
    )
    named = tuple(role.pattern.parts for role in roles if role.scope is not Scope.NOT_A_ROLE)
    return roles, scope_of_union(named, variables)


@cached_by_identity(_ROLES_CACHE_SIZE)
def _scope_of_all(patterns: tuple[StringNode, ...], variables: bool) -> Scope:
    """Return the scope of a union of patterns."""
    return scope_of_union(tuple(dict.fromkeys(pattern.parts for pattern in patterns)), variables)


@lru_cache(maxsize=_ROLES_CACHE_SIZE)
def _scopes(patterns: tuple[tuple[Part, ...], ...], variables: bool) -> tuple[Scope, ...]:
    """Return the scope of each pattern."""
    return tuple(arn.resource_scope(text, variables=variables) for text in _texts(patterns))


@lru_cache(maxsize=_ROLES_CACHE_SIZE)
def scope_of_union(patterns: tuple[tuple[Part, ...], ...], variables: bool) -> Scope:
    """Return the scope of a union of patterns: one of them may be wide, or all of them together cover every role."""
    widest = arn.widest(_scopes(patterns, variables))
    if widest in (Scope.ANY_ROLE, Scope.NOT_A_ROLE) or len(patterns) < 2:
        return widest
    return arn.widest([widest, arn.union_scope(_texts(patterns), variables=variables)])


def _texts(patterns: Iterable[tuple[Part, ...]]) -> list[StringNode]:
    return [StringNode(parts, Position("", 0)) for parts in patterns]


def _has_other_actions(statement: Statement) -> bool:
    if statement.actions is None:
        return True
    return any(not str(pattern).lower().startswith("iam:pass") for pattern in statement.actions)
