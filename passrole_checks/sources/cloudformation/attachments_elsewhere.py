"""What principals of a template hold that is no policy of it: policies that stand elsewhere, groups, boundaries.

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
from passrole_checks.sources.cloudformation.stack_values import brought_up, name_above
from passrole_checks.sources.cloudformation.template import Template, call, child, entries
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


class Collector:
    """Reads resource by resource (:meth:`read`). ``owners``: SAM's implicit roles with what they are made for."""

    def __init__(self, template: Template, documents: TemplateDocuments, owners: Mapping[str, str]) -> None:
        self.template = template
        self.documents = documents
        self.holdings = AttachmentsBuilder()
        self._made = {owner: role for role, owner in owners.items()}
        # policies of the template that nested stacks attach, to whom, and when
        self._given: dict[str, dict[str, list[PathCondition]]] = {}

    def settle(self, policies: list[AttachedPolicy]) -> None:
        """Name the principals of nested stacks that get a policy of the template."""
        for place, policy in enumerate(policies):
            given = self._given.get(policy.resource.address)
            if given is not None:
                principals = tuple(dict.fromkeys((*policy.principals, *given)))
                readings: dict[str, list[PathCondition]] = {who: [()] for who in policy.principals}
                for who, facts in policy.held:
                    readings[who] = [*(one for one in readings[who] if one), facts]
                for who, found in given.items():
                    readings.setdefault(who, []).extend(found)
                policies[place] = replace(policy, principals=principals, held=conditional_holders(readings))

    def read(
        self, resource: ResourceDefinition, properties: yaml.MappingNode, attachments: TemplateAttachments
    ) -> None:
        """Note what a resource attaches that does not stand in the template, who is in which group, and bounds."""
        kind, holder = resource.type, resource.address
        if kind in _ARNS:
            self._attach(resource, properties, _ARNS[kind], holder, attachments)
        if kind == "AWS::SSO::PermissionSet":
            self._attach(resource, properties, _REFERENCES, holder, attachments)
        if kind in sam.HOLDERS and holder in self._made:
            self._attach(resource, properties, "Policies", self._made[holder], attachments)
        if kind in _BOUNDED:
            self._bind(holder, child(properties, _BOUNDARY), attachments)
        elif holder in self._made and holder in self.template.resources:
            self._bind(self._made[holder], child(sam.properties(self.template, holder), _BOUNDARY), attachments)
        if kind == "AWS::IAM::User":
            self._join(attachments.names(self._value(child(properties, "Groups")), "group"), (holder,))
        elif kind == "AWS::IAM::UserToGroupAddition":
            groups, users = self._value(child(properties, "GroupName")), self._value(child(properties, "Users"))
            self._join(attachments.names(groups, "group"), attachments.names(users, "user"))
        elif kind == "AWS::Organizations::Policy":
            for facts, target in flatten_variants(self._value(child(properties, "TargetIds"))):
                if isinstance(target, StringNode):
                    self.holdings.scp_targets.append((target, facts, holder))

    def of_nested(
        self, inner: Collector, stack: str, principal: Callable[[str], str], attachments: TemplateAttachments
    ) -> None:
        """Add what principals of a nested stack hold. ``principal`` names one of them as this template does."""
        for one in inner.holdings.managed:
            value: Node = one.policy
            for condition, outcome in reversed(one.when):
                value = Choice(condition, ((outcome, value),), value.at)
            resource = replace(one.resource, address=name_above(one.resource.address, stack))
            for facts, policy in flatten_variants(self.documents.evaluator.there(brought_up(value, stack))):
                if not isinstance(policy, StringNode):
                    continue
                holder, named = principal(one.holder), attachments.policies_named(policy)
                for logical_id in named:
                    self._given.setdefault(logical_id, {}).setdefault(holder, []).append(facts)
                if not named:
                    given = replace(one, holder=holder, policy=policy, resource=resource, when=facts)
                    self.holdings.managed.append(given)
        for group, user in inner.holdings.members:
            self.holdings.members[principal(group), principal(user)] = None
        for holder, policy_id in inner.holdings.bounded.items():
            self.holdings.bounded[principal(holder)] = name_above(policy_id, stack)
        for holder, name in inner.holdings.boundary_names.items():
            self.holdings.bind(principal(holder), [((), brought_up(name, stack))], attachments.policies_named)
        for holder in inner.holdings.boundary_unknown:
            if holder not in inner.holdings.boundary_names:
                self.holdings.boundary_unknown[principal(holder)] = None
        for holder, readings in inner.holdings.conditional_boundaries.items():
            values = [one for facts, bound in readings for one in self._above(facts, bound, stack)]
            own = {name_above(bound, stack) for _, bound in readings if isinstance(bound, str)}

            def also_below(value: StringNode, own: Collection[str] = own) -> list[str]:
                hole = value.only_hole
                if hole is not None and hole.expression in own:
                    return [hole.expression]
                return attachments.policies_named(value)

            self.holdings.bind(principal(holder), values, also_below)

    def _above(
        self, facts: PathCondition, bound: str | StringNode | None, stack: str
    ) -> list[tuple[PathCondition, Node]]:
        """A boundary of a nested stack, and the facts under which it is that, as this template sees them."""
        value: Node = Absent(_NOWHERE)
        if bound is not None:
            value = bound if isinstance(bound, StringNode) else StringNode((Unresolved(bound),), _NOWHERE)
        for condition, outcome in reversed(facts):
            value = Choice(condition, ((outcome, value),), value.at)
        return value_variants(self.documents.evaluator.there(brought_up(value, stack)))

    def of_stack_set(self, inner: Collector, resource: ResourceDefinition) -> None:
        """Add what principals of a stack set's own template hold, which are named below the stack set."""
        for one in inner.holdings.managed:
            path = f"TemplateBody/Resources/{one.resource.address}/Properties/{one.path}"
            holder = f"{resource.address}.{one.holder}"
            self.holdings.managed.append(replace(one, holder=holder, resource=resource, path=path))
        for holder in (
            *inner.holdings.bounded,
            *inner.holdings.boundary_unknown,
            *inner.holdings.conditional_boundaries,
        ):
            self.holdings.boundary_unknown[f"{resource.address}.{holder}"] = None

    def _attach(
        self,
        resource: ResourceDefinition,
        properties: yaml.MappingNode,
        name: str,
        holder: str,
        attachments: TemplateAttachments,
    ) -> None:
        node = child(properties, name)
        for found, _ in self.documents.elements(node, name) if node is not None else ():
            inside, path = found.node, found.path
            if name == _REFERENCES:
                named = child(inside, "Name")
                inside, path = (named, f"{path}/Name") if named is not None else (inside, path)
            elif isinstance(inside, yaml.MappingNode) and (call(inside) is None or _may_be_a_document(inside)):
                continue  # a policy document, or a policy template of SAM
            value = self.documents.evaluator.there(self.documents.under(found.conditions, inside))
            for facts, policy in flatten_variants(value):
                if isinstance(policy, StringNode) and not attachments.policies_named(policy, name == _REFERENCES):
                    attached = ManagedAttachment(holder, policy, resource, path, policy.at, facts)
                    self.holdings.managed.append(attached)

    def _bind(self, holder: str, node: yaml.Node | None, attachments: TemplateAttachments) -> None:
        if node is None:
            return
        by_name = False
        if call(node) is None and isinstance(node, yaml.MappingNode):
            keys = {key.value: value for key, value in entries(node)}
            by_name = "ManagedPolicyArn" not in keys
            inside = keys.get("ManagedPolicyArn") or child(node, "CustomerManagedPolicyReference", "Name")
            if inside is None:
                return
            node = inside
        values = value_variants(self._value(node))
        self.holdings.bind(holder, values, lambda text: attachments.policies_named(text, by_name))

    def _join(self, groups: tuple[str, ...], users: tuple[str, ...]) -> None:
        self.holdings.members.update(dict.fromkeys((group, user) for group in groups for user in users))

    def _value(self, node: yaml.Node | None) -> Node:
        empty = yaml.SequenceNode(
            "tag:yaml.org,2002:seq", [], self.template.root.start_mark, self.template.root.end_mark
        )
        return self.documents.evaluator.node(node if node is not None else empty)


def _may_be_a_document(node: yaml.Node) -> bool:
    """Whether a function may insert anything: it is none of those that give texts."""
    function = call(node)
    return function is not None and function[0] in ("Fn::Transform", "Fn::ForEach")
