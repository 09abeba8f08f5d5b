"""Evaluate ``Ref`` and ``Fn::GetAtt``: pseudo parameters, parameters, resources.

Sources: AWS CloudFormation User Guide, "Get AWS values using pseudo parameters", "Parameters section syntax reference";
Template Reference, "Return values" of each resource type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Protocol

import yaml

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import (
    Absent,
    Node,
    Part,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    join,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.sources.cloudformation import resource_types
from passrole_checks.sources.cloudformation.parameters import Parameters, stated_values
from passrole_checks.sources.cloudformation.pseudo_parameters import is_pseudo_parameter, pseudo_value
from passrole_checks.sources.cloudformation.strings import as_text
from passrole_checks.sources.cloudformation.template import Template, child, type_of

ROLE = "AWS::IAM::Role"
MAX_NESTED_NAMES = 5

PARTITION = Unresolved("AWS::Partition", UnresolvedKind.PARTITION)
ACCOUNT = Unresolved("AWS::AccountId", UnresolvedKind.ACCOUNT_ID)
REGION = Unresolved("AWS::Region", UnresolvedKind.REGION)
_REST = Unresolved("…")

_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": PARTITION,
    "AWS::Region": REGION,
    "AWS::StackName": Unresolved("AWS::StackName", UnresolvedKind.NAME),
    "AWS::StackId": Unresolved(
        "AWS::StackId",
        known=(
            "arn:",
            PARTITION,
            ":cloudformation:",
            REGION,
            ":",
            ACCOUNT,
            ":stack/",
            Unresolved("AWS::StackName", UnresolvedKind.NAME),
            "/",
            Unresolved("id", UnresolvedKind.NAME),
        ),
    ),
    "AWS::NotificationARNs": Unresolved("AWS::NotificationARNs", reason="set at deployment"),
}

_IAM_PATHS = {
    ROLE: ("role", "RoleName"),
    "AWS::IAM::User": ("user", "UserName"),
    "AWS::IAM::Group": ("group", "GroupName"),
    "AWS::IAM::ManagedPolicy": ("policy", "ManagedPolicyName"),
    "AWS::IAM::InstanceProfile": ("instance-profile", "InstanceProfileName"),
}


class _Evaluation(Protocol):
    """The evaluator of property nodes, with its current assumptions."""

    when: PathCondition
    open_defaults: bool
    output: Callable[[str, str, Position], Node] | None

    def node(self, node: yaml.Node) -> Node: ...


@dataclass(eq=False)
class TemplateReferences:
    """Values of references in a template.

    ``implicit_roles``: SAM's roles by logical id, with the properties of the resource that each is for.
    """

    template: Template
    parameters: Parameters
    evaluation: _Evaluation
    implicit_roles: Mapping[str, yaml.Node | None]
    _names: dict[tuple[str, PathCondition, bool], tuple[tuple[Part, ...], tuple[str, ...]] | None] = field(
        default_factory=dict
    )
    _naming: int = 0  # depth of names that are being evaluated

    def type_of(self, logical_id: str) -> str | None:
        """Return the type of a resource of this template, including SAM's implicit roles."""
        if logical_id in self.template.resources:
            return type_of(self.template.resources[logical_id]) or "unknown"
        return ROLE if logical_id in self.implicit_roles else None

    def ref(self, name: str, at: Position) -> Node:
        """Return the value of ``Ref name``."""
        if name == "AWS::NoValue":
            return Absent(at)
        given = pseudo_value(name, self.template.given)
        if given is not None and is_pseudo_parameter(name):
            return StringNode((given,), at)
        if name == "AWS::URLSuffix":
            # The value in the partition aws, recorded as a default like that of a parameter.
            return StringNode(("amazonaws.com",), at, defaults=("AWS::URLSuffix",))
        if name in _PSEUDO:
            stated = stated_values(self.evaluation.when, self.parameters.subject(name))
            return StringNode((stated[0] if len(stated) == 1 else _PSEUDO[name],), at)
        if name in self.template.parameters:
            when, open_default = self.evaluation.when, self.evaluation.open_defaults
            return self.parameters.value(name, at, when, open_default=open_default)
        if name in self.template.placeholders:
            return replace(self.template.placeholders[name], at=at)
        logical_id, _, rest = name.partition(".")
        resource_type = self.type_of(logical_id)
        if resource_type is None:
            return unresolved(name, at, "not defined in this template")
        if rest:  # SAM: MyFunction.Version, MyFunction.Alias, MyApi.Stage
            if resource_type == "AWS::Serverless::Function":
                return StringNode((self._unresolved_arn(name, "lambda"),), at)
            return unresolved(name, at, "generated by SAM")
        return self._resource(name, resource_type, at)

    def _name(self, logical_id: str, resource_type: str) -> tuple[tuple[Part, ...], tuple[str, ...]] | None:
        """Return the name of an IAM resource and the defaults in it; None if AWS generates the name."""
        key = (logical_id, self.evaluation.when, self.evaluation.open_defaults)
        if key not in self._names:
            self._names[key] = None  # ends cycles: a name that refers to itself is unknown
            prop = child(self._properties(logical_id), _IAM_PATHS[resource_type][1])
            text = None
            if prop is not None and self._naming < MAX_NESTED_NAMES:
                self._naming += 1
                text = as_text(self.evaluation.node(prop))
                self._naming -= 1
            if text is not None and logical_id not in self.implicit_roles:
                parts = tuple(_without_known(part) if isinstance(part, Unresolved) else part for part in text.parts)
                self._names[key] = (parts, text.defaults)
        return self._names[key]

    def _properties(self, logical_id: str) -> yaml.Node | None:
        if logical_id in self.template.resources:
            return child(self.template.resources[logical_id], "Properties")
        return self.implicit_roles.get(logical_id)

    def _path(self, logical_id: str) -> tuple[tuple[Part, ...], tuple[str, ...]]:
        """Return the path of an IAM resource, from its first to its last slash, and the defaults in it."""
        prop = child(self._properties(logical_id), "RolePath" if logical_id in self.implicit_roles else "Path")
        value = self.evaluation.node(prop) if prop is not None else None
        if value is None or isinstance(value, Absent):
            return ("/",), ()
        text = as_text(value)
        if text is None or text.only_unresolved:
            return (Unresolved(f"{logical_id}.Path", reason="the path is unknown"),), ()
        return tuple(
            _without_known(part) if isinstance(part, Unresolved) else part for part in text.parts
        ), text.defaults

    def _resource(self, name: str, resource_type: str, at: Position) -> StringNode:
        """Return the ``Ref`` of a resource: a name, an ARN, a URL or an unknown value, by type."""
        if resource_type in _IAM_PATHS and resource_type not in resource_types.REF_IS_ARN:
            name_and_defaults = self._name(name, resource_type)
            role = name if resource_type == ROLE else None
            part = Unresolved(
                name,
                UnresolvedKind.NAME,
                role,
                name_and_defaults[0] if name_and_defaults else None,
                "resource of this template",
            )
            return StringNode((part,), at, defaults=name_and_defaults[1] if name_and_defaults else ())
        if resource_type == "AWS::IAM::ManagedPolicy":
            return self._iam_arn(name, resource_type, name, at)
        service = resource_types.service_of(resource_type)
        if service is None or resource_type == "AWS::CloudFormation::CustomResource":
            return unresolved(name, at, f"returned by {resource_type}")
        if resource_type in resource_types.REF_IS_ARN:
            return StringNode((self._unresolved_arn(name, service),), at)
        if resource_type in resource_types.REF_IS_URL:
            return StringNode((Unresolved(name, known=("https://", _REST), reason="resource of this template"),), at)
        return unresolved(name, at, "resource of this template", UnresolvedKind.NAME)

    def _iam_arn(self, logical_id: str, resource_type: str, expression: str, at: Position) -> StringNode:
        """Return the ARN of an IAM resource, as far as the template determines it."""
        word = _IAM_PATHS[resource_type][0]
        role = logical_id if resource_type == ROLE else None
        path, path_defaults = self._path(logical_id)
        name = self._name(logical_id, resource_type)
        name_parts: tuple[Part, ...] = name[0] if name else (Unresolved(logical_id, UnresolvedKind.NAME, role),)
        partition, account = self._pseudo(PARTITION), self._pseudo(ACCOUNT)
        known = join(["arn:", partition, ":iam::", account, f":{word}", *path, *name_parts])
        unresolved = Unresolved(expression, UnresolvedKind.ANYTHING, role, known, "resource of this template")
        return StringNode((unresolved,), at, defaults=(*path_defaults, *(name[1] if name else ())))

    def _pseudo(self, unresolved: Unresolved) -> Part:
        """Return a pseudo parameter, or the value that the user gives for it."""
        return pseudo_value(unresolved.expression, self.template.given) or unresolved

    def _unresolved_arn(self, expression: str, service: str) -> Unresolved:
        known = join(["arn:", self._pseudo(PARTITION), f":{service}:", _REST])
        return Unresolved(expression, UnresolvedKind.ANYTHING, None, known, "resource of this template")

    def attribute(self, logical_id: str, name: str, at: Position) -> Node:
        """Return the value of ``Fn::GetAtt [logical_id, name]``."""
        expression = f"{logical_id}.{name}"
        resource_type = self.type_of(logical_id)
        if resource_type is None:
            return unresolved(expression, at, "not defined in this template")
        if resource_type in _IAM_PATHS and (name == "Arn" or (name == "PolicyArn" and "Managed" in resource_type)):
            return self._iam_arn(logical_id, resource_type, expression, at)
        if name.startswith("Outputs."):
            if self.evaluation.output is not None:
                return self.evaluation.output(logical_id, name.removeprefix("Outputs."), at)
            return unresolved(expression, at, "output of a nested stack")
        service = resource_types.service_of(resource_type)
        if service is None or resource_type == "AWS::CloudFormation::CustomResource":
            return unresolved(expression, at, f"returned by {resource_type}")
        if name in ("Arn", resource_type.split("::")[-1] + "Arn"):
            return StringNode((self._unresolved_arn(expression, service),), at)
        kind = UnresolvedKind.NAME if name.endswith(("Name", "Id")) and "." not in name else UnresolvedKind.ANYTHING
        return unresolved(expression, at, "attribute of a resource", kind)


def _without_known(unresolved: Unresolved) -> Unresolved:
    """Return an unresolved part without its known text, so that names within names do not grow."""
    return Unresolved(unresolved.expression, unresolved.kind, unresolved.role, None, unresolved.reason)
