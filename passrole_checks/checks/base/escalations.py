"""The access that principals gain by passing roles, for the checks that find it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from passrole_checks.access.launches import path_rank
from passrole_checks.access.role_privilege import can_do_everything
from passrole_checks.access.severity import Holder
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.findings import Escalation, Outcome, Verdict
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Ternary


def principal_name(holder: Principal) -> str:
    """Return the name of a principal; "" for a policy without known attachments."""
    return holder.name if holder.kind is not PrincipalKind.POLICY else ""


def administrators(context: GrantContext, holders: Iterable[Principal] | None = None) -> tuple[Escalation, ...]:
    """Return those of the holders of a grant (default: all) that are administrators, or can make themselves one."""
    when = context.grant.statement.when
    return tuple(
        Escalation(principal_name(holder), Outcome.ADMINISTRATOR)
        for holder in (context.holders if holders is None else holders)
        if can_do_everything(holder, when)
    )


def launch_of_any_role(context: GrantContext, holder: Principal) -> tuple[Escalation, ...]:
    """Return the first escalation path that is open to a holder of a grant with any role; empty if there is none."""
    passing = context.effective_grant(holder)
    found = []
    for way in context.passable_roles.open_ways(holder, context.grant.statement.when):
        for service in way.way.services:
            passed = passing.for_service(service)
            if passed is not None and passed.scope is Scope.ANY_ROLE:
                sure = way.certain is passed.certain is Ternary.YES
                found.append((path_rank(way.way, sure=sure), way.way, service))
                break
    if not found:
        return ()
    _, strongest, service = min(found, key=lambda item: item[0])
    name = principal_name(holder)
    return (Escalation(name, Outcome.ADMINISTRATOR, service=service, actions=strongest.actions, path=strongest.id),)


_NAMED = (Holder.DEPLOYMENT, Holder.ACCOUNTS, Holder.PEOPLE)


def cause_of_managed_policy(context: GrantContext, holder: Principal) -> str:
    """Return the cause of what an AWS managed policy allows, which is equal for principals that the same users have:
    the policy and the services, repositories or kinds of people that alone can use the principal; "" if unknown."""
    role, people = context.role_of(holder), context.trust_of(holder)
    services = role.trusted if role is not None and role.only_services and role.trusted else ()
    trusted = people.names if people.names and people.holder in _NAMED else tuple(sorted(services))
    return " ".join((context.policy.managed, *trusted)) if trusted else ""


def verdicts_on_holders(context: GrantContext, judge: Callable[[Principal], Iterable[Verdict]]) -> Iterator[Verdict]:
    """Yield the verdicts of ``judge`` on each holder of a grant that cannot do everything anyway.

    Thousands of users of a group have equal permissions: they are judged once. A role is judged by itself, because
    verdicts treat the role that its principal is differently.
    """
    judged: dict[object, tuple[Principal, list[Verdict]]] = {}
    for holder in context.holders:
        if can_do_everything(holder, context.grant.statement.when):
            continue
        alike = (
            holder.name
            if context.role_of(holder) is not None
            else (id(holder.permissions), holder.kind, holder.unknown)
        )
        key = alike, context.trust_of(holder)
        if key not in judged:
            judged[key] = holder, list(judge(holder))
        first, verdicts = judged[key]
        yield from (verdict if holder is first else _renamed(verdict, context, first, holder) for verdict in verdicts)


def _renamed(verdict: Verdict, context: GrantContext, first: Principal, holder: Principal) -> Verdict:
    """Return the verdict on the ``first`` of several principals with equal permissions for another one."""
    name, own = principal_name(holder), f"{context.name_of(first)} "
    cause = f"{context.name_of(holder)} {verdict.cause[len(own) :]}" if verdict.cause.startswith(own) else verdict.cause
    escalations = tuple(replace(one, principal=name) for one in verdict.escalations)
    return replace(verdict, who=(name,), cause=cause, escalations=escalations)
