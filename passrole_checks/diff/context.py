"""The context of a statement: everything else in its unit that decides on the access that it grants."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator

from passrole_checks.diff.statements import StatementVersion
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.values.nodes import Node
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.scan.condition_words import condition_text
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration


def context_of(
    unit: Configuration, denials: Iterable[StatementVersion], item: StatementVersion, holders: Collection[str]
) -> tuple[str, ...]:
    """Return what decides on the access of principals by ``item``, a statement of a unit: the account, the members of
    groups, Deny statements, permissions boundaries and service control policies. These are texts in a fixed order,
    which differ if any of that does. ``denials``: the Deny statements of the unit.
    """
    attached = unit.attached
    linked = {name for pair in attached.members if pair[0] in holders or pair[1] in holders for name in pair}
    reached = {*holders, *linked}
    texts = [_line("account", unit.account or "", *(text for text, _ in unit.provisioning.credentials))]
    texts += (
        _line("provider", text)
        for address, text, _ in unit.provisioning.own_credentials
        if any(re.match(rf"{re.escape(address)}(?![\w-])", name) for name in (item.address, *holders))
    )
    texts += (_line("member", *pair) for pair in attached.members if pair[0] in holders)
    for other in denials:
        limited = other.names.principals
        if not reached.isdisjoint(limited) if limited else other.address == item.address:
            texts.append(_line("deny", *(text for grant in other.variants for text in _texts(grant.statement))))
    for use in attached.boundaries:
        if use.principal in reached:
            texts.append(_line("boundary", use.principal, _when(use.when), *_policy_texts(use.policy)))
    texts += (
        _line("target", str(target), _when(when), *_policy_texts(policy)) for target, when, policy in attached.targets
    )
    return tuple(sorted(texts))


def _line(*texts: str) -> str:
    return json.dumps(texts)


def _policy_texts(policy: AttachedPolicy | Node | None) -> Iterator[str]:
    if isinstance(policy, AttachedPolicy):
        for statement in parse_document(policy.document).statements:
            yield from _texts(statement)
    elif policy is not None:
        yield str(policy)


def _texts(statement: Statement) -> tuple[str, ...]:
    return *statement.identity, _when(statement.when), ""


def _when(condition: PathCondition) -> str:
    return condition_text((condition,)) if condition else ""
