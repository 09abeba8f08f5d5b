"""Subtract denials from grants of PassRole.

All statements together decide a request: it is allowed if one Allow matches its action, resource and conditions, and no
Deny does (IAM User Guide, reference_policies_evaluation-logic_policy-eval-denyallow). The same is computed for sets:
what the Deny statements of the same document surely exclude is subtracted from each Allow.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from itertools import islice

from passrole_checks.iam.conditions.passed_to_service import NO_KEY, UNKNOWN_SERVICE, Constraint, allowed_services
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.grants.denials import DenialIndex
from passrole_checks.iam.grants.grant import (
    PassRoleGrant,
    RoleScope,
    Services,
    partitions_of,
    raw_grants,
    scope_of_union,
)
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.identity_cache import BoundedCache, by_identity
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.values.nodes import StringNode, Ternary
from passrole_checks.iam.values.path_conditions import (
    PathCondition,
    conjoin,
    consistent,
    extend,
    implies,
    implies_all,
    negate,
    simplify,
)

_MAX_CASES = 32  # path conditions under which one Allow is evaluated


def grants_of(
    statements: Sequence[Statement],
    services_of: dict[str, Collection[str]],
    account: str | None = None,
    *,
    counts_denials: bool = True,
) -> tuple[PassRoleGrant, ...]:
    """Return every grant and denial of PassRole in one document, in order, with denials subtracted from grants if
    ``counts_denials``.

    ``services_of`` maps each partition (``aws``, ``aws-cn``) to its known service principals. ``account`` is the
    account deployed to, if known.
    """
    if not counts_denials:
        return raw_grants(statements, services_of, account)
    key = (id(statements), account, *((name, id(known)) for name, known in services_of.items()))
    cached = _grants_cache.get(key)
    if cached is None:
        # the value keeps alive every object whose id is in the key
        cached = _grants_cache[key] = (statements, dict(services_of), _grants_of(statements, services_of, account))
    return cached[2]


# comparing two versions needs the grants of one document several times
_grants_cache = by_identity(
    BoundedCache[tuple[object, ...], tuple[Sequence[Statement], dict[str, Collection[str]], tuple[PassRoleGrant, ...]]](
        2048
    )
)


def _grants_of(
    statements: Sequence[Statement], services_of: dict[str, Collection[str]], account: str | None
) -> tuple[PassRoleGrant, ...]:
    where = Deployment(account, partitions_of(statements))
    grants = raw_grants(statements, services_of, account)
    denials = DenialIndex(_merge_denials(list(filter(surely_denies, grants))))
    return tuple(
        remaining
        for grant in grants
        for remaining in (_subtract_by_condition(grant, denials, where) if grant.effect == "Allow" else (grant,))
    )


def _subtract_by_condition(grant: PassRoleGrant, denials: DenialIndex, where: Deployment) -> tuple[PassRoleGrant, ...]:
    """Return what the Deny statements leave of an Allow: one grant, or several with different path conditions.

    A Deny under a path condition applies only where that holds for the Allow as well, so an Allow is evaluated under
    each outcome of the conditions of the Deny statements that affect it.
    """
    when = grant.statement.when
    possible = [assumptions for assumptions in denials.path_conditions if conjoin(when, assumptions) is not None]
    cases: list[PathCondition] = [when]
    for assumption in dict.fromkeys(assumption for assumptions in possible for assumption in assumptions):
        if implies(when, assumption) or len(cases) > _MAX_CASES // 2:
            continue
        outcomes = (assumption, negate(assumption))
        cases = [extend(case, outcome) for case in cases for outcome in outcomes if consistent(case, outcome)]
    unsplit = _subtract_under(grant, when, denials, where)
    if len(cases) == 1:
        return (unsplit,)
    remaining = [_subtract_under(grant, case, denials, where) for case in cases]
    return (
        (unsplit,)
        if all(replace(variant, statement=unsplit.statement) == unsplit for variant in remaining)
        else tuple(remaining)
    )


def _subtract_under(
    grant: PassRoleGrant, when: PathCondition, denials: DenialIndex, where: Deployment
) -> PassRoleGrant:
    """Return what remains of an Allow under ``when``."""

    def applies(denial: PassRoleGrant) -> bool:
        return implies_all(when, denial.statement.when)

    sure = list(filter(applies, denials.deciding(grant, where)))
    if not sure:  # any Deny removes patterns that match no role
        sure = [*islice(filter(applies, denials.all), 1)]
    return _subtract(under_condition(grant, when), sure, where)


def under_condition(grant: PassRoleGrant, when: PathCondition) -> PassRoleGrant:
    """Return the same grant with another path condition."""
    return replace(grant, statement=replace(grant.statement, when=when))


def surely_denies(grant: PassRoleGrant) -> bool:
    """True if a denial surely excludes its roles and services, whatever else a request contains."""
    return grant.effect == "Deny" and grant.applies_surely


def remaining_roles(
    grant: PassRoleGrant, denials: Sequence[PassRoleGrant], where: Deployment
) -> tuple[tuple[StringNode, ...], bool]:
    """Return the role patterns of an Allow that remain after ``denials``, and whether they are NotResource patterns.

    All denials have to apply to the service in question. Nothing remains if there are no patterns and the flag is
    False.
    """
    roles, complement = _subtract_roles(grant, denials, where)
    return tuple(roles), complement


def _merge_denials(denials: Sequence[PassRoleGrant]) -> list[PassRoleGrant]:
    """Merge denials that differ only in their path conditions, simplifying the disjunction of these."""
    names = [field.name for field in fields(PassRoleGrant) if field.name != "statement"]
    groups = grouped((tuple(getattr(denial, name) for name in names), denial) for denial in denials)
    return [
        replace(group[0], statement=replace(group[0].statement, when=when))
        for group in groups.values()
        for when in simplify([denial.statement.when for denial in group])
    ]


def _subtract(grant: PassRoleGrant, denials: Sequence[PassRoleGrant], where: Deployment) -> PassRoleGrant:
    """Return what remains of an Allow after Deny statements, evaluated per group of services with the same denials."""
    if not denials or grant.condition.dead or grant.scope is Scope.NOT_A_ROLE:
        return grant  # a Deny takes nothing from a grant of nothing
    services_of = (allowed_services(denial.condition, surely=True) for denial in denials)
    taken = grouped((services, index) for index, services in enumerate(services_of))
    alike: dict[tuple[frozenset[str], ...], set[str]] = {}  # services by the denials that apply to them
    for service in sorted(allowed_services(grant.condition, surely=False)):
        alike.setdefault(tuple([group for group in taken if service in group]), set()).add(service)
    by_denials: dict[tuple[int, ...], set[str]] = {
        tuple(sorted(index for group in every for index in taken[group])): services for every, services in alike.items()
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
        return replace(grant, denied=True)  # the scope stays that of the statement
    variables = grant.statement.variables
    written = [role.pattern for role in grant.roles if role.pattern in left_roles]
    known = set(written)
    written += [pattern for pattern in left_roles if pattern not in known]
    kept = tuple(RoleScope(pattern, arn.resource_scope(pattern, variables=variables)) for pattern in written)
    scope: Scope = grant.scope
    if complement:
        kept = grant.roles
    else:
        scope = scope_of_union(tuple(pattern.parts for pattern in written), variables)
    return replace(
        grant, roles=kept, complement=complement, scope=scope, services=_remaining_services(grant, left_services)
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
            left_out = arn.union_of(patterns, variables=variables)
            patterns = [
                pattern
                for pattern in named
                if arn.included_in(pattern, left_out, variables=variables, where=where) is not Ternary.YES
            ]
            inverted = False
        else:
            patterns = denial.limit.intersection(patterns, where)
    if inverted:
        everything = arn.complement_scope([*patterns, *denied], variables=variables, where=where)
        return ([], False) if everything is Scope.NOT_A_ROLE else (patterns, True)
    taken = arn.union_of(denied, variables=variables)
    return [
        pattern
        for pattern in patterns
        if arn.included_in(pattern, taken, variables=variables, where=where) is not Ternary.YES
    ], False


def _remaining_services(grant: PassRoleGrant, left: set[str]) -> Services:
    before = allowed_services(grant.condition, surely=False)
    if left == before:
        return grant.services
    named = tuple(sorted(left - {UNKNOWN_SERVICE, NO_KEY}))
    without_key = NO_KEY in left and grant.services.without_key
    if UNKNOWN_SERVICE in left:
        return Services(Constraint.PATTERN, grant.services.values, without_key)
    if not named:
        return Services(Constraint.INEFFECTIVE, (), without_key)
    return Services(Constraint.EXACT_IF_PRESENT if NO_KEY in left else Constraint.EXACT, named, without_key)
