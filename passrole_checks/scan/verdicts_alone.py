"""Verdicts on a configuration alone that what surrounds it takes away without a limit.

What an account or other roots add can show that a principal gains nothing: it is an administrator there, it has the
permissions otherwise, or no service can assume the roles. That may change without the code. So only a Deny, a
permissions boundary or an SCP takes such a verdict away; otherwise it stays, less severe, with the reason.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import field, replace

from passrole_checks.access.access_model import AccessModel
from passrole_checks.access.role_privilege import can_do_everything
from passrole_checks.checks.base.check import Check
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.escaping.shorten import listed
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.permissions.principal import Principal
from passrole_checks.scan.contexts import contexts_of
from passrole_checks.scan.run_checks import CheckVerdict, OnFault, evaluate
from passrole_checks.sources.model.configuration import AttachedPolicy

_Key = tuple[Hashable, ...]


def without_surroundings(joined: AccessModel) -> Iterator[VerdictsAlone]:
    """Yield the verdicts on a configuration without its account, and without the other roots either; none if nothing
    surrounds it."""
    whole = joined.configuration.surroundings.context.alone
    if whole is not None:
        model = AccessModel(whole, joined.account)
        policies = (*whole.policies, *whole.change.unchanged, *model.principals.managed)
        yield VerdictsAlone(model, {_policy_key(policy): policy for policy in policies})
        yield from without_surroundings(model)


@dataclass
class VerdictsAlone:
    """The verdicts on one configuration without what surrounds it."""

    model: AccessModel
    policies: dict[_Key, AttachedPolicy]
    _contexts: dict[_Key, dict[_Key, GrantContext]] = field(default_factory=dict)  # of the last policy
    _limited: dict[tuple[int, int], Principal] = field(default_factory=dict)

    def left(
        self, context: GrantContext, shown: Sequence[CheckVerdict], checks: Iterable[type[Check]], on_fault: OnFault
    ) -> Iterator[CheckVerdict]:
        """Yield the verdicts of checks on a grant that are not ``shown``, the verdicts in its surroundings, and that
        no Deny, boundary or SCP excludes. ``on_fault``: as of :func:`~passrole_checks.scan.run_checks.evaluate`."""
        if context.grant.effect != "Allow" or context.grant.denied:
            return
        alone = self._contexts_of(context.policy).get(_grant_key(context))
        if alone is None:
            return
        alone = replace(alone, holders=tuple(self._within_limits(holder, context) for holder in alone.holders))
        for check in checks:
            for item in evaluate(check, alone, on_fault):
                if not any(_answers(other, item, context) for other in shown):
                    yield replace(item, verdict=_explained(item.verdict, context))

    def _contexts_of(self, policy: AttachedPolicy) -> dict[_Key, GrantContext]:
        key = _policy_key(policy)
        if key not in self._contexts:
            self._contexts.clear()
            alone = self.policies.get(key)
            contexts = contexts_of(self.model, alone, with_change=False) if alone is not None else ()
            self._contexts[key] = {_grant_key(context): context for context in contexts}
        return self._contexts[key]

    def _within_limits(self, holder: Principal, context: GrantContext) -> Principal:
        """Return a principal with what limits it in the surroundings; of several, the least limited one counts."""
        known = [one for one in context.holders if one.name == holder.name] or context.holders
        least = min((one.permissions for one in known), key=lambda one: len(one.limits) + len(_denials(one)))
        own = holder.permissions
        key = id(own), id(least)
        if key not in self._limited:
            more = [one for one in _denials(least) if one not in own.statements]
            limits = Permissions((*own.statements, *more), least.limits, own.complete, own.account)
            self._limited[key] = replace(holder, permissions=limits) if more or least.limits != own.limits else holder
        return self._limited[key]


def _denials(permissions: Permissions) -> list[Statement]:
    return [statement for statement in permissions.statements if statement.effect != "Allow"]


def _policy_key(policy: AttachedPolicy) -> _Key:
    name = policy.managed or policy.account_policy
    return policy.resource.address, policy.resource.at.file, policy.path, policy.element, name


def _grant_key(context: GrantContext) -> _Key:
    grant = context.grant
    return grant.at, grant.statement.path, grant.statement.when


def _answers(shown: CheckVerdict, alone: CheckVerdict, context: GrantContext) -> bool:
    """True if a verdict in the surroundings replaces one on the code alone: of the same check or one that supersedes
    it, about the same principals, which may be known by the surroundings only."""
    if shown.check is not alone.check and shown.check.id not in alone.check.superseded_by:
        return False
    who = alone.verdict.who
    return set(who) <= {*shown.verdict.who} or all(one.name not in who for one in context.holders)


def _explained(verdict: Verdict, context: GrantContext) -> Verdict:
    """Return a verdict of at most low severity, with the reason that the surroundings give."""
    names = context.model.configuration.surroundings.context
    holders = [one for one in context.holders if one.name in verdict.who] or context.holders
    known = [*filter(None, (names.principals.get(one.name) for one in holders))]
    origins = listed(list(dict.fromkeys(known or names.origins or names.roles.values())), 2)
    is_administrator = all(can_do_everything(one, context.grant.statement.when) for one in holders)
    why = "is an administrator, so it gains nothing by this" if is_administrator else "gains nothing by this"
    reason = f" According to {origins}, the principal {why}."
    return replace(
        verdict,
        severity=min(verdict.severity, Severity.LOW, key=lambda severity: severity.rank),
        message=verdict.message + reason,
        message_for_several=verdict.message_for_several and verdict.message_for_several + reason,
    )
