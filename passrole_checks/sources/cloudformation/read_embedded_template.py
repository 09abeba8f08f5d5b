"""The template of a stack that another format describes: ``template_body`` in Terraform and in its plans.

Sources: Terraform documentation, ``aws_cloudformation_stack`` and ``aws_cloudformation_stack_set`` (``template_body``,
``parameters``, ``iam_role_arn``); AWS CloudFormation User Guide, "CloudFormation service role" (with one, it and not
the caller acts on the resources); "Grant self-managed permissions" (of stack sets, a role in each target account acts).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from passrole_checks.errors import InputError
from passrole_checks.iam import partial_values
from passrole_checks.iam.partial_values import (
    Choice,
    Const,
    ListNode,
    Node,
    Part,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
)
from passrole_checks.sources.cloudformation.parent_stack import Around
from passrole_checks.sources.cloudformation.policies import PolicyReader, reader_of
from passrole_checks.sources.cloudformation.recognize import looks_like_template
from passrole_checks.sources.cloudformation.stack_values import (
    NestedStackCall,
    ParameterArgument,
    facts_above,
    handed_down,
)
from passrole_checks.sources.cloudformation.template import Template
from passrole_checks.sources.files.yaml_with_unresolved import insert_placeholders, placeholder
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    InstanceProfile,
    ManagedAttachment,
    ResourceDefinition,
    RoleDefinition,
    Suppression,
)
from passrole_checks.sources.model.embedded_template import NOTHING, ONE_ACCOUNT, StackContent
from passrole_checks.sources.model.principal_names import bare_name

MAX_LENGTH = 1_000_000  # CloudFormation takes templates of up to 1 MB
_DEPTH = 60
_STACK_NAME = "AWS::StackName"


def content_of(resource: ResourceDefinition, parts: dict[str, Node]) -> StackContent:
    """Read the template in the attributes ``PARTS`` of a resource; of alternatives the first that is a template, and of
    that no policies, since the others may be given instead."""
    bodies = list(_alternatives(parts.get("template_body")))
    for body in bodies:
        found = _read(resource, body, parts)
        if found.is_read:
            return found if len(bodies) == 1 else _one_of_several(found)
        if found.fault:
            return found
    return NOTHING


def _one_of_several(found: StackContent) -> StackContent:
    return StackContent(found.received, found.profiles, named=(*found.named, *found.roles))


def _alternatives(node: Node | None) -> Iterator[Node]:
    if isinstance(node, Choice):
        for _, option in node.options:
            yield from _alternatives(option)
    elif node is not None:
        yield node


def _read(resource: ResourceDefinition, body: Node, parts: dict[str, Node]) -> StackContent:
    content, meant = _as_text(body)
    if len(content) > MAX_LENGTH or not looks_like_template(content):
        return NOTHING
    given = parts.get("parameters")
    complete = not isinstance(given, StringNode)
    passed = {
        str(entry.key): handed_down(entry.value)
        for entry in (given.entries if isinstance(given, partial_values.ObjectNode) else ())
    }
    call = NestedStackCall({name: ParameterArgument(value, value) for name, value in passed.items()}, complete=complete)
    try:
        reader = reader_of(Template(body.at.file, content, called=call))
        reader.read()
    except (InputError, RecursionError) as error:
        reason = error.reason if isinstance(error, InputError) else "nested too deeply"
        return StackContent(fault=reason)
    outer = [handed_down(node) if not isinstance(node, (str, Unresolved)) else _handed_down(node) for node in meant]
    name = parts.get("name")
    name = name if isinstance(name, StringNode) and name.only_hole is None else None
    around = Around(resource.address, body, outer, name)
    by = "resource" if resource.type != ONE_ACCOUNT or _is_given(parts.get("iam_role_arn")) else ""
    return _Held(resource, around, reader).content(by)


class _Held:
    """What a template holds, as parts of the configuration around it."""

    def __init__(self, resource: ResourceDefinition, around: Around, reader: PolicyReader) -> None:
        self.resource, self.around, self.reader = resource, around, reader
        self.own = {one.address for one in (*reader.resources, *(role.resource for role in reader.roles))}

    def content(self, by: str) -> StackContent:
        """All of it. ``by`` says who passes the roles of its resources, where that is not who deploys the stack."""
        resource, around, reader = self.resource, self.around, self.reader
        one_account = resource.type == ONE_ACCOUNT
        received = tuple(
            replace(
                one,
                resource=resource,
                attribute=self._path(one.resource, one.attribute),
                value=around.value(one.value),
                at=around.place(one.at),
                by=by if by and one.by == "deployer" else one.by,
            )
            for one in reader.received.roles
        )
        profiles = tuple(
            InstanceProfile(
                f"{resource.address}.{one.address}",
                around.text(one.name),
                around.value(one.role) if one.role is not None else None,
                resource.at,
            )
            for one in reader.received.profiles
        )
        roles = tuple(map(self._role, reader.roles))
        unnamed = tuple(replace(role, name=None, role_path=None) for role in roles)  # they are in other accounts
        held = reader.elsewhere.builder
        bounded = (*held.bounded, *held.boundary_unknown, *held.conditional_boundaries)
        file = around.body.at.file
        problems = (*reader.unreadable, *reader.not_evaluated)
        return StackContent(
            received,
            profiles,
            roles if one_account else unnamed,
            () if one_account else roles,
            policies=tuple(map(self._policy, reader.policies)),
            users=tuple(self._users()) if one_account else (),
            attachments=tuple(map(self._attachment, held.managed)),
            members=tuple((self._principal(group), self._principal(user)) for group, user in held.members),
            boundary_unknown=tuple(dict.fromkeys(map(self._principal, bounded))),
            suppressions=tuple(self._suppressions()) if file != resource.at.file else (),
            not_evaluated=tuple(
                replace(one, reason=f"{resource.address}: {one.reason}", line=self._line(one.line)) for one in problems
            ),
            file=file if file != resource.at.file else "",
            is_read=True,
        )

    def _path(self, inner: ResourceDefinition, path: str) -> str:
        return f"template_body/Resources/{inner.address}/Properties/{path}"

    def _principal(self, name: str) -> str:
        found = self.around.principal(name, self.own)
        if self.resource.type == ONE_ACCOUNT or bare_name(name) in self.own:
            return found
        return f"{self.resource.address}.{bare_name(found)}"  # whoever bears the name in the accounts of a stack set

    def _line(self, line: int | None) -> int:
        return self.around.place(Position("", line or 1)).line

    def _document(self, node: Node, inner: ResourceDefinition, path: str) -> Node:
        return self.around.value(self.around.placed(node, f"Resources/{inner.address}/Properties/{path}"))

    def _policy(self, policy: AttachedPolicy) -> AttachedPolicy:
        return replace(
            policy,
            resource=self.resource,
            path=self._path(policy.resource, policy.path),
            document=self._document(policy.document, policy.resource, policy.path),
            principals=tuple(map(self._principal, policy.principals)),
            held=tuple((self._principal(who), facts_above(facts, self.resource.address)) for who, facts in policy.held),
        )

    def _attachment(self, one: ManagedAttachment) -> ManagedAttachment:
        return replace(
            one,
            holder=self._principal(one.holder),
            policy=self.around.text(one.policy) or one.policy,
            resource=self.resource,
            path=self._path(one.resource, one.path),
            at=self._document(one.policy, one.resource, one.path).at,
            when=facts_above(one.when, self.resource.address),
        )

    def _role(self, role: RoleDefinition) -> RoleDefinition:
        inner, around = role.resource, self.around
        return RoleDefinition(
            replace(self.resource, address=f"{self.resource.address}.{inner.address}", type="AWS::IAM::Role"),
            around.text(role.name) or _generated(around.name, inner.address, self.resource.at),
            around.text(role.role_path),
            self._document(role.trust, inner, "AssumeRolePolicyDocument") if role.trust is not None else None,
            tuple(facts_above(facts, self.resource.address) for facts in role.there),
        )

    def _users(self) -> Iterator[tuple[str, StringNode]]:
        for user, called in self.reader.users:
            name = self.around.text(called)
            if name is not None:
                yield f"{self.resource.address}.{user}", name

    def _suppressions(self) -> Iterator[Suppression]:
        """Those of a template that is a file of its own; its resources are told by the lines that they stand on."""
        places = {one.address: one.at for one in self.reader.resources}
        for one in self.reader.suppressions():
            span = places.get(one.resource) if one.resource is not None else one.span
            yield replace(
                one,
                at=self.around.place(one.at),
                resource=None,
                span=self.around.place(span) if span is not None else None,
            )


def _handed_down(part: Part) -> Part:
    """A part of a text of the outer configuration as the template sees it."""
    found = handed_down(StringNode((part,), Position("", 1)))
    return found.parts[0] if isinstance(found, StringNode) else part


def _generated(stack: StringNode | None, logical_id: str, at: Position) -> StringNode:
    """The name of a role that CloudFormation makes, as far as the names of the stack and of the role are not cut."""
    name: tuple[Part, ...] = stack.parts if stack is not None else (Unresolved(_STACK_NAME, UnresolvedKind.NAME),)
    literal = name[0] if len(name) == 1 and isinstance(name[0], str) else None
    kept, generated = logical_id[:_KEPT], Unresolved("generated", UnresolvedKind.NAME)
    after: tuple[Part, ...] = (f"{kept}-" if kept == logical_id else kept, generated)
    if literal is not None and len(literal) > _KEPT:
        return StringNode(partial_values.join((literal[:_KEPT], generated, "-", *after)), at)
    return StringNode(partial_values.join((*name, "-", *after)), at)


_KEPT = 24  # characters of either name that are kept in any case (see ``receiving``)


def _is_given(node: Node | None) -> bool:
    nothing = isinstance(node, partial_values.Absent) or (isinstance(node, Const) and node.value is None)
    return node is not None and not nothing and not (isinstance(node, StringNode) and node.literal == "")


def _as_text(body: Node) -> tuple[str, list[Part | Node]]:
    """The text of a template, and what stands in it for values that are not known. One that Terraform makes of an
    object (``jsonencode``) is an object here."""
    if isinstance(body, StringNode):
        return insert_placeholders(body)
    meant: list[Part | Node] = []
    return (json.dumps(_plain(body, meant, 0)) if isinstance(body, partial_values.ObjectNode) else ""), meant


def _plain(node: Node, meant: list[Part | Node], depth: int) -> object:
    if depth > _DEPTH:
        return None
    if isinstance(node, partial_values.ObjectNode):
        return {_key(entry.key, meant): _plain(entry.value, meant, depth + 1) for entry in node.entries}
    if isinstance(node, ListNode):
        return [_plain(item, meant, depth + 1) for item in node.items]
    if isinstance(node, Const):
        return node.value
    if isinstance(node, StringNode):
        return _key(node, meant)
    if isinstance(node, Choice):
        meant.append(node)
        return placeholder(len(meant) - 1)
    return None


def _key(node: StringNode, meant: list[Part | Node]) -> str:
    written: list[str] = []
    for part in node.parts:
        if isinstance(part, str):
            written.append(part)
        else:
            written.append(placeholder(len(meant)))
            meant.append(part)
    return "".join(written)
