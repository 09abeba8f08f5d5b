"""Statements that are objects with the attributes of a ``statement`` block: in Terraform's JSON syntax, or as a module
argument.

Sources: Terraform language documentation, "JSON Configuration Syntax" (nested blocks are objects, or lists of them);
provider ``hashicorp/aws``, data source ``aws_iam_policy_document``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from passrole_checks.suggest.edits.blocks import ConditionBlocks
from passrole_checks.suggest.edits.condition_notation import CONDITION_KEYS, ConditionNotation
from passrole_checks.suggest.edits.syntax_changes import (
    EQUALS,
    PASSED_TO_SERVICE,
    Add,
    Change,
    HasValue,
    KeptValue,
    ListValue,
    MappingValue,
    Remove,
    SetValue,
    Value,
    find_entry,
)
from passrole_checks.suggest.edits.syntax_tree import Field, NotEditableError, SyntaxForm, WrittenNode
from passrole_checks.suggest.suggestion import StatementChange

_NEW_NAME = "passed_to_service"


def has_block_attributes(statement: WrittenNode) -> bool:
    """True if an object has the attributes of a ``statement`` block rather than the keys of a policy document."""
    return statement.form is SyntaxForm.MAPPING and bool(
        {entry.key for entry in statement.entries} & {"actions", "not_actions", "resources", "not_resources"}
    )


def condition_objects(
    text: str,
    statement: WrittenNode,
    change: StatementChange,
    says: HasValue,
    notation: Callable[[], ConditionNotation | None],
) -> Iterator[Change]:
    """Yield the changes of the conditions. ``notation``: returns the notation of new conditions, None if it is
    unknown.
    """
    field = find_entry(statement, *CONDITION_KEYS)
    inside = _condition_objects_in(field)
    conditions = ConditionBlocks(text, statement, inside, change.services, change.drop)
    yield from conditions.changes(says)
    new = None
    if conditions.host is None and conditions.services is not None:
        values = ListValue(conditions.services)
        new = MappingValue((("test", EQUALS), ("variable", PASSED_TO_SERVICE), ("values", values)))
    if field is None:
        if new is not None:
            yield _new_conditions(statement, new, notation())
        return
    container = field.value
    if new is not None:
        if container.form is SyntaxForm.LIST:
            yield Add(container, len(container.items) - 1, (new,))
        elif inside == (container,) and container.get("test") is not None:
            known = notation()
            if known is None or not known.block:
                raise NotEditableError("how its module takes several conditions is unknown")
            yield SetValue(field, container, ListValue((KeptValue(container), new)))
        else:
            yield Add(container, len(container.entries) - 1, (new,), (_NEW_NAME,))
    elif conditions.removed and len(conditions.removed) == len(inside):
        yield Remove(statement, frozenset({statement.entries.index(field)}))
    elif conditions.removed:
        yield Remove(container, frozenset(conditions.removed))


def _new_conditions(statement: WrittenNode, new: Value, notation: ConditionNotation | None) -> Add:
    if notation is None:
        raise NotEditableError("how its module takes conditions is unknown: no other statement has any")
    anchor = find_entry(statement, "resources", "not_resources")
    after = statement.entries.index(anchor) if anchor is not None else len(statement.entries) - 1
    value = MappingValue(((_NEW_NAME, new),)) if notation.by_name else ListValue((new,))
    return Add(statement, after, (value,), (notation.key,))


def _condition_objects_in(field: Field | None) -> Sequence[WrittenNode]:
    """Return the objects that are one condition each."""
    if field is None:
        return ()
    found: tuple[WrittenNode, ...] = (field.value,)
    if field.value.form is SyntaxForm.LIST:
        found = field.value.items
    elif field.value.form is SyntaxForm.MAPPING and field.value.get("test") is None:
        found = tuple(entry.value for entry in field.value.entries)
    if any(one.form is not SyntaxForm.MAPPING or one.get("test") is None for one in found):
        raise NotEditableError(f"its {field.key} cannot be edited: it is computed")
    return found
