"""Attachments of policies outside of a plan, group memberships and permissions boundaries.

Source: Terraform documentation, "JSON Output Format"; :mod:`passrole_checks.sources.model.terraform_policy_attributes`
lists the attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from passrole_checks.iam.partial_values import ListNode, Node, StringNode
from passrole_checks.iam.partial_values import ObjectNode as Object
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.model.attachments_elsewhere import AttachmentsBuilder, flatten_variants
from passrole_checks.sources.model.configuration import ManagedAttachment, ResourceDefinition
from passrole_checks.sources.model.terraform_policy_attributes import (
    BOUNDED,
    ORGANIZATION_POLICIES,
    OWN_ATTACHMENTS,
    SCP_TARGETS,
)
from passrole_checks.sources.terraform_plan.consumed_roles import PlanRoleConsumers
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource, as_text
from passrole_checks.sources.terraform_plan.principals import PlanAttachments, attributes_of

_BOUNDARY = "permissions_boundary"


def holdings_of(
    plan: PlanFile,
    attachments: PlanAttachments,
    consumers: PlanRoleConsumers,
    define: Callable[[PlannedResource], ResourceDefinition],
    checked: Mapping[str, object],
) -> AttachmentsBuilder:
    """Return what all resources of a plan attach, bound and group.

    ``checked`` contains the addresses of the resources that are checked.
    """
    holdings = AttachmentsBuilder()
    holdings.members = {pair: member.at for pair, member in attachments.members()}
    for resource in plan.resources.values():
        own = OWN_ATTACHMENTS.get(resource.type, "")
        # a computed attribute mirrors the attachments by other resources
        mirrors = bool(plan.configuration) and bool(own) and not _is_configured(resource, own, consumers)
        for holder, policy, path in _external_attachments(resource, attachments, consumers):
            known = resource.address in checked and not (mirrors and path == own)
            holdings.attachments.append(
                ManagedAttachment(holder, policy, define(resource), path, policy.at, is_checked=known)
            )
        if resource.type in BOUNDED:
            _add_boundary(holdings, resource, attachments, consumers)
        if resource.type in SCP_TARGETS:
            holdings.scp_targets.extend(_scp_targets(plan, resource, consumers))
    elsewhere = {
        (attachment.holder, str(attachment.policy))
        for attachment in holdings.attachments
        if attachment.resource.address != attachment.holder
    }
    holdings.attachments = [
        attachment
        for attachment in holdings.attachments
        if attachment.resource.address != attachment.holder
        or (attachment.holder, str(attachment.policy)) not in elsewhere
    ]
    return holdings


def _external_attachments(
    resource: PlannedResource, attachments: PlanAttachments, consumers: PlanRoleConsumers
) -> Iterator[tuple[str, StringNode, str]]:
    """Yield (holder, policy, attribute) for each attached managed policy that is not part of the plan."""
    for attributes in attributes_of(resource):
        holders = attachments.attaching_principals(resource, attributes)
        if not attributes.by_name:
            yield from _policies_in_attribute(resource, attributes.policies, holders, attachments, consumers)
        elif not list(attachments.by_names(resource, attributes.policies)):
            for name in _policy_names(consumers.value_of(resource, attributes.policies)):
                yield from ((principal, name, attributes.policies) for principal in holders)


def _policies_in_attribute(
    resource: PlannedResource,
    attribute: str,
    holders: list[str],
    attachments: PlanAttachments,
    consumers: PlanRoleConsumers,
) -> Iterator[tuple[str, StringNode, str]]:
    if resource.values.get(attribute) is None and not _is_configured(resource, attribute, consumers):
        return  # computed: attachments by other resources
    planned_policies = list(attachments.referenced(resource, attribute, "policy"))
    for _, policy in flatten_variants(consumers.value_of(resource, attribute)):
        if not isinstance(policy, StringNode) or (policy.literal is None and planned_policies):
            continue
        if policy.literal is None or not list(attachments.by_arn(policy.literal)):
            yield from ((holder, policy, attribute) for holder in dict.fromkeys(holders))


def _is_configured(resource: PlannedResource, attribute: str, consumers: PlanRoleConsumers) -> bool:
    return attribute in consumers.references.expressions_of(resource)


def _add_boundary(
    holdings: AttachmentsBuilder, resource: PlannedResource, attachments: PlanAttachments, consumers: PlanRoleConsumers
) -> None:
    """Record a boundary outside of the plan; :class:`PlanAttachments` has those in the plan."""
    if list(attachments.boundary_policies(resource)):
        return
    if resource.values.get(_BOUNDARY) is None and not _is_configured(resource, _BOUNDARY, consumers):
        return
    values: list[tuple[PathCondition, Node]] = [
        ((), value) for value in _policy_names(consumers.value_of(resource, _BOUNDARY))
    ]
    for holder in attachments.boundary_principals(resource):
        holdings.add_boundary(holder, values, lambda text: ())


def _policy_names(value: Node) -> Iterator[StringNode]:
    """Yield the strings in an attribute: an ARN, or in nested blocks an ARN or a name."""
    if isinstance(value, StringNode):
        yield value
    elif isinstance(value, ListNode):
        for item in value.items:
            yield from _policy_names(item)
    elif isinstance(value, Object):
        for entry in value.entries:
            if entry.key.literal in ("name", "managed_policy_arn", "customer_managed_policy_reference"):
                yield from _policy_names(entry.value)


def _scp_targets(
    plan: PlanFile, resource: PlannedResource, consumers: PlanRoleConsumers
) -> Iterator[tuple[StringNode, PathCondition, str]]:
    """Yield the targets of an organization policy with their path condition and the policy's address.

    A known id identifies the policy, whatever else its expression refers to.
    """
    policy, target = SCP_TARGETS[resource.type]
    addresses = [resource.address]
    if policy:
        written = consumers.references.expressions_of(resource)
        referenced = {entry.resource for entry in consumers.references.follow(resource.module, written.get(policy))}
        policy_id = as_text(resource.values.get(policy))
        addresses = [
            entry.address
            for entry in plan.resources.values()
            if entry.type in ORGANIZATION_POLICIES
            and (entry.address in referenced if policy_id is None else policy_id == as_text(entry.values.get("id")))
        ]
    if len(addresses) > 1:
        return  # one of several, and unknown which
    for facts, value in flatten_variants(consumers.value_of(resource, target)):
        if isinstance(value, StringNode):
            yield from ((value, facts, address) for address in addresses)
