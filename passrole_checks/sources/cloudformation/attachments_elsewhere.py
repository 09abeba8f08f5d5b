"""Attached managed policies, group memberships and boundaries whose policies are not in the template.

Sources: AWS CloudFormation Template Reference, AWS::IAM::Role, User and Group (``ManagedPolicyArns``, ``Groups``,
``PermissionsBoundary``), AWS::IAM::UserToGroupAddition, AWS::SSO::PermissionSet (``ManagedPolicies``,
``CustomerManagedPolicyReferences``, ``PermissionsBoundary``), AWS::Organizations::Policy (``TargetIds``); AWS SAM
Developer Guide, AWS::Serverless::Function and StateMachine (``Policies``, ``PermissionsBoundary``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import yaml

from passrole_checks.iam.partial_values import Absent, Choice, Node, Position, StringNode, Unresolved
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.attachments import TemplateAttachments
from passrole_checks.sources.cloudformation.documents import TemplateDocuments
from passrole_checks.sources.cloudformation.stack_values import parent_name, to_parent
from passrole_checks.sources.cloudformation.template import Template, child, entries, intrinsic_call
from passrole_checks.sources.model.attachments_elsewhere import (
    AttachmentsBuilder,
    conditional_holders,
    flatten_variants,
    value_variants,
)
from passrole_checks.sources.model.configuration import AttachedPolicy, ManagedAttachment, ResourceDefinition

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


class AttachmentCollector:
    """Collects attachments resource by resource (:meth:`read`).

    ``owners``: SAM's implicit roles with the logical ids of the resources that they are for.
    """

    def __init__(self, template: Template, documents: TemplateDocuments, owners: Mapping[str, str]) -> None:
        self.template = template
        self.documents = documents
        self.builder = AttachmentsBuilder()
        self._implicit_roles = {owner: role for role, owner in owners.items()}
        # policies of the template that nested stacks attach: principals with path conditions
        self._nested_attachments: dict[str, dict[str, list[PathCondition]]] = {}

    def finish(self, policies: list[AttachedPolicy]) -> None:
        """Add the principals of nested stacks to the policies of the template that are attached to them."""
        for index, policy in enumerate(policies):
            nested_holders = self._nested_attachments.get(policy.resource.address)
            if nested_holders is not None:
                principals = tuple(dict.fromkeys((*policy.principals, *nested_holders)))
                conditions: dict[str, list[PathCondition]] = {holder: [()] for holder in policy.principals}
                for holder, when in policy.conditional_principals:
                    conditions[holder] = [*(condition for condition in conditions[holder] if condition), when]
                for holder, further in nested_holders.items():
                    conditions.setdefault(holder, []).extend(further)
                policies[index] = replace(
                    policy, principals=principals, conditional_principals=conditional_holders(conditions)
                )

    def read(
        self, resource: ResourceDefinition, properties: yaml.MappingNode, attachments: TemplateAttachments
    ) -> None:
        """Record the attachments, group memberships and boundaries of a resource."""
        kind, holder = resource.type, resource.address
        if kind in _ARNS:
            self._attach(resource, properties, _ARNS[kind], holder, attachments)
        if kind == "AWS::SSO::PermissionSet":
            self._attach(resource, properties, _REFERENCES, holder, attachments)
        if kind in sam.TYPES_WITH_POLICIES and holder in self._implicit_roles:
            self._attach(resource, properties, "Policies", self._implicit_roles[holder], attachments)
        if kind in _BOUNDED:
            self._add_boundary(holder, child(properties, _BOUNDARY), attachments)
        elif holder in self._implicit_roles and holder in self.template.resources:
            self._add_boundary(
                self._implicit_roles[holder],
                child(sam.properties_with_globals(self.template, holder), _BOUNDARY),
                attachments,
            )
        if kind == "AWS::IAM::User":
            self._add_members(
                attachments.resolve_principals(self._value(child(properties, "Groups")), "group"),
                (holder,),
                resource.at,
            )
        elif kind == "AWS::IAM::UserToGroupAddition":
            groups, users = self._value(child(properties, "GroupName")), self._value(child(properties, "Users"))
            self._add_members(
                attachments.resolve_principals(groups, "group"),
                attachments.resolve_principals(users, "user"),
                resource.at,
            )
        elif kind == "AWS::Organizations::Policy":
            for when, target in flatten_variants(self._value(child(properties, "TargetIds"))):
                if isinstance(target, StringNode):
                    self.builder.scp_targets.append((target, when, holder))

    def add_nested(
        self, inner: AttachmentCollector, stack: str, principal: Callable[[str], str], attachments: TemplateAttachments
    ) -> None:
        """Add the attachments of principals of a nested stack. ``principal`` returns the name of one in this
        template."""
        for attachment in inner.builder.attachments:
            value: Node = attachment.policy
            for condition, outcome in reversed(attachment.when):
                value = Choice(condition, ((outcome, value),), value.at)
            resource = replace(attachment.resource, address=parent_name(attachment.resource.address, stack))
            for when, policy in flatten_variants(self.documents.evaluator.guarded(to_parent(value, stack))):
                if not isinstance(policy, StringNode):
                    continue
                holder, logical_ids = principal(attachment.holder), attachments.find_policies(policy)
                for logical_id in logical_ids:
                    self._nested_attachments.setdefault(logical_id, {}).setdefault(holder, []).append(when)
                if not logical_ids:
                    nested = replace(attachment, holder=holder, policy=policy, resource=resource, when=when)
                    self.builder.attachments.append(nested)
        for (group, user), at in inner.builder.members.items():
            self.builder.members[principal(group), principal(user)] = at
        for holder, policy_id in inner.builder.bounded.items():
            self.builder.bounded[principal(holder)] = parent_name(policy_id, stack)
        for holder, name in inner.builder.boundary_names.items():
            self.builder.add_boundary(principal(holder), [((), to_parent(name, stack))], attachments.find_policies)
        for holder in inner.builder.boundary_unknown:
            if holder not in inner.builder.boundary_names:
                self.builder.boundary_unknown[principal(holder)] = None
        for holder, variants in inner.builder.conditional_boundaries.items():
            values = [
                attachment for when, bound in variants for attachment in self._boundary_in_parent(when, bound, stack)
            ]
            own = {parent_name(bound, stack) for _, bound in variants if isinstance(bound, str)}

            def find_policies(value: StringNode, own: Collection[str] = own) -> list[str]:
                unresolved = value.only_hole
                if unresolved is not None and unresolved.expression in own:
                    return [unresolved.expression]
                return attachments.find_policies(value)

            self.builder.add_boundary(principal(holder), values, find_policies)

    def _boundary_in_parent(
        self, facts: PathCondition, bound: str | StringNode | None, stack: str
    ) -> list[tuple[PathCondition, Node]]:
        """Return the variants of a nested stack's boundary with path conditions, as seen by this template."""
        value: Node = Absent(_NOWHERE)
        if bound is not None:
            value = bound if isinstance(bound, StringNode) else StringNode((Unresolved(bound),), _NOWHERE)
        for condition, outcome in reversed(facts):
            value = Choice(condition, ((outcome, value),), value.at)
        return value_variants(self.documents.evaluator.guarded(to_parent(value, stack)))

    def add_stack_set(self, inner: AttachmentCollector, resource: ResourceDefinition) -> None:
        """Add the attachments of principals in a stack set's template, with addresses below the stack set."""
        for attachment in inner.builder.attachments:
            path = f"TemplateBody/Resources/{attachment.resource.address}/Properties/{attachment.path}"
            holder = f"{resource.address}.{attachment.holder}"
            self.builder.attachments.append(replace(attachment, holder=holder, resource=resource, path=path))
        for holder in (
            *inner.builder.bounded,
            *inner.builder.boundary_unknown,
            *inner.builder.conditional_boundaries,
        ):
            self.builder.boundary_unknown[f"{resource.address}.{holder}"] = None

    def _attach(
        self,
        resource: ResourceDefinition,
        properties: yaml.MappingNode,
        name: str,
        holder: str,
        attachments: TemplateAttachments,
    ) -> None:
        """Record the attached managed policies of a property that are not in the template."""
        node = child(properties, name)
        for element, _ in self.documents.find_elements(node, name) if node is not None else ():
            inside, path = element.node, element.path
            if name == _REFERENCES:
                named = child(inside, "Name")
                inside, path = (named, f"{path}/Name") if named is not None else (inside, path)
            elif isinstance(inside, yaml.MappingNode) and (
                intrinsic_call(inside) is None or _may_be_a_document(inside)
            ):
                continue  # a policy document or a SAM policy template
            value = self.documents.evaluator.guarded(self.documents.evaluate_under(element.conditions, inside))
            for when, policy in flatten_variants(value):
                if isinstance(policy, StringNode) and not attachments.find_policies(policy, name == _REFERENCES):
                    attached = ManagedAttachment(holder, policy, resource, path, policy.at, when)
                    self.builder.attachments.append(attached)

    def _add_boundary(self, holder: str, node: yaml.Node | None, attachments: TemplateAttachments) -> None:
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
        values = value_variants(self._value(node))
        self.builder.add_boundary(holder, values, lambda text: attachments.find_policies(text, by_name))

    def _add_members(self, groups: tuple[str, ...], users: tuple[str, ...], at: Position) -> None:
        self.builder.members.update(dict.fromkeys(((group, user) for group in groups for user in users), at))

    def _value(self, node: yaml.Node | None) -> Node:
        empty = yaml.SequenceNode(
            "tag:yaml.org,2002:seq", [], self.template.root.start_mark, self.template.root.end_mark
        )
        return self.documents.evaluator.node(node if node is not None else empty)


def _may_be_a_document(node: yaml.Node) -> bool:
    """True if a function may insert any object, unlike functions that return strings."""
    function = intrinsic_call(node)
    return function is not None and function[0] in ("Fn::Transform", "Fn::ForEach")
