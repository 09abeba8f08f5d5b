"""What principals hold beside the policies of a configuration: policies that stand elsewhere, groups, boundaries.

Sources: the resource pages of the Terraform Registry, providers ``hashicorp/aws`` (IAM, SSO Admin,
``aws_organizations_policy_attachment``) and ``hashicorp/awscc``; which attributes these are is told by
:mod:`passrole_checks.sources.model.terraform_policy_attributes`.
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
    """Filled block by block (:meth:`look`)."""

    attachments: TerraformAttachments
    holdings: AttachmentsBuilder = field(default_factory=AttachmentsBuilder)
    # organization policies by the name, which stands for the id before that is known
    _limits: dict[str, list[str]] = field(default_factory=dict)

    def look(self, block: Block, scope: EvaluationScope, resource: ResourceDefinition, when: PathCondition) -> None:
        """Note what one instance of a resource attaches that does not stand here, who is in which group, and bounds."""
        type_ = block.labels[0]
        if type_ in ATTACHMENTS:
            attribute, entities = ATTACHMENTS[type_]
            holders = self.attachments.entities(block, entities, scope)
            self._attach(references.written(block, attribute, scope), holders, resource, attribute, scope, when)
        if type_ in OWN_ATTACHMENTS:
            attribute, holders = OWN_ATTACHMENTS[type_], (resource.address,)
            self._attach(references.written(block, attribute, scope), holders, resource, attribute, scope, when)
        if type_ in NAMED_ATTACHMENTS:
            attribute, holder = NAMED_ATTACHMENTS[type_]
            holders = (resource.address,)
            if holder:
                holders = self.attachments.entities(block, {holder: "permission-set"}, scope)
            for name in inner_values(block, attribute, "name", scope):
                self._attach(name, holders, resource, attribute, scope, when, by_name=True)
        if type_ in MEMBERSHIPS:
            groups, users = MEMBERSHIPS[type_]
            who = self.attachments.entities(block, {users: "user"}, scope) if users else (resource.address,)
            for group in self.attachments.entities(block, {groups: "group"}, scope):
                self.holdings.members.update(dict.fromkeys((group, user) for user in who))
        if type_ in BOUNDED:
            self._bound(block, scope, resource)
        if type_ in SCP_TARGETS:
            policy, target = SCP_TARGETS[type_]
            for facts, value in flatten_variants(references.written(block, target, scope), when):
                if not isinstance(value, StringNode) or isinstance(value, Failure):
                    continue
                named = [(facts, resource.address)]
                if policy:
                    which = flatten_variants(references.written(block, policy, scope), facts)
                    named = [(further, _policy_named(one)) for further, one in which]
                self.holdings.scp_targets.extend((plain_text(value), further, name) for further, name in named)
        if type_ in ORGANIZATION_POLICIES:
            given = references.written(block, "name", scope)
            if isinstance(given, StringNode):
                self._limits.setdefault(str(given), []).append(resource.address)

    def held(self, policies: Sequence[AttachedPolicy]) -> AttachmentsElsewhere:
        """All of it, given the policies of the configuration."""
        found = replace(self.holdings, scp_targets=[])
        for target, facts, named in self.holdings.scp_targets:
            addresses = self._limits.get(named, [named])
            if len(addresses) == 1:
                found.scp_targets.append((target, facts, addresses[0]))
        return found.build(policies)

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
        for facts, policy in flatten_variants(value, when):
            if not isinstance(policy, StringNode) or isinstance(policy, Failure):
                continue
            if self.attachments.policies_named(policy, scope.module.address, by_name=by_name):
                continue
            written = plain_text(policy)
            self.holdings.attachments.extend(
                ManagedAttachment(holder, written, resource, path, policy.at, facts) for holder in holders
            )

    def _bound(self, block: Block, scope: EvaluationScope, resource: ResourceDefinition) -> None:
        module = scope.module.address
        holders: tuple[str, ...] = (resource.address,)
        if resource.type == "aws_ssoadmin_permissions_boundary_attachment":
            holders = self.attachments.entities(block, {"permission_set_arn": "permission-set"}, scope)
        values, by_name = value_variants(references.written(block, _BOUNDARY, scope)), False
        for name in _BOUNDARY_BLOCKS if not values else ():
            for inner in inner_values(block, _BOUNDARY, name, scope):
                values, by_name = [*values, *flatten_variants(inner)], name != _BOUNDARY_BLOCKS[0]
        for holder in holders:
            self.holdings.add_boundary(
                holder,
                [(facts, _plain(one)) for facts, one in values],
                lambda text: self.attachments.policies_named(text, module, by_name=by_name),
            )


def _plain(value: Node) -> Node:
    """The value as the rooms behind know it, but for a reference, which says what it refers to."""
    return plain_text(value) if isinstance(value, StringNode) and not isinstance(value, (Reference, Failure)) else value


def _policy_named(value: Node) -> str:
    """The words by which a value names an organization policy: its address, or its name."""
    if isinstance(value, Reference) and value.type in ORGANIZATION_POLICIES:
        return value.address
    return str(value) if isinstance(value, StringNode) else ""
