"""Who holds which policy in a template, and which managed policies are permissions boundaries only.

Sources: AWS CloudFormation Template Reference, AWS::IAM::ManagedPolicy and AWS::IAM::Policy (``Roles``, ``Users``,
``Groups``), AWS::IAM::Role, User and Group (``ManagedPolicyArns``), AWS::SSO::PermissionSet
(``CustomerManagedPolicyReferences``); IAM User Guide, "Permissions boundaries for IAM entities".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import yaml

from passrole_checks.iam.values import Choice, Items, Kind, Node, Text, holes_in, texts_in
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.resource_types import LIMITS, RESOURCE_POLICIES
from passrole_checks.sources.cloudformation.strings import placeholders
from passrole_checks.sources.cloudformation.template import Template, call, child, entries, scalar, type_of

_NAMES = {"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName"}
_MANAGED = "AWS::IAM::ManagedPolicy"
_BOUNDARIES = frozenset({"PermissionsBoundary", "EnvironmentRolePermissionBoundary"})  # the latter: AWS::DataZone
_DOCUMENTS = frozenset({"AssumeRolePolicyDocument", "InlinePolicy", "Policies", "PolicyDocument", "ResourcePolicy"})
_POLICY_NAME = re.compile(r":policy/(?:.*/)?([^/]+)$")


class Attachments:
    """Looks once through all resources. ``owners``: SAM's implicit roles with what they are made for."""

    def __init__(self, template: Template, evaluator: Evaluator, owners: Mapping[str, str]) -> None:
        self.template = template
        self.evaluator = evaluator
        self.owners = owners
        self._made = {owner: role for role, owner in owners.items()}
        self._by_name: dict[str, str] = {}
        self._managed: dict[str, str] = {}  # its name as it is written, where it has one: its logical id
        self._types = {name: type_of(node) or "" for name, node in template.resources.items()}
        for logical_id, kind in self._types.items():
            name = self._written(logical_id, _NAMES.get(kind, ""))
            if name:
                self._by_name[name] = logical_id
            name = self._written(logical_id, "ManagedPolicyName" if kind == _MANAGED else "")
            if name:
                self._managed[name] = logical_id
        self._attached: dict[str, list[str]] = {}
        self._bounds: set[str] = set()
        self._used: set[str] = set()  # in any other way
        if _MANAGED in self._types.values():
            self._look()

    def _written(self, logical_id: str, prop: str) -> str | None:
        """A name as it is written, holes included: where the same words stand again, it is the same name."""
        node = child(self.template.resources[logical_id], "Properties", prop) if prop else None
        value = self.evaluator.node(node) if node is not None else None
        return str(value) if isinstance(value, Text) else None

    def _look(self) -> None:
        for logical_id, node in self.template.resources.items():
            properties = child(node, "Properties")
            kind = self._types[logical_id]
            for key, value in entries(properties):
                if key.value in _BOUNDARIES:
                    self._bounds.update(self._policies_in(value, by_name=True))
                    continue
                if key.value == "ManagedPolicyArns" and kind in _NAMES:
                    self._attach(logical_id, self._policies_in(value))
                elif key.value == "Policies" and kind.startswith("AWS::Serverless::"):
                    for item in sam.managed_policies(value):
                        self._attach(self._made.get(logical_id, logical_id), self._policies_in(item))
                elif key.value == "CustomerManagedPolicyReferences":
                    self._attach(logical_id, self._policies_in(value, by_name=True))
                # an attachment may be written in a way that is not understood: whoever is named there is in use
                self._mentions(value, in_condition=False)
        for _, value in entries(child(self.template.root, "Globals")):
            boundary = child(value, "PermissionsBoundary")
            if boundary is not None:
                self._bounds.update(self._policies_in(boundary))
        if self._bounds and self._managed:
            self._look_for_names()

    def _attach(self, holder: str, policies: Iterable[str]) -> None:
        for policy in policies:
            self._attached.setdefault(policy, []).append(holder)

    def _look_for_names(self) -> None:
        """Count a managed policy as used where a property other than a policy document holds its ARN, or where one
        that speaks of policies holds its name."""
        for logical_id, node in self.template.resources.items():
            kind = self._types[logical_id]
            for key, value in entries(child(node, "Properties")):
                own_name = kind.startswith("AWS::IAM::") and key.value in ("ManagedPolicyName", "PolicyName")
                others = {path.split("/")[0] for path in (*RESOURCE_POLICIES.get(kind, ()), *LIMITS.get(kind, ()))}
                document = key.value in _DOCUMENTS or key.value in others
                if key.value not in _BOUNDARIES and not own_name and not document:
                    self._used.update(self._policies_in(value, by_name="polic" in key.value.lower()))

    def _policies_in(self, node: yaml.Node, by_name: bool = False) -> list[str]:
        """The managed policies of this template that a value refers to, by reference or by an ARN with their name, and
        with ``by_name`` by their name alone."""
        value = self.evaluator.node(node)
        found: dict[str, None] = {}
        for hole in holes_in(value):
            logical_id = hole.expression.removesuffix(".PolicyArn").removesuffix(".Arn")
            if self._types.get(logical_id) == _MANAGED:
                found[logical_id] = None
        for text in texts_in(value):
            written = str(text)
            named = _POLICY_NAME.search(written)
            if named and named.group(1) in self._managed and ":aws:policy/" not in written:
                found[self._managed[named.group(1)]] = None
            elif by_name and written in self._managed:
                found[self._managed[written]] = None
        return list(found)

    def _mentions(self, node: yaml.Node, in_condition: bool) -> None:
        function = call(node)
        if function:
            name, argument = function
            words: list[str] = []
            if name in ("Ref", "Fn::GetAtt"):
                first = argument.value[0] if isinstance(argument, yaml.SequenceNode) and argument.value else argument
                words = [(scalar(first) or "").split(".")[0]]
            elif name == "Fn::Sub":
                text = argument.value[0] if isinstance(argument, yaml.SequenceNode) and argument.value else argument
                words = [piece.value.split(".")[0] for piece in placeholders(scalar(text) or "") if piece.reference]
            for word in words:
                if self._types.get(word) == _MANAGED:
                    (self._bounds if in_condition else self._used).add(word)
            if name not in ("Ref", "Fn::GetAtt"):
                self._mentions(argument, in_condition)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._mentions(item, in_condition)
        elif isinstance(node, yaml.MappingNode):
            for key, value in entries(node):
                if key.value.lower() == "iam:permissionsboundary":
                    self._bounds.update(self._policies_in(value))
                self._mentions(value, in_condition or key.value == "Condition" or key.value in _BOUNDARIES)

    def is_boundary(self, logical_id: str, attached: bool) -> bool:
        """Whether a managed policy is used here as a permissions boundary, or in a condition, and in no other way.

        An export in Outputs is no use: boundaries are exported for the boundaries of other stacks.
        """
        return logical_id in self._bounds and logical_id not in self._used and not attached

    def principals(self, properties: yaml.Node, logical_id: str) -> tuple[str, ...]:
        """Who gets a policy: its own lists, and the roles, users and groups that name it."""
        found: dict[str, None] = {}
        for key in ("Roles", "Users", "Groups"):
            node = child(properties, key)
            if node is not None:
                found.update(dict.fromkeys(self.names(self.evaluator.node(node))))
        found.update(dict.fromkeys(self._attached.get(logical_id, [])))
        return tuple(found)

    def names(self, node: Node) -> tuple[str, ...]:
        """The principals that a name, or a list of names, stands for: logical ids, else names as they are."""
        if isinstance(node, Items):
            found = [name for item in node.items for name in self.names(item)]
        elif isinstance(node, Choice):
            found = [name for _, option in node.options for name in self.names(option)]
        elif isinstance(node, Text):
            hole = node.only_hole
            if hole and (hole.expression in self._types or hole.expression in self.owners):
                found = [hole.expression]
            elif hole and hole.kind is Kind.NAME and hole.role:
                found = [hole.role]  # of a nested stack, or of the stack around this one
            else:
                found = [self._by_name.get(str(node), str(node))]
        else:
            found = []
        return tuple(dict.fromkeys(found))
