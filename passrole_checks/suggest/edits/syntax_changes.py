"""Compute the changes of a statement's syntax tree for a target state.

Sources: IAM User Guide, "IAM JSON policy elements: Condition" (keys are case-insensitive; operators are ANDed) and "IAM
and AWS STS condition context keys" (``iam:PassedToService``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from passrole_checks.iam.documents.action import matches_only_pass_role
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.suggest.edits.syntax_tree import Field, NotEditableError, SyntaxForm, WrittenNode
from passrole_checks.suggest.suggestion import TargetRole

PASSED_TO_SERVICE = "iam:PassedToService"
GET_ROLE = "iam:GetRole"
PASS_ROLE = "iam:PassRole"
EQUALS = "StringEquals"


@dataclass(frozen=True, slots=True)
class KeptValue:
    """A value kept as written."""

    written: WrittenNode


@dataclass(frozen=True, slots=True)
class ListValue:
    """A list."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class MappingValue:
    """A mapping."""

    entries: tuple[tuple[str, Value], ...]


Value = str | TargetRole | KeptValue | ListValue | MappingValue
"""A value to write."""


@dataclass(frozen=True, slots=True)
class SetValue:
    """Replace ``written`` by ``value``; ``field``: the entry whose value it is, if any."""

    field: Field | None
    written: WrittenNode
    value: Value


@dataclass(frozen=True, slots=True)
class SetKey:
    """Rename the key of the entry ``field``."""

    field: Field
    key: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove members of ``container`` by number."""

    container: WrittenNode
    numbers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Add:
    """Add elements to a list, or (with ``keys``) entries to a mapping, after the member ``after``."""

    container: WrittenNode
    after: int
    values: tuple[Value, ...]
    keys: tuple[str, ...] = ()


Change = SetValue | SetKey | Remove | Add

HasValue = Callable[[WrittenNode, Value], bool]
"""True if the written node already has a value."""


def find_entry(statement: WrittenNode, *names: str) -> Field | None:
    """Return the single entry with one of these names. Raises :class:`NotEditableError` if that is ambiguous."""
    keys = [entry.key for entry in statement.entries]
    if None in keys:
        raise NotEditableError("some element names of the statement are computed")
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise NotEditableError(f"{twice} occurs twice in the statement")
    found = [entry for entry in statement.entries if entry.key in names]
    if len(found) > 1:
        raise NotEditableError(f"the statement has both {found[0].key} and {found[1].key}")
    return found[0] if found else None


def resource_changes(
    field: Field | None, roles: Sequence[Value], name: str, says: HasValue, *, always_list: bool = False
) -> Iterator[Change]:
    """Yield the changes that set Resource, or replace NotResource, by ``roles``; ``name``: the name of
    Resource there.
    """
    if field is None:
        raise NotEditableError("the statement has no Resource")
    if field.key != name:
        yield SetKey(field, name)
    yield from list_changes(field, roles, says, always_list=always_list)


def action_changes(field: Field | None, says: HasValue) -> Iterator[Change]:
    """Yield the changes that add iam:GetRole beside iam:PassRole."""
    if field is None or field.key not in ("Action", "actions"):
        raise NotEditableError("the statement uses NotAction")
    written = field.value
    if written.form is SyntaxForm.LIST:
        beside = [number for number, item in enumerate(written.items) if (item.text or "").lower() == "iam:passrole"]
        if not any(says(item, GET_ROLE) for item in written.items):
            yield Add(written, beside[0] if beside else len(written.items) - 1, (GET_ROLE,))
    elif written.form is SyntaxForm.TEXT and not written.why:
        yield SetValue(field, written, ListValue((KeptValue(written), GET_ROLE)))
    else:
        raise NotEditableError(f"its {field.key} cannot be edited: {written.why or 'it is computed'}")


def name_changes(field: Field | None) -> Iterator[Change]:
    """Yield the changes that replace wildcards by iam:PassRole where they match nothing else."""
    if field is None:
        raise NotEditableError("the statement uses NotAction")
    items = field.value.items if field.value.form is SyntaxForm.LIST else (field.value,)
    named = [number for number, item in enumerate(items) if matches_only_pass_role(item.text or "")]
    if not named:
        raise NotEditableError(f"its {field.key} cannot be edited: {field.value.why or 'it is computed'}")
    first = items[named[0]]
    if (first.text or "").lower() != PASS_ROLE.lower():
        yield SetValue(field if first is field.value else None, first, PASS_ROLE)
    if named[1:]:
        yield Remove(field.value, frozenset(named[1:]))


def list_changes(
    field: Field, values: Sequence[Value], says: HasValue, *, always_list: bool = False
) -> Iterator[Change]:
    """Yield the changes that set the value of an entry to these values; elements that match stay as written."""
    written = field.value
    values = list(dict.fromkeys(values))
    if written.form is not SyntaxForm.LIST:
        if written.form is not SyntaxForm.TEXT or (written.why and not (len(values) == 1 and says(written, values[0]))):
            raise NotEditableError(f"its {field.key} cannot be edited: {written.why or 'it is computed'}")
        kept: list[Value] = [KeptValue(written) if says(written, value) else value for value in values]
        if always_list or len(kept) != 1:
            yield SetValue(field, written, ListValue(tuple(kept)))
        elif not isinstance(kept[0], KeptValue):
            yield SetValue(field, written, kept[0])
        return
    missing = list(values)
    extra: list[int] = []
    for number, item in enumerate(written.items):
        said = next((value for value in missing if says(item, value)), None)
        if said is None:
            extra.append(number)
        else:
            missing.remove(said)
    for number in extra:
        if written.items[number].why or written.items[number].form is not SyntaxForm.TEXT:
            reason = written.items[number].why or "one of its elements is computed"
            raise NotEditableError(f"its {field.key} cannot be edited: {reason}")
    paired = min(len(extra), len(missing))
    for number, value in zip(extra, missing, strict=False):
        yield SetValue(None, written.items[number], value)
    if extra[paired:]:
        yield Remove(written, frozenset(extra[paired:]))
    if missing[paired:]:
        yield Add(written, len(written.items) - 1, tuple(missing[paired:]))


def condition_changes(
    statement: WrittenNode, services: Sequence[str] | None, drop: Iterable[str], says: HasValue
) -> Iterator[Change]:
    """Yield the changes so that Condition tests iam:PassedToService for these services (None: unchanged), and no key in
    ``drop``.
    """
    field = find_entry(statement, "Condition")
    wanted: Value | None = None
    if services is not None:
        wanted = services[0] if len(services) == 1 else ListValue(tuple(dict.fromkeys(services)))
    empty = field is not None and field.value.form is SyntaxForm.TEXT and field.value.text == ""  # null
    if field is None or empty:
        if wanted is not None:
            block = MappingValue(((EQUALS, MappingValue(((PASSED_TO_SERVICE, wanted),))),))
            if field is not None:
                yield SetValue(field, field.value, block)
            else:
                names = [entry.key for entry in statement.entries]
                after = [names.index(name) for name in ("Resource", "NotResource") if name in names]
                yield Add(statement, after[0] if after else len(names) - 1, (block,), ("Condition",))
        return
    yield from _Conditions(statement, field, drop, services is not None).changes(services or (), wanted, says)


@dataclass(frozen=True, slots=True)
class _Operator:
    """An operator of a Condition block."""

    field: Field
    gone: frozenset[int]  # numbers of the entries to remove
    passed: int | None  # number of the entry for iam:PassedToService

    @property
    def entries(self) -> tuple[Field, ...]:
        return self.field.value.entries

    @property
    def emptied(self) -> bool:
        return bool(self.entries) and len(self.gone) == len(self.entries)


class _Conditions:
    """An existing Condition block."""

    def __init__(self, statement: WrittenNode, field: Field, drop: Iterable[str], passed: bool) -> None:
        if field.value.form is not SyntaxForm.MAPPING:
            raise NotEditableError(f"its Condition cannot be edited: {field.value.why or 'it is computed'}")
        self.statement, self.field = statement, field
        names = [entry.key for entry in field.value.entries]
        if None in names or len(set(names)) != len(names):
            raise NotEditableError("its Condition cannot be edited: it has computed or duplicate operators")
        dropped = {key.lower() for key in drop} | ({PASSED_TO_SERVICE.lower()} if passed else set())
        self.operators = [self._operator(entry, dropped) for entry in field.value.entries]

    @staticmethod
    def _operator(field: Field, dropped: set[str]) -> _Operator:
        if field.value.form is not SyntaxForm.MAPPING:
            raise NotEditableError(
                f"{field.key} in its Condition cannot be edited: {field.value.why or 'it is computed'}"
            )
        keys = [entry.key.lower() if entry.key is not None else None for entry in field.value.entries]
        if None in keys or len(set(keys)) != len(keys):
            raise NotEditableError(f"{field.key} in its Condition has computed or duplicate keys")
        gone = frozenset(number for number, key in enumerate(keys) if key in dropped)
        wanted = PASSED_TO_SERVICE.lower()
        return _Operator(field, gone, keys.index(wanted) if wanted in keys and wanted in dropped else None)

    def changes(self, services: Sequence[str], wanted: Value | None, says: HasValue) -> Iterator[Change]:
        host = self._host() if wanted is not None else None
        added: list[Change] = []
        if host is not None:
            number, place = host
            operator = self.operators[number]
            self.operators[number] = _Operator(operator.field, operator.gone - {place}, None)
            entry = operator.entries[place]
            if operator.field.key != EQUALS:
                added.append(SetKey(operator.field, EQUALS))
            if entry.key != PASSED_TO_SERVICE:
                added.append(SetKey(entry, PASSED_TO_SERVICE))
            if (entry.key or "").lower() == PASSED_TO_SERVICE.lower():
                added.extend(list_changes(entry, services, says))
            elif wanted is not None:
                added.append(SetValue(entry, entry.value, wanted))
        elif wanted is not None:
            home = next((one.field.value for one in self.operators if one.field.key == EQUALS), None)
            if home is not None:
                added.append(Add(home, len(home.entries) - 1, (wanted,), (PASSED_TO_SERVICE,)))
            else:
                block = MappingValue(((PASSED_TO_SERVICE, wanted),))
                container = self.field.value
                added.append(Add(container, len(container.entries) - 1, (block,), (EQUALS,)))
        emptied = frozenset(number for number, one in enumerate(self.operators) if one.emptied)
        if wanted is None and len(emptied) == len(self.operators) and emptied:
            yield Remove(self.statement, frozenset({self.statement.entries.index(self.field)}))
            return
        yield from added
        for number, one in enumerate(self.operators):
            if one.gone and number not in emptied:
                yield Remove(one.field.value, one.gone)
        if emptied:
            yield Remove(self.field.value, emptied)

    def _host(self) -> tuple[int, int] | None:
        """Return the entry to reuse for iam:PassedToService, as the numbers of its operator and of itself; None to add
        one.
        """
        equals = [(number, one) for number, one in enumerate(self.operators) if one.field.key == EQUALS]
        for number, one in equals:
            if one.gone:
                return number, one.passed if one.passed is not None else min(one.gone)
        if equals:
            return None
        emptied = [(number, one) for number, one in enumerate(self.operators) if one.emptied]
        passed = [(number, one.passed) for number, one in emptied if one.passed is not None]
        found = passed or [(number, 0) for number, _ in emptied]
        return found[0] if found else None
