"""Attachments of policies outside of the configuration, group memberships and permissions boundaries.

Sources: the resource pages of the Terraform Registry, providers ``hashicorp/aws`` (IAM, SSO Admin,
``aws_organizations_policy_attachment``) and ``hashicorp/awscc``;
:mod:`passrole_checks.sources.model.terraform_policy_attributes` lists the attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from passrole_checks.iam.partial_values import Node, StringNode
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.model.attachments_elsewhere import (
    AttachmentsBuilder,
    AttachmentsElsewhere,
    flatten_variants,
    value_variants,
)
from passrole_checks.sources.model.configuration import AttachedPolicy, ManagedAttachment, ResourceDefinition
from passrole_checks.sources.model.terraform_policy_attributes import (
    BOUNDED,
    MEMBERSHIPS,
    ORGANIZATION_POLICIES,
    SCP_TARGETS,
)
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import Failure, Reference
from passrole_checks.sources.terraform.evaluation.to_plain import to_plain_string
from passrole_checks.sources.terraform.policies.attachments import TerraformAttachments, inner_values
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references

_BOUNDARY = "permissions_boundary"
_BOUNDARY_BLOCKS = ("managed_policy_arn", "customer_managed_policy_reference")


@dataclass
class Collected:
    """Attachments of a configuration, filled by :meth:`add_resource`."""

    attachments: TerraformAttachments
    holdings: AttachmentsBuilder = field(default_factory=AttachmentsBuilder)
    # organization policies by name, as their ids are unknown before deployment
    _scps_by_name: dict[str, list[str]] = field(default_factory=dict)

    def add_resource(
        self, block: Block, scope: EvaluationScope, resource: ResourceDefinition, when: PathCondition
    ) -> None:
        """Record the external policies, group memberships, boundary and SCP targets of one resource instance."""
        type_ = block.labels[0]
        for attributes, holders, attached in self.attachments.attached_values(block, scope, resource.address):
            for facts, policy in flatten_variants(attached, when):
                if not isinstance(policy, StringNode) or isinstance(policy, Failure):
                    continue
                if not self.attachments.resolve_policies(policy, scope.module.address, by_name=attributes.by_name):
                    self.holdings.attachments.extend(
                        ManagedAttachment(
                            holder, to_plain_string(policy), resource, attributes.policies, policy.at, facts
                        )
                        for holder in holders
                    )
        if type_ in MEMBERSHIPS:
            groups, users = MEMBERSHIPS[type_]
            members = self.attachments.principals_in(block, {users: "user"}, scope) if users else (resource.address,)
            for group in self.attachments.principals_in(block, {groups: "group"}, scope):
                self.holdings.members.update(dict.fromkeys(((group, user) for user in members), resource.at))
        if type_ in BOUNDED:
            self._add_boundary(block, scope, resource)
        if type_ in SCP_TARGETS:
            self._add_targets(block, scope, resource, when)
        if type_ in ORGANIZATION_POLICIES:
            name = references.value_of(block, "name", scope)
            if isinstance(name, StringNode):
                self._scps_by_name.setdefault(str(name), []).append(resource.address)

    def _add_targets(
        self, block: Block, scope: EvaluationScope, resource: ResourceDefinition, when: PathCondition
    ) -> None:
        policy_attribute, target_attribute = SCP_TARGETS[resource.type]
        for facts, target in flatten_variants(references.value_of(block, target_attribute, scope), when):
            if not isinstance(target, StringNode) or isinstance(target, Failure):
                continue
            policies = [(facts, resource.address)]
            if policy_attribute:
                values = flatten_variants(references.value_of(block, policy_attribute, scope), facts)
                policies = [(condition, _policy_identifier(value)) for condition, value in values]
            self.holdings.scp_targets.extend(
                (to_plain_string(target), policy_facts, policy) for policy_facts, policy in policies
            )

    def held(self, policies: Sequence[AttachedPolicy]) -> AttachmentsElsewhere:
        """Return all recorded attachments, given the policies of the configuration."""
        holdings = replace(self.holdings, scp_targets=[])
        for target, facts, named in self.holdings.scp_targets:
            addresses = self._scps_by_name.get(named, [named])
            if len(addresses) == 1:
                holdings.scp_targets.append((target, facts, addresses[0]))
        return holdings.build(policies)

    def _add_boundary(self, block: Block, scope: EvaluationScope, resource: ResourceDefinition) -> None:
        module = scope.module.address
        holders: tuple[str, ...] = (resource.address,)
        if resource.type == "aws_ssoadmin_permissions_boundary_attachment":
            holders = self.attachments.principals_in(block, {"permission_set_arn": "permission-set"}, scope)
        values, by_name = value_variants(references.value_of(block, _BOUNDARY, scope)), False
        for name in _BOUNDARY_BLOCKS if not values else ():
            for inner in inner_values(block, _BOUNDARY, name, scope):
                values, by_name = [*values, *flatten_variants(inner)], name != _BOUNDARY_BLOCKS[0]
        for holder in holders:
            self.holdings.add_boundary(
                holder,
                [(facts, _plain(value)) for facts, value in values],
                lambda text: self.attachments.resolve_policies(text, module, by_name=by_name),
            )


def _plain(value: Node) -> Node:
    """Return the value without evaluator-only parts; a reference is kept, as it identifies a resource."""
    return (
        to_plain_string(value)
        if isinstance(value, StringNode) and not isinstance(value, (Reference, Failure))
        else value
    )


def _policy_identifier(value: Node) -> str:
    """Return the address of the organization policy that a value refers to, else its text."""
    if isinstance(value, Reference) and value.type in ORGANIZATION_POLICIES:
        return value.address
    return str(value) if isinstance(value, StringNode) else ""
