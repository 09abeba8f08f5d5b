"""The proof that a statement which was narrowed by the logs still allows what they show, and nothing that is new.

Both versions are asked as IAM would be: what each Allow leaves to its holders, after every Deny and limit.
Source: IAM User Guide, "Policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from passrole_checks.access.observed_role import grant_covers, written_out
from passrole_checks.checks.base.wording import shortened
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.partial_values import Part, Position, StringNode, Ternary, Unresolved, UnresolvedKind, join
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Deployment
from passrole_checks.iam.roles.role_set import RoleSet, surely_within
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.sources.model.configuration import PolicyKind
from passrole_checks.suggest.observed_use import Narrowing, Observation
from passrole_checks.suggest.verify import (
    NotProvedError,
    StatementSpan,
    TrialUnit,
    Tried,
    actions_of,
    holds_at,
    keeps_its_other_actions,
    names_role,
)

_SEVERAL = "the statement is used in several places, which were not seen to pass the same roles: part them"


def make_sure_of_use(
    before: TrialUnit,
    after: Tried,
    narrowing: Narrowing,
    place: StatementSpan,
    moved: StatementSpan,
    texts: Mapping[str, str],
    changed: Mapping[str, str],
) -> None:
    """Raises :class:`NotProvedError` where the statements at a place do not allow all that was observed, or anything
    that they did not allow before, or that was not wanted."""
    old = _Side(before.analyzed, lambda at: holds_at(place, at, texts))
    new = _Side(after.analyzed, lambda at: holds_at(moved, after.place_of(at), changed))
    if not old.grants and not new.grants:
        return  # a configuration that reads the file for something else
    if set(new.grants) != set(old.grants):
        raise NotProvedError("whether it is to be in the hands of others, as it would be then")
    for address, held in new.grants.items():
        was = old.grants[address]
        for one in held:
            several = len(narrowing.observed) > 1
            _is_wanted(one.grant, [other.grant for other in was], narrowing, several=several)
            _is_no_wider(one, was, (before.analyzed, after.analyzed), several=several)
        for observation in narrowing.observed.get(address, ()):
            _is_still_allowed(observation, (before.analyzed, was), (after.analyzed, held))
    if narrowing.apart:
        keeps_its_other_actions([one.grant for held in old.grants.values() for one in held], after, moved, changed)


@dataclass(frozen=True, slots=True)
class _Held:
    """An Allow in the hands of one holder; ``holder`` by name."""

    holder: str
    grant: PassRoleGrant
    passing: EffectiveGrant


class _Side:
    """A version: the Allows at a place, by the address of the resource that holds them."""

    def __init__(self, analyzed: AnalyzedConfiguration, is_there: Callable[[Position], bool]) -> None:
        addresses = {one.resource.address for one in analyzed.grants if is_there(one.grant.at)}
        self.grants: dict[str, list[_Held]] = {}
        for policy in analyzed.configuration.policies:
            if policy.kind is not PolicyKind.IDENTITY or policy.resource.address not in addresses:
                continue
            for grant in analyzed.model.grants(policy):
                if not is_there(grant.at):
                    continue
                if grant.effect != "Allow":
                    raise NotProvedError("the statement would not let any role be passed")
                for holder in analyzed.model.principals.of(policy):
                    passing = analyzed.model.effective_grant(policy, grant, holder)
                    held = self.grants.setdefault(policy.resource.address, [])
                    held.append(_Held(holder.name, grant, passing))


def _is_wanted(grant: PassRoleGrant, old: Sequence[PassRoleGrant], narrowing: Narrowing, *, several: bool) -> None:
    """Raises where a statement is none of the parts: by services, roles, actions or other conditions."""
    services = set(grant.services.values)
    parts = [part for part in narrowing.parts if set(part.services or ()) == services]
    if grant.condition.constraint is not Constraint.EXACT or not parts or grant.complement:
        raise NotProvedError("the statement would not name the services that are meant")
    named = {role.arn.parts for part in parts for role in part.roles or ()}
    wanted = [role for part in parts for role in part.roles or ()]
    wanted += [role for role in narrowing.also if role.arn.parts in named]
    for role in grant.roles:
        if not any(names_role(role.pattern, one) or role.pattern.parts == one.arn.parts for one in wanted):
            told = f"the statement would let {shortened(str(role.pattern))} be passed"
            raise NotProvedError(_SEVERAL if several else told)
    if not set(actions_of(grant)) <= {name for one in old for name in actions_of(one)}:
        raise NotProvedError("the statement would allow other actions")
    if _conditions(grant, narrowing.drop) not in [_conditions(one, narrowing.drop) for one in old]:
        raise NotProvedError("the statement would have other conditions")


def _conditions(grant: PassRoleGrant, drop: Iterable[str]) -> object:
    condition = grant.condition
    kept = [one for one in condition.tags if one not in set(drop)]
    return sorted(condition.others), sorted(kept), condition.associated_resource_arn


def _is_no_wider(
    one: _Held, was: Sequence[_Held], judges: tuple[AnalyzedConfiguration, AnalyzedConfiguration], *, several: bool
) -> None:
    """Raises where a role may be passed to a service that its holder could not pass there before."""
    before, after = judges
    for service in one.grant.services.values:
        passed = one.passing.for_service(service)
        if passed is None:
            continue
        held = [(other.grant, other.passing.for_service(service)) for other in was if other.holder == one.holder]
        could = [(grant, found) for grant, found in held if found is not None]
        where = _where(before, [grant for grant, _ in could])
        allowed, denied = [], list[RoleSet]()
        for grant, found in could:
            variables = grant.statement.variables
            allowed.append(RoleSet(_written(found.roles, before), variables, found.complement))
            denied += [RoleSet((role,), variables) for role in _written(found.denied, before)]
        for role in _written(passed.roles, after):
            inner = [RoleSet((each,), one.grant.statement.variables) for each in (_placed(role, where), role)]
            if not any(surely_within(each, allowed, denied_before=denied, where=where) for each in inner):
                raise NotProvedError(_SEVERAL if several else f"whether {shortened(str(role))} may be passed today")


def _is_still_allowed(
    observation: Observation,
    old: tuple[AnalyzedConfiguration, Sequence[_Held]],
    new: tuple[AnalyzedConfiguration, Sequence[_Held]],
) -> None:
    """Raises where a pass that was seen could not be made any more."""
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
            raise NotProvedError(f"how {shortened(observation.role)} could still be passed, as it was")


def _where(analyzed: AnalyzedConfiguration, grants: Sequence[PassRoleGrant]) -> Deployment:
    patterns = [role.pattern for grant in grants for role in grant.roles]
    accounts = {found for one in patterns if (found := arn.account_of(one)) is not None}
    partitions = {found for one in patterns if (found := arn.partition_of(one)) is not None}
    partition = partitions.pop() if len(partitions) == 1 else next(iter(analyzed.configuration.home.partitions), "aws")
    return Deployment(analyzed.model.account or (accounts.pop() if len(accounts) == 1 else None), (partition,))


def _written(roles: Sequence[StringNode], analyzed: AnalyzedConfiguration) -> tuple[StringNode, ...]:
    return tuple(written_out(role, analyzed.model.roles, analyzed.model.roles_by_name) for role in roles)


def _placed(role: StringNode, where: Deployment) -> StringNode:
    """A role in the account and the partition that is deployed to, as far as these are known."""
    known: dict[UnresolvedKind, str | None] = {
        UnresolvedKind.ACCOUNT_ID: where.account,
        UnresolvedKind.PARTITION: where.partitions[0],
    }
    parts: list[Part] = [
        known.get(part.kind) or part if isinstance(part, Unresolved) else part for part in role.parts[:4]
    ]
    return StringNode(join([*parts, *role.parts[4:]]), role.at)
