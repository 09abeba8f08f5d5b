"""Statements that are objects with the attributes of a ``statement`` block: in Terraform's JSON syntax, or as a module
argument.

Sources: Terraform language documentation, "JSON Configuration Syntax" (nested blocks are objects, or lists of them);
provider ``hashicorp/aws``, data source ``aws_iam_policy_document``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.suggest.edits.blocks import ConditionBlocks
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
    find_entry,
)
from passrole_checks.suggest.edits.syntax_tree import Field, NotEditableError, SyntaxForm, WrittenNode
from passrole_checks.suggest.suggestion import StatementChange

_NAMES = ("condition", "conditions")


def has_block_attributes(statement: WrittenNode) -> bool:
    """True if an object has the attributes of a ``statement`` block rather than the keys of a policy document."""
    return statement.form is SyntaxForm.MAPPING and bool(
        {entry.key for entry in statement.entries} & {"actions", "not_actions", "resources", "not_resources"}
    )


def condition_objects(
    text: str, statement: WrittenNode, change: StatementChange, says: HasValue, *, block: bool
) -> Iterator[Change]:
    """Yield the changes of the conditions. ``block``: the object represents a block of the data source, so that the
    notation of new conditions is known.
    """
    field = find_entry(statement, *_NAMES)
    inside = _condition_objects_in(field)
    conditions = ConditionBlocks(text, statement, inside, change.services, change.drop)
    yield from conditions.changes(says)
    new = None
    if conditions.host is None and conditions.services is not None:
        values = ListValue(conditions.services)
        new = MappingValue((("test", EQUALS), ("variable", PASSED_TO_SERVICE), ("values", values)))
    if field is None:
        if new is not None:
            if not block:
                raise NotEditableError("the notation of its conditions depends on the module")
            anchor = find_entry(statement, "resources", "not_resources")
            after = statement.entries.index(anchor) if anchor is not None else len(statement.entries) - 1
            yield Add(statement, after, (ListValue((new,)),), ("condition",))
        return
    container = field.value
    if new is not None:
        if container.form is SyntaxForm.LIST:
            yield Add(container, len(container.items) - 1, (new,))
        elif inside == (container,) and block:
            yield SetValue(field, container, ListValue((KeptValue(container), new)))
        else:
            raise NotEditableError("the notation of its conditions depends on the module")
    elif conditions.removed and len(conditions.removed) == len(inside):
        yield Remove(statement, frozenset({statement.entries.index(field)}))
    elif conditions.removed:
        yield Remove(container, frozenset(conditions.removed))


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
