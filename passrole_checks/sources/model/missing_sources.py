"""Sources of policies that are not part of a configuration: modules, states of other configurations, stored values.

They are missing when the configuration is scanned, and present when it is deployed.
"""

from __future__ import annotations

import re

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position, Unresolved
from passrole_checks.sources.model.configuration import Configuration, NoteKind, Unreadable

OTHER_STACK_EXPORT = "exported by another stack"
OTHER_STACK_OUTPUT = "output of another stack"
DYNAMIC_REFERENCE = "dynamic reference, resolved at deployment"
INCLUDED_AT_DEPLOYMENT = "included at deployment"
_STORED_ELSEWHERE = frozenset({OTHER_STACK_EXPORT, OTHER_STACK_OUTPUT, DYNAMIC_REFERENCE, INCLUDED_AT_DEPLOYMENT})
"""Reasons of unresolved values that nothing in the configuration declares."""

_INSTANCE_KEY = lazy_regex(r'\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\]')
_REFERENCE = lazy_regex(r"(?<![\w.:/$-])[A-Za-z]\w*\.[\w-]")  # the start of a dotted name


def without_keys(text: str) -> str:
    """Return an address or an expression without instance keys and indexes."""
    return _INSTANCE_KEY.sub("", text)


def missing_source(configuration: Configuration, value: Unresolved, at: Position) -> Unreadable | None:
    """Return the note about the missing source that an unresolved value of a configuration comes from; None if there
    is none.

    A value that a function computes comes from the source of its first reference. ``at``: the position of the value.
    """
    if value.reason in _STORED_ELSEWHERE:
        reason = f"{value.expression}: {value.reason}"
        subject = f"{at.file} {value.expression}"
        return Unreadable(at.file, reason, at.line, subject, kind=NoteKind.DEFINED_ELSEWHERE)
    if not configuration.notes.missing:
        return None
    expression = without_keys(value.expression)
    first = _REFERENCE.search(expression)
    if first is None:
        return None
    reference = expression[first.start() :]
    return next(
        (
            note
            for address, note in configuration.notes.missing
            if re.match(rf"{re.escape(address)}(?![\w-])", reference)
        ),
        None,
    )
