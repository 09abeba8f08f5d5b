"""What AWS SAM adds: the transform, the execution roles that it makes, Globals.

Source: AWS Serverless Application Model Developer Guide, "Generated CloudFormation resources", "AWS SAM resource and
property reference", "Globals section", and the package aws-sam-translator, which is the transform. SAM makes a role for
what names none: ``<logical id>Role`` for a function or a state machine; where one is named, SAM does not use the
``Policies``. Its connectors (``AWS::Serverless::Connector``, ``Connectors``) grant reading and writing of data and
never PassRole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from passrole_checks.iam.partial_values import ListNode, Node, ObjectEntry, ObjectNode, Position, text
from passrole_checks.sources.cloudformation.template import Template, call, child, entries, scalar, type_of


@dataclass(frozen=True, slots=True)
class Made:
    """The role that SAM makes for a type: the property that names another one instead, what is added to the logical
    id, and the service that the role trusts."""

    instead_of: str
    suffix: str
    service: str


_ROLES = {
    "AWS::Serverless::CapacityProvider": Made("OperatorRole", "OperatorRole", "lambda.amazonaws.com"),
    "AWS::Serverless::Function": Made("Role", "Role", "lambda.amazonaws.com"),
    "AWS::Serverless::MicrovmImage": Made("BuildRoleArn", "BuildRole", "lambda.amazonaws.com"),
    "AWS::Serverless::NetworkConnector": Made("OperatorRole", "OperatorRole", "lambda.amazonaws.com"),
    "AWS::Serverless::StateMachine": Made("Role", "Role", "states.amazonaws.com"),
    "AWS::Serverless::WebFunction": Made("ExecutionRoleArn", "Role", "lambda.amazonaws.com"),
}


def made_for(resource_type: str) -> Made | None:
    """What role SAM makes for a type, None where it makes none."""
    return _ROLES.get(resource_type)


HOLDERS = frozenset({"AWS::Serverless::Function", "AWS::Serverless::StateMachine"})
"""The types that have ``Policies``."""

# Of the properties that Globals supports, those that say what role SAM makes, or that it makes none.
_INHERITED = {
    "AWS::Serverless::CapacityProvider": ("OperatorRole",),
    "AWS::Serverless::Function": ("AssumeRolePolicyDocument", "PermissionsBoundary", "RolePath"),
    "AWS::Serverless::MicrovmImage": ("BuildRoleArn",),
    "AWS::Serverless::NetworkConnector": ("OperatorRole",),
    "AWS::Serverless::WebFunction": ("ExecutionRoleArn",),
}


def is_sam(template: Template) -> bool:
    """Whether SAM transforms this template: it says so, or it uses SAM's types."""
    if any(name.startswith("AWS::Serverless-") for name in transforms(template)):
        return True
    return any((type_of(node) or "").startswith("AWS::Serverless::") for node in template.resources.values())


def transforms(template: Template) -> list[str]:
    """The names in the Transform section."""
    node = child(template.root, "Transform")
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return [name for item in nodes if (name := scalar(item) or scalar(child(item, "Name")))]


def _without_role(node: yaml.Node | None) -> bool:
    """Whether SAM makes a role, at least under some condition."""
    if node is None:
        return True
    function = call(node)
    if function is None:
        return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")  # written by tools for .NET
    name, argument = function
    if name == "Ref":
        return scalar(argument) == "AWS::NoValue"
    if name == "Fn::If" and isinstance(argument, yaml.SequenceNode):
        return any(_without_role(item) for item in argument.value[1:] if call(item))
    return False


def implicit_roles(template: Template) -> dict[str, str]:
    """The logical ids of the roles that SAM makes, each with the logical id of what it is made for."""
    roles: dict[str, str] = {}
    for logical_id, node in template.resources.items():
        made = _ROLES.get(type_of(node) or "")
        if made is not None and _without_role(child(properties(template, logical_id), made.instead_of)):
            roles[logical_id + made.suffix] = logical_id
    return {role: owner for role, owner in roles.items() if role not in template.resources}


def properties(template: Template, logical_id: str) -> yaml.Node | None:
    """The properties of a resource, and those of its role that it inherits from Globals.

    Source: AWS SAM Developer Guide, "Globals section": mappings are merged, lists are put one after the other, and of
    everything else the resource's own is taken.
    """
    node = template.resources[logical_id]
    own = child(node, "Properties")
    kind = type_of(node) or ""
    given = child(template.root, "Globals", kind.rpartition("::")[2])
    inherited = [(key, value) for key, value in entries(given) if key.value in _INHERITED.get(kind, ())]
    if not inherited:
        return own
    place = own or node
    merged = list(entries(own))
    for key, value in inherited:
        local = child(own, key.value)
        merged = [entry for entry in merged if entry[0].value != key.value]
        merged.append((key, value if local is None else _merged(value, local)))
    return _mapping(merged, place)


def _merged(shared: yaml.Node, own: yaml.Node) -> yaml.Node:
    if call(shared) or call(own) or type(shared) is not type(own):
        return own
    if isinstance(own, yaml.SequenceNode):
        return yaml.SequenceNode(own.tag, [*shared.value, *own.value], own.start_mark, own.end_mark, True)
    if not isinstance(own, yaml.MappingNode):
        return own
    merged = {key.value: (key, value) for key, value in entries(shared)}
    for key, value in entries(own):
        merged[key.value] = (key, _merged(merged[key.value][1], value) if key.value in merged else value)
    return _mapping(list(merged.values()), own)


def _mapping(rows: list[tuple[yaml.ScalarNode, yaml.Node]], at: yaml.Node) -> yaml.MappingNode:
    return yaml.MappingNode("tag:yaml.org,2002:map", rows, at.start_mark, at.end_mark, True)


def managed_policies(policies: yaml.Node) -> Iterator[yaml.Node]:
    """The elements of SAM's ``Policies`` that are no documents and no policy templates: ARNs and names of managed
    policies, or functions that give them."""
    if isinstance(policies, yaml.ScalarNode):
        yield policies
    elif (function := call(policies)) is not None:
        name, argument = function
        if name == "Fn::If" and isinstance(argument, yaml.SequenceNode):
            for place, branch in enumerate(argument.value[1:3]):
                for item in managed_policies(branch):
                    yield _in_branch(argument.value[0], place, item)
        else:
            yield policies
    elif isinstance(policies, yaml.SequenceNode):
        for item in policies.value:
            yield from managed_policies(item)


def _in_branch(condition: yaml.Node, place: int, item: yaml.Node) -> yaml.Node:
    """An ``Fn::If`` that gives ``item`` in its first or second branch, and nothing in the other one."""
    marks = item.start_mark, item.end_mark
    words = [yaml.ScalarNode("tag:yaml.org,2002:str", word, *marks) for word in ("Ref", "AWS::NoValue", "Fn::If")]
    nothing = yaml.MappingNode("tag:yaml.org,2002:map", [(words[0], words[1])], *marks)
    options = (nothing, item) if place else (item, nothing)
    argument = yaml.SequenceNode("tag:yaml.org,2002:seq", [condition, *options], *marks)
    return yaml.MappingNode("tag:yaml.org,2002:map", [(words[2], argument)], *marks)


def implicit_trust(template: Template, owner: str, at: Position) -> Node:
    """The trust policy that SAM gives to the role that it makes, standing where the owner stands."""
    service = _ROLES[type_of(template.resources[owner]) or ""].service

    def entry(key: str, value: Node) -> ObjectEntry:
        return ObjectEntry(text(key, at), value)

    statement = ObjectNode(
        (
            entry("Action", ListNode((text("sts:AssumeRole", at),), at)),
            entry("Effect", text("Allow", at)),
            entry("Principal", ObjectNode((entry("Service", ListNode((text(service, at),), at)),), at)),
        ),
        at,
    )
    return ObjectNode((entry("Version", text("2012-10-17", at)), entry("Statement", ListNode((statement,), at))), at)
