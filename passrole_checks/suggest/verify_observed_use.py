"""Verify that a statement narrowed to observed use still allows all of it, and nothing new.

Both versions are evaluated like IAM: each Allow for each principal, after every Deny and limit. Source: IAM User Guide,
"Policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from passrole_checks.access.observed_role import grant_covers, replace_reference
from passrole_checks.access.passable_roles import with_deployment
from passrole_checks.escaping.shorten import shortened
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.roles.role_set import surely_within
from passrole_checks.iam.roles.role_union import RoleSet
from passrole_checks.iam.values.nodes import Position, StringNode, Ternary
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.sources.model.configuration import PolicyKind
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.observed_use import Narrowing, Observation
from passrole_checks.suggest.verify import EditedStatement, actions_of, names_role, verify_other_actions

_SEVERAL = "several resources share this statement and passed different roles: split it"


def verify_observed_use(
    before: AnalyzedConfiguration, after: AnalyzedConfiguration, edited: EditedStatement, narrowing: Narrowing
) -> None:
    """Raise :class:`NotEditableError` if an edited statement does not allow all observed use, or allows anything new or
    not in the target state.
    """
    old, new = _held_at(before, edited.was_at), _held_at(after, edited.is_at)
    if not old and not new:
        return  # this configuration uses the file for something else
    if set(new) != set(old):
        raise NotEditableError("whether other resources should use it, as they would after the edit")
    for address, held in new.items():
        was = old[address]
        for one in held:
            several = len(narrowing.observed) > 1
            _verify_target(one.grant, [other.grant for other in was], narrowing, several=several)
            _verify_not_wider(one, was, (before, after), several=several)
        for observation in narrowing.observed.get(address, ()):
            _verify_still_allowed(observation, (before, was), (after, held))
    if narrowing.separate:
        verify_other_actions([one.grant for held in old.values() for one in held], after, edited)


@dataclass(frozen=True, slots=True)
class _Held:
    """An Allow as held by one principal; ``holder`` by name."""

    holder: str
    grant: PassRoleGrant
    passing: EffectiveGrant


def _held_at(analyzed: AnalyzedConfiguration, is_there: Callable[[Position], bool]) -> dict[str, list[_Held]]:
    """Return the Allows of one version at some positions, by the address of their resource."""
    addresses = {one.resource.address for one in analyzed.statements if is_there(one.grant.at)}
    grants: dict[str, list[_Held]] = {}
    for policy in analyzed.configuration.policies:
        if policy.kind is not PolicyKind.IDENTITY or policy.resource.address not in addresses:
            continue
        for grant in analyzed.model.grants(policy):
            if not is_there(grant.at):
                continue
            if grant.effect != "Allow":
                raise NotEditableError("the statement would not allow passing any role")
            for holder in analyzed.model.principals.of(policy):
                passing = analyzed.model.effective_grant(policy, grant, holder)
                grants.setdefault(policy.resource.address, []).append(_Held(holder.name, grant, passing))
    return grants


def _verify_target(grant: PassRoleGrant, old: Sequence[PassRoleGrant], narrowing: Narrowing, *, several: bool) -> None:
    """Raise :class:`NotEditableError` if a statement matches none of the parts, by services, roles, actions or other
    conditions.
    """
    services = set(grant.services.values)
    parts = [part for part in narrowing.parts if set(part.services or ()) == services]
    if grant.condition.constraint is not Constraint.EXACT or not parts or grant.complement:
        raise NotEditableError("the statement would not name the intended services")
    named = {role.arn.parts for part in parts for role in part.roles or ()}
    wanted = [role for part in parts for role in part.roles or ()]
    wanted += [role for role in narrowing.also if role.arn.parts in named]
    for role in grant.roles:
        if not any(names_role(role.pattern, one) or role.pattern.parts == one.arn.parts for one in wanted):
            reason = f"the statement would allow passing {shortened(str(role.pattern))}"
            raise NotEditableError(_SEVERAL if several else reason)
    if not set(actions_of(grant)) <= {name for one in old for name in actions_of(one)}:
        raise NotEditableError("the statement would allow other actions")
    if _conditions(grant, narrowing.drop) not in [_conditions(one, narrowing.drop) for one in old]:
        raise NotEditableError("the statement would have other conditions")


def _conditions(grant: PassRoleGrant, drop: Iterable[str]) -> object:
    condition = grant.condition
    kept = [tag for tag in condition.tags if tag not in set(drop)]
    return sorted(condition.others), sorted(kept), condition.associated_resource_arn


def _verify_not_wider(
    one: _Held, was: Sequence[_Held], judges: tuple[AnalyzedConfiguration, AnalyzedConfiguration], *, several: bool
) -> None:
    """Raise :class:`NotEditableError` if a principal could pass a role to a service that it could not before."""
    before, after = judges
    for service in one.grant.services.values:
        passed = one.passing.for_service(service)
        if passed is None:
            continue
        held = [(other.grant, other.passing.for_service(service)) for other in was if other.holder == one.holder]
        could = [(grant, found) for grant, found in held if found is not None]
        where = _deployment_of(before, [grant for grant, _ in could])
        allowed, denied = [], list[RoleSet]()
        for grant, found in could:
            variables = grant.statement.variables
            allowed.append(RoleSet(_expanded(found.roles, before), variables, found.complement))
            denied += [RoleSet((role,), variables) for role in _expanded(found.denied, before)]
        for role in _expanded(passed.roles, after):
            inner = [RoleSet((each,), one.grant.statement.variables) for each in (with_deployment(role, where), role)]
            if not any(surely_within(each, allowed, denied_before=denied, where=where) for each in inner):
                raise NotEditableError(_SEVERAL if several else f"whether {shortened(str(role))} can be passed today")


def _verify_still_allowed(
    observation: Observation,
    old: tuple[AnalyzedConfiguration, Sequence[_Held]],
    new: tuple[AnalyzedConfiguration, Sequence[_Held]],
) -> None:
    """Raise :class:`NotEditableError` if an observed pass would no longer be allowed."""
    could = {one.holder: Ternary.NO for one in old[1]}
    can = dict(could)
    for answers, (analyzed, held) in ((could, old), (can, new)):
        for one in held:
            for service in observation.services:
                answers[one.holder] = answers.get(one.holder, Ternary.NO) | grant_covers(
                    one.passing.for_service(service),
                    one.grant,
                    observation.role,
                    observation.account,
                    analyzed.model.roles,
                    analyzed.model.roles_by_name,
                )
    for holder, was in could.items():
        now = can.get(holder, Ternary.NO)
        if (was is Ternary.YES and now is not Ternary.YES) or (was is Ternary.UNKNOWN and now is Ternary.NO):
            raise NotEditableError(f"how to keep allowing the observed passing of {shortened(observation.role)}")


def _deployment_of(analyzed: AnalyzedConfiguration, grants: Sequence[PassRoleGrant]) -> Deployment:
    patterns = [role.pattern for grant in grants for role in grant.roles]
    partitions = {found for pattern in patterns if (found := arn.partition_of(pattern)) is not None}
    partition = (
        partitions.pop() if len(partitions) == 1 else next(iter(analyzed.configuration.change.home.partitions), "aws")
    )
    return Deployment(analyzed.model.account or arn.only_account(patterns), (partition,))


def _expanded(roles: Sequence[StringNode], analyzed: AnalyzedConfiguration) -> tuple[StringNode, ...]:
    return tuple(replace_reference(role, analyzed.model.roles, analyzed.model.roles_by_name) for role in roles)
