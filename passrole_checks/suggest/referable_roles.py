"""Whether a statement can refer to a role where it stands: the same module or template, no circle, no condition.

Sources: Terraform language documentation, "References to Named Values" (a reference to a block with ``count`` has an
index) and "Resource Graph" (no circles); AWS CloudFormation User Guide, "Conditions" (a resource under a condition can
be referred to from one under the same condition only) and "Troubleshooting CloudFormation" (circular dependencies).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from passrole_checks.access.role_consumers import RoleUse
from passrole_checks.aws.role_properties import receivers_of
from passrole_checks.errors import InputError
from passrole_checks.iam.partial_values import Position
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.addresses import module_of
from passrole_checks.sources.model.configuration import Configuration, Framework, RoleDefinition
from passrole_checks.suggest.verify import place_of

Read = Callable[[str], str]

_REFERENCE = re.compile(r"(?<![\w.-])(?:data\.)?[A-Za-z_][\w-]*\.[A-Za-z_][\w-]*")
_GIVEN = re.compile(r"(?:[\w-]+\s*=\s*)?((?:module|data|local|var)\.[\w-]+(?:\.[\w-]+|\[(?:\d+|\"[^\"]*\")\])*)")
_NAMED = re.compile(r"data\.[\w-]+\.[\w-]+|(?:module|local|var)\.[\w-]+")
_INDEX = re.compile(r"\[[^\[\]]*\]$")
_ATTRIBUTE = re.compile(r"(?m)^[ \t]*[\w-]+[ \t]*=(?![=>])")
_IN_TEXT = re.compile(r"\$\{\s*([A-Za-z0-9]+)")


@dataclass(frozen=True, slots=True)
class Counted:
    """A resource with ``count`` or ``for_each``; ``names`` of its attributes and blocks; ``at``: the file and the line
    where it begins."""

    name: str
    type: str
    names: frozenset[str]
    at: tuple[str, int]


@dataclass
class ReferenceGraph:
    """What the blocks or resources of one module or template refer to, by name; ``conditions``: under what each one is
    there at all ("" for always), as far as that is written; of those in Terraform, ``counted`` are the resources that
    may not be there, and ``places`` where each one stands."""

    references: dict[str, set[str]] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    counted: list[Counted] = field(default_factory=list)
    places: list[tuple[str, int, int, str]] = field(default_factory=list)

    def block_at(self, file: str, line: int) -> str | None:
        """The name of the innermost block at a line."""
        inside = [place for place in self.places if place[0] == file and place[1] <= line <= place[2]]
        return min(inside, key=lambda place: place[2] - place[1])[3] if inside else None

    def reaches(self, start: str, end: str) -> bool:
        """Whether a chain of references leads from one to the other; it does from each to itself."""
        pending, seen = [start], set[str]()
        while pending:
            current = pending.pop()
            if current == end:
                return True
            if current not in seen:
                seen.add(current)
                pending.extend(self.references.get(current, ()))
        return False


class ReferableRoles:
    """Tells how roles of a configuration are referred to. ``read`` gives the text of a file, and may raise OSError and
    ValueError."""

    def __init__(self, configuration: Configuration, read: Read) -> None:
        self.configuration = configuration
        self._read = read
        self._folders: dict[str, ReferenceGraph] = {}
        self._templates: dict[str, ReferenceGraph | None] = {}
        self._roles = {role.resource.address: role for role in configuration.roles}

    def can_refer(self, file: str) -> bool:
        """Whether the text of a file is one in which references stand: not a policy that is read from a file."""
        if self.configuration.framework is Framework.TERRAFORM:
            return is_terraform_file(Path(file))
        return file in self.configuration.files

    def reference(self, address: str, located: LocatedGrant) -> str | None:
        """The address of a role that a statement can refer to where it stands (in a template the logical id); None
        where it cannot."""
        role = self._roles.get(address) or self._roles.get(_INDEX.sub("", address))
        if role is None or not self.can_refer(located.grant.at.file):
            return None
        if self.configuration.framework is Framework.TERRAFORM:
            return self._in_module(address, role, located)
        return self._in_template(address, role, located)

    def text_at(self, at: Position) -> str:
        """What is written at a position; "" where that cannot be told."""
        try:
            text = self._read(at.file)
        except (OSError, ValueError):
            return ""
        place = place_of(at, text)
        return text[place.start : place.end]

    # -- Terraform

    def attribute_at(self, at: Position) -> str:
        """The attribute of a block that what stands at a position is a part of, as far as it is written before it and
        on its last line; "" where that cannot be told."""
        try:
            text = self._read(at.file)
        except (OSError, ValueError):
            return ""
        place = place_of(at, text)
        begins = [found.start() for found in _ATTRIBUTE.finditer(text, 0, place.start + 1)]
        ends = text.find("\n", place.end)
        return text[begins[-1] if begins else place.start : len(text) if ends < 0 else ends]

    def idle(self, folder: str, services: Collection[str]) -> Iterator[str]:
        """The resources of a module's folder that take roles to these services (none: to any) and are not there with
        the values that its variables have, as other values may have it."""
        if self.configuration.framework is not Framework.TERRAFORM:
            return
        for one in self._folder(folder).counted:
            rows = [row for row in receivers_of(one.type) if row.how == "passed" and row.path[0] in one.names]
            taken = {service for row in rows for service in row.services}
            if one.at not in self._there and taken and (not services or taken & set(services)):
                yield one.name

    @cached_property
    def _there(self) -> frozenset[tuple[str, int]]:
        """Where the resources begin that have an instance, or take a role."""
        numbered = (one for one in self.configuration.resources if one.address.endswith("]"))
        taking = (one.resource for one in self.configuration.received)
        return frozenset((one.at.file, one.at.line) for one in (*numbered, *taking))

    def words(self, one: RoleUse, located: LocatedGrant) -> str | None:
        """The reference by which a resource of the statement's own module is given a role (``module.app.role_arn``),
        where the statement can use it too; None elsewhere."""
        at, own = one.received.at, located.grant.at
        folder = os.path.dirname(own.file)
        if self.configuration.framework is not Framework.TERRAFORM or not self.can_refer(own.file):
            return None
        module = module_of(one.received.resource.address)
        if os.path.dirname(at.file) != folder or not self._is_same(module, folder, located):
            return None
        found = _GIVEN.fullmatch(self.text_at(at).strip())
        is_arn = one.arn is not None and str(one.arn).startswith("arn:") and bool(one.arn.defaults)
        if found is None or ("arn" not in found[1].rpartition(".")[2].lower() and not is_arn):
            return None
        graph = self._folder(folder)
        name, statement = _NAMED.match(found[1]), graph.block_at(own.file, own.line)
        if name is None or statement is None or graph.reaches(name[0], statement):
            return None
        return found[1]

    def _in_module(self, address: str, role: RoleDefinition, located: LocatedGrant) -> str | None:
        at = located.grant.at
        folder = os.path.dirname(at.file)
        module = module_of(address)
        if os.path.dirname(role.resource.at.file) != folder or not self._is_same(module, folder, located):
            return None
        graph = self._folder(folder)
        local = address.removeprefix(module)
        name, own = _INDEX.sub("", local), graph.block_at(at.file, at.line)
        if own is None or name not in graph.references or graph.reaches(name, own):
            return None
        condition = graph.conditions.get(name, "")
        if not condition:
            return address if name == local else None
        # an instance is there for sure where the statement's block is only there under the same condition
        same = graph.conditions.get(own, "") == condition and condition.startswith("count ")
        return address if local == f"{name}[0]" and (same or re.fullmatch(r"count [1-9]\d*", condition)) else None

    def _is_same(self, module: str, folder: str, located: LocatedGrant) -> bool:
        """Whether ``module`` is the instance of the module that the statement stands in."""
        if os.path.dirname(located.resource.at.file) == folder:
            return module_of(located.resource.address) == module
        return self._instances.get(folder) == {module}

    @cached_property
    def _instances(self) -> Mapping[str, set[str]]:
        """For each folder the instances of it as a module, as far as resources stand in them."""
        found: dict[str, set[str]] = {}
        for resource in self.configuration.resources:
            found.setdefault(os.path.dirname(resource.at.file), set()).add(module_of(resource.address))
        return found

    def _folder(self, folder: str) -> ReferenceGraph:
        if folder not in self._folders:
            self._folders[folder] = _graph_of_folder(Path(folder))
        return self._folders[folder]

    # -- CloudFormation

    def _in_template(self, address: str, role: RoleDefinition, located: LocatedGrant) -> str | None:
        file = located.grant.at.file
        stack, _, local = address.rpartition(".")
        if role.resource.at.file != file or located.resource.at.file != file:
            return None
        if located.resource.address.rpartition(".")[0] != stack:
            return None
        graph = self._template(file)
        own = located.resource.address.rpartition(".")[2]
        if graph is None or own not in graph.references:
            return None
        # SAM makes the role of a function under a name of its own
        holder = local if local in graph.references else local.removesuffix("Role")
        if holder not in graph.references or graph.reaches(holder, own):
            return None
        condition = graph.conditions.get(holder, "")
        return local if condition in ("", graph.conditions.get(own, "")) else None

    def _template(self, file: str) -> ReferenceGraph | None:
        if file not in self._templates:
            try:
                self._templates[file] = _graph_of_template(file, self._read(file))
            except (InputError, OSError, ValueError, RecursionError):
                self._templates[file] = None
        return self._templates[file]


def _graph_of_folder(folder: Path) -> ReferenceGraph:
    """The graph of a module's blocks and locals.

    What looks like a reference is taken for one, in comments too: a circle that is none costs a suggestion, one that is
    not seen breaks the configuration.
    """
    from passrole_checks.sources.terraform.modules.folder import read_folder
    from passrole_checks.sources.terraform.reading.syntax import Literal

    graph = ReferenceGraph()
    words: dict[str, list[str]] = {}

    def add(name: str, file: str, first: int, last: int, lines: list[str]) -> None:
        graph.places.append((file, first, last, name))
        words.setdefault(name, []).extend(lines[first - 1 : last])

    for parsed in read_folder(folder).files:
        file = parsed.source.file
        lines = parsed.source.data.decode("utf-8", errors="replace").split("\n")
        for block in parsed.body.blocks:
            if block.type == "locals":
                for attribute in block.body.attributes:
                    add(f"local.{attribute.name}", file, attribute.span.line, attribute.span.end_line, lines)
                continue
            kinds = {"resource": 2, "data": 2, "module": 1}
            if len(block.labels) < kinds.get(block.type, 9):
                continue
            prefix = () if block.type == "resource" else (block.type,)
            name = ".".join((*prefix, *block.labels[: kinds[block.type]]))
            add(name, file, block.span.line, block.span.end_line, lines)
            for repeated in ("count", "for_each"):
                found = block.body.get(repeated)
                if found is not None:
                    if block.type == "resource" and not isinstance(found.value, Literal):
                        inner = {one.labels[0] if one.type == "dynamic" else one.type for one in block.body.blocks}
                        names = inner.union(one.name for one in block.body.attributes)
                        at = (file, block.span.line)
                        graph.counted.append(Counted(name, block.labels[0], frozenset(names), at))
                    text = "\n".join(lines[found.span.line - 1 : found.span.end_line])
                    graph.conditions[name] = f"{repeated} {' '.join(text.partition('=')[2].split())}"
    for name, own in words.items():
        found_names = {match for line in own for match in _REFERENCE.findall(line)}
        graph.references[name] = {other for other in found_names if other in words}
    return graph


def _graph_of_template(file: str, text: str) -> ReferenceGraph:
    """The graph of a template's resources. Raises InputError where it cannot be read."""
    from passrole_checks.sources.cloudformation.template import Template, child, entries, scalar

    template = Template(file, text.removeprefix("\ufeff"), {})
    resources = {key.value: node for key, node in entries(child(template.root, "Resources"))}
    graph = ReferenceGraph()
    for name, node in resources.items():
        graph.references[name] = {other for other in _referred_to(node) if other in resources}
        graph.conditions[name] = scalar(child(node, "Condition")) or ""
        depends = child(node, "DependsOn")
        listed = [depends] if depends is not None else []
        for one in [*listed, *(depends.value if depends is not None and isinstance(depends.value, list) else ())]:
            other = scalar(one)
            if other is not None and other in resources:
                graph.references[name].add(other)
    return graph


def _referred_to(root: object) -> Iterator[str]:
    """The names in ``Ref``, ``Fn::GetAtt`` and ``Fn::Sub`` below a node; others that could be some as well."""
    import yaml

    from passrole_checks.sources.cloudformation.template import intrinsic_call

    pending: list[object] = [root]
    seen = set[int]()
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            pending.extend(node)
            continue
        if not isinstance(node, yaml.Node) or id(node) in seen:
            continue
        seen.add(id(node))
        found = intrinsic_call(node)
        if found is not None:
            yield from _names_in(found[0], found[1])
        if isinstance(node.value, list):
            pending.extend(node.value)


def _names_in(function: str, argument: object) -> Iterable[str]:
    import yaml

    first = argument.value[0] if isinstance(argument, yaml.SequenceNode) and argument.value else argument
    text = first.value if isinstance(first, yaml.ScalarNode) else ""
    if function == "Fn::Sub":
        return _IN_TEXT.findall(text)
    return [text.partition(".")[0]] if function in ("Ref", "Fn::GetAtt") else []
