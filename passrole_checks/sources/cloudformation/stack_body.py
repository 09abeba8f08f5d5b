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
from passrole_checks.iam import values
from passrole_checks.iam.values import Choice, Const, Hole, Items, Kind, Node, Part, Position, Text
from passrole_checks.sources.cloudformation.policies import reader_of
from passrole_checks.sources.cloudformation.recognize import looks_like_template
from passrole_checks.sources.cloudformation.scopes import Call, Passed, brought_up, handed_down
from passrole_checks.sources.cloudformation.template import Template
from passrole_checks.sources.resource import InstanceProfile, ResourceDefinition, RoleDefinition
from passrole_checks.sources.stack_content import NOTHING, ONE_ACCOUNT, StackContent
from passrole_checks.sources.yaml_text import restored, without_holes, word

MAX_LENGTH = 1_000_000  # CloudFormation takes templates of up to 1 MB
_DEPTH = 60
_STACK_NAME = "AWS::StackName"


def content_of(resource: ResourceDefinition, parts: dict[str, Node]) -> StackContent:
    """Read the template in the attributes ``PARTS`` of a resource; of alternatives the first that is a template."""
    for body in _alternatives(parts.get("template_body")):
        read = _read(resource, body, parts)
        if read is not None:
            return read
    return NOTHING


def _alternatives(node: Node | None) -> Iterator[Node]:
    if isinstance(node, Choice):
        for _, option in node.options:
            yield from _alternatives(option)
    elif node is not None:
        yield node


def _read(resource: ResourceDefinition, body: Node, parts: dict[str, Node]) -> StackContent | None:
    content, meant = _as_text(body)
    if len(content) > MAX_LENGTH or not looks_like_template(content):
        return None
    given = parts.get("parameters")
    complete = not isinstance(given, Text)
    passed = {
        str(entry.key): Passed(handed_down(entry.value), handed_down(entry.value))
        for entry in (given.entries if isinstance(given, values.Mapping) else ())
    }
    try:
        reader = reader_of(Template(body.at.file, content, called=Call(passed, complete=complete)))
        reader.read()
    except (InputError, RecursionError):
        return None
    outer = [handed_down(node) if not isinstance(node, (str, Hole)) else _handed_down(node) for node in meant]

    name = parts.get("name")
    name = name if isinstance(name, Text) and name.only_hole is None else None

    def above(node: Node | None) -> Node | None:
        found = node and brought_up(restored(node, outer), resource.address)
        return found if found is None or name is None else _of_stack(found, f"{resource.address}.{_STACK_NAME}", name)

    def named(node: Node | None) -> Text | None:
        found = above(node)
        return found if isinstance(found, Text) else None

    lines = body.starts[0][0] - 1 if isinstance(body, Text) and body.starts else None
    by = "resource" if resource.type != ONE_ACCOUNT or _is_given(parts.get("iam_role_arn")) else ""
    received = tuple(
        replace(
            one,
            resource=resource,
            attribute=f"template_body/Resources/{one.resource.address}/Properties/{one.attribute}",
            value=above(one.value) or one.value,
            at=_place(body.at, lines, one.at.line),
            by=by if by and one.by == "deployer" else one.by,
        )
        for one in reader.received.roles
    )
    profiles = tuple(
        InstanceProfile(f"{resource.address}.{one.address}", named(one.name), above(one.role), resource.at)
        for one in reader.received.profiles
    )
    roles = tuple(
        RoleDefinition(
            replace(resource, address=f"{resource.address}.{role.resource.address}", type="AWS::IAM::Role"),
            named(role.name) or _generated(name, role.resource.address, resource.at),
            named(role.role_path),
        )
        for role in reader.roles
    )
    return StackContent(received, profiles, roles)


def _handed_down(part: Part) -> Part:
    """A part of a text of the outer configuration as the template sees it."""
    found = handed_down(Text((part,), Position("", 1)))
    return found.parts[0] if isinstance(found, Text) else part


def _place(at: Position, lines: int | None, line: int) -> Position:
    """A line of a template that stands letter for letter in a file; else where the whole template is given."""
    if lines is None or not at.covers(lines + line):
        return at
    return Position(at.file, lines + line, 1, lines + line, 1)


def _of_stack(node: Node, expression: str, name: Text) -> Node:
    """A value with the name of the stack in the place of the pseudo parameter for it."""
    if isinstance(node, Text):
        if not any(isinstance(part, Hole) and part.expression == expression for part in node.parts):
            return node
        parts = (
            inner
            for part in node.parts
            for inner in (name.parts if isinstance(part, Hole) and part.expression == expression else (part,))
        )
        return Text(values.join(list(parts)), node.at, defaults=node.defaults)
    if isinstance(node, Items):
        return replace(node, items=tuple(_of_stack(item, expression, name) for item in node.items))
    if isinstance(node, Choice):
        options = tuple((outcome, _of_stack(option, expression, name)) for outcome, option in node.options)
        return replace(node, options=options)
    return node


def _generated(stack: Text | None, logical_id: str, at: Position) -> Text:
    """The name of a role that CloudFormation makes, as far as the names of the stack and of the role are not cut."""
    name: tuple[Part, ...] = stack.parts if stack is not None else (Hole(_STACK_NAME, Kind.NAME),)
    literal = name[0] if len(name) == 1 and isinstance(name[0], str) else None
    kept, generated = logical_id[:_KEPT], Hole("generated", Kind.NAME)
    after: tuple[Part, ...] = (f"{kept}-" if kept == logical_id else kept, generated)
    if literal is not None and len(literal) > _KEPT:
        return Text(values.join((literal[:_KEPT], generated, "-", *after)), at)
    return Text(values.join((*name, "-", *after)), at)


_KEPT = 24  # characters of either name that are kept in any case (see ``receiving``)


def _is_given(node: Node | None) -> bool:
    nothing = isinstance(node, values.Absent) or (isinstance(node, Const) and node.value is None)
    return node is not None and not nothing and not (isinstance(node, Text) and node.literal == "")


def _as_text(body: Node) -> tuple[str, list[Part | Node]]:
    """The text of a template, and what stands in it for values that are not known. One that Terraform makes of an
    object (``jsonencode``) is an object here."""
    if isinstance(body, Text):
        return without_holes(body)
    meant: list[Part | Node] = []
    return (json.dumps(_plain(body, meant, 0)) if isinstance(body, values.Mapping) else ""), meant


def _plain(node: Node, meant: list[Part | Node], depth: int) -> object:
    if depth > _DEPTH:
        return None
    if isinstance(node, values.Mapping):
        return {_key(entry.key, meant): _plain(entry.value, meant, depth + 1) for entry in node.entries}
    if isinstance(node, Items):
        return [_plain(item, meant, depth + 1) for item in node.items]
    if isinstance(node, Const):
        return node.value
    if isinstance(node, Text):
        return _key(node, meant)
    if isinstance(node, Choice):
        meant.append(node)
        return word(len(meant) - 1)
    return None


def _key(node: Text, meant: list[Part | Node]) -> str:
    written: list[str] = []
    for part in node.parts:
        if isinstance(part, str):
            written.append(part)
        else:
            written.append(word(len(meant)))
            meant.append(part)
    return "".join(written)
