"""Serialize values to bytes, and read them back from untrusted bytes.

A cache may be shared, for instance between the jobs of a pipeline, and written to by others. "Only unpickle data you
trust", says Python's documentation of ``pickle``, since a pickle names the functions that are called; even restricted
ones can ask for all memory in a few bytes. So the format is JSON: one list of all values, each after its parts, which
it refers to by index. ::

    [["findings.Severity", "sources.model.configuration.Unreadable"], ["a.tf", 3, [0, 0, 1]]]

is a tuple of a string and a number. A value that is no list is itself; a list is a kind and the indexes of its parts:
a tuple, a frozenset of strings, or one of the classes named first. Only classes of the list below are allowed: plain
data, whose constructors only store their arguments. So bytes can produce a wrong value, but never run code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from enum import Enum
from importlib import import_module
from typing import Any

from passrole_checks.iam.lazy_regex import lazy_regex

_PACKAGE = __name__.partition(".")[0]

CLASSES: dict[str, tuple[str, ...]] = {
    "findings": ("Confidence", "Escalation", "Finding", "FindingDetails", "Outcome", "Severity"),
    "iam.roles.arn": ("Scope",),
    "iam.conditions.passed_to_service": ("ConditionEffect", "Constraint"),
    "iam.conditions.likely_typos": ("LikelyTypo",),
    "iam.grants.grant": ("PassRoleGrant", "RoleScope", "Services"),
    "iam.documents.policy": ("Statement",),
    "iam.values.path_conditions": ("Assumption", "Predicate"),
    "iam.values.nodes": (
        "Absent", "Choice", "Const", "Failure", "ListNode", "ObjectEntry", "ObjectNode", "Position", "StringNode",
        "Ternary", "UnknownTail", "Unresolved", "UnresolvedKind",
    ),
    "scan.result": ("Analysis", "DependentPolicy", "LocatedGrant", "ScanResult"),
    "sources.model.configuration": (
        "AttachedPolicy", "Attachments", "BoundaryUse", "Framework", "HandedTo", "ManagedAttachment", "NamedEntities",
        "NoteKind", "PolicyKind", "Provisioning", "ResourceDefinition", "RoleDefinition", "StackResource",
        "Suppression", "Unreadable",
    ),
    "sources.model.links": ("LinkKind", "LinkOffer", "LinkRead", "LinkSurface"),
}  # fmt: skip
"""The classes of what scans give, by their modules: dataclasses and enumerations."""

_TUPLE, _SET, _CLASS = 0, 1, 2  # the kinds; from the last one on, the classes
_COMPARED = frozenset({str, bool, int, type(None), frozenset})  # types whose equal values are the same
_PAIR = lazy_regex("[\ud800-\udbff][\udc00-\udfff]")  # which JSON takes for one character


class NotSerializable(Exception):
    """Raised for a value that cannot be serialized, or bytes that contain no value."""


def to_bytes(value: object) -> bytes:
    """Return a value of strings, numbers, tuples, frozensets of strings and :data:`CLASSES` as bytes.

    Raises :class:`NotSerializable` for any other value.
    """
    writing = _Writing()
    try:
        writing.place_of(value)
        return json.dumps([writing.names, writing.nodes], separators=(",", ":")).encode("ascii")
    except (RecursionError, ValueError) as error:  # too deep, or a number of too many digits
        raise NotSerializable(str(error)) from None


def from_bytes(data: bytes | memoryview) -> Any:
    """Return the value, of any type. Raises :class:`NotSerializable` if the bytes contain none."""
    try:
        names, nodes = json.loads(bytes(data))
        makers = [_maker(name) for name in names]
        made: list[Any] = []
        for node in nodes:
            if type(node) is list:
                kind, *places = node
                parts = [made[place] for place in places]
                made.append(_made(kind, parts) if kind < _CLASS else makers[kind - _CLASS](*parts))
            elif type(node) is dict:
                raise NotSerializable("an object")
            else:
                made.append(node)
        return made[-1]
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError) as error:
        raise NotSerializable(str(error)) from None


def _made(kind: int, parts: Sequence[Any]) -> Any:
    if kind == _TUPLE:
        return tuple(parts)
    if kind != _SET or not set(map(type, parts)) <= {str}:
        raise NotSerializable("no kind of value")
    return frozenset(parts)


def _maker(name: str) -> Callable[..., Any]:
    """Return the constructor of a class in the list."""
    module, _, stem = str(name).rpartition(".")
    if stem not in CLASSES.get(module, ()):
        raise NotSerializable(f"{name} is not kept")
    found: Callable[..., Any] = getattr(import_module(f"{_PACKAGE}.{module}"), stem)
    return found


class _Writing:
    """The serialized values: ``nodes``, and the ``names`` of their classes."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.nodes: list[object] = []
        self._kinds: dict[type, tuple[int, tuple[str, ...]]] = {}
        self._known: dict[tuple[type, object], tuple[int, object]] = {}

    def place_of(self, value: Any) -> int:
        """Return the index of a value; one object has one index, and so have equal texts, numbers and sets."""
        key = type(value), value if type(value) in _COMPARED else id(value)
        known = self._known.get(key)
        if known is None:  # with the value, so that no other one gets its identity
            node = self._node(value)
            known = self._known[key] = len(self.nodes), value
            self.nodes.append(node)
        return known[0]

    def _node(self, value: Any) -> object:
        if value is None or type(value) in (bool, int, float):
            return value
        if type(value) is str:
            if not value.isascii() and _PAIR.search(value):
                raise NotSerializable("a text of surrogates")
            return value
        if type(value) is tuple:
            return [_TUPLE, *map(self.place_of, value)]
        if type(value) is frozenset:
            if not all(type(part) is str for part in value):
                raise NotSerializable("a set of something else than texts")
            return [_SET, *map(self.place_of, sorted(value))]
        number, names = self._kind(type(value))
        if isinstance(value, Enum):
            return [number, self.place_of(value.value)]
        return [number, *(self.place_of(getattr(value, name)) for name in names)]

    def _kind(self, found: Any) -> tuple[int, tuple[str, ...]]:
        """Return the number of a class, and the names of its fields."""
        if found not in self._kinds:
            package, _, module = found.__module__.partition(".")
            if package != _PACKAGE or found.__qualname__ not in CLASSES.get(module, ()):
                raise NotSerializable(f"{found.__qualname__} is not kept")
            names = () if issubclass(found, Enum) else tuple(item.name for item in fields(found))
            self.names.append(f"{module}.{found.__qualname__}")
            self._kinds[found] = _CLASS + len(self.names) - 1, names
        return self._kinds[found]
