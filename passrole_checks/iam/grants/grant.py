"""PassRoleGrant: the roles and the services of a statement.

All statements together decide a request: it is allowed if one Allow matches its action, resource and conditions, and no
Deny does (IAM User Guide, reference_policies_evaluation-logic_policy-eval-denyallow). The same is computed for sets:
what the Deny statements of the same document surely exclude is subtracted from each Allow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import islice

from passrole_checks.iam import deadline
from passrole_checks.iam.conditions.passed_to_service import ConditionEffect, Constraint, evaluate
from passrole_checks.iam.documents import action
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.grants.allow_index import AllowIndex
from passrole_checks.iam.grants.denials import DenialIndex
from passrole_checks.iam.partial_values import Part, Position, StringNode, Ternary, escape_policy_variables
from passrole_checks.iam.path_conditions import PathCondition, conjoin, consistent, extend, implies, negate, simplify
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Deployment, Scope

PASS_ROLE_ACTION = "iam:PassRole"

_MAX_CASES = 32  # under which one Allow is looked at for the conditions of Deny statements

_UNKNOWN_SERVICE = "\0a service that is not known yet"
_NO_KEY = "\0a request without the key"


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


@dataclass(frozen=True, slots=True)
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
    def open_to_other_services(self) -> bool:
        """True if services are restricted by exclusions only: every other service is allowed."""
        if self.services.constraint is not Constraint.PATTERN:
            return False
        return self.condition.negated_only or self.condition.constraint in (Constraint.ABSENT, Constraint.INEFFECTIVE)


def grants_of(
    statements: Sequence[Statement], services_of: dict[str, Collection[str]], account: str | None = None
) -> tuple[PassRoleGrant, ...]:
    """Return every grant and denial of PassRole in one document, in order, with denials subtracted from grants.

    ``services_of`` maps each partition (``aws``, ``aws-cn``) to its known service principals. ``account`` is the
    account deployed to, if known.
    """
    key = (id(statements), account, *((name, id(known)) for name, known in services_of.items()))
    remembered = _grants_cache.get(key)
    if remembered is None:
        if len(_grants_cache) >= _GRANTS_CACHE_SIZE:
            _grants_cache.clear()
        # the value keeps alive every object whose id is in the key
        remembered = _grants_cache[key] = (statements, dict(services_of), _grants_of(statements, services_of, account))
    return remembered[2]


# comparing two versions needs the grants of one document several times
_grants_cache: dict[
    tuple[object, ...], tuple[Sequence[Statement], dict[str, Collection[str]], tuple[PassRoleGrant, ...]]
] = {}
_GRANTS_CACHE_SIZE = 2048


def _grants_of(
    statements: Sequence[Statement], services_of: dict[str, Collection[str]], account: str | None
) -> tuple[PassRoleGrant, ...]:
    where = Deployment(account, _partitions(statements))
    found = [grant for statement in statements if (grant := _parse_grant(statement, services_of, where)) is not None]
    denials = DenialIndex(
        _merge_denials([grant for grant in found if grant.effect == "Deny" and _surely_denies(grant)])
    )
    return tuple(
        left
        for grant in found
        for left in (_subtract_by_condition(grant, denials, where) if grant.effect == "Allow" else (grant,))
    )


def under_condition(grant: PassRoleGrant, when: PathCondition) -> PassRoleGrant:
    """Return the same grant with another path condition."""
    return replace(grant, statement=replace(grant.statement, when=when))


def covers_pass_role(statement: Statement) -> tuple[Ternary, str]:
    """Return whether a statement covers PassRole, and its effect (for an unresolved effect: UNKNOWN and Allow)."""
    certain = _match_action(statement)[0]
    return (certain if statement.effect or certain is Ternary.NO else Ternary.UNKNOWN), statement.effect or "Allow"


def raw_grants(
    statements: Sequence[Statement], services_of: dict[str, Collection[str]], account: str | None = None
) -> tuple[PassRoleGrant, ...]:
    """Return every grant and denial of PassRole in statements of any documents, without subtracting denials.

    Arguments as in :func:`grants_of`.
    """
    where = Deployment(account, _partitions(statements))
    found = (_parse_grant(statement, services_of, where) for statement in statements)
    return tuple(grant for grant in found if grant is not None)


def surely_denies(grant: PassRoleGrant) -> bool:
    """True if a denial surely excludes its roles and services, whatever else a request contains."""
    return grant.effect == "Deny" and _surely_denies(grant)


def remaining_roles(
    grant: PassRoleGrant, denials: Sequence[PassRoleGrant], where: Deployment
) -> tuple[tuple[StringNode, ...], bool]:
    """Return the role patterns of an Allow that remain after ``denials``, and whether they are NotResource patterns.

    All denials have to apply to the service in question. Nothing remains if there are no patterns and the flag is
    False.
    """
    roles, complement = _subtract_roles(grant, denials, where)
    return tuple(roles), complement


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


def _merge_denials(denials: Sequence[PassRoleGrant]) -> list[PassRoleGrant]:
    """Merge denials that differ only in their path conditions, simplifying the disjunction of these."""
    groups: dict[tuple[object, ...], list[PassRoleGrant]] = {}
    for denial in denials:
        said = tuple(getattr(denial, item.name) for item in fields(denial) if item.name != "statement")
        groups.setdefault(said, []).append(denial)
    return [
        replace(group[0], statement=replace(group[0].statement, when=when))
        for group in groups.values()
        for when in simplify([denial.statement.when for denial in group])
    ]


def _subtract_by_condition(
    grant: PassRoleGrant, denials: DenialIndex[PassRoleGrant], where: Deployment
) -> tuple[PassRoleGrant, ...]:
    """Return what the Deny statements leave of an Allow: one grant, or several with different path conditions.

    A Deny under a path condition applies only where that holds for the Allow as well, so an Allow is evaluated under
    each outcome of the conditions of the Deny statements that affect it.
    """
    when = grant.statement.when
    possible = [facts for facts in denials.path_conditions if conjoin(when, facts) is not None]
    cases: list[PathCondition] = [when]
    for fact in dict.fromkeys(fact for facts in possible for fact in facts):
        if implies(when, fact) or len(cases) > _MAX_CASES // 2:
            continue
        outcomes = (fact, (fact[0], negate(fact[1])))
        cases = [extend(case, *one) for case in cases for one in outcomes if consistent(case, *one)]
    kept = _subtract_under(grant, when, denials, where)
    if len(cases) == 1:
        return (kept,)
    left = [_subtract_under(grant, case, denials, where) for case in cases]
    return (kept,) if all(replace(one, statement=kept.statement) == kept for one in left) else tuple(left)


def _subtract_under(
    grant: PassRoleGrant, when: PathCondition, denials: DenialIndex[PassRoleGrant], where: Deployment
) -> PassRoleGrant:
    """Return what remains of an Allow under ``when``."""

    def holds(denial: PassRoleGrant) -> bool:
        return all(implies(when, fact) for fact in denial.statement.when)

    sure = list(filter(holds, denials.deciding(grant, where)))
    if not sure:  # any Deny removes patterns that match no role
        sure = [*islice(filter(holds, denials.all), 1)]
    return _subtract(under_condition(grant, when), sure, where)


def allows_on(statements: Sequence[Statement], name: str, role: StringNode) -> bool:
    """True if one of the statements surely allows the action ``name`` on every role of the pattern ``role``."""
    key = (id(statements), name)
    known = _allow_indexes.get(key)
    if known is None:
        if len(_allow_indexes) >= _CACHE_SIZE:
            _allow_indexes.clear()
        found = [item for item in statements if item.effect == "Allow" and _match_action(item, name)[0] is Ternary.YES]
        known = _allow_indexes[key] = (statements, [AllowIndex(found, variables) for variables in (True, False)])
    return any(allowing.covers(role) for allowing in known[1])


# one document is looked up once per pattern
_allow_indexes: dict[tuple[int, str], tuple[Sequence[Statement], list[AllowIndex]]] = {}
_CACHE_SIZE = 256


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
    patterns = tuple(dict.fromkeys(statement.resources or statement.not_resources or ()))
    parts = tuple(item.parts for item in patterns)
    roles = tuple(map(RoleScope, patterns, _scopes(parts, statement.variables)))
    if complement:
        scope = arn.complement_scope(patterns, variables=statement.variables, where=where)
    else:
        scope = _union_scope(parts, statement.variables)
    partition = next(iter(_partitions_named(parts)), "aws")
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


def _partitions(statements: Sequence[Statement]) -> tuple[str, ...]:
    """Return the partitions that a document can apply to: those that it names, or all."""
    named = {
        partition
        for statement in statements
        for partition in _partitions_named(
            tuple(pattern.parts for pattern in statement.resources or statement.not_resources or ())
        )
    }
    return tuple(sorted(named)) or arn.ANYWHERE.partitions


# many statements name the same roles

_ROLES_CACHE_SIZE = 64


@lru_cache(maxsize=_ROLES_CACHE_SIZE)
def _partitions_named(patterns: tuple[tuple[Part, ...], ...]) -> tuple[str, ...]:
    """Return the partitions that patterns name, in order."""
    return tuple(dict.fromkeys(found for item in _texts(patterns) if (found := arn.partition_of(item)) is not None))


@lru_cache(maxsize=_ROLES_CACHE_SIZE)
def _scopes(patterns: tuple[tuple[Part, ...], ...], variables: bool) -> tuple[Scope, ...]:
    """Return the scope of each pattern."""
    return tuple(arn.resource_scope(item, variables=variables) for item in _texts(patterns))


@lru_cache(maxsize=_ROLES_CACHE_SIZE)
def _union_scope(patterns: tuple[tuple[Part, ...], ...], variables: bool) -> Scope:
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


def _surely_denies(grant: PassRoleGrant) -> bool:
    """True unless the condition is undecidable; such a Deny excludes nothing."""
    condition = grant.condition
    undecided = condition.others or condition.tags or condition.associated_resource_arn or condition.problems
    return grant.certain is Ternary.YES and not undecided


def _services_allowed(grant: PassRoleGrant, *, surely: bool) -> frozenset[str]:
    """Return the services that the conditions allow, including the two placeholders."""
    condition = grant.condition
    key = (id(condition), surely)
    known = _services_cache.get(key)
    if known is None:
        wanted = {Ternary.YES} if surely else {Ternary.YES, Ternary.UNKNOWN}
        named = ((_UNKNOWN_SERVICE, condition.unknown_service), (_NO_KEY, condition.without_key))
        extra = {name for name, answer in named if answer in wanted}
        if len(_services_cache) >= _CACHE_SIZE:
            _services_cache.clear()
        known = _services_cache[key] = (condition, (condition.allowed if surely else condition.possible) | extra)
    return known[1]


_services_cache: dict[tuple[int, bool], tuple[ConditionEffect, frozenset[str]]] = {}


def _subtract(grant: PassRoleGrant, denials: Sequence[PassRoleGrant], where: Deployment) -> PassRoleGrant:
    """Return what remains of an Allow after Deny statements, evaluated per group of services with the same denials."""
    if not denials or grant.condition.dead:
        return grant
    taken: dict[frozenset[str], list[int]] = {}  # the denials by the exact set of services that they exclude
    for index, denial in enumerate(denials):
        taken.setdefault(_services_allowed(denial, surely=True), []).append(index)
    alike: dict[tuple[frozenset[str], ...], set[str]] = {}  # services by the denials that apply to them
    for service in sorted(_services_allowed(grant, surely=False)):
        alike.setdefault(tuple([found for found in taken if service in found]), set()).add(service)
    by_denials: dict[tuple[int, ...], set[str]] = {
        tuple(sorted(index for found in every for index in taken[found])): services for every, services in alike.items()
    }
    left_roles: dict[StringNode, None] = {}
    left_services: set[str] = set()
    complement = False
    for indices, services in by_denials.items():
        roles, inverted = _subtract_roles(grant, [denials[index] for index in indices], where)
        if roles or inverted:
            left_roles.update(dict.fromkeys(roles))
            left_services |= services
            complement |= inverted
    if not left_services:
        return replace(grant, denied=True, scope=Scope.NOT_A_ROLE)
    variables = grant.statement.variables
    written = [role.pattern for role in grant.roles if role.pattern in left_roles]
    known = set(written)
    written += [item for item in left_roles if item not in known]
    kept = tuple(RoleScope(item, arn.resource_scope(item, variables=variables)) for item in written)
    if complement:
        kept, scope = grant.roles, grant.scope
    else:
        scope = _union_scope(tuple(item.parts for item in written), variables)
    return replace(
        grant,
        roles=kept,
        complement=complement,
        scope=scope,
        services=_remaining_services(grant, left_services),
    )


def _subtract_roles(
    grant: PassRoleGrant, denials: Sequence[PassRoleGrant], where: Deployment
) -> tuple[list[StringNode], bool]:
    """Return the remaining role patterns, and whether they are still NotResource patterns."""
    variables = grant.statement.variables
    patterns = [role.pattern for role in grant.roles]
    inverted = grant.complement
    denied: list[StringNode] = []
    for denial in denials:
        named = [role.pattern for role in denial.roles]
        if not denial.complement:
            denied.extend(named)
        elif inverted:
            patterns = [
                item
                for item in named
                if arn.included(item, patterns, variables=variables, where=where) is not Ternary.YES
            ]
            inverted = False
        else:
            patterns = _intersection(patterns, named, variables, where)
    if inverted:
        everything = arn.complement_scope([*patterns, *denied], variables=variables, where=where)
        return ([], False) if everything is Scope.NOT_A_ROLE else (patterns, True)
    taken = arn.union_of(denied, variables=variables)
    return [
        item for item in patterns if arn.included_in(item, taken, variables=variables, where=where) is not Ternary.YES
    ], False


def _intersection(
    patterns: Sequence[StringNode], limits: Sequence[StringNode], variables: bool, where: Deployment
) -> list[StringNode]:
    """Return the roles of ``patterns`` within ``limits``; the narrower of two overlapping patterns represents both."""
    left: list[StringNode] = []
    for pattern in patterns:
        if arn.included(pattern, limits, variables=variables, where=where) is Ternary.YES:
            left.append(pattern)
            continue
        for limit in limits:
            if arn.included(limit, [pattern], variables=variables, where=where) is Ternary.YES:
                left.append(limit)
            elif arn.overlaps(pattern, limit, variables=variables, where=where) is not Ternary.NO:
                own, other = (arn.resource_scope(item, variables=variables) for item in (pattern, limit))
                left.append(limit if other.width > own.width else pattern)
    return left


def _remaining_services(grant: PassRoleGrant, left: set[str]) -> Services:
    before = _services_allowed(grant, surely=False)
    if left == before:
        return grant.services
    named = tuple(sorted(left - {_UNKNOWN_SERVICE, _NO_KEY}))
    without_key = _NO_KEY in left and grant.services.without_key
    if _UNKNOWN_SERVICE in left:
        return Services(Constraint.PATTERN, grant.services.values, without_key)
    if not named:
        return Services(Constraint.INEFFECTIVE, (), without_key)
    return Services(Constraint.EXACT_IF_PRESENT if _NO_KEY in left else Constraint.EXACT, named, without_key)
