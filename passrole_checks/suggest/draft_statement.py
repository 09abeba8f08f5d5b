"""The text to paste where no edit can be written: the author's own text with the change, and placeholders in angle
brackets for what is unknown.

It is the Condition alone if nothing else is missing, else the changed statement, or the new one beside it. Text that
cannot be edited, such as a computed Resource, is not repeated: the statement is then rendered anew.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from passrole_checks.access.derived_services import DerivedService, derive_for_grant
from passrole_checks.checks.privilege_escalation import MOST_USED
from passrole_checks.iam.conditions.likely_typos import NOT_A_KEY
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.partial_values import Position
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.suggest.advice import Advice
from passrole_checks.suggest.edits import apply_edits
from passrole_checks.suggest.render_statement import (
    dedented_text,
    is_named,
    literal_role,
    placeholder,
    render_condition,
    render_statement,
    statement_language,
)
from passrole_checks.suggest.split_statement import separate_statement
from passrole_checks.suggest.suggestion import Edit, StatementChange, TargetRole
from passrole_checks.suggest.verify import edited_span, statement_span

SERVICE = "<service>.amazonaws.com"
MORE = "…"

_MOST_SERVICES = 5  # derived services that are named
_CONDITION = re.compile(r"""["']?conditions?\b""", re.IGNORECASE)


def drafted_change(
    analyzed: AnalyzedConfiguration, located: LocatedGrant, advice: Advice, *, wide: bool, tags: bool
) -> StatementChange:
    """Return the change to draft for a statement that needs manual review.

    ``wide``: its Resource must be narrowed. ``tags``: its conditions on role tags go.
    """
    grant = located.grant
    roles = (advice.roles or (placeholder("role ARN", grant.at),)) if wide else None
    services = advice.services
    if advice.change is None and not (services and roles and all(map(is_named, roles))):
        services = tuple(dict.fromkeys((*services, *_likely_services(analyzed, located))))
        services = (*services[:_MOST_SERVICES], *((MORE,) if len(services) > _MOST_SERVICES else ()))
    misspelled = tuple(typo.value for typo in grant.condition.likely_typos if typo.reason.startswith(NOT_A_KEY))
    return StatementChange(
        roles=roles,
        services=services or (SERVICE,),
        drop=(*misspelled, *(grant.condition.tags if tags else ())),
        separate=advice.new_statement,
    )


def _likely_services(analyzed: AnalyzedConfiguration, located: LocatedGrant) -> Iterable[str]:
    """Return the services that a statement is probably for, the likeliest first: those that its condition names; else
    those that its principals can pass roles to.
    """
    grant = located.grant
    exact = grant.services.constraint in (Constraint.EXACT, Constraint.EXACT_IF_PRESENT)
    if exact and not grant.condition.dead:
        return grant.services.values
    policies = [
        policy
        for policy in analyzed.configuration.policies
        if any(statement.at == grant.at for statement in parse_document(policy.document).statements)
    ]
    derived = derive_for_grant(analyzed.model, policies, grant)
    by_name = {pattern.lower() for pattern in derived.allowed_patterns}

    def order(item: DerivedService) -> tuple[object, ...]:
        is_named = any(action.lower() in by_name for action in item.actions)
        used = [
            number for number, prefix in enumerate(MOST_USED) for action in item.actions if action.startswith(prefix)
        ]
        return item.rank, not is_named, min(used, default=len(MOST_USED)), item.service

    limited = grant.scope is not Scope.ANY_ROLE  # else it says nothing that resources receive some role
    likely = [item for item in derived.services if item.actions or item.written or (item.passed and limited)]
    return (item.service for item in sorted(likely, key=order) if item.allowed and "*" not in item.service)


def draft_statement(
    located: LocatedGrant,
    change: StatementChange,
    text: str,
    edits_of: Callable[[StatementChange], tuple[Edit, ...] | str],
    *,
    reads: bool = False,
    taken: Collection[str] = (),
) -> str:
    """Return the text to paste for a change.

    Args:
        text: the file.
        edits_of: returns the edits of the statement for a change, or the reason why there are none.
        reads: a statement for iam:GetRole alone.
        taken: Sids that no new statement may have.
    """
    separate = change.separate or reads
    for wanted in dict.fromkeys((change, _with_placeholders(change))):
        edits = edits_of(replace(wanted, separate=False)) if wanted != StatementChange(separate=separate) else ()
        if isinstance(edits, str):
            continue
        if not separate:
            return _edited_text(located.grant.at, text, edits)
        written = separate_statement(located, edits, text, change.services or (), reads=reads, taken=taken)
        if written:
            return written
    return _rendered(located, change, text, reads=reads)


def _with_placeholders(change: StatementChange) -> StatementChange:
    """Return a change in which placeholders replace the roles that need a reference."""
    if change.roles is None:
        return change
    return replace(change, roles=tuple(map(literal_role, change.roles)))


def _edited_text(at: Position, text: str, edits: Sequence[Edit]) -> str:
    """Return the edited statement, or the inserted text alone if that is a Condition."""
    if len(edits) == 1 and edits[0].start == edits[0].end:
        inserted = textwrap.dedent(re.sub(r"\A[\s,]*\n", "", edits[0].text).rstrip(" \t\r\n,")).strip(" ,")
        if _CONDITION.match(inserted):
            return inserted
    after = edited_span(at, text, edits).after(edits)
    return dedented_text(apply_edits(text, edits), after.start, after.end)


def _rendered(located: LocatedGrant, change: StatementChange, text: str, *, reads: bool) -> str:
    grant = located.grant
    span = statement_span(grant.at, text)
    language = statement_language(located, text[span.start : span.end])
    if change.roles is None and not change.separate and not reads:
        return render_condition(language, change.services or (SERVICE,))
    known = [
        TargetRole("", role.pattern) if role.pattern.literal else placeholder("role ARN", grant.at)
        for role in grant.roles
    ]
    return render_statement(
        language,
        None if change.separate or reads else grant.sid,
        "iam:GetRole" if reads else "iam:PassRole",
        change.roles if change.roles is not None else known,
        change.services,
        terraform=located.resource.framework in (Framework.TERRAFORM, Framework.TERRAFORM_PLAN),
    )
