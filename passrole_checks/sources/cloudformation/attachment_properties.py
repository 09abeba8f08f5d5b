"""Attached managed policies, group memberships and boundaries whose policies are not in the template.

Sources: AWS CloudFormation Template Reference, AWS::IAM::Role, User and Group (``ManagedPolicyArns``, ``Groups``,
``PermissionsBoundary``), AWS::IAM::UserToGroupAddition, AWS::SSO::PermissionSet (``ManagedPolicies``,
``CustomerManagedPolicyReferences``, ``PermissionsBoundary``), AWS::Organizations::Policy (``TargetIds``); AWS SAM
Developer Guide, AWS::Serverless::Function and StateMachine (``Policies``, ``PermissionsBoundary``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

import yaml

from passrole_checks.iam.values.nodes import Absent, Node, Position, StringNode, Unresolved, exists_under
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.attachments import TemplateAttachments
from passrole_checks.sources.cloudformation.documents import TemplateDocuments
from passrole_checks.sources.cloudformation.references import ACCOUNT
from passrole_checks.sources.cloudformation.stack_values import parent_name, to_parent
from passrole_checks.sources.cloudformation.template import Template, child, entries, intrinsic_call, sequence_node
from passrole_checks.sources.model.attachments import (
    AttachmentIndex,
    flatten_variants,
    management_account,
    resolve_boundary,
    value_variants,
)
from passrole_checks.sources.model.configuration import UNKNOWN_BOUNDARY, ManagedAttachment, ResourceDefinition

_ARNS = {  # the property with the ARNs of managed policies
    "AWS::IAM::Group": "ManagedPolicyArns",
    "AWS::IAM::Role": "ManagedPolicyArns",
    "AWS::IAM::User": "ManagedPolicyArns",
    "AWS::SSO::PermissionSet": "ManagedPolicies",
}
_REFERENCES = "CustomerManagedPolicyReferences"
_BOUNDARY = "PermissionsBoundary"
_NOWHERE = Position("", 0)
_BOUNDED = frozenset({"AWS::IAM::Role", "AWS::IAM::User", "AWS::SSO::PermissionSet"})


class AttachmentReader:
    """Reads the attachments of a template's resources, resource by resource (:meth:`read`)."""

    def __init__(self, template: Template, documents: TemplateDocuments, attachments: TemplateAttachments) -> None:
        self.template = template
        self.documents = documents
        self.attachments = attachments
        self.index = attachments.index

    def read(self, resource: ResourceDefinition, properties: yaml.MappingNode) -> None:
        """Record the attachments, group memberships and boundaries of a resource."""
        kind, holder, attachments = resource.type, resource.address, self.attachments
        if kind in _ARNS:
            self._attach(resource, properties, _ARNS[kind], holder)
        if kind == "AWS::SSO::PermissionSet":
            self._attach(resource, properties, _REFERENCES, holder)
        if kind in sam.TYPES_WITH_POLICIES and holder in attachments.implicit_roles:
            self._attach(resource, properties, "Policies", attachments.implicit_roles[holder])
        if kind in _BOUNDED:
            self._add_boundary(holder, child(properties, _BOUNDARY))
        elif holder in attachments.implicit_roles and holder in self.template.resources:
            self._add_boundary(
                attachments.implicit_roles[holder], child(sam.properties_with_globals(self.template, holder), _BOUNDARY)
            )
        if kind == "AWS::IAM::User":
            self.index.add_members(
                attachments.resolve_principals(self._value(child(properties, "Groups")), "group"),
                (holder,),
                resource.at,
            )
        elif kind == "AWS::IAM::UserToGroupAddition":
            groups, users = self._value(child(properties, "GroupName")), self._value(child(properties, "Users"))
            self.index.add_members(
                attachments.resolve_principals(groups, "group"),
                attachments.resolve_principals(users, "user"),
                resource.at,
            )
        elif kind == "AWS::Organizations::Policy":
            for when, target in flatten_variants(self._value(child(properties, "TargetIds"))):
                if isinstance(target, StringNode):
                    target = management_account(target) if target.only_unresolved == ACCOUNT else target
                    self.index.scp_targets.append((target, when, holder))

    def add_nested(self, inner: AttachmentIndex, stack: str, principal: Callable[[str], str]) -> None:
        """Add the attachments of a nested stack. ``principal`` returns the name of a principal in this template."""
        self.index.add_uses(inner, lambda name: parent_name(name, stack))
        for attachment in inner.managed_policies:
            resource = replace(attachment.resource, address=parent_name(attachment.resource.address, stack))
            for when, policy in flatten_variants(self._in_parent(attachment.policy, attachment.when, stack)):
                if not isinstance(policy, StringNode):
                    continue
                holder, logical_ids = principal(attachment.holder), self.attachments.find_policies(policy)
                self.index.attach(logical_ids, [holder], when)
                if not logical_ids:
                    nested = replace(attachment, holder=holder, policy=policy, resource=resource, when=when)
                    self.index.managed_policies.append(nested)
        for (group, user), at in inner.members.items():
            self.index.add_members([principal(group)], [principal(user)], at)
        for holder, variants in inner.boundaries.items():
            own = {parent_name(boundary, stack) for _, boundary in variants if isinstance(boundary, str)}
            values = [value for when, bound in variants for value in self._boundary_in_parent(when, bound, stack)]
            find_policies = partial(self._find_boundary, own)
            self.index.add_boundary(principal(holder), resolve_boundary(values, find_policies))

    def _find_boundary(self, own: Collection[str], value: StringNode) -> list[str]:
        """Return the policies that a boundary of a nested stack refers to. ``own``: addresses in the nested stack."""
        unresolved = value.only_unresolved
        if unresolved is not None and unresolved.expression in own:
            return [unresolved.expression]
        return self.attachments.find_policies(value)

    def _boundary_in_parent(
        self, facts: PathCondition, bound: str | StringNode | None, stack: str
    ) -> list[tuple[PathCondition, Node]]:
        """Return the variants of a nested stack's boundary with path conditions, as seen by this template."""
        value: Node = Absent(_NOWHERE)
        if bound is not None:
            value = bound if isinstance(bound, StringNode) else StringNode((Unresolved(bound),), _NOWHERE)
        return value_variants(self._in_parent(value, facts, stack)) if facts else [((), to_parent(value, stack))]

    def _in_parent(self, value: Node, when: PathCondition, stack: str) -> Node:
        """Return a value that a nested stack has under a path condition, as seen by this template."""
        return self.documents.evaluator.guarded(to_parent(exists_under(when, value), stack))

    def add_stack_set(self, inner: AttachmentIndex, resource: ResourceDefinition) -> None:
        """Add the attachments of principals in a stack set's template, with addresses below the stack set."""
        for attachment in inner.managed_policies:
            path = f"TemplateBody/Resources/{attachment.resource.address}/Properties/{attachment.path}"
            holder = f"{resource.address}.{attachment.holder}"
            self.index.managed_policies.append(replace(attachment, holder=holder, resource=resource, path=path))
        for holder in inner.boundaries:
            self.index.add_boundary(f"{resource.address}.{holder}", [((), UNKNOWN_BOUNDARY)])

    def _attach(self, resource: ResourceDefinition, properties: yaml.MappingNode, name: str, holder: str) -> None:
        """Record the attached managed policies of a property that are not in the template."""
        node = child(properties, name)
        for element, _ in self.documents.find_elements(node, name) if node is not None else ():
            inside, path = element.node, element.path
            if name == _REFERENCES:
                named = child(inside, "Name")
                inside, path = (named, f"{path}/Name") if named is not None else (inside, path)
            elif isinstance(inside, yaml.MappingNode):
                function = intrinsic_call(inside)
                if function is None or function[0] in ("Fn::Transform", "Fn::ForEach"):  # which may insert any object
                    continue  # a policy document or a SAM policy template
            value = self.documents.evaluator.guarded(self.documents.evaluate_under(element.conditions, inside))
            for when, policy in flatten_variants(value):
                if isinstance(policy, StringNode) and not self.attachments.find_policies(policy, name == _REFERENCES):
                    attached = ManagedAttachment(holder, policy, resource, path, policy.at, when)
                    self.index.managed_policies.append(attached)

    def _add_boundary(self, holder: str, node: yaml.Node | None) -> None:
        """Record the permissions boundary of a principal."""
        if node is None:
            return
        by_name = False
        if intrinsic_call(node) is None and isinstance(node, yaml.MappingNode):
            keys = {key.value: value for key, value in entries(node)}
            by_name = "ManagedPolicyArn" not in keys
            inside = keys.get("ManagedPolicyArn") or child(node, "CustomerManagedPolicyReference", "Name")
            if inside is None:
                return
            node = inside
        variants = resolve_boundary(
            value_variants(self._value(node)), lambda name: self.attachments.find_policies(name, by_name)
        )
        self.index.add_boundary(holder, variants)

    def _value(self, node: yaml.Node | None) -> Node:
        return self.documents.evaluator.node(node if node is not None else sequence_node([], self.template.root))
