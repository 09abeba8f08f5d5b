"""Findings on access that another finding on the same principals includes: it is reported already.

Deny statements, boundaries and SCPs limit all policies of a principal alike, so that the statements are compared as
they are written. Each is compared with a few others only, which takes less than the comparison of all policies of a
principal (:mod:`passrole_checks.iam.grants.access_comparison`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace

from passrole_checks.aws.service_principals import known_services
from passrole_checks.findings import Finding
from passrole_checks.iam.conditions.condition_implication import ConditionTest, condition_tests, implies
from passrole_checks.iam.conditions.likely_typos import NOT_A_KEY
from passrole_checks.iam.conditions.passed_to_service import NO_KEY, UNKNOWN_SERVICE, allowed_services
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.roles import role_set
from passrole_checks.iam.roles.arn import Scope, account_of
from passrole_checks.iam.roles.role_search import ANYWHERE
from passrole_checks.iam.roles.role_union import RoleSet
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.iam.values.path_conditions import implies_all

ACCESS_CHECKS = frozenset(f"PASSROLE_{number}" for number in ("001", "002", "008", "009", "013", "016"))
_MOST_COMPARED = 4  # of the findings on one principal, the widest: each is compared with all others
_PLACEHOLDERS = {UNKNOWN_SERVICE, NO_KEY}


def find_wider(
    heads: Sequence[Finding], members: Mapping[int, Sequence[Finding]], rank: Callable[[Finding], tuple[int, ...]]
) -> dict[int, Finding]:
    """Return for each primary finding on access that another one includes for each of its principals, by its id, the
    first of those that include it and that no other one includes.

    ``members``: the findings of the group of each primary finding, by its id. ``rank``: a sort key that begins with
    severity and confidence; no finding includes one that is worse.
    """
    heads = [
        head for head in heads if head.check_id in ACCESS_CHECKS and head.suppressed is None and head.details.holders
    ]
    holders = {id(head): _by_holder(members[id(head)]) for head in heads}
    by_holder: dict[str, list[Finding]] = {}
    for head in heads:
        for holder in holders[id(head)]:
            by_holder.setdefault(holder, []).append(head)
    order = {id(head): (*rank(head)[:2], *_narrowness(head), number) for number, head in enumerate(heads)}
    own_grants = {id(head): _by_holder([head]) for head in heads}
    inclusion = _Inclusion()
    covered: dict[tuple[int, int], int] = {}  # the number of principals for which the first includes the second
    for holder, some in by_holder.items():
        for wide in sorted(some, key=lambda head: order[id(head)])[:_MOST_COMPARED] if len(some) > 1 else ():
            own = own_grants[id(wide)].get(holder, ())
            for head in some:
                if head is not wide and rank(wide)[:2] <= rank(head)[:2]:
                    grants = holders[id(head)][holder]
                    if all(any(inclusion.includes(outer, inner) for outer in own) for inner in grants):
                        covered[id(wide), id(head)] = covered.get((id(wide), id(head)), 0) + 1
    by_id = {id(head): head for head in heads}
    narrower: dict[int, list[Finding]] = {}
    for (wide_id, head_id), number in covered.items():
        if number == len(holders[head_id]):
            narrower.setdefault(wide_id, []).append(by_id[head_id])
    wider: dict[int, Finding] = {}
    firsts: set[int] = set()
    for wide in sorted(heads, key=lambda head: order[id(head)]):
        if id(wide) in wider or id(wide) not in narrower:
            continue
        firsts.add(id(wide))
        for head in narrower[id(wide)]:
            if id(head) not in firsts:
                wider.setdefault(id(head), wide)
    return wider


def _by_holder(findings: Iterable[Finding]) -> dict[str, list[PassRoleGrant]]:
    """Return the grants of each principal that findings are about, each once."""
    found: dict[str, dict[int, PassRoleGrant]] = {}
    for finding in findings:
        for holder, grant in finding.details.holders:
            found.setdefault(holder, {})[id(grant)] = grant
    return {holder: list(grants.values()) for holder, grants in found.items()}


def _narrowness(finding: Finding) -> tuple[int, bool, int, int]:
    """Return a sort key of the access of a finding: those that may include most others come first."""
    grant = finding.grant
    if grant is None:
        return len(Scope), True, 0, 0
    shortest = min((len(str(role.pattern)) for role in grant.roles), default=0)
    return grant.scope.width, not _is_unconditional(grant), -len(grant.roles), shortest


class _Inclusion:
    """Comparisons of two grants of one principal, once for each pair of equal statements."""

    def __init__(self) -> None:
        self._services = known_services("aws") | known_services("aws-cn")
        self._known: dict[tuple[Hashable, Hashable], bool] = {}
        self._keys: dict[int, tuple[PassRoleGrant, Hashable]] = {}

    def includes(self, outer: PassRoleGrant, inner: PassRoleGrant) -> bool:
        """True if ``outer`` surely allows all that ``inner`` may allow, and without other conditions.

        A wildcard that allows all of IAM is more than iam:PassRole, and only included in another one.
        """
        if _wildcard(outer) < _wildcard(inner):
            return False
        if outer.certain is not Ternary.YES or outer.denied or outer.complement or outer.condition.problems:
            return False
        if not implies_all(inner.statement.when, outer.statement.when):
            return False
        if _is_any_role(outer, inner) and _is_unconditional(outer):
            return True
        if _is_narrower(outer, inner):
            return False
        key = (self._key(outer), self._key(inner))
        if key not in self._known:
            self._known[key] = self._compare(outer, inner)
        return self._known[key]

    def _key(self, grant: PassRoleGrant) -> Hashable:
        cached = self._keys.get(id(grant))
        if cached is None:
            cached = self._keys[id(grant)] = (grant, replace(grant.statement, when=()).content)
        return cached[1]

    def _compare(self, outer: PassRoleGrant, inner: PassRoleGrant) -> bool:
        """True if the services, the roles and the other tests of a condition of ``outer`` include those of another."""
        services = allowed_services(inner.condition, surely=False) - allowed_services(outer.condition, surely=True)
        if services & _PLACEHOLDERS or any(
            outer.lets(service, self._services) is not Ternary.YES for service in services
        ):
            return False
        if not _is_any_role(outer, inner) and not role_set.surely_within(
            _roles_of(inner), [_roles_of(outer)], where=ANYWHERE
        ):
            return False
        if _is_unconditional(outer):
            return True
        limits = (_limits_of(grant.statement) for grant in (inner, outer))
        return implies(*limits)[0] is Ternary.YES


def _roles_of(grant: PassRoleGrant) -> RoleSet:
    statement = grant.statement
    patterns = statement.resources or statement.not_resources or ()
    return RoleSet(tuple(dict.fromkeys(patterns)), statement.variables, statement.resources is None)


def _limits_of(statement: Statement) -> frozenset[ConditionTest]:
    return frozenset(test for test in condition_tests(statement.condition) if not test.is_on_service)


def _wildcard(grant: PassRoleGrant) -> int:
    """Return how much more than iam:PassRole a grant allows: 2 for everything, 1 for all of IAM, else 0."""
    return 2 if grant.granted_by in ("*", "NotAction") else int(grant.granted_by.lower() == "iam:*")


def _is_any_role(outer: PassRoleGrant, inner: PassRoleGrant) -> bool:
    """True if a grant is of all roles in the account of another one."""
    named = {account_of(role.pattern) for role in (*outer.roles, *inner.roles)} - {None}
    wide = [role.pattern for role in outer.roles if role.scope is Scope.ANY_ROLE and not role.pattern.optional]
    return bool(wide) and (not named or any(pattern.literal == "*" for pattern in wide))


def _is_unconditional(grant: PassRoleGrant) -> bool:
    """True if a grant is for every service and request: it has no condition, or one that tests only keys that do not
    exist and that requests may lack."""
    condition = grant.condition
    if not {UNKNOWN_SERVICE, NO_KEY} <= allowed_services(condition, surely=True):
        return False
    missing = {item.value for item in condition.likely_typos if item.reason.startswith(NOT_A_KEY)}
    unknown = set(condition.tags) or condition.associated_resource_arn or condition.problems or condition.not_sent
    return not unknown and set(condition.others) <= missing


def _is_narrower(outer: PassRoleGrant, inner: PassRoleGrant) -> bool:
    """True if a grant cannot include another one, as a first look at both shows."""
    return outer.scope is not Scope.ANY_ROLE and (inner.scope is Scope.ANY_ROLE or inner.complement)
