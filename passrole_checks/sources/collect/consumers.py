"""Find the roles and instance profiles among the values of a resource.

:mod:`passrole_checks.aws.role_properties` lists the properties; here its paths are followed through values of every
format: lists, maps, choices, JSON and YAML inside a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache, partial
from itertools import islice

from passrole_checks.aws.role_properties import (
    EmbeddedReceiver,
    Receiver,
    embedded_receivers_of,
    receiver_types,
    receivers_of,
)
from passrole_checks.iam.documents.json_document import json_or_none
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    text,
)
from passrole_checks.sources.collect.resource import Resource
from passrole_checks.sources.model.configuration import ReceivedRole

_DEPTH = 40  # maximum levels for "any depth"
ANY = "{}"  # in a path: each value of a map
DEEP = "**"  # any depth
_MAX_VALUES = 2_000  # for one path

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """A value and its path below the resource's properties."""

    path: Path
    value: Node


def may_receive_role(resource_type: str) -> bool:
    """True if a resource of this type can receive a role or an instance profile."""
    return resource_type in receiver_types() or bool(embedded_receivers_of(resource_type))


@lru_cache(maxsize=4096)
def role_entry_properties(resource_type: str) -> frozenset[str]:
    """Return properties at least one of which is present if a resource of this type receives a role; empty if any may
    be."""
    embedded = embedded_receivers_of(resource_type)
    first = {
        *(receiver.path[0] for receiver in receivers_of(resource_type)),
        *(
            name
            for receiver in embedded
            for name in receiver.path[:1] or (*(key for key, _ in receiver.where), *receiver.inside[:1])
        ),
    }
    return frozenset() if ANY in first else frozenset(first)


def paths_below(resource_type: str, name: str) -> list[Path]:
    """Return the paths below a property to the roles that a resource of this type receives; JSON at any depth."""
    embedded = (
        (*receiver.path, DEEP) if receiver.form in ("json", "properties") else receiver.path or receiver.inside[:1]
        for receiver in embedded_receivers_of(resource_type)
    )
    paths = dict.fromkeys((*(receiver.path for receiver in receivers_of(resource_type)), *embedded))
    return [path[1:] for path in paths if path[:1] in ((name,), (ANY,))]


def find_received_roles(resource: Resource) -> Iterator[ReceivedRole]:
    """Yield the roles and instance profiles that a resource receives."""
    definition = resource.definition
    for found, receiver, by in _find_roles(definition.type, _LazyProperties(resource.names, cache(resource.value))):
        yield ReceivedRole(definition, "/".join(found.path), found.value, found.value.at, receiver, by)


def _find_roles(resource_type: str, properties: _LazyProperties) -> Iterator[tuple[PropertyValue, Receiver, str]]:
    """Yield the values that are roles, each with what receives it and who passes it."""
    for receiver in receivers_of(resource_type):
        for found in properties.find(receiver.path):
            yield found, receiver, _passed_by(receiver)
    for embedded in embedded_receivers_of(resource_type):
        if embedded.form == "properties":  # those of the resource whose type is in the property ``inside``
            type_ = properties.value(embedded.inside[0])
            name = type_.literal if isinstance(type_, StringNode) else None
            for receiver in receivers_of(name) if name is not None else ():
                for outer in properties.find(embedded.path, strings=False):
                    for found in islice(_follow(outer, receiver.path, exact=True), _MAX_VALUES):
                        yield found, receiver, _passed_by(receiver)
        elif embedded.form in ("json", "pair"):
            receiver = _as_receiver(embedded)
            for outer in properties.find_containers(embedded):
                for found in _find_embedded(outer, embedded):
                    yield found, receiver, embedded.by


def _passed_by(receiver: Receiver) -> str:
    """Return who passes a role: the creator of the resource, or its user."""
    return "deployer" if receiver.when == "create" else "user"


@dataclass(frozen=True, slots=True)
class _LazyProperties:
    """All properties of a resource, each evaluated on first use."""

    names: Callable[[], Iterable[str]]
    value: Callable[[str], Node | None]

    def find(self, path: Path, *, strings: bool = True) -> Iterator[PropertyValue]:
        """Yield the values at the end of a path."""
        for name in self.names() if path[0] == ANY else path[:1]:
            value = self.value(name)
            if value is not None:
                places = _follow(PropertyValue((name,), value), path[1:], exact=True, strings=strings)
                yield from islice(places, _MAX_VALUES)

    def find_containers(self, embedded: EmbeddedReceiver) -> Iterator[PropertyValue]:
        """Yield the values that a role may be embedded in: those at a path, or the properties themselves."""
        if embedded.path:
            yield from self.find(embedded.path, strings=False)
            return
        names = (*(key for key, _ in embedded.where), *embedded.inside[:1])
        values = [(name, value) for name in names if (value := self.value(name)) is not None]
        if values:
            at = values[0][1].at
            yield PropertyValue((), ObjectNode(tuple(ObjectEntry(text(name, at), value) for name, value in values), at))


def _as_receiver(embedded: EmbeddedReceiver) -> Receiver:
    """Return an embedded role's location as a receiver."""
    return Receiver(
        embedded.type,
        (*embedded.path, *embedded.inside),
        embedded.kind,
        "passed",
        embedded.services,
        embedded.trusted,
        embedded.confidence,
        "create" if embedded.by == "deployer" else "use",
    )


def _find_embedded(outer: PropertyValue, embedded: EmbeddedReceiver) -> Iterator[PropertyValue]:
    """Yield the roles inside a container."""
    if embedded.form == "json":
        yield from islice(_follow(outer, embedded.inside, exact=False), _MAX_VALUES)
        return
    for place in _follow(outer, (), exact=False, strings=False):
        if isinstance(place.value, ObjectNode) and all(_is(place.value, key, word) for key, word in embedded.where):
            yield from islice(_follow(place, embedded.inside, exact=False), _MAX_VALUES)


def _is(value: ObjectNode, key: str, word: str) -> bool:
    node_value = next((node for name, node in _entries(value) if name.lower() == key.lower()), None)
    literal = node_value.literal if isinstance(node_value, StringNode) else None
    return literal is not None and literal.lower() == word.lower()


def _follow(
    current: PropertyValue, path: Path, *, exact: bool, strings: bool = True, depth: int = 0
) -> Iterator[PropertyValue]:
    """Yield the values at the end of a path.

    Lists are traversed even if the path does not say so, and a single value stands for a list of it: Terraform and its
    plans represent single blocks as lists, or the reverse.

    ``exact``: compare keys with case. ``strings``: end at strings, or choices of strings; for a list, at its elements.
    """
    value = current.value
    if depth > _DEPTH or is_nothing(value):
        return
    follow = partial(_follow, exact=exact, strings=strings, depth=depth + 1)
    if not path and strings and isinstance(value, Choice) and _is_leaf(value):
        yield current
    elif isinstance(value, Choice):
        for _, option in value.options:
            yield from follow(PropertyValue(current.path, option), path)
    elif isinstance(value, ListNode) and path[:1] != (DEEP,):
        rest = path[1:] if path[:1] == ("*",) else path
        for number, element in enumerate(value.items):
            yield from follow(PropertyValue((*current.path, str(number)), element), rest)
    elif not path:
        if isinstance(value, StringNode) or not strings:
            yield current
    elif isinstance(value, StringNode):
        parsed = _parse_text(value)
        if parsed is not None:
            yield from follow(PropertyValue(current.path, parsed), path)
        elif path == ("*",):
            yield current
    else:
        for inner, rest in _take_step(current, path, exact=exact):
            yield from follow(inner, rest)


def _take_step(current: PropertyValue, path: Path, *, exact: bool) -> Iterator[tuple[PropertyValue, Path]]:
    """Yield the values that the first step of a path leads to, each with the remaining path."""
    value, step, rest = current.value, path[0], path[1:]
    if step == DEEP:
        if isinstance(value, ObjectNode):
            yield current, rest
            for name, child in _entries(value):
                yield PropertyValue((*current.path, name), child), path
        for number, item in enumerate(value.items if isinstance(value, ListNode) else ()):
            yield PropertyValue((*current.path, str(number)), item), path
    elif step == "*":
        yield current, rest
    elif isinstance(value, ObjectNode):
        for name, child in _entries(value):
            if step == ANY or name == step or (not exact and name.lower() == step.lower()):
                yield PropertyValue((*current.path, name), child), rest


def _entries(value: ObjectNode) -> Iterable[tuple[str, Node]]:
    """Return the entries of a map; the last one of equal keys."""
    return {str(entry.key): entry.value for entry in value.entries}.items()


def is_nothing(value: Node) -> bool:
    """True if a value is that of an argument which is not set."""
    return (
        isinstance(value, Absent)
        or (isinstance(value, Const) and value.value is None)
        or (isinstance(value, StringNode) and value.literal == "")
    )


def _is_leaf(value: Node) -> bool:
    if isinstance(value, Choice):
        return all(_is_leaf(option) for _, option in value.options)
    return isinstance(value, StringNode | Absent | Const)


def _parse_text(value: StringNode) -> Node | None:
    """Parse a text that is a JSON object or list, or multi-line YAML; None for any other text."""
    first = value.parts[0] if value.parts else ""
    if not isinstance(first, str):
        return None
    if not first.lstrip().startswith(("{", "[")):
        if "\n" not in first or ":" not in first:
            return None
        from passrole_checks.sources.files.yaml_with_unresolved import parse_yaml  # slow to import, rarely needed

        return parse_yaml(value)
    return json_or_none(value)
