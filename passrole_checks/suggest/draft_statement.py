"""The text to paste where no edit can be written: the author's own text with the change, and placeholders in angle
brackets for what is unknown.

It is the Condition alone if nothing else is missing, else the changed statement, or the new one beside it. Text that
cannot be edited, such as a computed Resource, is not repeated: the statement is then rendered anew.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from passrole_checks.access.derived_services import DerivedService
from passrole_checks.access.launches import MOST_USED
from passrole_checks.aws.service_principals import known_services
from passrole_checks.iam.conditions.likely_typos import NOT_A_KEY
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, Position, StringNode
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.suggest.advice import MAX_NAMED_ROLES, Advice
from passrole_checks.suggest.derived_limit import DerivedLimit
from passrole_checks.suggest.edits import apply_edits
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.render_statement import (
    dedented_text,
    is_named,
    literal_role,
    placeholder,
    render_condition,
    render_statement,
    statement_language,
    with_dash,
)
from passrole_checks.suggest.split_statement import separate_statement
from passrole_checks.suggest.suggestion import Edit, StatementChange, TargetRole
from passrole_checks.suggest.verify import edited_span, statement_span

SERVICE = "<service>.amazonaws.com"
MORE = "<{} more services>"

_MOST_SERVICES = 5  # derived services that are named
_MOST_PLACEHOLDERS = 5  # individual placeholders for roles
EditsOf = Callable[[StatementChange], tuple[Edit, ...]]
_CONDITION = lazy_regex(r"""["']?conditions?\b""", re.IGNORECASE)


def drafted_change(
    located: LocatedGrant, advice: Advice, limit: DerivedLimit | None, *, wide: bool, tags: bool
) -> StatementChange:
    """Return the change to draft for a statement that needs manual review.

    ``limit``: the services that its holders can pass roles to. ``wide``: its Resource must be narrowed. ``tags``: its
    conditions on role tags go.
    """
    grant = located.grant
    named = tuple({role.address or str(role.arn): role for role in advice.roles}.values())
    if len(named) > MAX_NAMED_ROLES:
        named = (placeholder(f"ARN with the path or prefix of the {len(named)} roles", grant.at),)
    roles = (named or (placeholder("role ARN", grant.at),)) if wide else None
    misspelled = tuple(typo.value for typo in grant.condition.likely_typos if typo.reason.startswith(NOT_A_KEY))
    services = tuple(_services_under(misspelled, grant.statement.condition)) or advice.services
    if advice.change is None and not (services and (misspelled or (roles and all(map(is_named, roles))))):
        likely = tuple(_likely_services(located, limit))
        services = _shortened((*(service for service in services if service not in likely), *likely))
    return StatementChange(
        roles=roles,
        services=services or (SERVICE,),
        drop=(*misspelled, *(grant.condition.tags if tags else ())),
        separate=advice.new_statement,
    )


def _services_under(keys: Collection[str], condition: Node | None) -> Iterator[str]:
    """Yield the services that a condition names under keys that do not exist."""
    for operator in condition.entries if isinstance(condition, ObjectNode) else ():
        for entry in operator.value.entries if isinstance(operator.value, ObjectNode) else ():
            values = entry.value.items if isinstance(entry.value, ListNode) else (entry.value,)
            if str(entry.key) in keys:
                names = (value.literal for value in values if isinstance(value, StringNode))
                yield from (name for name in names if name in known_services("aws-cn"))


def _shortened(services: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first services and a placeholder for the others; if there are others, without the names that are used
    in China only."""
    if len(services) <= _MOST_SERVICES:
        return services
    known = [service for service in services if service.removesuffix(".cn") == service or service[:-3] not in services]
    left = len(known) - _MOST_SERVICES
    return (*known[:_MOST_SERVICES], *((MORE.format(left),) if left > 0 else ()))


def _likely_services(located: LocatedGrant, limit: DerivedLimit | None) -> Iterable[str]:
    """Return the services that a statement is probably for, the likeliest first: those that its condition names; else
    those that its holders can pass roles to.
    """
    grant = located.grant
    exact = grant.services.constraint in (Constraint.EXACT, Constraint.EXACT_IF_PRESENT)
    if exact and not grant.condition.dead:
        return grant.services.values
    if limit is None:
        return ()
    own = limit.sent_by(grant.statement)
    by_name = {pattern.lower() for pattern in limit.derived.allowed_patterns}

    def order(item: DerivedService) -> tuple[object, ...]:
        is_named = any(action.lower() in by_name for action in item.actions)
        prefixes = {f"{action.partition(':')[0]}:" for action in item.actions}
        used = [number for number, prefix in enumerate(MOST_USED) if prefix in prefixes]
        is_main = any(item.service.startswith(prefix.rstrip(":")) for prefix in prefixes)
        return (item not in own, *item.rank, not is_named, min(used, default=len(MOST_USED)), not is_main, item.service)

    return (item.service for item in sorted(limit.named, key=order) if "*" not in item.service)


def draft_statement(
    located: LocatedGrant,
    change: StatementChange,
    text: str,
    edits_of: EditsOf,
    *,
    reads: bool = False,
    taken: Collection[str] = (),
) -> str:
    """Return the text to paste for a change.

    Args:
        text: the file.
        edits_of: returns the edits of the statement for a change, or raises :class:`NotEditableError`.
        reads: a statement for iam:GetRole alone.
        taken: Sids that no new statement may have.
    """
    separate = change.separate or reads
    for only_writable in (False, True):
        with suppress(NotEditableError):
            wanted = replace(change, roles=_writable_roles(change, edits_of)) if only_writable else change
            own = replace(wanted, separate=False, only_roles=separate and wanted.roles is None)
            edits = edits_of(own) if wanted != StatementChange(separate=separate) else ()
            if not separate:
                return _edited_text(located.grant.at, text, edits)
            return separate_statement(located, edits, text, change.services or (), reads=reads, taken=taken)
    return _rendered(located, change, text, reads=reads)


def _writable_roles(change: StatementChange, edits_of: EditsOf) -> tuple[TargetRole, ...] | None:
    """Return the roles of a change, with placeholders for those that cannot be written there; one for many."""
    if change.roles is None:
        return None
    unwritable = list[TargetRole]()
    for role in change.roles:
        try:
            edits_of(StatementChange(roles=(role,)))
        except NotEditableError:
            unwritable.append(role)
    named, others = unwritable[:_MOST_PLACEHOLDERS], unwritable[_MOST_PLACEHOLDERS:]
    more = [placeholder(f"ARNs of {len(others)} more roles", others[0].arn.at)] if others else []
    written = [literal_role(role) if role in named else role for role in change.roles if role not in others]
    return (*written, *more)


def _edited_text(at: Position, text: str, edits: Sequence[Edit]) -> str:
    """Return the edited statement, or the inserted text alone if that is a Condition."""
    if len(edits) == 1 and edits[0].start == edits[0].end:
        inserted = textwrap.dedent(re.sub(r"\A[\s,]*\n", "", edits[0].text).rstrip(" \t\r\n,")).strip(" ,")
        if _CONDITION.match(inserted):
            return inserted
    changed, span = apply_edits(text, edits), edited_span(at, text, edits).after(edits)
    statement = dedented_text(changed, span.start, span.end)
    is_element = changed[changed.rfind("\n", 0, span.start) + 1 : span.start].strip() == "-"
    return with_dash(statement) if is_element and not statement.startswith("- ") else statement


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
