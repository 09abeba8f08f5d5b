"""Contexts: each grant of a policy, with its holders and the principals that gain access; notes on denied ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from passrole_checks.access.access_change import Beneficiary
from passrole_checks.access.access_model import AccessModel, serves_many_accounts
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.escaping.shorten import listed
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.subtract_denials import under_condition
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Position
from passrole_checks.iam.values.path_conditions import PathCondition, conjoin
from passrole_checks.sources.model.configuration import AttachedPolicy, NoteKind, Unreadable


def contexts_of(model: AccessModel, policy: AttachedPolicy, *, with_change: bool) -> Iterator[GrantContext]:
    """Yield a context for each grant and denial of an identity-based policy.

    ``with_change``: find who gains access by the change that the configuration makes, if it makes one.
    """
    statements = model.document(policy).statements
    for grant in model.grants(policy):
        holders: tuple[Principal, ...] = ()
        beneficiaries: tuple[Beneficiary, ...] = ()
        if grant.effect == "Allow":
            holders = model.principals.of(policy)
            is_comparable = policy.handed_to is None or policy.handed_to in model.configuration.change.handed_out_before
            if with_change and model.change is not None and not grant.denied and is_comparable:
                many = serves_many_accounts(policy.resource)
                beneficiaries = model.change.gainers(policy, grant.statement, many_accounts=many)
                beneficiaries = model.change.with_launchers(
                    policy, grant, holders, beneficiaries, model.passable_roles, many_accounts=many
                )
            if not grant.denied and not any(_can_pass(model, policy, grant, holder) for holder in holders):
                grant = replace(grant, denied=True)
        yield GrantContext(grant, policy, statements, model, holders, beneficiaries)


def _can_pass(model: AccessModel, policy: AttachedPolicy, grant: PassRoleGrant, holder: Principal) -> bool:
    """True unless Deny statements, the permissions boundary and SCPs of a holder take all of a grant."""
    permissions = holder.permissions
    if grant.scope is Scope.NOT_A_ROLE:
        return True  # it grants nothing by itself
    if holder.kind is PrincipalKind.POLICY or not (permissions.limits or permissions.denials):
        return True
    return model.effective_grant(policy, grant, holder).for_any_service is not None


def split_by_path_condition(context: GrantContext) -> list[GrantContext]:
    """Split a context into one for each path condition under which principals hold the policy.

    Checks that consider all policies of a principal need this: the other policies may exclude that condition.
    """
    if not context.policy.conditional_principals:
        return [context]
    holders_under: dict[PathCondition, list[Principal]] = {}
    for holder in context.holders:
        for condition in context.model.principals.path_conditions(context.policy, holder.name):
            both = conjoin(context.grant.statement.when, condition)
            if both is not None:
                holders_under.setdefault(both, []).append(holder)
    return [
        replace(context, grant=under_condition(context.grant, condition), holders=tuple(holders))
        for condition, holders in holders_under.items()
    ]


def denied_notes(contexts: Sequence[GrantContext]) -> Iterator[Unreadable]:
    """Yield a note on each Allow of which Deny statements, the permissions boundary or SCPs leave nothing in any case,
    so that no check reports it."""
    by_statement: dict[tuple[Position, str], list[GrantContext]] = {}
    for context in contexts:
        if context.grant.effect == "Allow":
            by_statement.setdefault((context.grant.at, context.grant.statement.path), []).append(context)
    for (at, _), variants in by_statement.items():
        if not all(context.grant.denied for context in variants):
            continue
        denials = dict.fromkeys(
            denial.at
            for context in variants
            for holder in context.holders
            for denial in context.effective_grant(holder).denied_by
        )
        places = listed([f"line {one.line}" if one.file == at.file else f"{one.file}:{one.line}" for one in denials])
        limit = f"the Deny in {places}" if denials else "a permissions boundary or an SCP"
        address = variants[0].policy.resource.address
        reason = f"{address}: {limit} leaves nothing of this Allow of iam:PassRole"
        yield Unreadable(at.file, reason, at.line, kind=NoteKind.DENIED)
