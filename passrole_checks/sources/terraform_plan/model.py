"""What is known of a plan or a state: its resources, its documents, its configuration, and their places in the text.

Source: Terraform documentation, "JSON Output Format".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from passrole_checks.iam.partial_values import Position, StringNode
from passrole_checks.sources.files.json_positions import Json, Lines, find_member
from passrole_checks.sources.model.configuration import Unreadable

DOCUMENT = "aws_iam_policy_document"

_MODULE = re.compile(r'module\.[^.\[]+(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\])?')
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[\da-fA-F]{4}|.)")
_KEY = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')


def as_object(value: Json) -> dict[str, Json]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Json) -> str | None:
    """The value if it is a string, else None."""
    return value if isinstance(value, str) else None


@dataclass(frozen=True)
class PlannedResource:
    """A resource as it will be: ``values`` are its attributes, ``unknown`` is true or false or mirrors their shape.

    ``module`` is the address of its module ("" for the root). ``changed``: the plan creates or changes it. ``start`` is
    the offset of its entry in the text, ``inside`` the keys from there to its attributes. ``previous`` is the address
    that it had before the plan, where it moves.
    """

    address: str
    type: str
    name: str
    module: str
    index: str
    changed: bool
    values: dict[str, Json]
    unknown: Json
    at: Position
    start: int
    inside: tuple[str | int, ...]
    previous: str = ""

    def is_unknown(self, attribute: str) -> bool:
        """Whether the plan says of an attribute that it is known only after apply."""
        return self.unknown is True or as_object(self.unknown).get(attribute) is True


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    """An entry of ``resource_changes``, of whatever action: where it stands, for what is not kept of it.

    ``start`` is the offset of the object that holds ``address`` and ``change``; ``find(plan.text, start, ("change",
    "before"))`` reads the values before the change. ``deposed``: it is about an object left over by a replacement.
    """

    address: str
    previous: str
    type: str
    actions: tuple[str, ...]
    start: int
    deposed: bool = False


@dataclass
class PlanFile:
    """What a plan (or a state) holds."""

    file: str
    text: str
    lines: Lines
    resources: dict[str, PlannedResource] = field(default_factory=dict)
    reads: dict[str, PlannedResource] = field(default_factory=dict)  # data resources that are read during apply
    known_documents: dict[str, str] = field(default_factory=dict)  # data addresses and the JSON that they gave
    configuration: dict[str, Json] = field(default_factory=dict)
    callers: dict[str, str] = field(default_factory=dict)  # the accounts of data.aws_caller_identity by address
    accounts: set[str] = field(default_factory=set)  # those of them that the root's own provider deploys to
    changes: list[ChangeEntry] = field(default_factory=list)  # of the providers aws and awscc
    variables: tuple[int, int] | None = None  # the offsets of the object of the root's variables
    unreadable: list[Unreadable] = field(default_factory=list)
    not_evaluated: list[Unreadable] = field(default_factory=list)
    _reasons: set[str] = field(default_factory=set, repr=False)
    _instances: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _letters: int = field(default=200_000, repr=False)  # pieces of documents whose places are kept
    _counted: int = field(default=-1, repr=False)

    def complain(self, reason: str, offset: int | None = None, resource: str = "") -> None:
        """Note a part of the file, or of one resource, that cannot be read; the same words only once."""
        if reason not in self._reasons:
            self._reasons.add(reason)
            line = self.lines.line_and_column(offset)[0] if offset is not None else None
            self.unreadable.append(Unreadable(self.file, reason, line, resource=resource))

    def position_of(self, resource: PlannedResource, *keys: str | int) -> Position:
        """Where an attribute of a resource stands; where it cannot be found, where the resource does."""
        member = find_member(self.text, resource.start, (*resource.inside, *keys))
        return self.lines.position(member.start, member.end) if member is not None else resource.at

    def text_of(self, resource: PlannedResource, value: str, *keys: str | int) -> StringNode:
        """An attribute that is a string, with the place of every letter, so that what it holds has its own place.

        Of a plan with very many documents that is told of the first ones only, as it takes memory.
        """
        member = find_member(self.text, resource.start, (*resource.inside, *keys))
        if member is None or member.value != value:
            return StringNode((value,), resource.at)
        at = self.lines.position(member.start, member.end)
        written = self.text[member.start + 1 : member.end - 1]
        parts, starts, place = [], [], 0
        for escape in _ESCAPE.finditer(written):
            if escape.start() > place:
                parts.append(written[place : escape.start()])
                starts.append((at.line, at.column + 1 + place))
            parts.append(str(json.loads(f'"{escape.group()}"')))
            starts.append((at.line, at.column + 1 + escape.start()))
            place = escape.end()
        if place < len(written):
            parts.append(written[place:])
            starts.append((at.line, at.column + 1 + place))
        self._letters -= len(parts)
        if self._letters < 0 or not parts:
            return StringNode((value,), at)
        return StringNode(tuple(parts), at, tuple(starts))

    def position_of_unknown(self, resource: PlannedResource, attribute: str) -> Position:
        """Where a plan says of an attribute that it is not known; where it does not, where the resource stands."""
        member = find_member(self.text, resource.start, (*resource.inside[:-1], "after_unknown", attribute))
        if member is None:
            return resource.at
        return self.lines.position(self.text.rindex('"', 0, self.text.rindex('"', 0, member.start)), member.end)

    def instances(self, address: str) -> list[str]:
        """The addresses with an instance key of a resource or a data resource whose address has none."""
        total = len(self.resources) + len(self.reads) + len(self.known_documents)
        if total != self._counted:
            self._counted, self._instances = total, {}
            for each in dict.fromkeys((*self.resources, *self.reads, *self.known_documents)):
                whole = without_key(each)
                if whole != each:
                    self._instances.setdefault(whole, []).append(each)
        return self._instances.get(address, [])


def index_text(index: Json) -> str:
    """An instance key as it stands in an address: ``[0]``, ``["a"]``, or nothing."""
    if isinstance(index, str):
        escaped = re.sub(r'([\\"]|[$%](?={))', _escape, index)
        return f'["{escaped}"]'
    return f"[{index}]" if isinstance(index, int) and not isinstance(index, bool) else ""


def _escape(found: re.Match[str]) -> str:
    """A character that ends a text of HCL, or begins a template in it, as it is written there."""
    return found.group() * 2 if found.group() in "$%" else f"\\{found.group()}"


def without_key(address: str) -> str:
    """An address without the instance key at its end."""
    if not address.endswith("]"):
        return address
    rest = address[len(module_of(address)) :]
    match = _KEY.search(rest)
    return address[: len(address) - len(rest) + match.start()] if match else address


def key_of(module: str) -> str:
    """The instance key of a module's own call: ``["a"]`` of ``module.x.module.y["a"]``."""
    steps = module_steps(module)
    match = _KEY.search(steps[-1]) if steps else None
    return match.group() if match else ""


def module_of(address: str) -> str:
    """The module part of a resource's address; "" for the root module."""
    return ".".join(module_steps(address))


def module_steps(address: str) -> list[str]:
    """The calls that an address begins with, instance keys included: ``module.a["x"]``, ``module.b``."""
    steps: list[str] = []
    place = 0
    while match := _MODULE.match(address, place):
        steps.append(match.group())
        place = match.end() + 1
    return steps
