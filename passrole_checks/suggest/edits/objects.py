"""Statements that are objects in the words of a ``statement`` block: in Terraform's JSON syntax, or given to a module.

Sources: Terraform language documentation, "JSON Configuration Syntax" (nested blocks are objects, or lists of them);
provider ``hashicorp/aws``, data source ``aws_iam_policy_document``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.suggest.edits.blocks import ConditionBlocks
from passrole_checks.suggest.edits.changes import (
    EQUALS,
    PASSED_TO_SERVICE,
    Add,
    Change,
    Pairs,
    Remove,
    Same,
    Says,
    SetValue,
    Several,
    named,
)
from passrole_checks.suggest.edits.written import Field, Refused, SyntaxForm, WrittenNode
from passrole_checks.suggest.suggestion import StatementChange

_NAMES = ("condition", "conditions")


def is_in_words_of_a_block(statement: WrittenNode) -> bool:
    """Whether an object has the words of a ``statement`` block, and not those of a policy document."""
    return statement.form is SyntaxForm.MAPPING and bool(
        {entry.key for entry in statement.entries} & {"actions", "not_actions", "resources", "not_resources"}
    )


def condition_objects(
    text: str, statement: WrittenNode, wish: StatementChange, says: Says, *, block: bool
) -> Iterator[Change]:
    """What changes in the conditions. ``block``: the object stands for a block of the data source, so that it is known
    how conditions are written that are not there yet."""
    field = named(statement, *_NAMES)
    inside = _inside(field)
    conditions = ConditionBlocks(text, statement, inside, wish.services, wish.drop)
    yield from conditions.changes(says)
    new = None
    if conditions.host is None and conditions.services is not None:
        values = Several(conditions.services)
        new = Pairs((("test", EQUALS), ("variable", PASSED_TO_SERVICE), ("values", values)))
    if field is None:
        if new is not None:
            if not block:
                raise Refused("what takes the statement decides how its conditions are written")
            anchor = named(statement, "resources", "not_resources")
            after = statement.entries.index(anchor) if anchor is not None else len(statement.entries) - 1
            yield Add(statement, after, (Several((new,)),), ("condition",))
        return
    container = field.value
    if new is not None:
        if container.form is SyntaxForm.LIST:
            yield Add(container, len(container.items) - 1, (new,))
        elif inside == (container,) and block:
            yield SetValue(field, container, Several((Same(container), new)))
        else:
            raise Refused("what takes the statement decides how its conditions are written")
    elif conditions.removed and len(conditions.removed) == len(inside):
        yield Remove(statement, frozenset({statement.entries.index(field)}))
    elif conditions.removed:
        yield Remove(container, frozenset(conditions.removed))


def _inside(field: Field | None) -> Sequence[WrittenNode]:
    """The objects that each are one condition."""
    if field is None:
        return ()
    found: tuple[WrittenNode, ...] = (field.value,)
    if field.value.form is SyntaxForm.LIST:
        found = field.value.items
    elif field.value.form is SyntaxForm.MAPPING and field.value.get("test") is None:
        found = tuple(entry.value for entry in field.value.entries)
    if any(one.form is not SyntaxForm.MAPPING or one.get("test") is None for one in found):
        raise Refused(f"its {field.key} cannot be edited: it is computed")
    return found
