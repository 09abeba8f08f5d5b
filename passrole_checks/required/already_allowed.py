"""The principals of an account that already may pass the roles that a deployment passes.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from passrole_checks.access.access_model import AccessModel
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.limits import PassableSet
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.roles.role_set import surely_within
from passrole_checks.iam.roles.role_union import RoleSet
from passrole_checks.iam.values.nodes import Position, StringNode, Ternary, Unresolved, join
from passrole_checks.required.policy_statements import ACCOUNT, PARTITION, Blank, Pattern, RequiredStatement
from passrole_checks.sources.model.configuration import PolicyKind
from passrole_checks.sources.model.context import Context

_NOWHERE = Position("", 0)


@dataclass(frozen=True, slots=True)
class AlreadyAllowed:
    """A principal of an account, and the Sids of the statements whose roles it may pass already; ``is_all``: all of
    them. ``origin``: where this is from, in words."""

    principal: str
    statements: tuple[str, ...]
    is_all: bool
    origin: str


def already_allowed(
    statements: Iterable[RequiredStatement], contexts: Sequence[Context], account: str | None = None
) -> tuple[AlreadyAllowed, ...]:
    """Return the principals that surely may pass all roles of a statement to all of its services.

    Those that may pass the roles of most statements come first. ``account``: the account deployed to, if stated.
    """
    needed = [one for one in statements if one.services]
    found: list[AlreadyAllowed] = []
    for context in contexts:
        model = AccessModel(context.configuration, account, counts_all=True)  # the pass has to work as it is
        where = Deployment(model.account, ("aws",))
        grants = _grants_by_holder(model)
        for holder, grants_of_holder in grants.items():
            sids = tuple(one.sid for one in needed if _may_pass(one, grants_of_holder, where))
            if sids:
                found.append(AlreadyAllowed(holder, sids, len(sids) == len(needed), context.origin))
    return tuple(sorted(found, key=lambda one: (-len(one.statements), one.principal)))


def _grants_by_holder(model: AccessModel) -> dict[str, list[EffectiveGrant]]:
    """Return the effective grants of each principal, without those that depend on further conditions."""
    found: dict[str, list[EffectiveGrant]] = {}
    for policy in (*model.configuration.policies, *model.principals.managed):
        if policy.kind is not PolicyKind.IDENTITY:
            continue
        for grant in model.grants(policy):
            is_conditional = grant.other_conditions or grant.resource_tag or grant.associated_resource_arn
            if grant.effect != "Allow" or grant.denied or is_conditional:
                continue
            for holder in model.principals.of(policy) if policy.principals else ():
                found.setdefault(holder.name, []).append(model.effective_grant(policy, grant, holder))
    return found


def _may_pass(statement: RequiredStatement, grants: Iterable[EffectiveGrant], where: Deployment) -> bool:
    """True if grants of one principal surely cover all roles and services of a statement."""
    grants = list(grants)
    return all(
        any(_covers(each, passed, where) for passed in _passed_to(service, grants))
        for service in statement.services
        for each in statement.resources
    )


def _passed_to(service: str, grants: Iterable[EffectiveGrant]) -> Iterator[tuple[PassableSet, bool]]:
    """Yield what surely can be passed to a service, each with True if its statement has policy variables."""
    for grant in grants:
        passed = grant.for_service(service)
        if passed is not None and passed.certain is Ternary.YES and not passed.when:
            yield passed, grant.grant.statement.variables


def _covers(wanted: Pattern, passed: tuple[PassableSet, bool], where: Deployment) -> bool:
    allowed, variables = passed
    return surely_within(
        RoleSet((_as_arn(wanted, where),)),
        [RoleSet(allowed.roles, variables, allowed.complement)],
        denied_before=[RoleSet(allowed.denied, variables)] if allowed.denied else (),
        where=where,
    )


def _as_arn(pattern: Pattern, where: Deployment) -> StringNode:
    """Return a pattern of a statement as an ARN in the account."""
    known = {ACCOUNT: where.account, PARTITION: where.partitions[0]}

    def part_of(part: str | Blank) -> str | Unresolved:
        return part if isinstance(part, str) else known.get(part) or Unresolved("".join(part.words))

    return StringNode(join(list(map(part_of, pattern))), _NOWHERE)
