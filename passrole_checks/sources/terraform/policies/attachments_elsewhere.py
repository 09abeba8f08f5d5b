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
    AttachmentsElsewhere,
    Holdings,
    alternatives,
    each_with_facts,
)
from passrole_checks.sources.model.configuration import AttachedPolicy, ManagedAttachment, ResourceDefinition
from passrole_checks.sources.model.terraform_policy_attributes import (
    ATTACHMENTS,
    BOUNDED,
    MEMBERSHIPS,
    NAMED_ATTACHMENTS,
    ORGANIZATION_POLICIES,
    OWN_ATTACHMENTS,
    SCP_TARGETS,
)
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import Failure, Reference
from passrole_checks.sources.terraform.evaluation.to_plain import plain_text
from passrole_checks.sources.terraform.policies.attachments import TerraformAttachments, inner_values
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references

_BOUNDARY = "permissions_boundary"
_BOUNDARY_BLOCKS = ("managed_policy_arn", "customer_managed_policy_reference")


@dataclass
class Collected:
    """Attachments of a configuration, filled by :meth:`add_resource`."""

    attachments: TerraformAttachments
    holdings: Holdings = field(default_factory=Holdings)
    # organization policies by name, as their ids are unknown before deployment
    _scps_by_name: dict[str, list[str]] = field(default_factory=dict)

    def add_resource(
        self, block: Block, scope: EvaluationScope, resource: ResourceDefinition, when: PathCondition
    ) -> None:
        """Record the external policies, group memberships, boundary and SCP targets of one resource instance."""
        type_ = block.labels[0]
        if type_ in ATTACHMENTS:
            attribute, entities = ATTACHMENTS[type_]
            holders = self.attachments.principals_in(block, entities, scope)
            self._attach(references.value_of(block, attribute, scope), holders, resource, attribute, scope, when)
        if type_ in OWN_ATTACHMENTS:
            attribute, holders = OWN_ATTACHMENTS[type_], (resource.address,)
            self._attach(references.value_of(block, attribute, scope), holders, resource, attribute, scope, when)
        if type_ in NAMED_ATTACHMENTS:
            attribute, holder = NAMED_ATTACHMENTS[type_]
            holders = (resource.address,)
            if holder:
                holders = self.attachments.principals_in(block, {holder: "permission-set"}, scope)
            for name in inner_values(block, attribute, "name", scope):
                self._attach(name, holders, resource, attribute, scope, when, by_name=True)
        if type_ in MEMBERSHIPS:
            groups, users = MEMBERSHIPS[type_]
            member_users = (
                self.attachments.principals_in(block, {users: "user"}, scope) if users else (resource.address,)
            )
            for group in self.attachments.principals_in(block, {groups: "group"}, scope):
                self.holdings.members.update(dict.fromkeys((group, user) for user in member_users))
        if type_ in BOUNDED:
            self._add_boundary(block, scope, resource)
        if type_ in SCP_TARGETS:
            policy, target = SCP_TARGETS[type_]
            for facts, value in each_with_facts(references.value_of(block, target, scope), when):
                if not isinstance(value, StringNode) or isinstance(value, Failure):
                    continue
                named = [(facts, resource.address)]
                if policy:
                    policies = each_with_facts(references.value_of(block, policy, scope), facts)
                    named = [
                        (policy_facts, _policy_identifier(named_policy)) for policy_facts, named_policy in policies
                    ]
                self.holdings.limited.extend((plain_text(value), policy_facts, name) for policy_facts, name in named)
        if type_ in ORGANIZATION_POLICIES:
            policy_name = references.value_of(block, "name", scope)
            if isinstance(policy_name, StringNode):
                self._scps_by_name.setdefault(str(policy_name), []).append(resource.address)

    def held(self, policies: Sequence[AttachedPolicy]) -> AttachmentsElsewhere:
        """Return all recorded attachments, given the policies of the configuration."""
        holdings = replace(self.holdings, limited=[])
        for target, facts, named in self.holdings.limited:
            addresses = self._scps_by_name.get(named, [named])
            if len(addresses) == 1:
                holdings.limited.append((target, facts, addresses[0]))
        return holdings.held(policies)

    def _attach(
        self,
        value: Node | None,
        holders: Sequence[str],
        resource: ResourceDefinition,
        path: str,
        scope: EvaluationScope,
        when: PathCondition,
        *,
        by_name: bool = False,
    ) -> None:
        for facts, policy in each_with_facts(value, when):
            if not isinstance(policy, StringNode) or isinstance(policy, Failure):
                continue
            if self.attachments.resolve_policies(policy, scope.module.address, by_name=by_name):
                continue
            written = plain_text(policy)
            self.holdings.managed.extend(
                ManagedAttachment(holder, written, resource, path, policy.at, facts) for holder in holders
            )

    def _add_boundary(self, block: Block, scope: EvaluationScope, resource: ResourceDefinition) -> None:
        module = scope.module.address
        holders: tuple[str, ...] = (resource.address,)
        if resource.type == "aws_ssoadmin_permissions_boundary_attachment":
            holders = self.attachments.principals_in(block, {"permission_set_arn": "permission-set"}, scope)
        values, by_name = alternatives(references.value_of(block, _BOUNDARY, scope)), False
        for name in _BOUNDARY_BLOCKS if not values else ():
            for inner in inner_values(block, _BOUNDARY, name, scope):
                values, by_name = [*values, *each_with_facts(inner)], name != _BOUNDARY_BLOCKS[0]
        for holder in holders:
            self.holdings.bind(
                holder,
                [(facts, _plain(value)) for facts, value in values],
                lambda text: self.attachments.resolve_policies(text, module, by_name=by_name),
            )


def _plain(value: Node) -> Node:
    """Return the value without evaluator-only parts; a reference is kept, as it identifies a resource."""
    return plain_text(value) if isinstance(value, StringNode) and not isinstance(value, (Reference, Failure)) else value


def _policy_identifier(value: Node) -> str:
    """Return the address of the organization policy that a value refers to, else its text."""
    if isinstance(value, Reference) and value.type in ORGANIZATION_POLICIES:
        return value.address
    return str(value) if isinstance(value, StringNode) else ""
