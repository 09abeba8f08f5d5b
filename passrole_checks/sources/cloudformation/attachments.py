"""Attachments in a template: principals of each policy, and managed policies used only as permissions boundaries.

Sources: AWS CloudFormation Template Reference, AWS::IAM::ManagedPolicy and AWS::IAM::Policy (``Roles``, ``Users``,
``Groups``), AWS::IAM::Role, User and Group (``ManagedPolicyArns``), AWS::SSO::PermissionSet
(``CustomerManagedPolicyReferences``), AWS::SSM::Parameter; IAM User Guide, "Permissions boundaries for IAM entities".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import yaml

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Node, StringNode, UnresolvedKind, strings_in, unresolved_in
from passrole_checks.iam.values.variants import flatten_variants
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.resource_types import policy_properties
from passrole_checks.sources.cloudformation.strings import parse_sub
from passrole_checks.sources.cloudformation.template import Template, child, entries, intrinsic_call, scalar
from passrole_checks.sources.collect.attachments import AttachmentIndex
from passrole_checks.sources.collect.handed_out import presumed_kind
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind
from passrole_checks.sources.model.principal_names import literal_principal

_NAMES = {"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName"}
_KINDS = {"AWS::IAM::Role": "role", "AWS::IAM::User": "user", "AWS::IAM::Group": "group"}
_MANAGED = "AWS::IAM::ManagedPolicy"
_BOUNDARIES = frozenset({"PermissionsBoundary", "EnvironmentRolePermissionBoundary"})  # the latter: AWS::DataZone
_DOCUMENTS = frozenset({"AssumeRolePolicyDocument", "InlinePolicy", "Policies", "PolicyDocument", "ResourcePolicy"})
_PUBLISHED = "AWS::SSM::Parameter"
_STACKS = frozenset({"AWS::CloudFormation::Stack", "AWS::Serverless::Application"})
_POLICY_NAME = lazy_regex(r":policy/(?:.*/)?([^/]+)$")


class TemplateAttachments:
    """Attachments found in one pass over all resources.

    ``owners``: SAM's implicit roles with the logical ids of the resources that they are for. ``below``
    takes a nested stack and one of its parameters; True if that stack uses the parameter only as a permissions
    boundary.
    """

    def __init__(
        self, template: Template, evaluator: Evaluator, owners: Mapping[str, str], below: Callable[[str, str], bool]
    ) -> None:
        self.template, self.evaluator, self.owners, self.bounds_only_below = template, evaluator, owners, below
        self.index = AttachmentIndex()
        self.implicit_roles = {owner: role for role, owner in owners.items()}
        self._by_name: dict[tuple[str, str], str] = {}  # by kind and name
        self._managed: dict[str, str] = {}  # logical ids by name as written
        self._types = template.types
        self.index.named_boundaries.update(self._boundaries_by_name())
        for logical_id, kind in self._types.items():
            name = self._name_text(logical_id, _NAMES.get(kind, ""))
            if name:
                key = _KINDS[kind], name
                self._by_name[key] = literal_principal(*key) if key in self._by_name else logical_id  # ambiguous
            name = self._name_text(logical_id, "ManagedPolicyName" if kind == _MANAGED else "")
            if name:
                self._managed[name] = logical_id
        if _MANAGED in self._types.values() or template.stack_call is not None or self._nested_stacks():
            self._collect()

    def _name_text(self, logical_id: str, prop: str) -> str | None:
        """Return a name as written, unresolved parts included: equal texts are the same name."""
        node = child(self.template.resources[logical_id], "Properties", prop) if prop else None
        value = self.evaluator.node(node) if node is not None else None
        return str(value) if isinstance(value, StringNode) else None

    def _boundaries_by_name(self) -> Iterator[str]:
        """Yield the managed policies that a name, a description or an output says to be permissions boundaries."""
        managed = [name for name, kind in self._types.items() if kind == _MANAGED]
        for logical_id in managed:
            names = [logical_id, *(self._name_text(logical_id, prop) or "" for prop in ("ManagedPolicyName", "Path"))]
            if presumed_kind(names, [self._name_text(logical_id, "Description") or ""]) is PolicyKind.BOUNDARY:
                yield logical_id
        for key, output in entries(child(self.template.root, "Outputs")) if managed else ():
            exported = scalar(child(output, "Export", "Name")) or ""
            described = [scalar(child(output, "Description")) or ""]
            value = child(output, "Value")
            if value is not None and presumed_kind([key.value, exported], described) is PolicyKind.BOUNDARY:
                yield from (word for word, _ in _references_in(value) if word in managed)

    def _nested_stacks(self) -> frozenset[str]:
        return frozenset(name for name, kind in self._types.items() if kind in _STACKS)

    def _collect(self) -> None:
        """Record the attachments, boundary uses and other uses in all resources and Globals."""
        stacks = self._nested_stacks()
        for logical_id, key, value, bounds in self._iterate_properties():
            kind = self._types[logical_id]
            if stacks and any(word in stacks for word, _ in _references_in(value)):
                self._collect_stack_outputs(logical_id, key, value, bounds)
            if bounds:
                self.index.boundary_uses.update(self._policies_in(value, by_name=True))
            elif key == "ManagedPolicyArns" and kind in _NAMES:
                self._attach(logical_id, value)
            elif key == "Policies" and kind.startswith("AWS::Serverless::"):
                for item in sam.managed_policy_nodes(value):
                    self._attach(self.implicit_roles.get(logical_id, logical_id), item)
            elif key == "CustomerManagedPolicyReferences":
                self._attach(logical_id, value, by_name=True)
            # an attachment may have an unsupported form: policies referenced there are in use
            self._record_mentions(value, bounds)
        for _, value in entries(child(self.template.root, "Globals")):
            boundary = child(value, "PermissionsBoundary")
            if boundary is not None:
                self.index.boundary_uses.update(self._policies_in(boundary))
            self._record_mentions(value, False)

    def _collect_stack_outputs(self, logical_id: str, key: str, value: yaml.Node, bounds: bool) -> None:
        """Record how a property uses the outputs of nested stacks, which may be policies of these stacks."""
        is_attached = key == "ManagedPolicyArns" and self._types[logical_id] in _NAMES
        for when, variant in flatten_variants(self.evaluator.node(value)):
            for unresolved in unresolved_in(variant):
                name = unresolved.expression.removesuffix(".PolicyArn")
                if is_attached and name not in self._types:
                    self.index.attach([name], [logical_id], when)
                self._record_use(name, bounds)

    def _record_use(self, name: str, is_boundary: bool) -> None:
        (self.index.boundary_uses if is_boundary else self.index.other_uses).add(name)

    def _iterate_properties(self) -> Iterator[tuple[str, str, yaml.Node, bool]]:
        """Yield each property of each resource: logical id, property name, value, and True if it is a permissions
        boundary.

        Parameters of a nested stack are yielded one by one. Systems Manager parameters are skipped: they only publish a
        value.
        """
        for logical_id, node in self.template.resources.items():
            kind = self._types[logical_id]
            if kind == _PUBLISHED:
                continue
            for key, value in entries(child(node, "Properties")):
                if key.value == "Parameters" and kind in _STACKS and intrinsic_call(value) is None:
                    for name, passed in entries(value):
                        yield logical_id, key.value, passed, self._is_bound_below(logical_id, name.value, passed)
                else:
                    yield logical_id, key.value, value, key.value in _BOUNDARIES

    def _is_bound_below(self, stack: str, parameter: str, passed: yaml.Node) -> bool:
        """True if a nested stack uses an argument as a permissions boundary and the argument may be a managed
        policy."""
        named = any(map(self._may_be_policy, (word for word, _ in _references_in(passed))))
        return (named or bool(self._policies_in(passed, by_name=True))) and self.bounds_only_below(stack, parameter)

    def _may_be_policy(self, word: str) -> bool:
        return self._types.get(word) == _MANAGED or word in self.template.parameters

    def _attach(self, holder: str, node: yaml.Node, by_name: bool = False) -> None:
        for when, value in flatten_variants(self.evaluator.node(node)):
            self.index.attach(self.find_policies(value, by_name), [holder], when)

    def _name_uses(self) -> Iterator[str]:
        """Yield the managed policies whose ARN is in a property other than a policy document, or whose name is in a
        property about policies."""
        for logical_id, key, value, bounds in self._iterate_properties():
            kind = self._types[logical_id]
            own_name = kind.startswith("AWS::IAM::") and key in ("ManagedPolicyName", "PolicyName")
            if not bounds and not own_name and key not in _DOCUMENTS and key not in policy_properties(kind):
                yield from self._policies_in(value, by_name="polic" in key.lower())

    def _policies_in(self, node: yaml.Node, by_name: bool = False) -> list[str]:
        """Return the managed policies of this template that a node refers to, see :meth:`find_policies`."""
        return self.find_policies(self.evaluator.node(node), by_name)

    def find_policies(self, value: Node, by_name: bool = False) -> list[str]:
        """Return the managed policies of this template that a value refers to, by reference or by an ARN with their
        name, and with ``by_name`` also by their bare name."""
        logical_ids: dict[str, None] = {}
        for unresolved in unresolved_in(value):
            logical_id = unresolved.expression.removesuffix(".PolicyArn").removesuffix(".Arn")
            if self._types.get(logical_id) == _MANAGED:
                logical_ids[logical_id] = None
        for text in strings_in(value):
            text_value = str(text)
            named = _POLICY_NAME.search(text_value)
            if named and named.group(1) in self._managed and ":aws:policy/" not in text_value:
                logical_ids[self._managed[named.group(1)]] = None
            elif by_name and text_value in self._managed:
                logical_ids[self._managed[text_value]] = None
        return list(logical_ids)

    def _record_mentions(self, node: yaml.Node, bounds: bool) -> None:
        """Record the managed policies and parameters that a property references, by kind of use."""
        for word, bound in _references_in(node, bounds):
            if self._may_be_policy(word):
                self._record_use(word, bound)

    def finish(self, policies: list[AttachedPolicy]) -> None:
        """Add the principals of managed policies, once all resources are read.

        An export in Outputs is not a use: boundaries are exported to be boundaries in other stacks.
        """
        if _MANAGED in self._types.values():
            self.index.add_demanded_boundaries(policies, self.find_policies)
        if (self.index.boundary_uses or self.index.named_boundaries) and self._managed:
            self.index.other_uses.update(self._name_uses())
        policies[:] = map(self.index.join, policies)

    def resolve_principals(self, node: Node, kind: str) -> tuple[str, ...]:
        """Return the principals of a kind that a name, or a list of names, refers to: logical ids, else literal
        names."""
        names = (value for _, value in flatten_variants(node) if isinstance(value, StringNode))
        return tuple(dict.fromkeys(self._resolve_principal(name, kind) for name in names))

    def _resolve_principal(self, name: StringNode, kind: str) -> str:
        unresolved = name.only_unresolved
        if unresolved and (unresolved.expression in self._types or unresolved.expression in self.owners):
            other = _KINDS.get(self._types.get(unresolved.expression, ""), kind) != kind  # only the name is used
            return literal_principal(kind, unresolved.expression) if other else unresolved.expression
        if unresolved and unresolved.kind is UnresolvedKind.NAME and unresolved.role:
            return unresolved.role  # of a nested stack or of the parent stack
        return self._by_name.get((kind, str(name)), literal_principal(kind, str(name)))


def _references_in(node: yaml.Node, bounds: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield every name referenced at or below a node, and True if it is in a condition or a permissions boundary."""
    function = intrinsic_call(node)
    if function:
        name, argument = function
        first = argument.value[0] if isinstance(argument, yaml.SequenceNode) and argument.value else argument
        if name in ("Ref", "Fn::GetAtt"):
            yield (scalar(first) or "").split(".")[0], bounds
            return
        if name == "Fn::Sub":
            for piece in parse_sub(scalar(first) or ""):
                if piece.reference:
                    yield piece.value.split(".")[0], bounds
        yield from _references_in(argument, bounds)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _references_in(item, bounds)
    elif isinstance(node, yaml.MappingNode):
        for key, value in entries(node):
            yield from _references_in(value, bounds or key.value == "Condition" or key.value in _BOUNDARIES)
