"""Decide whether a statement can refer to a role: same module or template, no cycle, no condition.

Sources: Terraform language documentation, "References to Named Values" (a reference to a block with ``count`` has an
index) and "Resource Graph" (no cycles); AWS CloudFormation User Guide, "Conditions" (a conditional resource can be
referenced only from one under the same condition) and "Troubleshooting CloudFormation" (circular dependencies).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.access.role_consumers import RoleUse
from passrole_checks.aws.passing_actions import may_pass_role
from passrole_checks.aws.role_properties import receivers_of
from passrole_checks.errors import InputError
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import repository_around
from passrole_checks.sources.model.addresses import module_of
from passrole_checks.sources.model.configuration import Configuration, Framework, NoteKind, RoleDefinition
from passrole_checks.sources.terraform.modules.folder import EXAMPLE_FOLDERS
from passrole_checks.suggest.edits.template_files import can_contain_role
from passrole_checks.suggest.edits.template_variables import only_call
from passrole_checks.suggest.suggestion import TargetRole
from passrole_checks.suggest.verify import statement_span

if TYPE_CHECKING:
    import yaml

Read = Callable[[str], str]

_REFERENCE = lazy_regex(r"(?<![\w.-])(?:data\.)?[A-Za-z_][\w-]*\.[A-Za-z_][\w-]*")
_ARGUMENT = lazy_regex(r"(?:[\w-]+\s*=\s*)?((?:module|data|local|var)\.[\w-]+(?:\.[\w-]+|\[(?:\d+|\"[^\"]*\")\])*)")
_NAMED_VALUE = lazy_regex(r"data\.[\w-]+\.[\w-]+|(?:module|local|var)\.[\w-]+")
_IN_MODULE = lazy_regex(r"\$\{(module\.[\w-]+)")
_ACTION = lazy_regex(r"\"([a-z0-9-]+:[A-Za-z*?]+)\"")
_INDEX = lazy_regex(r"\[[^\[\]]*\]$")
_ATTRIBUTE = lazy_regex(r"(?m)^[ \t]*[\w-]+[ \t]*=(?![=>])")
_IN_TEXT = lazy_regex(r"\$\{\s*([A-Za-z0-9]+)")


@dataclass(frozen=True, slots=True)
class CountedResource:
    """A resource with ``count`` or ``for_each``; ``names`` of its attributes and blocks; ``at``: the file and line
    where it starts.
    """

    name: str
    type: str
    names: frozenset[str]
    at: tuple[str, int]


@dataclass
class ReferenceGraph:
    """The references between blocks or resources of one module or template, by name.

    ``conditions``: the condition of each ("" if unconditional), as written. For Terraform, ``counted``: resources that
    may have no instance; ``spans``: file, first line, last line and name of each block.
    """

    references: dict[str, set[str]] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    counted: list[CountedResource] = field(default_factory=list)
    spans: list[tuple[str, int, int, str]] = field(default_factory=list)
    _blocks_at: dict[tuple[str, int], str | None] = field(default_factory=dict)

    def block_at(self, file: str, line: int) -> str | None:
        """Return the name of the innermost block at a line."""
        place = file, line
        if place not in self._blocks_at:
            inside = [span for span in self.spans if span[0] == file and span[1] <= line <= span[2]]
            self._blocks_at[place] = min(inside, key=lambda span: span[2] - span[1])[3] if inside else None
        return self._blocks_at[place]

    def reaches(self, start: str, end: str) -> bool:
        """True if a chain of references leads from ``start`` to ``end``; every name reaches itself."""
        pending, seen = [start], set[str]()
        while pending:
            current = pending.pop()
            if current == end:
                return True
            if current not in seen:
                seen.add(current)
                pending.extend(self.references.get(current, ()))
        return False


@lru_cache(maxsize=64)  # asked for each role of each statement
def _is_terraform_file(file: str) -> bool:
    return is_terraform_file(Path(file))


class ReferableRoles:
    """Finds how a statement can refer to roles of a configuration. ``read`` returns the text of a file, and may raise
    OSError and ValueError. What a variant names by the variables that its file sets is named so without its values too.
    """

    def __init__(self, configuration: Configuration, read: Read) -> None:
        self.configuration = configuration
        self._read = read
        self._folders: dict[str, ReferenceGraph] = {}
        self._attributes: dict[Position, str] = {}
        self._templates: dict[str, ReferenceGraph | None] = {}
        around = configuration.surroundings.context.roles  # nothing here can be referred to as a role of the account
        self._roles = {
            role.resource.address: role for role in configuration.roles if role.resource.address not in around
        }

    def can_refer(self, file: str) -> bool:
        """True if the file can contain references, unlike a policy file that is read as text."""
        if self.configuration.framework is Framework.TERRAFORM:
            return _is_terraform_file(file)
        return file in self.configuration.files

    def can_contain(self, file: str, role: TargetRole) -> bool:
        """True if a file can contain a role by its ARN; a template that Terraform renders has its own variables."""
        if self.can_refer(file) or not role.arn.unresolved_parts:
            return True
        text = self._text(file) if self.configuration.framework is Framework.TERRAFORM else ""
        return bool(text) and can_contain_role(text, role)

    def _text(self, file: str) -> str:
        """Return the text of a file; "" if it cannot be read."""
        try:
            return self._read(file)
        except (OSError, ValueError):
            return ""

    def reference(self, address: str, located: LocatedGrant) -> str | None:
        """Return the address (in a template, the logical id) of a role that a statement can refer to; None if it
        cannot.
        """
        role = self._roles.get(address) or self._roles.get(_INDEX.sub("", address))
        if role is None:
            return None
        at = located.grant.at
        if self.configuration.framework is not Framework.TERRAFORM:
            return self._in_template(address, role, located) if self.can_refer(at.file) else None
        if not self.can_refer(at.file):  # references can be in the call that renders it
            call = only_call(at.file, self.configuration.files, self._read)
            if call is None:
                return None
            at = Position(call.path, call.line)
        return self._in_module(address, role, located, at)

    def text_at(self, at: Position) -> str:
        """Return the text at a position; "" if it cannot be read."""
        text = self._text(at.file)
        span = statement_span(at, text)
        return text[span.start : span.end]

    # -- Terraform

    def attribute_at(self, at: Position) -> str:
        """Return the text of the block attribute around a position, up to the end of its last line; "" if it cannot be
        read.
        """
        if at not in self._attributes:
            text = self._text(at.file)
            span = statement_span(at, text)
            begins = [found.start() for found in _ATTRIBUTE.finditer(text, 0, span.start + 1)]
            ends = text.find("\n", span.end)
            self._attributes[at] = text[begins[-1] if begins else span.start : len(text) if ends < 0 else ends]
        return self._attributes[at]

    def conditional_consumers(self, folder: str, services: Collection[str]) -> Iterator[str]:
        """Yield resources of a module's folder that receive roles for these services (none: any) and have no instance
        with the current variable values, but may with others.
        """
        if self.configuration.framework is not Framework.TERRAFORM:
            return
        for one in self._folder(folder).counted:
            rows = [row for row in receivers_of(one.type) if row.how == "passed" and row.path[0] in one.names]
            taken = {service for row in rows for service in row.services}
            if one.at not in self._existing and taken and (not services or taken & set(services)):
                yield one.name

    def unknown_attachments(self, principal: str) -> Iterator[str]:
        """Yield what may attach other policies to a principal than those that are known: modules that are not
        available, and resources that have no instance with the current variable values."""
        inside = _IN_MODULE.search(principal)
        if inside is not None:
            yield inside[1]
        role = self._roles.get(principal) or self._roles.get(_INDEX.sub("", principal))
        if role is None or self.configuration.framework is not Framework.TERRAFORM:
            return
        folder = os.path.dirname(role.resource.at.file)
        local = re.escape(_INDEX.sub("", principal.removeprefix(module_of(principal))))
        named = re.compile(rf"(?<![\w.-]){local}(?:\[[^\[\]]*\])?\.(?:name|id)\b")
        graph = self._folder(folder)
        modules = {
            (note.file, note.line) for note in self.configuration.notes.not_evaluated if note.kind is NoteKind.MODULE
        }
        idle = {one.at for one in graph.counted if "policy" in one.type} - self._attaching
        for file, first, last, name in graph.spans:
            if (file, first) in modules | idle and named.search(self._lines(file, first, last)):
                yield name

    def conditional_actions(self, principal: str) -> Iterator[str]:
        """Yield the actions that take a role and that the text of a principal's policies names, but not their
        statements with the current variable values, such as those of a dynamic block without instances."""
        if self.configuration.framework is not Framework.TERRAFORM:
            return
        named = set[str]()
        blocks: dict[tuple[str, int, int], None] = {}
        for policy in self.configuration.policies:
            if principal not in policy.principals:
                continue
            for statement in parse_document(policy.document).statements:
                named.update(str(one).lower() for one in (*(statement.actions or ()), *(statement.not_actions or ())))
                if not self.can_refer(statement.at.file):
                    continue
                for file, first, last, _ in self._folder(os.path.dirname(statement.at.file)).spans:
                    if file == statement.at.file and first <= statement.at.line <= last:
                        blocks[file, first, last] = None
        for block in blocks:
            for action in dict.fromkeys(_ACTION.findall(self._lines(*block))):
                if action.lower() not in named and may_pass_role(action):
                    yield action

    @cached_property
    def _attaching(self) -> frozenset[tuple[str, int]]:
        """Return the positions of the resources that exist and may attach policies."""
        resources = [*self.configuration.resources, *(one.resource for one in self.configuration.policies)]
        resources += [one.resource for one in self.configuration.attached.managed_policies]
        return frozenset((one.at.file, one.at.line) for one in resources)

    def _lines(self, file: str, first: int, last: int) -> str:
        """Return some lines of a file; "" if it cannot be read."""
        return "\n".join(self._text(file).split("\n")[first - 1 : last])

    @cached_property
    def _existing(self) -> frozenset[tuple[str, int]]:
        """Return the positions of resources that have an instance or receive a role."""
        numbered = (resource for resource in self.configuration.resources if resource.address.endswith("]"))
        taking = (one.resource for one in self.configuration.received)
        return frozenset((one.at.file, one.at.line) for one in (*numbered, *taking))

    def words(self, one: RoleUse, located: LocatedGrant) -> str | None:
        """Return the reference (``module.app.role_arn``) through which a resource of the statement's module receives a
        role, if the statement can use it too; else None.
        """
        at, own = one.received.at, located.grant.at
        folder = os.path.dirname(own.file)
        if self.configuration.framework is not Framework.TERRAFORM or not self.can_refer(own.file):
            return None
        module = module_of(one.received.resource.address)
        if os.path.dirname(at.file) != folder or not self._is_same(module, folder, located):
            return None
        found = _ARGUMENT.fullmatch(self.text_at(at).strip())
        is_given = (
            found is not None
            and not module
            and found[1].removeprefix("var.") in self.configuration.surroundings.values.names
        )
        is_arn = one.arn is not None and str(one.arn).startswith("arn:") and (bool(one.arn.defaults) or is_given)
        if found is None or ("arn" not in found[1].rpartition(".")[2].lower() and not is_arn):
            return None
        graph = self._folder(folder)
        name, statement = _NAMED_VALUE.match(found[1]), graph.block_at(own.file, own.line)
        if name is None or statement is None or graph.reaches(name[0], statement):
            return None
        return found[1]

    def _in_module(self, address: str, role: RoleDefinition, located: LocatedGrant, at: Position) -> str | None:
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
        # the instance certainly exists if the statement's block has the same condition
        same = graph.conditions.get(own, "") == condition and condition.startswith("count ")
        return address if local == f"{name}[0]" and (same or re.fullmatch(r"count [1-9]\d*", condition)) else None

    def _is_same(self, module: str, folder: str, located: LocatedGrant) -> bool:
        """True if ``module`` is the module instance that contains the statement."""
        if os.path.dirname(located.resource.at.file) == folder:
            return module_of(located.resource.address) == module
        return self._instances.get(folder) == {module}

    def is_only_instance(self, located: LocatedGrant) -> bool:
        """True if the module with a statement has one instance, and its caller is no example or test."""
        if self.configuration.framework is not Framework.TERRAFORM:
            return False
        folder, module = os.path.dirname(located.grant.at.file), module_of(located.resource.address)
        top = len((repository_around(Path(folder)) or Path()).parts)  # where the checkout is does not matter
        return (
            bool(module)
            and self._is_same(module, folder, located)
            and len(self._instances.get(folder, ())) == 1
            and not any(EXAMPLE_FOLDERS.intersection(Path(file).parts[top:]) for file in self.configuration.files)
        )

    @cached_property
    def _instances(self) -> Mapping[str, set[str]]:
        """Map each folder to its module instances, as far as they contain resources."""
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
        if file not in self._templates:
            try:
                self._templates[file] = _graph_of_template(file, self._read(file))
            except (InputError, OSError, ValueError, RecursionError):
                self._templates[file] = None
        graph = self._templates[file]
        own = located.resource.address.rpartition(".")[2]
        if graph is None or own not in graph.references:
            return None
        # SAM generates the role of a function under its own name
        holder = local if local in graph.references else local.removesuffix("Role")
        if holder not in graph.references or graph.reaches(holder, own):
            return None
        condition = graph.conditions.get(holder, "")
        return local if condition in ("", graph.conditions.get(own, "")) else None


def _graph_of_folder(folder: Path) -> ReferenceGraph:
    """Return the graph of a module's blocks and locals.

    Everything that looks like a reference counts, even in comments: a false cycle costs a suggestion, a missed one
    breaks the configuration.
    """
    from passrole_checks.sources.terraform.modules.folder import read_folder
    from passrole_checks.sources.terraform.reading.syntax import Literal

    graph = ReferenceGraph()
    words: dict[str, list[str]] = {}

    def add(name: str, file: str, first: int, last: int, lines: list[str]) -> None:
        graph.spans.append((file, first, last, name))
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
                        graph.counted.append(CountedResource(name, block.labels[0], frozenset(names), at))
                    text = "\n".join(lines[found.span.line - 1 : found.span.end_line])
                    graph.conditions[name] = f"{repeated} {' '.join(text.partition('=')[2].split())}"
    for name, own in words.items():
        found_names = {match for line in own for match in _REFERENCE.findall(line)}
        graph.references[name] = {other for other in found_names if other in words}
    return graph


def _graph_of_template(file: str, text: str) -> ReferenceGraph:
    """Return the graph of a template's resources. Raises InputError if it cannot be read."""
    from passrole_checks.sources.cloudformation.compose_yaml import children_of
    from passrole_checks.sources.cloudformation.template import Template, child, entries, scalar

    template = Template(file, text.removeprefix("\ufeff"), {})
    resources = {key.value: node for key, node in entries(child(template.root, "Resources"))}
    graph = ReferenceGraph()
    for name, node in resources.items():
        graph.references[name] = {other for other in _references_below(node) if other in resources}
        graph.conditions[name] = scalar(child(node, "Condition")) or ""
        depends = child(node, "DependsOn")
        named = (scalar(one) for one in (depends, *(children_of(depends) if depends is not None else ())))
        graph.references[name].update(other for other in named if other is not None and other in resources)
    return graph


def _references_below(root: yaml.Node) -> Iterator[str]:
    """Yield the names in ``Ref``, ``Fn::GetAtt`` and ``Fn::Sub`` below a node, and possibly other strings."""
    import yaml

    from passrole_checks.sources.cloudformation.compose_yaml import children_of
    from passrole_checks.sources.cloudformation.template import intrinsic_call

    pending, seen = [root], set[int]()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        pending += children_of(node)
        function, argument = intrinsic_call(node) or ("", None)
        first = argument.value[0] if isinstance(argument, yaml.SequenceNode) and argument.value else argument
        text = first.value if isinstance(first, yaml.ScalarNode) else ""
        if function == "Fn::Sub":
            yield from _IN_TEXT.findall(text)
        elif function in ("Ref", "Fn::GetAtt"):
            yield text.partition(".")[0]
