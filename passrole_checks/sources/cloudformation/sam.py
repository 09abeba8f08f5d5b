"""What AWS SAM adds: the transform, the execution roles that it makes, Globals.

Source: AWS Serverless Application Model Developer Guide, "Generated CloudFormation resources", "AWS SAM resource and
property reference", "Globals section". SAM makes a role ``<logical id>Role`` for a function or a state machine that
names none; where one is named, SAM does not use the ``Policies``.
"""

from __future__ import annotations

import yaml

from passrole_checks.iam.values import Entry, Items, Mapping, Node, Position, text
from passrole_checks.sources.cloudformation.template import Template, call, child, scalar, type_of

_SERVICES = {
    "AWS::Serverless::Function": "lambda.amazonaws.com",
    "AWS::Serverless::StateMachine": "states.amazonaws.com",
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
        return False
    name, argument = function
    if name == "Ref":
        return scalar(argument) == "AWS::NoValue"
    if name == "Fn::If" and isinstance(argument, yaml.SequenceNode):
        return any(_without_role(item) for item in argument.value[1:] if call(item))
    return False


def implicit_roles(template: Template) -> dict[str, str]:
    """The logical ids of the roles that SAM makes, each with the logical id of what it is made for."""
    made: dict[str, str] = {}
    for logical_id, node in template.resources.items():
        resource_type = type_of(node)
        if resource_type in _SERVICES and _without_role(child(node, "Properties", "Role")):
            made[f"{logical_id}Role"] = logical_id
    return {role: owner for role, owner in made.items() if role not in template.resources}


def implicit_trust(template: Template, owner: str, at: Position) -> Node:
    """The trust policy that SAM gives to the role that it makes, standing where the owner stands."""
    service = _SERVICES[type_of(template.resources[owner]) or ""]

    def entry(key: str, value: Node) -> Entry:
        return Entry(text(key, at), value)

    statement = Mapping(
        (
            entry("Action", Items((text("sts:AssumeRole", at),), at)),
            entry("Effect", text("Allow", at)),
            entry("Principal", Mapping((entry("Service", Items((text(service, at),), at)),), at)),
        ),
        at,
    )
    return Mapping((entry("Version", text("2012-10-17", at)), entry("Statement", Items((statement,), at))), at)
