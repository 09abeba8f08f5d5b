"""Edits of ``statement`` blocks of the data source ``aws_iam_policy_document``, and of objects with their attributes:
in Terraform's JSON syntax, or as a module argument.

Sources: Terraform Registry, provider ``hashicorp/aws``, data source ``aws_iam_policy_document``: a ``condition`` block
has ``test``, ``variable`` and ``values``; several blocks are ANDed, but those with one test and variable are merged.
Terraform language documentation, "JSON Configuration Syntax" (nested blocks are objects, or lists of them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

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
    list_changes,
)
from passrole_checks.suggest.edits.syntax_tree import (
    Field,
    NotEditableError,
    SyntaxForm,
    WrittenNode,
    indentation,
    is_first,
    line_end,
    line_start,
    newline,
    next_line,
)
from passrole_checks.suggest.suggestion import StatementChange

Span = tuple[int, int, str]
_NEW_NAME = "passed_to_service"


class ConditionBlocks:
    """The ``condition`` blocks of a statement and their changes."""

    def __init__(
        self,
        text: str,
        statement: WrittenNode,
        blocks: Sequence[WrittenNode],
        services: Sequence[str] | None,
        drop: Iterable[str],
    ) -> None:
        self.text, self.statement, self.blocks = text, statement, blocks
        self.services = tuple(dict.fromkeys(services)) if services is not None else None
        dropped = {key.lower() for key in drop}
        if services is not None:
            dropped.add(PASSED_TO_SERVICE.lower())
        keys = [self._key(block) for block in blocks]
        gone = [number for number, key in enumerate(keys) if key in dropped]
        passed = [number for number in gone if keys[number] == PASSED_TO_SERVICE.lower()]
        self.host = (passed or gone)[0] if services is not None and gone else None
        self.removed = [number for number in gone if number != self.host]

    @staticmethod
    def _key(block: WrittenNode) -> str:
        variable = find_entry(block, "variable")
        if variable is None or variable.value.text is None:
            raise NotEditableError("a condition block tests a variable that is computed")
        return variable.value.text.lower()

    def changes(self, says: HasValue) -> Iterator[Change]:
        """Yield the changes in the block that will test iam:PassedToService."""
        if self.host is None or self.services is None:
            return
        block = self.blocks[self.host]
        passed = self._key(block) == PASSED_TO_SERVICE.lower()
        for name, wanted in (("test", EQUALS), ("variable", PASSED_TO_SERVICE)):
            field = self._attribute(block, name)
            if field.value.text != wanted:
                yield SetValue(field, field.value, wanted)
        values = self._attribute(block, "values")
        if passed:
            yield from list_changes(values, self.services, says, always_list=True)
        else:
            yield SetValue(values, values.value, ListValue(self.services))

    @staticmethod
    def _attribute(block: WrittenNode, name: str) -> Field:
        field = find_entry(block, name)
        if field is None:
            raise NotEditableError(f"a condition block has no {name}")
        return field

    def spans(self, unit: str, quoted: Iterable[str], after: int) -> Iterator[Span]:
        """Yield the edits that remove blocks and add one; ``after``: offset to insert it at if there is no other
        condition block.
        """
        for number in self.removed:
            yield self._without(self.blocks[number])
        if self.host is not None or self.services is None:
            return
        last = max((block.end for block in self.blocks), default=after)
        place = line_end(self.text, last)
        first = self.blocks[0] if self.blocks else self.statement.entries[0]
        indent = indentation(self.text, first.start)
        lines = [
            "",
            f"{indent}condition {{",
            f'{indent}{unit}test     = "{EQUALS}"',
            f'{indent}{unit}variable = "{PASSED_TO_SERVICE}"',
            f"{indent}{unit}values   = [{', '.join(quoted)}]",
            f"{indent}}}",
        ]
        yield place, place, "".join(newline(self.text, self.statement.start) + line for line in lines)

    def _without(self, block: WrittenNode) -> Span:
        start, end = line_start(self.text, block.start), next_line(self.text, block.end)
        rest = self.text[block.end : end].strip()
        if not is_first(self.text, block.start) or (rest and not rest.startswith(("#", "//"))):
            raise NotEditableError("a condition block shares a line with other content")
        before = line_start(self.text, start - 1) if start else start
        following = self.text[end : line_end(self.text, end)].strip()
        if before < start and not self.text[before:start].strip() and following in ("", "}"):
            start = before
        return start, end, ""


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
