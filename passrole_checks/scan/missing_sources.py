"""Policies that only a missing source decides: a module, a state, a value that the configuration does not contain.

Nothing is known of them, so they are no findings of the command line: one note for each source counts its policies.
Where anything about PassRole is visible beside the missing part, the check ``unresolved`` reports the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from passrole_checks.checks.base.check import Element
from passrole_checks.checks.unresolved import open_question
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import StringNode, strings_in
from passrole_checks.scan.result import DependentPolicy, subject_of
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, Framework, Unreadable
from passrole_checks.sources.model.missing_sources import missing_source

_ABOUT_PASSROLE = lazy_regex(r"pass[_-]?role|passedtoservice", re.IGNORECASE)
_ABOUT_ROLES = lazy_regex(r":role\b|:iam:")
_OPTION = "scan a plan to include them"


def has_unknown_actions(statements: Iterable[Statement]) -> bool:
    """True if a statement, or one of its actions, is unresolved."""
    return any(
        not statement.whole or any(action.only_unresolved for action in statement.actions or ())
        for statement in statements
    )


def dependent_policies(
    configuration: Configuration, policy: AttachedPolicy, grants: Iterable[PassRoleGrant]
) -> tuple[DependentPolicy, ...]:
    """Return a policy once for each missing source that decides if it grants PassRole.

    ``grants``: all of the policy. Empty if one of them is known, depends on anything else, or names PassRole.
    """
    notes: dict[Unreadable, None] = {}
    for grant in grants:
        if grant.denied:
            continue
        sources = _deciding_sources(configuration, grant)
        if not sources:
            return ()
        notes.update(dict.fromkeys(sources))
    if not notes or _ABOUT_PASSROLE.search(policy.resource.address) or _names_passrole(policy):
        return ()
    option = _OPTION if configuration.framework is Framework.TERRAFORM else ""
    return tuple(DependentPolicy(note, policy.resource.address, policy.path, option) for note in notes)


def _deciding_sources(configuration: Configuration, grant: PassRoleGrant) -> Sequence[Unreadable]:
    """Return notes about the missing sources that alone decide if a statement grants PassRole; else none."""
    question = open_question(grant)
    if question is None or question.element is not Element.STATEMENT or grant.scope is Scope.NOT_A_ROLE:
        return ()
    statement = grant.statement
    if statement.whole:
        unknown = [action for action in statement.actions or () if action.unresolved_parts]
        if statement.effect is None or not unknown or any(action.only_unresolved is None for action in unknown):
            return ()
        if any(map(_names_role, statement.resources or statement.not_resources or ())):
            return ()
    sources = [missing_source(configuration, part, grant.at) for part in question.unresolved_parts]
    return [] if None in sources else [source for source in sources if source is not None]


def _names_role(resource: StringNode) -> bool:
    return any(
        part.role is not None if not isinstance(part, str) else _ABOUT_ROLES.search(part) for part in resource.parts
    )


def _names_passrole(policy: AttachedPolicy) -> bool:
    """True if a text or an expression in the document of a policy names PassRole."""
    return any(
        _ABOUT_PASSROLE.search(part if isinstance(part, str) else part.expression)
        for text in strings_in(policy.document)
        for part in text.parts
    )


def with_counts(notes: Iterable[Unreadable], dependents: Iterable[DependentPolicy]) -> tuple[Unreadable, ...]:
    """Return notes with the number of policies that depend on each missing source, each of those once."""
    policies: dict[str, set[tuple[str, str]]] = {}
    found: dict[str, DependentPolicy] = {}
    for dependent in dependents:
        key = dependent.subject
        found.setdefault(key, dependent)
        policies.setdefault(key, set()).add((dependent.address, dependent.path))
    others = [note for note in notes if subject_of(note) not in found]
    return (*others, *(_counted(first, len(policies[key])) for key, first in found.items()))


def _counted(dependent: DependentPolicy, count: int) -> Unreadable:
    note = dependent.note
    words = "; 1 policy depends on it" if count == 1 else f"; {count} policies depend on it"
    words += f" ({dependent.option})" if dependent.option else ""
    return replace(note, reason=f"{note.reason}{words}", dependents=words)
