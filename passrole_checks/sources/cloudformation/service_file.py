"""Convert a service of the Serverless Framework (``serverless.yml``) into a template, as far as roles are concerned.

Statements under ``provider`` belong to the role that the framework creates for all functions; those of a function to
its own role (plugin serverless-iam-roles-per-function). ``resources`` is a template already. Nodes keep their
positions. Sources: Serverless Framework, "IAM Permissions For Functions" and "AWS Infrastructure Resources"; the README
of that plugin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from passrole_checks.sources.cloudformation.template import Template, child, entries, scalar

_MAP, _LIST, _TEXT = (f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str"))
_KEYS = tuple(re.compile(rf"^{key}[ \t]*:", re.MULTILINE) for key in ("service", "provider"))
_STATEMENTS = re.compile(r"(?:^[ \t]+|[{,][ \t]*)(?:iamRoleStatements|statements)[ \t]*:", re.MULTILINE)
_RESOURCES = re.compile(r"^resources[ \t]*:", re.MULTILINE)
_SECTIONS = ("Conditions", "Mappings", "Parameters", "Resources")
# how the framework's "naming" derives a logical id from a function's name
_NAMING = (("-", "Dash"), ("_", "Underscore"))
_SHARED = "IamRoleLambdaExecution"


def looks_like_service(content: str) -> bool:
    """True if a text is a service of the Serverless Framework with policies."""
    if not all(key.search(content) for key in _KEYS):
        return False
    return bool(_STATEMENTS.search(content)) or ("AWS::IAM::" in content and bool(_RESOURCES.search(content)))


def is_service(root: yaml.MappingNode) -> bool:
    """True if a file is a service, judging by its keys."""
    keys = {key.value for key, _ in entries(root)}
    return {"service", "provider"} <= keys and not {"AWSTemplateFormatVersion", "Resources"} & keys


def convert_to_template(template: Template) -> list[yaml.ScalarNode]:
    """Convert a service into a template. Return the placeholders whose content is unknown."""
    root = template.root
    placeholders: list[yaml.ScalarNode] = []
    sections: dict[str, list[tuple[yaml.Node, yaml.Node]]] = {name: [] for name in _SECTIONS}
    for part in _parts(child(root, "resources")):
        if isinstance(part, yaml.ScalarNode):
            placeholders += [part] if part.value else []
        for name in _SECTIONS:
            section = child(part, name)
            sections[name] += entries(section)
            placeholders += [section] if isinstance(section, yaml.ScalarNode) and section.value else []
    functions = [entry for part in _parts(child(root, "functions")) for entry in entries(part)]
    resource_names = {key.value for key, _ in sections["Resources"]}
    roles = [entry for entry in _roles(root, functions) if entry[0].value not in resource_names]
    sections["Resources"][:0] = roles
    new_sections: list[tuple[yaml.Node, yaml.Node]] = []
    new_sections += [(_text(name, root), _mapping(listed, root)) for name, listed in sections.items() if listed]
    template.replace(_mapping(new_sections, root))
    return placeholders


def _parts(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """Yield the parts that are merged: a mapping itself, or each element of a list."""
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif node is not None:
        yield node


def _roles(
    root: yaml.MappingNode, functions: list[tuple[yaml.ScalarNode, yaml.Node]]
) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Yield the roles that the framework creates, each with its logical id."""
    provider = child(root, "provider")
    role = child(provider, "iam", "role")
    key, shared = _statements(provider, role)
    is_named = child(provider, "role") is not None or isinstance(role, yaml.ScalarNode)
    each_names_role = functions and all(child(function, "role") is not None for _, function in functions)
    settings = {
        "RoleName": child(role, "name"),
        "Path": child(role, "path"),
        "ManagedPolicyArns": child(role, "managedPolicies") or child(provider, "iamManagedPolicies"),
        "PermissionsBoundary": child(role, "permissionsBoundary")
        or child(role, "permissionBoundary")
        or child(provider, "rolePermissionsBoundary"),
    }
    if not (is_named or each_names_role):
        yield _role(_SHARED, key or root, [shared] if shared is not None else [], settings)
    inherited = scalar(child(root, "custom", "serverless-iam-roles-per-function", "defaultInherit"))
    for name, function in functions:
        own = next(((key, value) for key, value in entries(function) if key.value == "iamRoleStatements"), None)
        if own is None:
            continue
        inherits = scalar(child(function, "iamRoleStatementsInherit")) or inherited
        statements = [own[1], *([shared] if shared is not None and inherits == "true" else [])]
        settings = {"RoleName": child(function, "iamRoleStatementsName")}
        yield _role(f"{_logical_id_prefix(name.value)}{_SHARED}", own[0], statements, settings)


def _statements(provider: yaml.Node | None, role: yaml.Node | None) -> tuple[yaml.ScalarNode | None, yaml.Node | None]:
    """Return the statements of the role for all functions, with their key, in the current or the previous format."""
    for node, name in ((role, "statements"), (provider, "iamRoleStatements")):
        for key, value in entries(node):
            if key.value == name:
                return key, value
    return None, None


def _logical_id_prefix(function: str) -> str:
    """Return the prefix of a function's logical ids."""
    for mark, word in _NAMING:
        function = function.replace(mark, word)
    return function[:1].upper() + function[1:]


def _role(
    name: str, key: yaml.Node, statements: list[yaml.Node], settings: dict[str, yaml.Node | None]
) -> tuple[yaml.ScalarNode, yaml.Node]:
    """Return a role that Lambda can assume. ``key``: the node with its position."""
    at, end = key, statements[-1] if statements else key

    def mapping(**values: yaml.Node | None) -> yaml.MappingNode:
        return _mapping([(_text(word, at), value) for word, value in values.items() if value is not None], at, end)

    def policy(number: int, listed: yaml.Node) -> yaml.Node:
        return mapping(PolicyName=_text(str(number), at), PolicyDocument=mapping(Version=version, Statement=listed))

    version = _text("2012-10-17", at)
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trust = mapping(
        Version=version,
        Statement=mapping(
            **{word: _text(value, at) for word, value in allow.items()},
            Principal=mapping(Service=_text("lambda.amazonaws.com", at)),
        ),
    )
    policies = [policy(number, listed) for number, listed in enumerate(statements)]
    listed = yaml.SequenceNode(_LIST, policies, at.start_mark, end.end_mark, False)
    properties = mapping(AssumeRolePolicyDocument=trust, **settings, Policies=listed if policies else None)
    return _text(name, at), mapping(Type=_text("AWS::IAM::Role", at), Properties=properties)


def _text(value: str, at: yaml.Node) -> yaml.ScalarNode:
    return yaml.ScalarNode(_TEXT, value, at.start_mark, at.start_mark)


def _mapping(
    listed: list[tuple[yaml.Node, yaml.Node]], at: yaml.Node, end: yaml.Node | None = None
) -> yaml.MappingNode:
    return yaml.MappingNode(_MAP, listed, at.start_mark, (end or at).end_mark, False)
