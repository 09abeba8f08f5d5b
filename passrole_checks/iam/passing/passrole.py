"""PassRoleGrant: the roles and the services that a statement lets through.

IAM decides a request by all statements together: it is allowed if one Allow matches its action, resource and
conditions, and no Deny does (IAM User Guide, reference_policies_evaluation-logic_policy-eval-denyallow). Here the
same is done for sets: what the Deny statements of the same document surely take away is taken off each Allow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import islice

from passrole_checks.iam import deadline
from passrole_checks.iam.conditions.condition import ConditionEffect, Constraint, evaluate
from passrole_checks.iam.documents import action
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.outcomes import When, added, both, consistent, either, implies, otherwise
from passrole_checks.iam.passing.allowing import Allowing
from passrole_checks.iam.passing.denials import Denials
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Deployment, Scope
from passrole_checks.iam.values import Part, Position, Text, Tri, without_variables

PASS_ROLE = "iam:PassRole"

_CASES = 32  # under which one Allow is looked at for the conditions of Deny statements

_UNKNOWN_SERVICE = "\0a service that nobody knows yet"
_NO_KEY = "\0a request without the key"


@dataclass(frozen=True, slots=True)
class RoleScope:
    """One Resource (or NotResource) pattern and how wide a set of roles it is."""

    pattern: Text
    scope: Scope


@dataclass(frozen=True, slots=True)
class Services:
    """The services that a role may be passed to: ``values`` as written, or, where a Deny decides, by name.

    ``without_key``: requests that do not tell the service are surely let through as well.
    """

    constraint: Constraint
    values: tuple[str, ...] = ()
    without_key: bool = False


@dataclass(frozen=True, slots=True)
class PassRoleGrant:
    """What one statement does about PassRole, after the Deny statements beside it.

    ``effect``: ``Allow`` or ``Deny``. ``certain``: UNKNOWN where a hole in Effect or Action decides. ``granted_by``:
    the action pattern, or ``NotAction``. ``roles``: what is left of the Resource patterns; with ``complement`` they
    are the ones that NotResource leaves out, and every other role is in. ``denied``: nothing is left.
    ``other_actions``: the statement also speaks of other actions.
    """

    statement: Statement
    effect: str
    certain: Tri
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
        """Where the statement stands."""
        return self.statement.at

    @property
    def sid(self) -> str | None:
        """The statement's Sid, None where it has none."""
        return self.statement.sid

    @property
    def associated_resource_arn(self) -> bool:
        """Whether its condition names iam:AssociatedResourceArn."""
        return self.condition.associated_resource_arn

    @property
    def resource_tag(self) -> bool:
        """Whether its condition relies on tags of the role."""
        return bool(self.condition.tags)

    @property
    def other_conditions(self) -> tuple[str, ...]:
        """The condition keys that say nothing of the role or the service."""
        return self.condition.others

    @property
    def open_to_other_services(self) -> bool:
        """Whether all that limits the services is what is left out: every other service is let through."""
        if self.services.constraint is not Constraint.PATTERN:
            return False
        return self.condition.negated_only or self.condition.constraint in (Constraint.ABSENT, Constraint.INEFFECTIVE)


def grants_of(
    statements: Sequence[Statement], services_of: dict[str, Collection[str]], account: str | None = None
) -> tuple[PassRoleGrant, ...]:
    """Every grant and denial of PassRole in one document, in its order; what a Deny takes away is already off.

    ``services_of`` gives, for each partition (``aws``, ``aws-cn``), the service principals known there. ``account`` is
    the account deployed to, if it is known.
    """
    key = (id(statements), account, *((name, id(known)) for name, known in services_of.items()))
    remembered = _grants.get(key)
    if remembered is None:
        if len(_grants) >= _MOST_GRANTS:
            _grants.clear()
        # all that its key names by an id is kept with it
        remembered = _grants[key] = (statements, dict(services_of), _grants_of(statements, services_of, account))
    return remembered[2]


# a comparison of two versions asks for the grants of one document several times
_grants: dict[
    tuple[object, ...], tuple[Sequence[Statement], dict[str, Collection[str]], tuple[PassRoleGrant, ...]]
] = {}
_MOST_GRANTS = 2048


def _grants_of(
    statements: Sequence[Statement], services_of: dict[str, Collection[str]], account: str | None
) -> tuple[PassRoleGrant, ...]:
    where = Deployment(account, _partitions(statements))
    found = [grant for statement in statements if (grant := _grant(statement, services_of, where)) is not None]
    denials = Denials(_united([grant for grant in found if grant.effect == "Deny" and _surely_denies(grant)]))
    return tuple(
        left for grant in found for left in (_left_of(grant, denials, where) if grant.effect == "Allow" else (grant,))
    )


def under(grant: PassRoleGrant, when: When) -> PassRoleGrant:
    """The same grant, where some facts hold."""
    return replace(grant, statement=replace(grant.statement, when=when))


def speaks_of_pass_role(statement: Statement) -> tuple[Tri, str]:
    """Whether a statement speaks of PassRole, and its effect (Allow where a hole stands for it, and then UNKNOWN)."""
    certain = _reaches(statement)[0]
    return (certain if statement.effect or certain is Tri.NO else Tri.UNKNOWN), statement.effect or "Allow"


def grants_apart(
    statements: Sequence[Statement], services_of: dict[str, Collection[str]], account: str | None = None
) -> tuple[PassRoleGrant, ...]:
    """Every grant and denial of PassRole among statements of whatever documents, each as it is written: no Deny is
    taken off. Arguments as in :func:`grants_of`."""
    where = Deployment(account, _partitions(statements))
    found = (_grant(statement, services_of, where) for statement in statements)
    return tuple(grant for grant in found if grant is not None)


def surely_denies(grant: PassRoleGrant) -> bool:
    """Whether a denial surely takes away what its roles and services say, whatever else a request carries."""
    return grant.effect == "Deny" and _surely_denies(grant)


def roles_left(
    grant: PassRoleGrant, denials: Sequence[PassRoleGrant], where: Deployment
) -> tuple[tuple[Text, ...], bool]:
    """The role patterns of an Allow that the ``denials`` leave, all of which hold for the service that is asked about,
    and whether the rest is "every role but those". Nothing is left where there are no patterns and it is not."""
    roles, complement = _roles_minus(grant, denials, where)
    return tuple(roles), complement


def in_new_words(grant: PassRoleGrant) -> PassRoleGrant:
    """A grant of a policy of the old Version, in which ``${`` is plain text, as one of Version 2012-10-17: its patterns
    can then be compared with those of other policies. ``${$}`` is the character itself (IAM User Guide, "IAM policy
    elements: Variables and tags")."""
    old = grant.statement
    if old.variables:
        return grant
    roles = tuple(replace(role, pattern=without_variables(role.pattern)) for role in grant.roles)
    condition = None if old.condition is None else without_variables(old.condition)
    left_out = None if old.not_resources is None else tuple(map(without_variables, old.not_resources))
    new = replace(old, condition=condition, not_resources=left_out, variables=True)
    return replace(grant, roles=roles, statement=new)


def _united(denials: Sequence[PassRoleGrant]) -> list[PassRoleGrant]:
    """The same denials, those that take away the same under several conditions as few as possible."""
    groups: dict[tuple[object, ...], list[PassRoleGrant]] = {}
    for denial in denials:
        said = tuple(getattr(denial, item.name) for item in fields(denial) if item.name != "statement")
        groups.setdefault(said, []).append(denial)
    return [
        replace(group[0], statement=replace(group[0].statement, when=when))
        for group in groups.values()
        for when in either([denial.statement.when for denial in group])
    ]


def _left_of(grant: PassRoleGrant, denials: Denials[PassRoleGrant], where: Deployment) -> tuple[PassRoleGrant, ...]:
    """What the Deny statements leave of an Allow: one grant, or several that hold under different conditions.

    A Deny that holds under a condition only takes away where the same condition holds for the Allow, so an Allow is
    looked at under each outcome of the conditions of the Deny statements that reach it.
    """
    when = grant.statement.when
    possible = [facts for facts in denials.whens if both(when, facts) is not None]
    cases: list[When] = [when]
    for fact in dict.fromkeys(fact for facts in possible for fact in facts):
        if implies(when, fact) or len(cases) > _CASES // 2:
            continue
        outcomes = (fact, (fact[0], otherwise(fact[1])))
        cases = [added(case, *one) for case in cases for one in outcomes if consistent(case, *one)]
    kept = _under(grant, when, denials, where)
    if len(cases) == 1:
        return (kept,)
    left = [_under(grant, case, denials, where) for case in cases]
    return (kept,) if all(replace(one, statement=kept.statement) == kept for one in left) else tuple(left)


def _under(grant: PassRoleGrant, when: When, denials: Denials[PassRoleGrant], where: Deployment) -> PassRoleGrant:
    """What is left of an Allow where the facts ``when`` hold."""

    def holds(denial: PassRoleGrant) -> bool:
        return all(implies(when, fact) for fact in denial.statement.when)

    sure = list(filter(holds, denials.taking(grant, where)))
    if not sure:  # where there is a Deny at all, patterns of no role are left out
        sure = [*islice(filter(holds, denials.all), 1)]
    return _minus(under(grant, when), sure, where)


def allows_on(statements: Sequence[Statement], name: str, role: Text) -> bool:
    """Whether one of the statements surely allows the action ``name`` on every role of the pattern ``role``."""
    key = (id(statements), name)
    known = _allowing.get(key)
    if known is None:
        if len(_allowing) >= _MOST_REMEMBERED:
            _allowing.clear()
        found = [item for item in statements if item.effect == "Allow" and _reaches(item, name)[0] is Tri.YES]
        known = _allowing[key] = (statements, [Allowing(found, variables) for variables in (True, False)])
    return any(allowing.covers(role) for allowing in known[1])


# one document is asked about for each of its patterns
_allowing: dict[tuple[int, str], tuple[Sequence[Statement], list[Allowing]]] = {}
_MOST_REMEMBERED = 256


def _reaches(statement: Statement, name: str = PASS_ROLE) -> tuple[Tri, str, bool]:
    """Whether a statement speaks of an action, through which pattern, and whether by its name."""
    if statement.actions is not None:
        certain, pattern = action.granted_by(statement.actions, name)
        if pattern is None:
            return Tri.NO, "", False
        return certain, str(pattern), action.is_explicit(pattern, name)
    return action.left_out_by(statement.not_actions or (), name), "NotAction", False


def _grant(statement: Statement, services_of: dict[str, Collection[str]], where: Deployment) -> PassRoleGrant | None:
    deadline.check()
    certain, granted_by, explicit = _reaches(statement)
    if certain is Tri.NO:
        return None
    complement = statement.resources is None
    patterns = tuple(dict.fromkeys(statement.resources or statement.not_resources or ()))
    parts = tuple(item.parts for item in patterns)
    roles = tuple(map(RoleScope, patterns, _scopes(parts, statement.variables)))
    if complement:
        scope = arn.complement_scope(patterns, variables=statement.variables, where=where)
    else:
        scope = _united_scope(parts, statement.variables)
    partition = next(iter(_partitions_named(parts)), "aws")
    known = services_of.get(partition, services_of["aws"])
    condition = evaluate(statement.condition, known, variables=statement.variables)
    return PassRoleGrant(
        statement=statement,
        effect=statement.effect or "Allow",
        certain=certain if statement.effect else Tri.UNKNOWN,
        granted_by=granted_by,
        explicit=explicit,
        scope=scope,
        roles=roles,
        complement=complement,
        services=Services(condition.constraint, condition.values, condition.without_key is Tri.YES),
        condition=condition,
        other_actions=_has_other_actions(statement),
    )


def _partitions(statements: Sequence[Statement]) -> tuple[str, ...]:
    """The partitions that a document can be meant for: those that it names, or all of them."""
    named = {
        partition
        for statement in statements
        for partition in _partitions_named(
            tuple(pattern.parts for pattern in statement.resources or statement.not_resources or ())
        )
    }
    return tuple(sorted(named)) or arn.ANYWHERE.partitions


# many statements name the same roles, and then all of this is the same

_REMEMBERED_ROLES = 64


@lru_cache(maxsize=_REMEMBERED_ROLES)
def _partitions_named(patterns: tuple[tuple[Part, ...], ...]) -> tuple[str, ...]:
    """The partitions that patterns name, in their order."""
    return tuple(dict.fromkeys(found for item in _texts(patterns) if (found := arn.partition_of(item)) is not None))


@lru_cache(maxsize=_REMEMBERED_ROLES)
def _scopes(patterns: tuple[tuple[Part, ...], ...], variables: bool) -> tuple[Scope, ...]:
    """The scope of each pattern."""
    return tuple(arn.resource_scope(item, variables=variables) for item in _texts(patterns))


@lru_cache(maxsize=_REMEMBERED_ROLES)
def _united_scope(patterns: tuple[tuple[Part, ...], ...], variables: bool) -> Scope:
    """The scope of several patterns together: one of them may be wide, or all of them may cover every role."""
    widest = arn.widest(_scopes(patterns, variables))
    if widest in (Scope.ANY_ROLE, Scope.NOT_A_ROLE) or len(patterns) < 2:
        return widest
    return arn.widest([widest, arn.union_scope(_texts(patterns), variables=variables)])


def _texts(patterns: Iterable[tuple[Part, ...]]) -> list[Text]:
    return [Text(parts, Position("", 0)) for parts in patterns]


def _has_other_actions(statement: Statement) -> bool:
    if statement.actions is None:
        return True
    return any(not str(pattern).lower().startswith("iam:pass") for pattern in statement.actions)


def _surely_denies(grant: PassRoleGrant) -> bool:
    """A Deny under a condition that cannot be decided takes nothing away."""
    condition = grant.condition
    undecided = condition.others or condition.tags or condition.associated_resource_arn or condition.problems
    return grant.certain is Tri.YES and not undecided


def _let_through(grant: PassRoleGrant, *, surely: bool) -> frozenset[str]:
    """The services that the conditions let through, with the two that have no name."""
    condition = grant.condition
    key = (id(condition), surely)
    known = _let.get(key)
    if known is None:
        wanted = {Tri.YES} if surely else {Tri.YES, Tri.UNKNOWN}
        named = ((_UNKNOWN_SERVICE, condition.unknown_service), (_NO_KEY, condition.without_key))
        extra = {name for name, answer in named if answer in wanted}
        if len(_let) >= _MOST_REMEMBERED:
            _let.clear()
        known = _let[key] = (condition, (condition.allowed if surely else condition.possible) | extra)
    return known[1]


_let: dict[tuple[int, bool], tuple[ConditionEffect, frozenset[str]]] = {}


def _minus(grant: PassRoleGrant, denials: Sequence[PassRoleGrant], where: Deployment) -> PassRoleGrant:
    """What is left of an Allow after the Deny statements: roles by service, each pair taken apart."""
    if not denials or grant.condition.dead:
        return grant
    taken: dict[frozenset[str], list[int]] = {}  # services, and the denials that take just them away
    for index, denial in enumerate(denials):
        taken.setdefault(_let_through(denial, surely=True), []).append(index)
    alike: dict[tuple[frozenset[str], ...], set[str]] = {}  # services from which the same is taken away
    for service in sorted(_let_through(grant, surely=False)):
        alike.setdefault(tuple([found for found in taken if service in found]), set()).add(service)
    by_denials: dict[tuple[int, ...], set[str]] = {
        tuple(sorted(index for found in every for index in taken[found])): services for every, services in alike.items()
    }
    left_roles: dict[Text, None] = {}
    left_services: set[str] = set()
    complement = False
    for indices, services in by_denials.items():
        roles, inverted = _roles_minus(grant, [denials[index] for index in indices], where)
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
        scope = _united_scope(tuple(item.parts for item in written), variables)
    return replace(
        grant,
        roles=kept,
        complement=complement,
        scope=scope,
        services=_services_left(grant, left_services),
    )


def _roles_minus(grant: PassRoleGrant, denials: Sequence[PassRoleGrant], where: Deployment) -> tuple[list[Text], bool]:
    """The role patterns left, and whether the rest is still "every role but those that NotResource names"."""
    variables = grant.statement.variables
    patterns = [role.pattern for role in grant.roles]
    inverted = grant.complement
    denied: list[Text] = []
    for denial in denials:
        named = [role.pattern for role in denial.roles]
        if not denial.complement:
            denied.extend(named)
        elif inverted:
            patterns = [
                item for item in named if arn.included(item, patterns, variables=variables, where=where) is not Tri.YES
            ]
            inverted = False
        else:
            patterns = _intersection(patterns, named, variables, where)
    if inverted:
        everything = arn.complement_scope([*patterns, *denied], variables=variables, where=where)
        return ([], False) if everything is Scope.NOT_A_ROLE else (patterns, True)
    taken = arn.union_of(denied, variables=variables)
    return [
        item for item in patterns if arn.included_in(item, taken, variables=variables, where=where) is not Tri.YES
    ], False


def _intersection(patterns: Sequence[Text], limits: Sequence[Text], variables: bool, where: Deployment) -> list[Text]:
    """The roles of ``patterns`` within ``limits``; of two patterns that cross one stands for what both hold."""
    left: list[Text] = []
    for pattern in patterns:
        if arn.included(pattern, limits, variables=variables, where=where) is Tri.YES:
            left.append(pattern)
            continue
        for limit in limits:
            if arn.included(limit, [pattern], variables=variables, where=where) is Tri.YES:
                left.append(limit)
            elif arn.overlaps(pattern, limit, variables=variables, where=where) is not Tri.NO:
                own, other = (arn.resource_scope(item, variables=variables) for item in (pattern, limit))
                left.append(limit if other.width > own.width else pattern)
    return left


def _services_left(grant: PassRoleGrant, left: set[str]) -> Services:
    before = _let_through(grant, surely=False)
    if left == before:
        return grant.services
    named = tuple(sorted(left - {_UNKNOWN_SERVICE, _NO_KEY}))
    without_key = _NO_KEY in left and grant.services.without_key
    if _UNKNOWN_SERVICE in left:
        return Services(Constraint.PATTERN, grant.services.values, without_key)
    if not named:
        return Services(Constraint.INEFFECTIVE, (), without_key)
    return Services(Constraint.EXACT_IF_PRESENT if _NO_KEY in left else Constraint.EXACT, named, without_key)
