"""Roles that the Serverless Framework creates for the functions of a service.

Statements under ``provider`` belong to the role for all functions; those of a function to its own role, with the
framework itself or its plugin serverless-iam-roles-per-function. Sources: Serverless Framework, "IAM Permissions For
Functions"; ``packages/serverless/lib/plugins/aws/package/lib/merge-iam-templates.js`` and ``roles-per-function.js``;
the README of that plugin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import yaml

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.cloudformation.service_values import ServiceValues
from passrole_checks.sources.cloudformation.template import (
    child,
    entries,
    intrinsic_call,
    scalar,
    sequence_node,
    text_node,
)

_MAP, _LIST, _NULL = (f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "null"))
# how the framework's "naming" derives a logical id from a function's name
_NAMING = (("-", "Dash"), ("_", "Underscore"))
_SHARED = "IamRoleLambdaExecution"
_PLUGIN = "serverless-iam-roles-per-function"

_Entry = tuple[yaml.ScalarNode, yaml.Node]


@dataclass(frozen=True, slots=True)
class _Settings:
    """The values of one place that configures a role: ``provider`` or a function. ``key``: that of its policies."""

    key: yaml.ScalarNode | None
    statements: yaml.Node | None
    managed_policies: yaml.Node | None
    boundary: yaml.Node | None
    name: yaml.Node | None
    path: yaml.Node | None

    @property
    def grants(self) -> bool:
        """True if policies are configured."""
        return self.statements is not None or self.managed_policies is not None


def generated_roles(root: yaml.MappingNode, values: ServiceValues) -> Iterator[_Entry]:
    """Yield the roles that the framework creates, each with its logical id.

    ``skip`` is called with each unresolved variable in whose place settings or policies are.
    """
    reader = _SettingsReader(values)
    functions = [
        (key, values.section(value))
        for part in values.parts(values.section(child(root, "functions")))
        for key, value in entries(part)
    ]
    provider = values.section(child(root, "provider"))
    role = values.section(child(values.section(child(provider, "iam")), "role"))
    shared = reader.settings(provider, role, "rolePermissionsBoundary", None)
    is_arn = role is not None and intrinsic_call(role) is not None
    is_named = child(provider, "role") is not None or isinstance(role, yaml.ScalarNode) or is_arn
    per_function = not is_named and scalar(child(role, "mode")) == "perFunction"
    each_names_role = functions and all(child(function, "role") is not None for _, function in functions)
    if not (is_named or each_names_role or per_function):
        yield _role(_SHARED, shared.key or root, shared, [shared.statements], [shared.managed_policies])
    plugin = child(values.section(child(root, "custom")), _PLUGIN)
    default = scalar(child(plugin, "defaultInherit")) or ("true" if per_function else "false")
    for name, function in functions:
        own_role = values.section(child(values.section(child(function, "iam")), "role"))
        own = reader.settings(function, own_role, "iamPermissionsBoundary", "iamRoleStatementsName")
        if not (own.grants or per_function) or child(function, "role") is not None:
            continue
        inherits = (
            scalar(child(function, "iam", "inheritStatements"))
            or scalar(child(function, "iamRoleStatementsInherit"))
            or default
        )
        yield _role(
            f"{_logical_id_prefix(name.value)}{_SHARED}",
            own.key or name,
            replace(own, boundary=own.boundary or shared.boundary, path=own.path or shared.path),
            [own.statements, shared.statements if inherits == "true" else None],
            [own.managed_policies, shared.managed_policies if per_function else None],
        )


@dataclass(frozen=True, slots=True)
class _SettingsReader:
    """Reads settings with their variables resolved."""

    values: ServiceValues

    def settings(self, node: yaml.Node | None, role: yaml.Node | None, boundary: str, name: str | None) -> _Settings:
        """Return the settings below ``role``, else those in the previous format, below ``node`` with the given keys."""
        key, value = _first_entry((role, "statements"), (node, "iamRoleStatements"))
        managed_key, managed_policies = _first_entry((role, "managedPolicies"), (node, "iamManagedPolicies"))
        return _Settings(
            key or managed_key,
            self._statements(value),
            self._section_value(managed_policies),
            self._value(
                child(role, "permissionsBoundary") or child(role, "permissionBoundary") or child(node, boundary)
            ),
            self._value(child(role, "name") or (child(node, name) if name is not None else None)),
            self._value(child(role, "path")),
        )

    def _value(self, node: yaml.Node | None) -> yaml.Node | None:
        value = self.values.resolve(node) if node is not None else None
        return None if value is not None and value.tag == _NULL else value

    def _section_value(self, node: yaml.Node | None) -> yaml.Node | None:
        value = self._value(node)
        self.values.skip_unresolved(value)
        return value

    def _statements(self, node: yaml.Node | None) -> yaml.Node | None:
        """Return a list of statements; an empty one for an entry without a value, which configures a role as well."""
        value = self._section_value(node)
        if value is None and node is not None:
            return sequence_node([], node)
        for element in value.value if isinstance(value, yaml.SequenceNode) else ():
            self.values.skip_unresolved(element)
        return value


def _first_entry(*places: tuple[yaml.Node | None, str]) -> tuple[yaml.ScalarNode | None, yaml.Node | None]:
    """Return the first entry that exists: of a mapping, with a key."""
    found = (entry for node, name in places for entry in entries(node) if entry[0].value == name)
    return next(found, (None, None))


def _logical_id_prefix(function: str) -> str:
    """Return the prefix of a function's logical ids."""
    for mark, word in _NAMING:
        function = function.replace(mark, word)
    return function[:1].upper() + function[1:]


def _role(
    name: str,
    at: yaml.Node,
    settings: _Settings,
    statements: list[yaml.Node | None],
    managed_policies: list[yaml.Node | None],
) -> _Entry:
    """Return a role that Lambda can assume. ``at``: the node with its position."""
    documents = [node for node in statements if node is not None]
    attached = [node for node in managed_policies if node is not None]
    end = (documents or attached or [at])[-1]
    end = end if end.end_mark.name == at.start_mark.name and end.end_mark.index >= at.end_mark.index else at

    def mapping(**values: yaml.Node | None) -> yaml.MappingNode:
        listed = [(text_node(word, at), value) for word, value in values.items() if value is not None]
        return yaml.MappingNode(_MAP, listed, at.start_mark, end.end_mark, False)

    def policy(number: int, listed: yaml.Node) -> yaml.Node:
        document = mapping(Version=version, Statement=listed)
        return mapping(PolicyName=text_node(str(number), at), PolicyDocument=document)

    version = text_node("2012-10-17", at)
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trust = mapping(
        Version=version,
        Statement=mapping(
            **{word: text_node(value, at) for word, value in allow.items()},
            Principal=mapping(Service=text_node("lambda.amazonaws.com", at)),
        ),
    )
    policies = [
        policy(number, listed)
        for number, listed in enumerate(documents)
        if listed.value or not isinstance(listed, yaml.SequenceNode)
    ]
    properties = mapping(
        AssumeRolePolicyDocument=trust,
        RoleName=settings.name,
        Path=settings.path,
        ManagedPolicyArns=_joined(attached),
        PermissionsBoundary=settings.boundary,
        Policies=yaml.SequenceNode(_LIST, policies, at.start_mark, end.end_mark, False) if policies else None,
    )
    return text_node(name, at), mapping(Type=text_node("AWS::IAM::Role", at), Properties=properties)


def _joined(lists: list[yaml.Node]) -> yaml.Node | None:
    """Return the elements of several lists as one list."""
    if len(lists) < 2:
        return lists[0] if lists else None
    items = [item for node in lists for item in (node.value if isinstance(node, yaml.SequenceNode) else [node])]
    return sequence_node(items, lists[0])
