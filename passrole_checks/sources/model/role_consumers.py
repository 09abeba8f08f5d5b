"""Where the values of a resource hold roles and instance profiles that it receives.

Which properties these are is told by :mod:`passrole_checks.aws.role_properties`; here its paths are followed through
values of every format: lists, maps, alternatives, JSON and YAML inside a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from passrole_checks.aws.role_properties import (
    EmbeddedReceiver,
    Receiver,
    embedded_receivers_of,
    receiver_types,
    receivers_of,
)
from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.partial_values import (
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
from passrole_checks.sources.model.configuration import ReceivedRole, ResourceDefinition

_DEPTH = 40  # levels that "any depth" goes down
ANY = "{}"  # in a path: each value of a map
DEEP = "**"  # any depth
_PLACES = 2_000  # values that one path may lead to

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """A value, and the way to it below the resource's properties."""

    path: Path
    value: Node


def receives(resource_type: str) -> bool:
    """Whether a resource of this type can be given a role or an instance profile."""
    return resource_type in receiver_types() or bool(embedded_receivers_of(resource_type))


@lru_cache(maxsize=4096)
def entrances(resource_type: str) -> frozenset[str]:
    """The properties of which a resource of this type has one at least where it receives anything; empty where any may
    be it."""
    embedded = embedded_receivers_of(resource_type)
    first = {
        *(one.path[0] for one in receivers_of(resource_type)),
        *(name for one in embedded for name in one.path[:1] or (*(key for key, _ in one.where), *one.inside[:1])),
    }
    return frozenset() if ANY in first else frozenset(first)


def paths_below(resource_type: str, name: str) -> list[Path]:
    """The paths that lead on below a property to what a resource of this type receives, within JSON at any depth."""
    embedded = (
        (*one.path, DEEP) if one.form in ("json", "properties") else one.path or one.inside[:1]
        for one in embedded_receivers_of(resource_type)
    )
    known = dict.fromkeys((*(one.path for one in receivers_of(resource_type)), *embedded))
    return [path[1:] for path in known if path[:1] in ((name,), (ANY,))]


class Properties(Protocol):
    """The properties (or attributes) of a resource: their names, and the value of each, None where it has none."""

    def names(self) -> Iterable[str]: ...

    def value(self, name: str) -> Node | None: ...


def received_by(resource: ResourceDefinition, properties: Properties) -> Iterator[ReceivedRole]:
    """What a resource receives."""
    whole = _Whole(properties)
    for receiver in receivers_of(resource.type):
        by = "deployer" if receiver.when == "create" else "user"
        for place in whole.places(receiver.path):
            yield ReceivedRole(resource, "/".join(place.path), place.value, place.value.at, receiver, by)
    for embedded in embedded_receivers_of(resource.type):
        if embedded.form == "properties":
            yield from _of_another_type(resource, whole, embedded)
            continue
        for outer in whole.containers(embedded) if embedded.form in ("json", "pair") else ():
            for place in _inside(outer, embedded):
                receiver = _as_receiver(embedded)
                path, value = "/".join(place.path), place.value
                yield ReceivedRole(resource, path, value, value.at, receiver, embedded.by)


class _Whole:
    """All properties of a resource, each evaluated when it is first asked for."""

    def __init__(self, properties: Properties) -> None:
        self.properties = properties
        self._values: dict[str, Node | None] = {}

    def value(self, name: str) -> Node | None:
        if name not in self._values:
            self._values[name] = self.properties.value(name)
        return self._values[name]

    def places(self, path: Path, *, leaf: bool = True) -> Iterator[PropertyValue]:
        """What stands at the end of a path."""
        for name in self.properties.names() if path[0] == ANY else path[:1]:
            value = self.value(name)
            if value is not None:
                yield from _limited(_follow(PropertyValue((name,), value), path[1:], exact=True, leaf=leaf))

    def containers(self, embedded: EmbeddedReceiver) -> Iterator[PropertyValue]:
        """What a role may be embedded in: what stands at a path, or the properties themselves."""
        if embedded.path:
            yield from self.places(embedded.path, leaf=False)
            return
        names = (*(key for key, _ in embedded.where), *embedded.inside[:1])
        values = [(name, value) for name in names if (value := self.value(name)) is not None]
        if values:
            at = values[0][1].at
            yield PropertyValue((), ObjectNode(tuple(ObjectEntry(text(name, at), value) for name, value in values), at))


def _of_another_type(resource: ResourceDefinition, whole: _Whole, embedded: EmbeddedReceiver) -> Iterator[ReceivedRole]:
    """What the resource receives that another one describes: its type stands in the property ``inside``."""
    type_ = whole.value(embedded.inside[0])
    name = type_.literal if isinstance(type_, StringNode) else None
    for receiver in receivers_of(name) if name is not None else ():
        by = "deployer" if receiver.when == "create" else "user"
        for outer in whole.places(embedded.path, leaf=False):
            for place in _limited(_follow(outer, receiver.path, exact=True)):
                yield ReceivedRole(resource, "/".join(place.path), place.value, place.value.at, receiver, by)


def _as_receiver(embedded: EmbeddedReceiver) -> Receiver:
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


def _inside(outer: PropertyValue, embedded: EmbeddedReceiver) -> Iterator[PropertyValue]:
    if embedded.form == "json":
        yield from _limited(_follow(outer, embedded.inside, exact=False))
        return
    for place in _follow(outer, (), exact=False, leaf=False):
        if isinstance(place.value, ObjectNode) and all(_is(place.value, key, word) for key, word in embedded.where):
            yield from _limited(_follow(place, embedded.inside, exact=False))


def _is(value: ObjectNode, key: str, word: str) -> bool:
    found = next((node for name, node in _entries(value) if name.lower() == key.lower()), None)
    literal = found.literal if isinstance(found, StringNode) else None
    return literal is not None and literal.lower() == word.lower()


def _limited(places: Iterable[PropertyValue]) -> Iterator[PropertyValue]:
    for number, place in enumerate(places):
        if number >= _PLACES:
            return
        yield place


def _follow(
    place: PropertyValue, path: Path, *, exact: bool, leaf: bool = True, depth: int = 0
) -> Iterator[PropertyValue]:
    """The values at the end of a path. A list is gone through also where the path does not say so, and one thing stands
    for a list of it: Terraform and its plans hold single blocks as lists, or the other way round.

    ``exact``: keys are compared with case. ``leaf``: the end is a text, or a choice of texts; of a list its elements.
    """
    value = place.value
    if depth > _DEPTH or _is_nothing(value):
        return
    if not path and leaf and isinstance(value, Choice) and all(_is_leaf(option) for _, option in value.options):
        yield place
        return
    if isinstance(value, Choice):
        for _, option in value.options:
            yield from _follow(PropertyValue(place.path, option), path, exact=exact, leaf=leaf, depth=depth + 1)
        return
    if isinstance(value, ListNode) and path[:1] != (DEEP,):
        rest = path[1:] if path[:1] == ("*",) else path
        for number, item in enumerate(value.items):
            inner = PropertyValue((*place.path, str(number)), item)
            yield from _follow(inner, rest, exact=exact, leaf=leaf, depth=depth + 1)
        return
    if not path:
        if isinstance(value, StringNode) or not leaf:
            yield place
        return
    if isinstance(value, StringNode):
        parsed = _parsed(value)
        if parsed is not None:
            yield from _follow(PropertyValue(place.path, parsed), path, exact=exact, leaf=leaf, depth=depth + 1)
        elif path == ("*",):
            yield place
        return
    step, rest = path[0], path[1:]
    if step == DEEP:
        if isinstance(value, ObjectNode):
            yield from _follow(place, rest, exact=exact, leaf=leaf, depth=depth + 1)
        for name, inner_value in _children(value):
            yield from _follow(
                PropertyValue((*place.path, name), inner_value), path, exact=exact, leaf=leaf, depth=depth + 1
            )
    elif step == "*":
        yield from _follow(place, rest, exact=exact, leaf=leaf, depth=depth + 1)
    elif isinstance(value, ObjectNode):
        for name, inner_value in _entries(value):
            if step == ANY or name == step or (not exact and name.lower() == step.lower()):
                yield from _follow(
                    PropertyValue((*place.path, name), inner_value), rest, exact=exact, leaf=leaf, depth=depth + 1
                )


def _entries(value: ObjectNode) -> Iterator[tuple[str, Node]]:
    """The entries of a map, of equal keys the last."""
    last = {str(entry.key): entry.value for entry in value.entries}
    yield from last.items()


def _children(value: Node) -> Iterator[tuple[str, Node]]:
    if isinstance(value, ObjectNode):
        yield from _entries(value)
    elif isinstance(value, ListNode):
        yield from ((str(number), item) for number, item in enumerate(value.items))


def _is_nothing(value: Node) -> bool:
    return (
        isinstance(value, Absent)
        or (isinstance(value, Const) and value.value is None)
        or (isinstance(value, StringNode) and value.literal == "")
    )


def _is_leaf(value: Node) -> bool:
    if isinstance(value, Choice):
        return all(_is_leaf(option) for _, option in value.options)
    return isinstance(value, StringNode | Absent | Const)


def _parsed(value: StringNode) -> Node | None:
    """A text that is an object or a list in JSON or, on several lines, in YAML; None where it is not."""
    first = value.parts[0] if value.parts else ""
    if not isinstance(first, str):
        return None
    if not first.lstrip().startswith(("{", "[")):
        if "\n" not in first or ":" not in first:
            return None
        from passrole_checks.sources.files.yaml_with_unresolved import parse_yaml  # heavy, and seldom needed

        return parse_yaml(value)
    try:
        return parse_json(value)
    except MalformedDocument:
        return None
