"""Data of a plan or state: resources, documents, configuration, and their positions in the text.

Source: Terraform documentation, "JSON Output Format".
"""

from __future__ import annotations

import json
import re
from dataclasses import field

from passrole_checks.files.decoded_json import as_object
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position, StringNode
from passrole_checks.sources.files.json_positions import Json, Lines, find_member
from passrole_checks.sources.model.addresses import segments_of, without_key
from passrole_checks.sources.model.configuration import Framework, ResourceDefinition, Unreadable

DOCUMENT = "aws_iam_policy_document"

_MODULE = lazy_regex(r'module\.[^.\[]+(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\])?')
_ESCAPE = lazy_regex(r"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[\da-fA-F]{4}|.)")


@dataclass(frozen=True)
class PlannedResource:
    """A resource after the plan: ``values`` are its attributes, ``unknown`` is a boolean or mirrors their shape.

    ``module`` is the address of its module ("" for the root). ``changed``: the plan creates or changes it. ``start`` is
    the offset of its entry in the text, ``inside`` the keys from there to its attributes. ``previous`` is the address
    before the plan, if the resource moves.
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

    @property
    def block(self) -> str:
        """The address of its block within its module: ``aws_iam_role.x``."""
        return f"{self.type}.{self.name}"

    @property
    def definition(self) -> ResourceDefinition:
        """The resource in a configuration."""
        return ResourceDefinition(self.address, self.type, Framework.TERRAFORM_PLAN, self.at)

    def is_unknown(self, attribute: str) -> bool:
        """True if an attribute is known after apply only."""
        return self.unknown is True or as_object(self.unknown).get(attribute) is True


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    """An entry of ``resource_changes`` with any action, and the offset to read its values from.

    ``start`` is the offset of the object that contains ``address`` and ``change``; ``find(plan.text, start, ("change",
    "before"))`` reads the values before the change. ``deposed``: the entry is about an object left over by a
    replacement.
    """

    address: str
    previous: str
    type: str
    actions: tuple[str, ...]
    start: int
    deposed: bool = False


@dataclass
class PlanFile:
    """The content of a plan or a state."""

    file: str
    text: str
    lines: Lines
    resources: dict[str, PlannedResource] = field(default_factory=dict)
    reads: dict[str, PlannedResource] = field(default_factory=dict)  # data sources that are read during apply
    known_documents: dict[str, str] = field(default_factory=dict)  # JSON by address of its data source
    configuration: dict[str, Json] = field(default_factory=dict)
    callers: dict[str, str] = field(default_factory=dict)  # accounts of data.aws_caller_identity by address
    accounts: set[str] = field(default_factory=set)  # those of the root's default provider
    changes: list[ChangeEntry] = field(default_factory=list)  # of the providers aws and awscc
    outputs: list[tuple[int, str]] = field(default_factory=list)  # offsets of objects with outputs, key of the values
    variables: tuple[int, int] | None = None  # offsets of the object with the root's variables
    unreadable: list[Unreadable] = field(default_factory=list)
    not_evaluated: list[Unreadable] = field(default_factory=list)
    _reasons: set[str] = field(default_factory=set, repr=False)
    _instances: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _pieces_left: int = field(default=200_000, repr=False)  # pieces of strings that may still get positions
    _counted: int = field(default=-1, repr=False)

    def add_unreadable(self, reason: str, offset: int | None = None, resource: str = "") -> None:
        """Record a part of the file, or of one resource, that cannot be read; each reason only once."""
        if reason not in self._reasons:
            self._reasons.add(reason)
            line = self.lines.line_and_column(offset)[0] if offset is not None else None
            self.unreadable.append(Unreadable(self.file, reason, line, resource=resource))

    def position_of(self, resource: PlannedResource, *keys: str | int) -> Position:
        """Return the position of an attribute of a resource; that of the resource if it is not found."""
        member = find_member(self.text, resource.start, (*resource.inside, *keys))
        return self.lines.position(member.start, member.end) if member is not None else resource.at

    def located_string(self, resource: PlannedResource, value: str, *keys: str | int) -> StringNode:
        """Return a string attribute in which every character has its position in the file.

        To limit memory, only the first 200,000 pieces of a plan have their own positions.
        """
        member = find_member(self.text, resource.start, (*resource.inside, *keys))
        if member is None or member.value != value:
            return StringNode((value,), resource.at)
        at = self.lines.position(member.start, member.end)
        raw = self.text[member.start + 1 : member.end - 1]
        parts, starts, position = [], [], 0
        for escape in _ESCAPE.finditer(raw):
            if escape.start() > position:
                parts.append(raw[position : escape.start()])
                starts.append((at.line, at.column + 1 + position))
            parts.append(str(json.loads(f'"{escape.group()}"')))
            starts.append((at.line, at.column + 1 + escape.start()))
            position = escape.end()
        if position < len(raw):
            parts.append(raw[position:])
            starts.append((at.line, at.column + 1 + position))
        self._pieces_left -= len(parts)
        if self._pieces_left < 0 or not parts:
            return StringNode((value,), at)
        return StringNode(tuple(parts), at, tuple(starts))

    def position_of_unknown(self, resource: PlannedResource, attribute: str) -> Position:
        """Return the position of an attribute in ``after_unknown``; that of the resource if there is none."""
        member = find_member(self.text, resource.start, (*resource.inside[:-1], "after_unknown", attribute))
        if member is None:
            return resource.at
        return self.lines.position(self.text.rindex('"', 0, self.text.rindex('"', 0, member.start)), member.end)

    def find_resource(self, address: str, index: str) -> PlannedResource | None:
        """Return the resource with an address, given the index of the referring block; else its only instance."""
        instances = self.instances(address)
        candidates = (f"{address}{index}", address, *(instances if len(instances) == 1 else ()))
        return next((self.resources[candidate] for candidate in candidates if candidate in self.resources), None)

    def instances(self, address: str) -> list[str]:
        """Return the addresses of all instances of a resource or data source, given its address without a key."""
        total = len(self.resources) + len(self.reads) + len(self.known_documents)
        if total != self._counted:
            self._counted, self._instances = total, {}
            for instance in dict.fromkeys((*self.resources, *self.reads, *self.known_documents)):
                block_address = without_key(instance)
                if block_address != instance:
                    self._instances.setdefault(block_address, []).append(instance)
        return self._instances.get(address, [])


def index_text(index: Json) -> str:
    """Return an instance key as in an address: ``[0]``, ``["a"]``, or the empty string."""
    if isinstance(index, str):
        escaped = re.sub(r'([\\"]|[$%](?={))', _escape_hcl, index)
        return f'["{escaped}"]'
    return f"[{index}]" if isinstance(index, int) and not isinstance(index, bool) else ""


def _escape_hcl(match: re.Match[str]) -> str:
    """Escape a character that would end an HCL string or start a template in it."""
    return match.group() * 2 if match.group() in "$%" else f"\\{match.group()}"


def call_instance_key(module: str) -> str:
    """Return the instance key of the last module call: ``["a"]`` of ``module.x.module.y["a"]``."""
    return segments_of(module)[-1][1] if module else ""


def module_of(address: str) -> str:
    """Return the module part of a resource's address; "" for the root module."""
    return ".".join(module_steps(address))


def module_steps(address: str) -> list[str]:
    """Return the module calls at the start of an address, with instance keys: ``module.a["x"]``, ``module.b``."""
    steps: list[str] = []
    position = 0
    while match := _MODULE.match(address, position):
        steps.append(match.group())
        position = match.end() + 1
    return steps
