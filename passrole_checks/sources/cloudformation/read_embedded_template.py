"""Read the template of a stack in another format: ``template_body`` in Terraform and in its plans.

Its values, principals and positions are mapped to the configuration around it.

Sources: Terraform documentation, ``aws_cloudformation_stack`` and ``aws_cloudformation_stack_set`` (``template_body``,
``parameters``, ``iam_role_arn``); AWS CloudFormation User Guide, "CloudFormation service role" (if there is one, it and
not the caller acts on the resources); "Grant self-managed permissions" (of stack sets, a role in each target account
acts).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from passrole_checks.errors import InputError
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values import nodes
from passrole_checks.iam.values.nodes import (
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    Part,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    at_position,
)
from passrole_checks.sources.cloudformation.policies import PolicyReader, make_reader
from passrole_checks.sources.cloudformation.recognize import looks_like_template
from passrole_checks.sources.cloudformation.stack_values import (
    NestedStackCall,
    ParameterArgument,
    parent_condition,
    parent_name,
    to_nested,
    to_parent,
    with_stack_name,
)
from passrole_checks.sources.cloudformation.template import Template
from passrole_checks.sources.collect.attachments import unknown_groups
from passrole_checks.sources.collect.consumers import is_nothing
from passrole_checks.sources.files.yaml_with_unresolved import insert_placeholders, placeholder, restore_placeholders
from passrole_checks.sources.model.configuration import (
    UNKNOWN_BOUNDARY,
    AttachedPolicy,
    Attachments,
    BoundaryUse,
    ManagedAttachment,
    ResourceDefinition,
    RoleDefinition,
    Suppression,
)
from passrole_checks.sources.model.embedded_template import NOTHING, ONE_ACCOUNT, StackContent
from passrole_checks.sources.model.principal_names import bare_name, rename_principal

MAX_LENGTH = 1_000_000  # CloudFormation takes templates of up to 1 MB
_DEPTH = 60
_STACK_NAME = "AWS::StackName"
_OUTER = lazy_regex(r"\$\{\.\./([^}]+)\}|\.\./(.+)")
_PARAMETER = lazy_regex(r"\$\{([A-Za-z0-9.]+)\}")


def read_stack_content(resource: ResourceDefinition, parts: dict[str, Node]) -> StackContent:
    """Read the template in the attributes of a resource that :func:`stack_attributes` names.

    Of several variants the first template is read, without its policies, since another variant may be deployed instead.
    """
    bodies = list(_variants(parts.get("template_body")))
    for body in bodies:
        content = _read_template(resource, body, parts)
        if content.is_read:
            if len(bodies) == 1:
                return content
            return StackContent(content.received, content.profiles, named=(*content.named, *content.roles))
        if content.fault:
            return content
    return NOTHING


def _variants(node: Node | None) -> Iterator[Node]:
    """Yield the variants of a value."""
    if isinstance(node, Choice):
        for _, option in node.options:
            yield from _variants(option)
    elif node is not None:
        yield node


def _read_template(resource: ResourceDefinition, body: Node, parts: dict[str, Node]) -> StackContent:
    """Read one template body with the stack's arguments."""
    content, originals = _template_text(body)
    if len(content) > MAX_LENGTH or not looks_like_template(content):
        return NOTHING
    arguments = parts.get("parameters")
    complete = not isinstance(arguments, StringNode)
    arguments_by_name = {name: to_nested(value) for name, value in _arguments(arguments)}
    call = NestedStackCall(
        {name: ParameterArgument(value, value) for name, value in arguments_by_name.items()}, complete=complete
    )
    try:
        reader = make_reader(Template(body.at.file, content, stack_call=call))
        reader.read()
    except (InputError, RecursionError) as error:
        reason = error.reason if isinstance(error, InputError) else "nested too deeply"
        return StackContent(fault=reason)
    nested_originals = [
        to_nested(node) if not isinstance(node, (str, Unresolved)) else _part_for_nested(node) for node in originals
    ]
    name = parts.get("name")
    name = name if isinstance(name, StringNode) and name.only_unresolved is None else None
    parent = ParentStack(resource.address, body, nested_originals, name)
    role = parts.get("iam_role_arn")
    by = "" if resource.type in ONE_ACCOUNT and (role is None or is_nothing(role)) else "resource"
    return _ContentBuilder(resource, parent, reader).content(by)


def _arguments(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Yield the parameters of a stack: an object, or a list of objects with a key and a value (``awscc`` stack set)."""
    if isinstance(node, nodes.ObjectNode):
        yield from ((str(entry.key), entry.value) for entry in node.entries)
    for item in node.items if isinstance(node, ListNode) else ():
        if isinstance(item, nodes.ObjectNode):
            name, value = item.get("parameter_key"), item.get("parameter_value")
            if isinstance(name, StringNode) and value is not None:
                yield str(name), value


class _ContentBuilder:
    """Build the content of a template as parts of the configuration around it."""

    def __init__(self, resource: ResourceDefinition, parent: ParentStack, reader: PolicyReader) -> None:
        self.resource, self.parent, self.reader = resource, parent, reader
        self.own = {
            resource_definition.address
            for resource_definition in (*reader.resources, *(role.resource for role in reader.roles))
        }

    def content(self, by: str) -> StackContent:
        """Return the content. ``by``: who passes the roles of its resources, if it is not the deployer of the stack."""
        resource, parent, reader = self.resource, self.parent, self.reader
        one_account = resource.type in ONE_ACCOUNT
        received = tuple(
            replace(
                entry,
                resource=resource,
                attribute=self._path(entry.resource, entry.attribute),
                value=parent.value(entry.value),
                at=parent.position(entry.at),
                by=by if by and entry.by == "deployer" else entry.by,
            )
            for entry in reader.received.roles
        )
        profiles = tuple(
            profile.converted(f"{resource.address}.{profile.address}", parent.value)
            for profile in reader.received.profiles
        )
        roles = tuple(map(self._role, reader.roles))
        unnamed = tuple(replace(role, name=None, role_path=None) for role in roles)  # they are in other accounts
        file = parent.body.at.file
        members = {
            (self._principal(group) if one_account else group, user): at
            for (group, user), at in reader.attachments.index.members.items()
        }
        problems = (*reader.unreadable, *reader.not_evaluated, *unknown_groups(members))
        return StackContent(
            received,
            profiles,
            roles if one_account else unnamed,
            () if one_account else roles,
            policies=tuple(map(self._policy, reader.policies)),
            users=tuple(self._users()) if one_account else (),
            attached=self._attached(),
            suppressions=tuple(self._suppressions()) if file != resource.at.file else (),
            not_evaluated=tuple(
                replace(
                    entry,
                    reason=f"{resource.address}: {entry.reason}",
                    line=parent.position(Position("", entry.line or 1)).line,
                )
                for entry in problems
            ),
            file=file if file != resource.at.file else "",
            is_read=True,
        )

    def _path(self, inner: ResourceDefinition, path: str) -> str:
        return f"template_body/Resources/{inner.address}/Properties/{path}"

    def _principal(self, name: str) -> str:
        principal = self.parent.principal(name, self.own)
        if self.resource.type in ONE_ACCOUNT or bare_name(name) in self.own:
            return principal
        return f"{self.resource.address}.{bare_name(principal)}"  # the principal of this name in each target account

    def _document(self, node: Node, inner: ResourceDefinition, path: str) -> Node:
        return self.parent.value(self.parent.with_positions(node, f"Resources/{inner.address}/Properties/{path}"))

    def _policy(self, policy: AttachedPolicy) -> AttachedPolicy:
        """Return a policy as one of the stack's resource."""
        return replace(
            policy,
            resource=self.resource,
            path=self._path(policy.resource, policy.path),
            document=self._document(policy.document, policy.resource, policy.path),
        ).with_principals(self._principal, lambda when: parent_condition(when, self.resource.address))

    def _attached(self) -> Attachments:
        """Return the attachments; the contents of permissions boundaries are unknown outside of the template."""
        index = self.reader.attachments.index
        return Attachments(
            tuple(map(self._attachment, index.managed_policies)),
            tuple((self._principal(group), self._principal(user)) for group, user in index.members),
            tuple(BoundaryUse(self._principal(holder), UNKNOWN_BOUNDARY) for holder in index.boundaries),
        )

    def _attachment(self, attachment: ManagedAttachment) -> ManagedAttachment:
        """Return an attachment as one of the stack's resource."""
        return replace(
            attachment,
            holder=self._principal(attachment.holder),
            policy=self.parent.text(attachment.policy) or attachment.policy,
            resource=self.resource,
            path=self._path(attachment.resource, attachment.path),
            at=self._document(attachment.policy, attachment.resource, attachment.path).at,
            when=parent_condition(attachment.when, self.resource.address),
        )

    def _role(self, role: RoleDefinition) -> RoleDefinition:
        """Return a role with an address below the stack's resource."""
        inner, parent = role.resource, self.parent
        return RoleDefinition(
            replace(self.resource, address=f"{self.resource.address}.{inner.address}", type="AWS::IAM::Role"),
            parent.text(role.name) or _generated_name(parent.name, inner.address, self.resource.at),
            parent.text(role.role_path),
            self._document(role.trust, inner, "AssumeRolePolicyDocument") if role.trust is not None else None,
            tuple(parent_condition(when, self.resource.address) for when in role.exists_when),
        )

    def _users(self) -> Iterator[tuple[str, StringNode]]:
        for user, called in self.reader.users:
            name = self.parent.text(called)
            if name is not None:
                yield f"{self.resource.address}.{user}", name

    def _suppressions(self) -> Iterator[Suppression]:
        """Yield the suppressions of a template in its own file, with lines in place of its resources."""
        positions = {suppression.address: suppression.at for suppression in self.reader.resources}
        for suppression in self.reader.suppressions():
            span = positions.get(suppression.resource) if suppression.resource is not None else suppression.span
            yield replace(
                suppression,
                at=self.parent.position(suppression.at),
                resource=None,
                span=self.parent.position(span) if span is not None else None,
            )


def _part_for_nested(part: Part) -> Part:
    """Return a part of a text of the outer configuration as the template sees it."""
    nested = to_nested(StringNode((part,), Position("", 1)))
    return nested.parts[0] if isinstance(nested, StringNode) else part


def _generated_name(stack: StringNode | None, logical_id: str, at: Position) -> StringNode:
    """Return the name of a role that CloudFormation generates, as far as the stack name and logical id are not
    truncated."""
    name: tuple[Part, ...] = stack.parts if stack is not None else (Unresolved(_STACK_NAME, UnresolvedKind.NAME),)
    literal = name[0] if len(name) == 1 and isinstance(name[0], str) else None
    prefix, generated = logical_id[:_KEPT_LENGTH], Unresolved("generated", UnresolvedKind.NAME)
    after: tuple[Part, ...] = (f"{prefix}-" if prefix == logical_id else prefix, generated)
    if literal is not None and len(literal) > _KEPT_LENGTH:
        return StringNode(nodes.join((literal[:_KEPT_LENGTH], generated, "-", *after)), at)
    return StringNode(nodes.join((*name, "-", *after)), at)


_KEPT_LENGTH = 24  # characters of either name that are never truncated


def _template_text(body: Node) -> tuple[str, list[Part | Node]]:
    """Return the text of a template, and the unresolved values behind the placeholders in it.

    A template that Terraform builds from an object (``jsonencode``) is an object here.
    """
    if isinstance(body, StringNode):
        return insert_placeholders(body)
    originals: list[Part | Node] = []
    return (json.dumps(_to_plain(body, originals, 0)) if isinstance(body, nodes.ObjectNode) else ""), originals


def _to_plain(node: Node, originals: list[Part | Node], depth: int) -> object:
    """Return a value as plain JSON, with placeholders for unresolved parts."""
    if depth > _DEPTH:
        return None
    if isinstance(node, nodes.ObjectNode):
        return {
            _with_placeholders(entry.key, originals): _to_plain(entry.value, originals, depth + 1)
            for entry in node.entries
        }
    if isinstance(node, ListNode):
        return [_to_plain(item, originals, depth + 1) for item in node.items]
    if isinstance(node, Const):
        return node.value
    if isinstance(node, StringNode):
        return _with_placeholders(node, originals)
    if isinstance(node, Choice):
        originals.append(node)
        return placeholder(len(originals) - 1)
    return None


def _with_placeholders(node: StringNode, originals: list[Part | Node]) -> str:
    """Return a string with placeholders for unresolved parts."""
    pieces: list[str] = []
    for part in node.parts:
        if isinstance(part, str):
            pieces.append(part)
        else:
            pieces.append(placeholder(len(originals)))
            originals.append(part)
    return "".join(pieces)


@dataclass(frozen=True)
class ParentStack:
    """The stack of an embedded template, as a part of the configuration around it.

    ``stack`` is its address, ``body`` the template as given, ``outer`` the originals of the placeholders in it, as the
    template sees them, and ``name`` the stack name, if known.
    """

    stack: str
    body: Node
    outer: Sequence[Part | Node]
    name: StringNode | None = None

    def value(self, node: Node) -> Node:
        """Return a value of the template as the configuration sees it."""
        value = to_parent(restore_placeholders(node, self.outer), self.stack)
        return value if self.name is None else with_stack_name(value, self.name.parts, f"{self.stack}.")

    def text(self, node: Node | None) -> StringNode | None:
        """Return a string of the template as the configuration sees it; None for other values."""
        value = self.value(node) if node is not None else None
        return value if isinstance(value, StringNode) else None

    def principal(self, name: str, own: Collection[str]) -> str:
        """Return the name of a principal in the configuration.

        It is one of the template's ``own`` resources, a principal of the configuration, or one defined elsewhere, which
        keeps its name.
        """
        inner = bare_name(name)
        if inner in own:
            return rename_principal(name, lambda known: parent_name(known, self.stack))
        outer = _OUTER.fullmatch(inner)
        if outer is not None and outer[2]:
            return outer[2]
        if outer is not None:
            return rename_principal(name, lambda _: f"${{{outer[1]}}}")
        parameter = _PARAMETER.fullmatch(inner)
        if parameter is not None:
            return rename_principal(name, lambda _: f"${{{parent_name(parameter[1], self.stack)}}}")
        value = self.value(StringNode((inner,), self.body.at))
        unresolved = value.only_unresolved if isinstance(value, StringNode) else None
        return (
            unresolved.role
            if unresolved is not None and unresolved.role
            else rename_principal(name, lambda _: str(value))
        )

    # positions

    @cached_property
    def _layout(self) -> tuple[int, int, int] | None:
        """For a template stored verbatim in a file: the lines before it, and the columns before its first and other
        lines."""
        body = self.body
        if not isinstance(body, StringNode) or not body.starts:
            return None
        (line, column), exact = body.starts[0], len(body.parts) == 1
        return line - 1, column - 1 if exact else -1, body.indent if exact else -1

    def position(self, at: Position) -> Position:
        """Return the position in the file of a position in the template; that of the whole template if it is
        unknown."""
        layout = self._layout
        if layout is None or not self.body.at.covers(layout[0] + at.line):
            return self.body.at
        before, first, others = layout
        end = max(at.line, at.end_line)
        if first < 0:  # inserted values move the rest of the line
            return Position(self.body.at.file, before + at.line, 1, before + end, 0)
        start_column, end_column = (first if line == 1 else others for line in (at.line, end))
        last = at.end_column + end_column if at.end_column else 0
        return Position(self.body.at.file, before + at.line, at.column + start_column, before + end, last)

    def with_positions(self, node: Node, path: str = "") -> Node:
        """Return a value of the template with positions in the file.

        ``path`` leads to it from the top of the template; it is used for a template that Terraform builds from an
        object, whose parts have their own positions.
        """
        if isinstance(self.body, nodes.ObjectNode):
            return _with_positions_of(node, _node_at(self.body, path.split("/")))
        return nodes.relocated(node, self.position)


def _node_at(node: Node, steps: Sequence[str]) -> Node:
    """Return the node at a path, or the deepest one on the way."""
    for step in steps:
        inner: Node | None = None
        if isinstance(node, nodes.ObjectNode):
            inner = node.get(step)
        elif isinstance(node, ListNode) and step.isdecimal() and int(step) < len(node.items):
            inner = node.items[int(step)]
        if inner is None:
            break
        node = inner
    return node


def _with_positions_of(node: Node, other: Node) -> Node:
    """Return a value with the positions of another one of the same shape; parts without a counterpart get the position
    around them."""
    if isinstance(node, StringNode):
        return at_position(node, other.at)
    if isinstance(node, ListNode):
        counterparts = other.items if isinstance(other, ListNode) and len(other.items) == len(node.items) else ()
        pairs = zip(node.items, counterparts or [other] * len(node.items), strict=True)
        return ListNode(tuple(_with_positions_of(item, counterpart) for item, counterpart in pairs), other.at)
    if isinstance(node, nodes.ObjectNode):
        entries = []
        for entry in node.entries:
            inner = other.get(str(entry.key)) if isinstance(other, nodes.ObjectNode) else None
            entries.append(
                ObjectEntry(at_position(entry.key, other.at), _with_positions_of(entry.value, inner or other))
            )
        return nodes.ObjectNode(tuple(entries), other.at)
    if isinstance(node, Choice):
        return replace(
            node,
            options=tuple((outcome, _with_positions_of(counterpart, other)) for outcome, counterpart in node.options),
            at=other.at,
        )
    return replace(node, at=other.at)
