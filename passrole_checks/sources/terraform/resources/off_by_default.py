"""Statements and policies that the defaults of variables switch off: only those of which something is known count.

The value that a caller passes instead of the default is unknown as a whole, and so is a statement that consists of it;
with the default, it grants nothing.
"""

from __future__ import annotations

from dataclasses import replace

from passrole_checks.iam.patterns.glob import wildcard_match
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    map_children,
    strings_in,
)
from passrole_checks.iam.values.path_conditions import PathCondition, is_off_by_default
from passrole_checks.iam.values.variants import guard
from passrole_checks.sources.terraform.evaluation.symbolic_values import Reference


def existing(when: PathCondition, document: Node | None) -> Node | None:
    """Return a policy document that exists under a path condition: of one that is off by default, only the statements
    of which something is known. None without any."""
    if document is None or not is_off_by_default(when):
        return document and guard(when, document)
    known = _known_statements(document)
    return None if isinstance(known, Absent) else guard(when, known)


def _known_statements(document: Node) -> Node:
    if isinstance(document, Choice):
        return map_children(document, _known_statements)
    if isinstance(document, StringNode):
        return document if document.only_unresolved is None else Absent(document.at)
    statements = document.get("Statement") if isinstance(document, ObjectNode) else None
    if statements is None or not isinstance(document, ObjectNode):
        return Absent(document.at)
    items = statements.items if isinstance(statements, ListNode) else (statements,)
    known = tuple(item for item in map(_if_known, items) if not isinstance(item, Absent))
    if not known:
        return Absent(document.at)
    kept = ListNode(known, statements.at)
    entries = (ObjectEntry(one.key, kept) if one.key.literal == "Statement" else one for one in document.entries)
    return replace(document, entries=tuple(entries))


def _if_known(statement: Node) -> Node:
    if isinstance(statement, Choice):
        return map_children(statement, _if_known)
    return statement if isinstance(statement, ObjectNode) and says_what(statement) else Absent(statement.at)


def says_what(statement: ObjectNode) -> bool:
    """True if the effect of a statement and a part of one of its actions are known, and what it says is of interest: of
    unknown resources, only that it is about PassRole."""
    effect, actions, resources = (
        [text for name in names if (value := statement.get(name)) is not None for text in strings_in(value)]
        for names in (("Effect",), ("Action", "NotAction"), ("Resource", "NotResource"))
    )
    named = [one for one in actions if one.only_unresolved is None]
    if not named or not all(isinstance(part, str) for text in effect for part in text.parts):
        return False
    is_known = not resources or any(text.only_unresolved is None or _is_entity(text) for text in resources)
    return is_known or any(wildcard_match(str(one).lower(), "iam:passrole") for one in named)


def _is_entity(text: StringNode) -> bool:
    """True if a value is unresolved, but known to be an attribute of a resource."""
    only = text.only_unresolved
    return isinstance(text, Reference) or (only is not None and (only.role is not None or only.known is not None))


def by_default(document: Node) -> Node:
    """Return a document as it is with the defaults of variables."""
    if isinstance(document, Choice):
        on = [option for outcome, option in document.options if not outcome.off_by_default]
        if len(on) == 1 < len(document.options):
            return by_default(on[0])
    return document if isinstance(document, StringNode) else map_children(document, by_default)
