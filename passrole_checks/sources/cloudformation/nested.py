"""Nested stacks and applications whose template is a local file: found, read with their parameters, asked for outputs.

Sources: AWS CloudFormation Template Reference, AWS::CloudFormation::Stack (``TemplateURL``, ``Parameters``, outputs as
``Outputs.Name``); AWS CLI Command Reference, "cloudformation package" (a local path in TemplateURL is relative to the
template); AWS SAM Developer Guide, AWS::Serverless::Application (``Location`` is a URL, a path or an object); AWS CDK
API Reference, ``aws_cloudformation_stack`` metadata ``aws:asset:path`` with ``aws:asset:property``.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import yaml

from passrole_checks.errors import InputError
from passrole_checks.files.safe_read import OutsideError, RefusedError
from passrole_checks.iam import partial_values
from passrole_checks.iam.partial_values import Choice, Node, Position, unknown
from passrole_checks.iam.path_conditions import intersect
from passrole_checks.sources.cloudformation.attachments import TemplateAttachments
from passrole_checks.sources.cloudformation.attachments_elsewhere import AttachmentCollector
from passrole_checks.sources.cloudformation.cdk import find_asset
from passrole_checks.sources.cloudformation.consumed_roles import TemplateRoleConsumers
from passrole_checks.sources.cloudformation.documents import existence_conditions
from passrole_checks.sources.cloudformation.include import include_files
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.language_extensions import expand_loops
from passrole_checks.sources.cloudformation.recognize import looks_like_template
from passrole_checks.sources.cloudformation.stack_values import (
    NestedStackCall,
    ParameterArgument,
    bounded,
    brought_up,
    facts_above,
    handed_down,
    name_above,
)
from passrole_checks.sources.cloudformation.template import Template, call, child, entries, scalar, type_of
from passrole_checks.sources.files.read_boundary import current_boundary
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    ResourceDefinition,
    RoleDefinition,
    Suppression,
    Unreadable,
)
from passrole_checks.sources.model.principal_names import bare_name, rename_principal

MAX_DEPTH = 10  # stacks inside stacks
MAX_STACKS = 200  # that one template leads to, each use counted
MAX_BYTES = 2_000_000  # of one template
MAX_TOTAL = 20_000_000

STACK, APPLICATION = "AWS::CloudFormation::Stack", "AWS::Serverless::Application"
_LOCATION = {STACK: "TemplateURL", APPLICATION: "Location"}
_WORDS = {STACK: "nested stack", APPLICATION: "nested application"}
_ELSEWHERE = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:|\{\{|\$\{|\x00")  # an address, or words to be filled in
_NAME = re.compile(r"[\w+=,.@-]+")  # of a user, group or role
_OUTER_REFERENCE = re.compile(r"\$\{\.\./([A-Za-z0-9.]+)\}")


@dataclass
class NestedStackBudget:
    """What is left for all nested stacks of a template."""

    stacks: int = MAX_STACKS
    size: int = MAX_TOTAL


@dataclass(frozen=True)
class NestingContext:
    """Where a template stands: its file, and the templates that lead to it."""

    path: Path
    ancestors: tuple[Path, ...] = ()
    budget: NestedStackBudget = field(default_factory=NestedStackBudget)


class TemplateReader(Protocol):
    """What reads a nested template: the same that reads the outer one."""

    evaluator: Evaluator
    resources: list[ResourceDefinition]
    policies: list[AttachedPolicy]
    roles: list[RoleDefinition]
    users: list[tuple[str, partial_values.StringNode]]
    unreadable: list[Unreadable]
    not_evaluated: list[Unreadable]
    nested: NestedStacks
    attachments: TemplateAttachments
    received: TemplateRoleConsumers
    elsewhere: AttachmentCollector

    def read(self) -> None: ...

    def suppressions(self) -> list[Suppression]: ...


class NestedStacks:
    """The nested stacks of one template, each read when it is first asked for.

    ``surroundings`` is None where nothing says where the template stands: then none of them is followed. ``make`` makes
    a reader of a template. After :meth:`read`, ``templates`` are those that were read, at any depth, by the address of
    their stack, ``files`` these and what they include, and ``suppressions`` what stands in them.
    """

    def __init__(
        self,
        template: Template,
        evaluator: Evaluator,
        surroundings: NestingContext | None,
        make: Callable[[Template, NestingContext], TemplateReader],
    ) -> None:
        self.template = template
        self.evaluator = evaluator
        self.surroundings = surroundings
        self.make = make
        self.files: dict[str, None] = {}
        self.templates: dict[str, str] = {}
        self.suppressions: list[Suppression] = []
        self._readers: dict[str, TemplateReader | None] = {}
        self._outputs: dict[tuple[str, str, bool], Node] = {}
        self._refused: dict[str, Unreadable] = {}  # why one of them is not read
        self._unreadable: dict[str, Unreadable] = {}
        self._broken: dict[str, tuple[InputError, ...]] = {}  # files that a nested template includes

    def read(self, resource: ResourceDefinition, outer: TemplateReader) -> None:
        """Add what a nested stack holds to what the outer template holds, named below the stack's logical id."""
        stack = resource.address
        reader = self._reader(stack)
        if reader is None:
            words = f"{stack}: a {_WORDS[resource.type]}, whose template is not read here"
            if stack in self._unreadable:
                outer.unreadable.append(self._unreadable[stack])
            else:
                note = Unreadable(resource.at.file, words, resource.at.line)
                outer.not_evaluated.append(self._refused.get(stack, note))
            return
        reader.read()

        def above(one: ResourceDefinition) -> ResourceDefinition:
            return replace(one, address=name_above(one.address, stack))

        own = frozenset(one.address for one in (*reader.resources, *(role.resource for role in reader.roles)))
        named = partial(self._principal, stack=stack, own=own)
        outer.resources.extend(map(above, reader.resources))
        for inner in reader.policies:
            document = self.evaluator.guarded(brought_up(inner.document, stack))
            principals = tuple(map(named, inner.principals))
            held = tuple((named(who), facts_above(facts, stack)) for who, facts in inner.held)
            policy = replace(inner, resource=above(inner.resource), document=document, principals=principals, held=held)
            outer.policies.append(outer.attachments.apply_to_nested(policy, stack, reader.attachments))
        around = existence_conditions(self.evaluator)
        for role in reader.roles:
            parts: list[Node | None] = [part and brought_up(part, stack) for part in (role.name, role.role_path)]
            name, path = (part if isinstance(part, partial_values.StringNode) else None for part in parts)
            trust = role.trust and brought_up(role.trust, stack)
            exists = intersect(around, [facts_above(facts, stack) for facts in role.there])
            outer.roles.append(RoleDefinition(above(role.resource), name, path, trust, exists))
        for user, called in reader.users:
            whole = brought_up(called, stack)
            outer.users.extend(
                [(name_above(user, stack), whole)] if isinstance(whole, partial_values.StringNode) else ()
            )
        outer.received.add_nested(reader.received, stack)
        outer.elsewhere.add_nested(reader.elsewhere, stack, named, outer.attachments)
        outer.unreadable.extend(
            replace(one, resource=name_above(one.resource, stack) if one.resource else stack)
            for one in reader.unreadable
        )
        broken = (Unreadable(one.file, one.reason, one.line, resource=stack) for one in self._broken[stack])
        outer.unreadable.extend(broken)
        outer.not_evaluated.extend(reader.not_evaluated)
        template = reader.evaluator.template
        self.files.update(dict.fromkeys((*template.files, *reader.nested.files)))
        self.templates[stack] = template.file
        self.templates.update({name_above(inner, stack): file for inner, file in reader.nested.templates.items()})
        self.suppressions.extend(
            replace(one, resource=name_above(one.resource, stack)) if one.resource is not None else one
            for one in reader.suppressions()
        )

    def output(self, stack: str, name: str, at: Position) -> Node:
        """The value of an output of a nested stack; a hole where it is not known."""
        expression = f"{stack}.Outputs.{name}"
        reader = self._reader(stack)
        if reader is None:
            return unknown(expression, at, "an output of a nested stack")
        node = child(reader.evaluator.template.root, "Outputs", name, "Value")
        if node is None:
            return unknown(expression, at, "the nested stack has no such output")
        condition = scalar(child(reader.evaluator.template.root, "Outputs", name, "Condition"))
        condition_holds = None if condition is None else reader.evaluator.decided_outcome(condition)
        facts = {subject.removeprefix("Ref ") for subject, _ in self.evaluator.when}
        for open_defaults in (self.evaluator.open_defaults, True):
            key = (stack, name, open_defaults)
            if key not in self._outputs:
                with reader.evaluator.isolated(open_defaults=open_defaults):
                    value = reader.evaluator.node(node)
                    if condition is not None and condition_holds is None:
                        value = reader.evaluator.guarded_by(condition, True, value)
                self._outputs[key] = bounded(brought_up(value, stack), expression)
            # a default does not count where something else is known of its parameter
            if not any(name in facts for text in partial_values.texts_in(self._outputs[key]) for name in text.defaults):
                break
        return _standing_at(self._outputs[key], at)

    def bounds_only(self, stack: str, parameter: str) -> bool:
        """Whether a nested stack takes a parameter for a permissions boundary and for nothing else."""
        reader = self._reader(stack)
        if reader is None:
            return False
        inner = TemplateAttachments(reader.evaluator.template, reader.evaluator, {}, reader.nested.bounds_only)
        return inner.is_only_boundary(parameter)

    def _principal(self, name: str, stack: str, own: Collection[str]) -> str:
        """A principal of a nested template: one of its own, one of this template that it is given the name of, or one
        that stands elsewhere, which has the same name everywhere."""
        outer = _OUTER_REFERENCE.fullmatch(bare_name(name))
        if outer is not None:
            parameter = outer[1] in self.template.parameters  # a name that is not known, of one kind or another
            return rename_principal(name, lambda _: f"${{{outer[1]}}}") if parameter else outer[1]
        return name_above(name, stack) if name in own or not _NAME.fullmatch(bare_name(name)) else name

    def _reader(self, stack: str) -> TemplateReader | None:
        """The reader of a nested stack, None where it is not read, and while its parameters are being evaluated."""
        if stack not in self._readers:
            self._readers[stack] = None
            resource = self.template.resources.get(stack)
            if resource is not None and type_of(resource) in _LOCATION:
                self._readers[stack] = self._opened(stack, resource)
        return self._readers[stack]

    def _opened(self, stack: str, resource: yaml.Node) -> TemplateReader | None:
        kind = type_of(resource) or ""
        words = f"{stack}: a {_WORDS[kind]}, whose template"
        around = self.surroundings
        location = _location(resource, _LOCATION[kind], around.path) if around is not None else None
        if around is None or location is None or _ELSEWHERE.search(location):
            return self._not_read(resource, stack, f"{words} is not read here", location or "")
        shown = location if len(location) <= 80 else location[:79] + "…"
        try:
            written = around.path.parent / location
            current_boundary().check(written)
            path = written.resolve()
            if path in (*around.ancestors, around.path.resolve()):
                return self._not_read(resource, stack, f"{words} {shown} leads to itself")
            if len(around.ancestors) >= MAX_DEPTH or around.budget.stacks <= 0 or around.budget.size <= 0:
                return self._not_read(resource, stack, f"{words} {shown} is one too many", str(path))
            content = _content(path)
            if not looks_like_template(content):
                return self._not_read(resource, stack, f"{words} {shown} is no template", str(path))
        except OutsideError as error:
            return self._not_read(resource, stack, f"{words} {shown} {error.strerror}", os.path.realpath(written))
        except FileNotFoundError:
            return self._not_read(resource, stack, f"{words} {shown} is not here", str(around.path.parent / location))
        except InputError as error:
            self._unreadable[stack] = Unreadable(error.file, error.reason, error.line, resource=stack)
            return None
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return self._not_read(resource, stack, f"{words} {shown} cannot be opened: {reason}")
        around.budget.stacks -= 1
        around.budget.size -= len(content)
        inner = NestingContext(path, (*around.ancestors, around.path.resolve()), around.budget)
        try:
            template = Template(str(path), content, called=self._called(resource))
            self._broken[stack] = include_files(template, path)
            expand_loops(template)
        except InputError as error:
            self._unreadable[stack] = Unreadable(error.file, error.reason, error.line, resource=stack)
            return None
        return self.make(template, inner)

    def _not_read(self, resource: yaml.Node, stack: str, reason: str, subject: str = "") -> TemplateReader | None:
        line = (child(resource, "Properties") or resource).start_mark.line + 1
        self._refused[stack] = Unreadable(self.template.file_of(resource), reason, line, subject)
        return None

    def _called(self, resource: yaml.Node) -> NestedStackCall:
        """The values of a stack's parameters."""
        node = child(resource, "Properties", "Parameters")
        condition = scalar(child(resource, "Condition"))
        if node is None:
            return NestedStackCall({})
        if not isinstance(node, yaml.MappingNode) or call(node):
            return NestedStackCall({}, complete=False)
        pairs = [(key.value, value) for key, value in entries(node)]
        passed = {
            name: ParameterArgument(*(handed_down(bounded(one, name)) for one in self._both(value, condition)))
            for name, value in pairs
        }
        return NestedStackCall(passed, complete=not any(name.startswith("Fn::") for name in passed))

    def _both(self, node: yaml.Node, condition: str | None) -> Iterator[Node]:
        """The value of a node under the stack's condition, with the defaults of this template and whatever they are."""
        for open_defaults in (False, True):
            with self.evaluator.isolated(open_defaults=open_defaults):
                if condition is None:
                    yield self.evaluator.node(node)
                else:
                    with self.evaluator.assume(condition, True):
                        yield self.evaluator.node(node)


def _location(resource: yaml.Node, name: str, template: Path) -> str | None:
    """The place of a nested template as it is written, that of the CDK's asset first; None where it is no text."""
    metadata = child(resource, "Metadata")
    if scalar(child(metadata, "aws:asset:property")) == name:
        asset = scalar(child(metadata, "aws:asset:path"))
        if asset:
            return asset
    node = child(resource, "Properties", name)
    return find_asset(template, node) or scalar(node) or None


def _content(path: Path) -> str:
    """The text of a file. Raises InputError where it cannot be read as text, OSError where there is no such file."""
    try:
        data = current_boundary().read(path, MAX_BYTES)
    except RefusedError as error:
        if error.errno == errno.EFBIG:
            raise InputError(str(path), "too large for a nested template") from None
        raise
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(str(path), "not UTF-8 text", data.count(b"\n", 0, error.start) + 1) from None


def _standing_at(node: Node, at: Position) -> Node:
    """A value where it is used: what it is for a finding stands there, not in the nested template."""
    if isinstance(node, partial_values.StringNode):
        return partial_values.moved(node, at)
    if isinstance(node, Choice):
        return replace(node, options=tuple((out, _standing_at(one, at)) for out, one in node.options), at=at)
    if isinstance(node, partial_values.ListNode):
        return replace(node, items=tuple(_standing_at(item, at) for item in node.items), at=at)
    return node
