"""The policies and roles of a template.

Sources: AWS CloudFormation Template Reference, AWS::IAM::*; AWS SAM Developer Guide. Paths are the template's own keys
below ``Properties``, also through a function: ``Policies/Fn::If/1/0/PolicyDocument``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import yaml

from passrole_checks.iam.values import Absent, Choice, Node, Text
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.attachments import Attachments
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.resource_types import RESOURCE_POLICIES
from passrole_checks.sources.cloudformation.template import Template, call, child, entries, scalar, type_of
from passrole_checks.sources.resource import (
    AttachedPolicy,
    Framework,
    PolicyKind,
    ResourceDefinition,
    RoleDefinition,
    Unreadable,
)

_STANDALONE = {  # the property that names who gets the policy
    "AWS::IAM::RolePolicy": "RoleName",
    "AWS::IAM::UserPolicy": "UserName",
    "AWS::IAM::GroupPolicy": "GroupName",
}
_HOLDERS = frozenset({"AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group"})
_OWN_TRANSFORMS = ("AWS::Serverless-", "AWS::LanguageExtensions", "AWS::CodeDeployBlueGreen", "AWS::SecretsManager-")


# what must not stand twice, because it is not told which of the two would count
_SECTIONS = frozenset({"Conditions", "Globals", "Mappings", "Parameters", "Resources", "Transform"})
_OF_A_RESOURCE = frozenset({"Condition", "Properties", "Type"})
_OF_PROPERTIES = frozenset(
    {"AssumeRolePolicyDocument", "Groups", "InlinePolicy", "ManagedPolicyArns", "PermissionsBoundary", "Policies",
     "PolicyDocument", "Role", "Roles", "Users"}
)  # fmt: skip


def _is_rain_module(node: yaml.Node) -> bool:
    """Whether a type is the directive by which the tool Rain puts in a module, tag or mapping."""
    keys = [key.value for key, _ in entries(node)]
    return keys == ["Rain::Module"] or node.tag == "!Rain::Module"


@dataclass(frozen=True, slots=True)
class _Found:
    """A document below a property: its path, its node, and the conditions under which it is there."""

    path: str
    node: yaml.Node
    conditions: tuple[tuple[str, bool], ...]


class PolicyReader:
    """Reads all resources of a template; afterwards its lists are the parts of a Configuration."""

    def __init__(self, template: Template, framework: Framework) -> None:
        self.template = template
        self.framework = framework
        self.owners = sam.implicit_roles(template) if framework is Framework.SAM else {}
        self.evaluator = Evaluator(
            template, {role: child(template.resources[owner], "Properties") for role, owner in self.owners.items()}
        )
        self.resources: list[ResourceDefinition] = []
        self.policies: list[AttachedPolicy] = []
        self.roles: list[RoleDefinition] = []
        self.unreadable: list[Unreadable] = []
        self.not_evaluated: list[Unreadable] = []

    def read(self) -> None:
        self._sections()
        self.attachments = Attachments(self.template, self.evaluator, self.owners)
        seen: set[str] = set()
        for key, node in entries(child(self.template.root, "Resources")):
            if key.value in seen:
                self._cannot(key, f"the logical id {key.value} is used twice")
            seen.add(key.value)
            if key.value.startswith("Fn::ForEach"):
                self._for_each(key, node)
            elif key.value.startswith("Fn::"):
                self._skipped(key, f"{key.value} adds resources at deployment")
            else:
                self._resource(key.value, key, node)
        self._globals()

    def _once(self, node: yaml.Node | None, names: frozenset[str], holder: str = "") -> None:
        """Name the keys of a mapping that stand in it twice: AWS refuses the template, or takes one of the two."""
        seen: set[str] = set()
        for key, _ in entries(node):
            if key.value in names and key.value in seen:
                self._cannot(key, f"{holder}{key.value} is given twice")
            seen.add(key.value)

    def _sections(self) -> None:
        self._once(self.template.root, _SECTIONS)
        for name in ("Resources", "Parameters", "Mappings", "Globals"):
            node = child(self.template.root, name)
            empty = isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")
            wrong = not isinstance(node, yaml.MappingNode) or not node.tag.endswith(":map")
            if node is not None and wrong and not empty:
                self._cannot(node, f"{name} is not a mapping")
        for name in sam.transforms(self.template):
            if not name.startswith(_OWN_TRANSFORMS):
                node = child(self.template.root, "Transform") or self.template.root
                self._skipped(node, f"the macro {name} may change the template at deployment")
        for key, _ in entries(self.template.root):
            if key.value == "Fn::Transform":
                self._skipped(key, "Fn::Transform adds sections at deployment")

    def _cannot(self, node: yaml.Node, reason: str) -> None:
        self.unreadable.append(Unreadable(self.template.file, reason, node.start_mark.line + 1))

    def _skipped(self, node: yaml.Node, reason: str) -> None:
        self.not_evaluated.append(Unreadable(self.template.file, reason, node.start_mark.line + 1))

    def _for_each(self, key: yaml.ScalarNode, node: yaml.Node) -> None:
        """A loop's resources, read once as they are written: the loop's variable stays a hole."""
        body = node.value[2] if isinstance(node, yaml.SequenceNode) and len(node.value) == 3 else None
        if not isinstance(body, yaml.MappingNode):
            self._cannot(key, f"{key.value} is not written as identifier, collection, template")
            return
        for name, resource in entries(body):
            if name.value.startswith("Fn::ForEach"):
                self._for_each(name, resource)
            else:
                self._resource(name.value, name, resource)

    def _resource(self, logical_id: str, key: yaml.Node, node: yaml.Node) -> None:
        if not isinstance(node, yaml.MappingNode) or call(node):
            self._cannot(key, f"{logical_id} is not a mapping")
            return
        type_node = child(node, "Type")
        resource_type = type_of(node)
        if type_node is not None and _is_rain_module(type_node):
            self._skipped(type_node, f"{logical_id}: a Rain module, whose template is not read here")
            return
        if type_node is not None and call(type_node):
            self._skipped(type_node, f"{logical_id}: its type is filled in before deployment")
            return
        if resource_type is None:
            self._cannot(key, f"{logical_id} has no Type")
            return
        if resource_type.endswith("::MODULE"):
            self._skipped(type_node or key, f"{logical_id}: a module, whose resources are not read here")
        resource = ResourceDefinition(
            logical_id, resource_type, self.framework, self.template.position(node, start=key)
        )
        self._once(node, _OF_A_RESOURCE, f"{logical_id}: ")
        self._once(child(node, "Properties"), _OF_PROPERTIES, f"{logical_id}: ")
        self.resources.append(resource)
        properties = child(node, "Properties")
        if properties is None or (isinstance(properties, yaml.ScalarNode) and not properties.value):
            properties = yaml.MappingNode("tag:yaml.org,2002:map", [], key.start_mark, key.end_mark, True)
        if not isinstance(properties, yaml.MappingNode):
            self._cannot(properties, f"{logical_id}: Properties is not a mapping")
            return
        for name, _ in entries(properties):
            if name.value.startswith("Fn::"):
                self._skipped(name, f"{logical_id}: {name.value} adds properties at deployment")
        condition = scalar(child(node, "Condition"))
        if condition is None:
            self._read(resource, properties)
        else:
            with self.evaluator.assuming(condition, True):
                self._read(resource, properties)

    def _read(self, resource: ResourceDefinition, properties: yaml.MappingNode) -> None:
        kind = resource.type
        if kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            principals = self.attachments.principals(properties, resource.address)
            policy_kind = PolicyKind.IDENTITY
            if kind == "AWS::IAM::ManagedPolicy" and self.attachments.is_boundary(resource.address, bool(principals)):
                policy_kind = PolicyKind.BOUNDARY
            self._document(resource, properties, ("PolicyDocument",), policy_kind, principals, required=True)
        elif kind in _STANDALONE:
            target = child(properties, _STANDALONE[kind])
            principals = self.attachments.names(self.evaluator.node(target)) if target is not None else ()
            self._document(resource, properties, ("PolicyDocument",), PolicyKind.IDENTITY, principals)
        elif kind in _HOLDERS:
            self._inline(resource, child(properties, "Policies"), (resource.address,))
            if kind == "AWS::IAM::Role":
                self._role(resource, properties)
        elif kind == "AWS::SSO::PermissionSet":
            self._document(resource, properties, ("InlinePolicy",), PolicyKind.IDENTITY, (resource.address,))
        elif kind.startswith("AWS::Serverless::"):
            self._serverless(resource, properties)
        elif kind == "AWS::CloudFormation::StackSet":
            body = child(properties, "TemplateBody") or child(properties, "TemplateURL")
            if body is not None:
                self._skipped(body, f"{resource.address}: a stack set, whose template is not read here")
        elif kind == "AWS::CloudFormation::Stack":
            self._skipped(properties, f"{resource.address}: a nested stack, whose template is not read here")
        for name in RESOURCE_POLICIES.get(kind, ()):
            self._document(resource, properties, (name,), PolicyKind.RESOURCE, ())
        if kind in ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::Kinesis::Stream"):
            self._document(resource, properties, ("ResourcePolicy", "PolicyDocument"), PolicyKind.RESOURCE, ())

    def _document(
        self,
        resource: ResourceDefinition,
        properties: yaml.Node,
        path: tuple[str, ...],
        kind: PolicyKind,
        principals: tuple[str, ...],
        required: bool = False,
    ) -> Node | None:
        """Emit the document below a path of keys, if there is one; its node."""
        node = child(properties, *path)
        if node is None:
            if required:
                self._cannot(properties, f"{resource.address} has no {path[-1]}")
            return None
        return self._emit(resource, _Found("/".join(path), node, ()), kind, principals)

    def _emit(
        self, resource: ResourceDefinition, found: _Found, kind: PolicyKind, principals: tuple[str, ...]
    ) -> Node | None:
        document = self._under(found.conditions, found.node)
        if isinstance(document, Absent):
            return None
        self.policies.append(AttachedPolicy(resource, found.path, document, kind, principals))
        for key, value in entries(found.node):
            if key.value.startswith("Fn::") and call(found.node) is None and child(found.node, "Statement") is not None:
                # A macro's or a loop's entries beside the document's own: what they add is not known.
                rest = self.evaluator.node(
                    yaml.MappingNode("tag:yaml.org,2002:map", [(key, value)], key.start_mark, value.end_mark)
                )
                path = f"{found.path}/{key.value}"
                self.policies.append(AttachedPolicy(resource, path, rest, kind, principals))
        return document

    def _under(self, conditions: tuple[tuple[str, bool], ...], node: yaml.Node) -> Node:
        """The node's value as one alternative of the conditions that lead to it."""
        if not conditions:
            return self.evaluator.node(node)
        (condition, outcome), *rest = conditions
        with self.evaluator.assuming(condition, outcome):
            value = self._under(tuple(rest), node)
        other = Absent(value.at)
        options = (("true", value), ("false", other)) if outcome else (("true", other), ("false", value))
        return Choice(condition, options, value.at)

    def _elements(
        self, node: yaml.Node, path: str, conditions: tuple[tuple[str, bool], ...] = (), in_list: bool = False
    ) -> Iterator[tuple[_Found, bool]]:
        """The elements of a list, through ``Fn::If``; with each, whether it stands in a list (or where one should)."""
        function = call(node)
        if function is None and isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                yield from self._elements(item, f"{path}/{number}", conditions, True)
            return
        if function and function[0] == "Ref" and scalar(function[1]) == "AWS::NoValue":
            return
        if function and function[0] == "Fn::If" and isinstance(function[1], yaml.SequenceNode):
            branches = function[1].value
            condition = scalar(branches[0]) if len(branches) == 3 else None
            if condition is not None:
                decided = dict(conditions).get(condition, self.evaluator.assumed(condition))
                for number, outcome in ((1, True), (2, False)):
                    if decided is None or decided is outcome:
                        further = conditions if decided is outcome else (*conditions, (condition, outcome))
                        yield from self._elements(branches[number], f"{path}/Fn::If/{number}", further, in_list)
                return
        yield _Found(path, node, conditions), in_list

    def _inline(self, resource: ResourceDefinition, node: yaml.Node | None, principals: tuple[str, ...]) -> None:
        """The ``Policies`` of a role, a user or a group."""
        if node is None:
            return
        for found, in_list in self._elements(node, "Policies"):
            if call(found.node):
                self._emit(resource, found, PolicyKind.IDENTITY, principals)
            elif not isinstance(found.node, yaml.MappingNode):
                self._cannot(found.node, f"{resource.address}: {found.path} is not a mapping")
            elif not in_list:
                self._cannot(found.node, f"{resource.address}: {found.path} is not a list")
            else:
                document = child(found.node, "PolicyDocument")
                self._once(found.node, _OF_PROPERTIES, f"{resource.address}: {found.path}: ")
                if document is None:
                    self._cannot(found.node, f"{resource.address}: {found.path} has no PolicyDocument")
                    continue
                path = f"{found.path}/PolicyDocument"
                self._emit(resource, replace(found, path=path, node=document), PolicyKind.IDENTITY, principals)

    def _role(self, resource: ResourceDefinition, properties: yaml.Node) -> None:
        trust = self._document(resource, properties, ("AssumeRolePolicyDocument",), PolicyKind.TRUST, ())
        self.roles.append(
            RoleDefinition(
                resource, self._text(child(properties, "RoleName")), self._text(child(properties, "Path")), trust
            )
        )

    def _text(self, node: yaml.Node | None) -> Text | None:
        """A property's text; alternatives become one hole, because a name or a path is one text."""
        value = self.evaluator.node(node) if node is not None else None
        if isinstance(value, Choice):
            return self.attachments.unknown_text(value)
        return value if isinstance(value, Text) else None

    def _serverless(self, resource: ResourceDefinition, properties: yaml.Node) -> None:
        role = f"{resource.address}Role"
        made = self.owners.get(role) == resource.address
        trust: Node | None = None
        if child(properties, "AssumeRolePolicyDocument") is not None:
            trust = self._document(resource, properties, ("AssumeRolePolicyDocument",), PolicyKind.TRUST, ())
        if made:
            if trust is None:
                trust = sam.implicit_trust(self.template, resource.address, resource.at)
            definition = ResourceDefinition(role, "AWS::IAM::Role", self.framework, resource.at)
            self.roles.append(RoleDefinition(definition, None, self._text(child(properties, "RolePath")), trust))
        if resource.type == "AWS::Serverless::Application":
            self._skipped(properties, f"{resource.address}: a nested application, whose template is not read here")
        policies = child(properties, "Policies")
        has_role = child(properties, "Role") is not None and not made
        if policies is not None and not has_role:
            self._sam_documents(resource, policies, "Policies", (role,) if made else ())

    def _sam_documents(
        self, resource: ResourceDefinition, node: yaml.Node, path: str, principals: tuple[str, ...]
    ) -> None:
        """SAM's ``Policies``: of names, ARNs, policy templates and documents, the documents."""
        for found, _ in self._elements(node, path):
            function = call(found.node)
            inserted = function is not None and function[0] == "Fn::Transform"
            if inserted or (function is None and child(found.node, "Statement") is not None):
                self._emit(resource, found, PolicyKind.IDENTITY, principals)

    def _globals(self) -> None:
        """Globals.Function.Policies, which SAM may refuse, and which would go to every function's own role."""
        node = child(self.template.root, "Globals")
        policies = child(node, "Function", "Policies")
        if node is None or policies is None or self.framework is not Framework.SAM:
            return
        resource = ResourceDefinition(
            "Globals", "AWS::Serverless::Function", self.framework, self.template.position(node)
        )
        functions = [
            role
            for role, owner in self.owners.items()
            if type_of(self.template.resources[owner]) == "AWS::Serverless::Function"
        ]
        self._sam_documents(resource, policies, "Function/Policies", tuple(functions))
