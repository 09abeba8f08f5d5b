"""Nested stacks and applications with a local template: find them, read them with their arguments, resolve outputs.

Sources: AWS CloudFormation Template Reference, AWS::CloudFormation::Stack (``TemplateURL``, ``Parameters``, outputs as
``Outputs.Name``); AWS CLI Command Reference, "cloudformation package" (a local path in TemplateURL is relative to the
template); Amazon S3 User Guide, "Virtual hosting of general purpose buckets" (the bucket is in the host, or the first
word of the path); AWS SAM Developer Guide, AWS::Serverless::Application (``Location`` is a URL, a path or an object);
AWS CDK API Reference, ``aws_cloudformation_stack`` metadata ``aws:asset:path`` with ``aws:asset:property``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import yaml

from passrole_checks.errors import InputError
from passrole_checks.files import unsaved_texts
from passrole_checks.files.safe_read import OutsideError
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values import nodes
from passrole_checks.iam.values.nodes import Choice, Node, Position, unresolved
from passrole_checks.iam.values.path_conditions import intersect
from passrole_checks.sources.cloudformation.attachments import TemplateAttachments
from passrole_checks.sources.cloudformation.cdk import find_asset
from passrole_checks.sources.cloudformation.consumed_roles import TemplateRoleConsumers
from passrole_checks.sources.cloudformation.documents import existence_conditions
from passrole_checks.sources.cloudformation.include import include_files
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.language_extensions import expand_loops
from passrole_checks.sources.cloudformation.nested_attachments import NestedAttachments
from passrole_checks.sources.cloudformation.pseudo_parameters import given_to_nested
from passrole_checks.sources.cloudformation.recognize import looks_like_template
from passrole_checks.sources.cloudformation.stack_values import (
    NestedStackCall,
    ParameterArgument,
    limit_size,
    parent_condition,
    parent_name,
    to_nested,
    to_parent,
)
from passrole_checks.sources.cloudformation.template import Template, child, entries, intrinsic_call, scalar, type_of
from passrole_checks.sources.files.read_boundary import current_boundary, read_text
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    NoteKind,
    ResourceDefinition,
    RoleDefinition,
    Suppression,
    Unreadable,
)
from passrole_checks.sources.model.principal_names import bare_name, rename_principal

MAX_DEPTH = 10  # levels of nested stacks
MAX_STACKS = 200  # nested stacks of one template, counting repeated templates
MAX_BYTES = 2_000_000  # of one template
MAX_TOTAL = 20_000_000

STACK, APPLICATION = "AWS::CloudFormation::Stack", "AWS::Serverless::Application"
_LOCATION = {STACK: "TemplateURL", APPLICATION: "Location"}
_WORDS = {STACK: "nested stack", APPLICATION: "nested application"}
_ELSEWHERE = lazy_regex(r"^[A-Za-z][A-Za-z0-9+.-]+:|\{\{|\$\{|\x00")  # a URL or a placeholder
_URL = lazy_regex(r"(?:https?://)?(?P<host>[^/]*)/(?P<path>[^?#]*)(?:[?#].*)?", re.DOTALL)
_NAME = lazy_regex(r"[\w+=,.@-]+")  # of a user, group or role
_OUTER_REFERENCE = lazy_regex(r"\$\{\.\./([A-Za-z0-9.]+)\}")


@dataclass
class NestedStackBudget:
    """The remaining budget for all nested stacks of a template."""

    stacks: int = MAX_STACKS
    size: int = MAX_TOTAL


@dataclass(frozen=True)
class NestingContext:
    """The path of a template, its ancestors, and the shared budget."""

    path: Path
    ancestors: tuple[Path, ...] = ()
    budget: NestedStackBudget = field(default_factory=NestedStackBudget)


class TemplateReader(Protocol):
    """The reader of a template, for the outer and for nested ones."""

    evaluator: Evaluator
    resources: list[ResourceDefinition]
    policies: list[AttachedPolicy]
    roles: list[RoleDefinition]
    users: list[tuple[str, nodes.StringNode]]
    unreadable: list[Unreadable]
    not_evaluated: list[Unreadable]
    missing: list[tuple[str, Unreadable]]
    nested: NestedStacks
    attachments: TemplateAttachments
    received: TemplateRoleConsumers
    nested_attachments: NestedAttachments

    def read(self) -> None: ...

    def suppressions(self) -> list[Suppression]: ...


@dataclass(eq=False)
class NestedStacks:
    """The nested stacks of one template, each read on first use.

    ``context`` is None if the path of the template is unknown; no nested stack is read then. ``make_reader`` creates
    the reader of a template. After :meth:`read`: ``templates`` are the templates that were read, at any depth, by stack
    address; ``files`` are these and the files they include; ``suppressions`` are those in these files.
    """

    template: Template
    evaluator: Evaluator
    context: NestingContext | None
    make_reader: Callable[[Template, NestingContext], TemplateReader]
    files: dict[str, None] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)
    suppressions: list[Suppression] = field(default_factory=list)
    _readers: dict[str, TemplateReader | None] = field(default_factory=dict)
    _outputs: dict[tuple[str, str, bool], Node] = field(default_factory=dict)
    _refused: dict[str, Unreadable] = field(default_factory=dict)  # reasons for stacks that are not read
    _unreadable: dict[str, Unreadable] = field(default_factory=dict)
    _broken: dict[str, tuple[InputError, ...]] = field(default_factory=dict)  # errors in included files

    def read(self, resource: ResourceDefinition, outer: TemplateReader) -> None:
        """Add the content of a nested stack to that of the outer template, with addresses below the stack's logical
        id."""
        stack = resource.address
        reader = self._reader_of(stack)
        if reader is None:
            reason = f"{stack}: {_WORDS[resource.type]} template is not available"
            if stack in self._unreadable:
                outer.unreadable.append(self._unreadable[stack])
            else:
                note = Unreadable(resource.at.file, reason, resource.at.line, kind=NoteKind.DEFINED_ELSEWHERE)
                outer.not_evaluated.append(self._refused.get(stack, note))
                outer.missing.append((stack, outer.not_evaluated[-1]))
            return
        reader.read()

        own = frozenset(entry.address for entry in (*reader.resources, *(role.resource for role in reader.roles)))
        named = partial(self._principal, stack=stack, own=own)
        outer.resources.extend(_in_parent(entry, stack) for entry in reader.resources)
        for inner in reader.policies:
            document = self.evaluator.guarded(to_parent(inner.document, stack))
            policy = replace(inner, resource=_in_parent(inner.resource, stack), document=document)
            policy = policy.with_principals(named, lambda when: parent_condition(when, stack))
            outer.policies.append(policy)
        self._add_roles_and_users(reader, outer, stack)
        outer.received.add_nested(reader.received, stack)
        outer.nested_attachments.add_nested(reader.attachments.index, stack, named)
        outer.unreadable.extend(
            replace(entry, resource=parent_name(entry.resource, stack) if entry.resource else stack)
            for entry in reader.unreadable
        )
        broken = (Unreadable(entry.file, entry.reason, entry.line, resource=stack) for entry in self._broken[stack])
        outer.unreadable.extend(broken)
        template = reader.evaluator.template
        outer.not_evaluated.extend((*reader.not_evaluated, *template.notes_on_commands()))
        outer.missing.extend((parent_name(address, stack), note) for address, note in reader.missing)
        self.files.update(dict.fromkeys((*template.files, *reader.nested.files)))
        self.templates[stack] = template.file
        self.templates.update({parent_name(inner, stack): file for inner, file in reader.nested.templates.items()})
        self.suppressions.extend(
            replace(entry, resource=parent_name(entry.resource, stack)) if entry.resource is not None else entry
            for entry in reader.suppressions()
        )

    def _add_roles_and_users(self, reader: TemplateReader, outer: TemplateReader, stack: str) -> None:
        """Add the roles and users of a nested stack to those of the outer template."""
        around = existence_conditions(self.evaluator)
        for role in reader.roles:
            parts: list[Node | None] = [part and to_parent(part, stack) for part in (role.name, role.role_path)]
            name, path = (part if isinstance(part, nodes.StringNode) else None for part in parts)
            trust = role.trust and to_parent(role.trust, stack)
            exists = intersect(around, [parent_condition(when, stack) for when in role.exists_when])
            outer.roles.append(RoleDefinition(_in_parent(role.resource, stack), name, path, trust, exists))
        for user, name_in_stack in reader.users:
            outer_name = to_parent(name_in_stack, stack)
            outer.users.extend(
                [(parent_name(user, stack), outer_name)] if isinstance(outer_name, nodes.StringNode) else ()
            )

    def output(self, stack: str, name: str, at: Position) -> Node:
        """Return the value of an output of a nested stack; an unresolved value if it is unknown."""
        expression = f"{stack}.Outputs.{name}"
        reader = self._reader_of(stack)
        if reader is None:
            return unresolved(expression, at, "output of a nested stack")
        node = child(reader.evaluator.template.root, "Outputs", name, "Value")
        if node is None:
            return unresolved(expression, at, "the nested stack has no such output")
        condition = scalar(child(reader.evaluator.template.root, "Outputs", name, "Condition"))
        condition_holds = None if condition is None else reader.evaluator.decided_outcome(condition)
        decided_parameters = {assumption.subject.removeprefix("Ref ") for assumption in self.evaluator.when}
        for open_defaults in (self.evaluator.open_defaults, True):
            key = (stack, name, open_defaults)
            if key not in self._outputs:
                with reader.evaluator.isolated(open_defaults=open_defaults):
                    value = reader.evaluator.node(node)
                    if condition is not None and condition_holds is None:
                        value = reader.evaluator.guarded_by(condition, True, value)
                self._outputs[key] = limit_size(to_parent(value, stack), expression)
            # a default does not apply if a path condition is about its parameter
            if not any(
                name in decided_parameters for text in nodes.strings_in(self._outputs[key]) for name in text.defaults
            ):
                break
        return _moved_to(self._outputs[key], at)

    def is_only_boundary(self, stack: str, parameter: str) -> bool:
        """True if a nested stack uses a parameter only as a permissions boundary."""
        reader = self._reader_of(stack)
        if reader is None:
            return False
        inner = TemplateAttachments(reader.evaluator.template, reader.evaluator, {}, reader.nested.is_only_boundary)
        return inner.index.is_only_boundary(parameter)

    def _principal(self, name: str, stack: str, own: Collection[str]) -> str:
        """Return the name of a nested template's principal in this template.

        It is a resource of the nested template, a resource of this template passed by name, or a principal defined
        elsewhere, which keeps its name.
        """
        outer = _OUTER_REFERENCE.fullmatch(bare_name(name))
        if outer is not None:
            parameter = outer[1] in self.template.parameters  # an unknown name of any kind
            return rename_principal(name, lambda _: f"${{{outer[1]}}}") if parameter else outer[1]
        return parent_name(name, stack) if name in own or not _NAME.fullmatch(bare_name(name)) else name

    def _reader_of(self, stack: str) -> TemplateReader | None:
        """Return the reader of a nested stack; None if it is not read, and while its arguments are being evaluated."""
        if stack not in self._readers:
            self._readers[stack] = None
            resource = self.template.resources.get(stack)
            if resource is not None and type_of(resource) in _LOCATION:
                self._readers[stack] = self._open(stack, resource)
        return self._readers[stack]

    def _open(self, stack: str, resource: yaml.Node) -> TemplateReader | None:
        """Open the template of a nested stack and return its reader; None, with the reason recorded, if it is not
        read."""
        kind = type_of(resource) or ""
        context = self.context
        location = self._location(resource, _LOCATION[kind], context.path) if context is not None else None
        if context is None or location is None or _ELSEWHERE.search(location):
            return self._refuse(resource, stack, "is not available", location or "")
        displayed = location if len(location) <= 80 else location[:79] + "…"
        unresolved_path = context.path.parent / location
        try:
            current_boundary().check(unresolved_path)
            path = unresolved_path.resolve()
            if path in (*context.ancestors, context.path.resolve()):
                return self._refuse(resource, stack, f"{displayed} contains itself")
            if len(context.ancestors) >= MAX_DEPTH or context.budget.stacks <= 0 or context.budget.size <= 0:
                return self._refuse(resource, stack, f"{displayed} exceeds the nesting limit", str(path))
            content = read_text(path, MAX_BYTES, "a nested template")
            if not looks_like_template(content):
                return self._refuse(resource, stack, f"{displayed} is not a CloudFormation template", str(path))
        except OutsideError as error:
            return self._refuse(resource, stack, f"{displayed} {error.strerror}", os.path.realpath(unresolved_path))
        except FileNotFoundError:
            return self._refuse(resource, stack, f"{displayed} not found", str(unresolved_path))
        except InputError as error:
            self._unreadable[stack] = Unreadable(error.file, error.reason, error.line, resource=stack)
            return None
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return self._refuse(resource, stack, f"{displayed} cannot be opened: {reason}")
        context.budget.stacks -= 1
        context.budget.size -= len(content)
        inner = NestingContext(path, (*context.ancestors, context.path.resolve()), context.budget)
        try:
            given = given_to_nested(self.template.given)
            template = Template(str(path), content, given, stack_call=self._stack_call(resource))
            self._broken[stack] = include_files(template, path)
            expand_loops(template)
        except InputError as error:
            self._unreadable[stack] = Unreadable(error.file, error.reason, error.line, resource=stack)
            return None
        return self.make_reader(template, inner)

    def _location(self, resource: yaml.Node, name: str, template: Path) -> str | None:
        """Return the path of a nested template as written, or of the CDK asset; None if it is not a string.

        Of a URL with parameters, it is the path of the local file whose path ends the URL. That begins in the folder of
        the template or in one around it, within the boundary.
        """
        metadata = child(resource, "Metadata")
        asset = scalar(child(metadata, "aws:asset:path"))
        if asset and scalar(child(metadata, "aws:asset:property")) == name:
            return asset
        url = child(resource, "Properties", name)
        literal = find_asset(template, url) or scalar(url) or None
        if literal is not None or url is None or intrinsic_call(url) is None:
            return literal
        with self.evaluator.isolated(open_defaults=True):
            value = self.evaluator.node(url)
        written = "".join(part if isinstance(part, str) else "\0" for part in getattr(value, "parts", ()))
        address = _URL.fullmatch(written)
        paths = [address["path"]] if address is not None and "\0" in written else []
        if paths and address is not None and address["host"].startswith("s3"):
            paths.append(paths[0].partition("/")[2])
        ends = (path.rpartition("\0")[2].strip("/") for path in paths)
        return next(filter(None, (_around(template.parent, end) for end in ends if end)), None)

    def _refuse(self, resource: yaml.Node, stack: str, reason: str, subject: str = "") -> TemplateReader | None:
        line = self.template.line_of(child(resource, "Properties") or resource)
        file, reason = self.template.file_of(resource), f"{stack}: {_WORDS[type_of(resource) or '']} template {reason}"
        self._refused[stack] = Unreadable(file, reason, line, subject, kind=NoteKind.DEFINED_ELSEWHERE)
        return None

    def _stack_call(self, resource: yaml.Node) -> NestedStackCall:
        """Return the arguments of a stack's parameters."""
        node = child(resource, "Properties", "Parameters")
        condition = scalar(child(resource, "Condition"))
        if node is None:
            return NestedStackCall({})
        if not isinstance(node, yaml.MappingNode) or intrinsic_call(node):
            return NestedStackCall({}, complete=False)
        pairs = [(key.value, value) for key, value in entries(node)]
        passed = {
            name: ParameterArgument(
                *(to_nested(limit_size(variant, name)) for variant in self._with_and_without_defaults(value, condition))
            )
            for name, value in pairs
        }
        return NestedStackCall(passed, complete=not any(name.startswith("Fn::") for name in passed))

    def _with_and_without_defaults(self, node: yaml.Node, condition: str | None) -> Iterator[Node]:
        """Yield a node's value under the stack's condition, first with the defaults of this template, then with any
        value of its parameters."""
        for open_defaults in (False, True):
            assumed = self.evaluator.assume(condition, True) if condition is not None else nullcontext()
            with self.evaluator.isolated(open_defaults=open_defaults), assumed:
                yield self.evaluator.node(node)


def _around(folder: Path, path: str) -> str | None:
    """Return the file of a path that begins in a folder or in one around it, relative to the folder."""
    for start in (folder, *folder.parents):
        if not current_boundary().allows(start / path):
            return None
        if unsaved_texts.is_file(start / path):
            return os.path.relpath(start / path, folder)
    return None


def _moved_to(node: Node, at: Position) -> Node:
    """Return a value with the position where it is used, since findings belong there and not to the nested template."""
    if isinstance(node, nodes.StringNode):
        return nodes.at_position(node, at)
    if isinstance(node, (Choice, nodes.ListNode)):
        return replace(nodes.map_children(node, lambda child: _moved_to(child, at)), at=at)
    return node


def _in_parent(resource: ResourceDefinition, stack: str) -> ResourceDefinition:
    return replace(resource, address=parent_name(resource.address, stack))
