"""The inventory: entries for the statements about PassRole, one for each variant that differs in its meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from passrole_checks.access.access_model import AccessModel
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.grants.grant import PassRoleGrant, RoleScope, Services, scope_of_union
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Position
from passrole_checks.iam.values.path_conditions import PathCondition, disjunction_of
from passrole_checks.scan.build_findings import path_of
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind, Unreadable

MAX_ENTRIES = 32
"""The most entries of one statement; if it has more variants, one entry covers all of them."""

# from the widest to the narrowest, to describe several variants as one
_CONSTRAINTS = (
    Constraint.ABSENT, Constraint.INEFFECTIVE, Constraint.UNRESOLVED, Constraint.PATTERN, Constraint.EXACT_IF_PRESENT,
)  # fmt: skip


def located_grants(
    model: AccessModel, policy: AttachedPolicy, grants: Iterable[PassRoleGrant], notes: list[Unreadable]
) -> Iterator[LocatedGrant]:
    """Yield the entries of a policy, in the order of its statements.

    ``grants``: those of the policy, one for each variant of a statement. Variants that differ in nothing but their path
    condition are one entry. ``notes``: receives a note for each statement with too many variants to list.
    """
    by_statement: dict[tuple[Position, str], list[PassRoleGrant]] = {}
    for grant in grants:
        by_statement.setdefault((grant.at, grant.statement.path), []).append(grant)
    for variants in by_statement.values():
        distinct = _distinct(variants)
        if len(distinct) > MAX_ENTRIES:
            notes.append(_too_many(policy, variants[0], len(distinct)))
            distinct = [(_union([grant for grant, _ in distinct]), ())]
        for grant, when in distinct:
            effect = _effect(model, policy, grant)
            path = path_of(policy, grant)
            origin = policy.managed, policy.handed_to, policy.account_policy
            yield LocatedGrant(grant, policy.resource, path, policy.holders, effect, when, *origin)


def widest_of_each_statement(entries: Iterable[LocatedGrant]) -> tuple[LocatedGrant, ...]:
    """Return one entry for each statement of a resource: the widest of its variants."""
    widest: dict[tuple[object, ...], LocatedGrant] = {}
    for entry in entries:
        key = (entry.resource, entry.grant.at, entry.statement_path)
        if key not in widest or _width(entry.grant) < _width(widest[key].grant):
            widest[key] = entry
    return tuple(widest.values())


def _distinct(variants: Sequence[PassRoleGrant]) -> list[tuple[PassRoleGrant, tuple[PathCondition, ...]]]:
    """Return the variants of a statement that differ, the widest first, each with the alternatives under which it
    applies; none if it always applies."""
    alike: dict[tuple[object, ...], list[PassRoleGrant]] = {}
    for grant in variants:
        alike.setdefault(grant.meaning, []).append(grant)
    found = []
    for same in alike.values():
        found.append((same[0], disjunction_of([grant.statement.when for grant in same])))
    return sorted(found, key=lambda item: _width(item[0]))


def _width(grant: PassRoleGrant) -> tuple[bool, int]:
    return grant.denied, grant.scope.width


def _union(grants: Sequence[PassRoleGrant]) -> PassRoleGrant:
    """Return a grant that covers what any of the variants of a statement covers."""
    widest = min(grants, key=_width)
    statement = replace(widest.statement, when=())
    if widest.complement:
        return replace(widest, statement=statement)
    listed = [grant for grant in grants if not grant.complement and not grant.denied] or list(grants)
    roles: dict[str, RoleScope] = {str(role.pattern): role for grant in listed for role in grant.roles}
    scope = scope_of_union(tuple(role.pattern.parts for role in roles.values()), statement.variables)
    values = tuple(dict.fromkeys(value for grant in listed for value in grant.services.values))
    found = {grant.services.constraint for grant in listed}
    constraint = next((one for one in _CONSTRAINTS if one in found), widest.services.constraint)
    services = Services(constraint, values, any(grant.services.without_key for grant in listed))
    return replace(widest, statement=statement, roles=tuple(roles.values()), scope=scope, services=services)


def _effect(model: AccessModel, policy: AttachedPolicy, grant: PassRoleGrant) -> str:
    has_no_effect = grant.denied or grant.condition.dead or grant.scope is Scope.NOT_A_ROLE
    counts = policy.kind is PolicyKind.IDENTITY or (grant.effect == "Deny" and model.principals.is_limit(policy))
    return "none" if not counts or has_no_effect else grant.effect.lower()


def _too_many(policy: AttachedPolicy, grant: PassRoleGrant, count: int) -> Unreadable:
    reason = f"the statement has {count} variants that differ: the inventory has one entry for all of them"
    return Unreadable(grant.at.file, reason, grant.at.line, f"{policy.resource.address} {grant.statement.path}")
