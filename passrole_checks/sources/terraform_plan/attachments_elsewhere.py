"""What principals of a plan hold that is no policy of it: policies that stand elsewhere, groups, boundaries.

Source: Terraform documentation, "JSON Output Format"; which attributes these are is told by
:mod:`passrole_checks.sources.model.terraform_policy_attributes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from passrole_checks.iam.partial_values import ListNode, Node, StringNode
from passrole_checks.iam.partial_values import ObjectNode as Object
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.model.attachments_elsewhere import AttachmentsBuilder, flatten_variants
from passrole_checks.sources.model.configuration import ManagedAttachment, ResourceDefinition
from passrole_checks.sources.model.terraform_policy_attributes import (
    ATTACHMENTS,
    BOUNDED,
    NAMED_ATTACHMENTS,
    ORGANIZATION_POLICIES,
    OWN_ATTACHMENTS,
    SCP_TARGETS,
)
from passrole_checks.sources.terraform_plan.consumed_roles import PlanRoleConsumers
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource, as_text
from passrole_checks.sources.terraform_plan.principals import PlanAttachments

_BOUNDARY = "permissions_boundary"


def holdings_of(
    plan: PlanFile,
    attachments: PlanAttachments,
    received: PlanRoleConsumers,
    define: Callable[[PlannedResource], ResourceDefinition],
    judged: Mapping[str, object],
) -> AttachmentsBuilder:
    """What all resources of a plan attach, bound and group. ``judged`` are the addresses that are reported on."""
    found = AttachmentsBuilder()
    found.members = dict.fromkeys(attachments.members())
    for resource in plan.resources.values():
        own = OWN_ATTACHMENTS.get(resource.type, "")
        # what is computed mirrors what other resources attach, and whatever else is attached
        mirrors = bool(plan.configuration) and bool(own) and not _is_written(resource, own, received)
        for holder, policy, path in _attached(resource, attachments, received):
            known = resource.address in judged and not (mirrors and path == own)
            found.attachments.append(
                ManagedAttachment(holder, policy, define(resource), path, policy.at, is_checked=known)
            )
        if resource.type in BOUNDED:
            _bound(found, resource, attachments, received)
        if resource.type in SCP_TARGETS:
            found.scp_targets.extend(_limited(plan, resource, received))
    elsewhere = {(one.holder, str(one.policy)) for one in found.attachments if one.resource.address != one.holder}
    found.attachments = [
        one
        for one in found.attachments
        if one.resource.address != one.holder or (one.holder, str(one.policy)) not in elsewhere
    ]
    return found


def _attached(
    resource: PlannedResource, attachments: PlanAttachments, received: PlanRoleConsumers
) -> Iterator[tuple[str, StringNode, str]]:
    """Who gets which managed policy that does not stand in the plan, and by which attribute."""
    if resource.type in ATTACHMENTS:
        attribute, entities = ATTACHMENTS[resource.type]
        holders = list(attachments.named(resource, entities))
        yield from _given(resource, attribute, holders, attachments, received)
    if resource.type in OWN_ATTACHMENTS:
        yield from _given(resource, OWN_ATTACHMENTS[resource.type], [resource.address], attachments, received)
    if resource.type in NAMED_ATTACHMENTS:
        attribute, holder = NAMED_ATTACHMENTS[resource.type]
        holders = [resource.address]
        if holder:
            holders = list(attachments.named(resource, {holder: "permission-set"}))
        for name in _names(received.value_of(resource, attribute)):
            if not list(attachments.with_names(resource, attribute)):
                yield from ((one, name, attribute) for one in holders)


def _given(
    resource: PlannedResource,
    attribute: str,
    holders: list[str],
    attachments: PlanAttachments,
    received: PlanRoleConsumers,
) -> Iterator[tuple[str, StringNode, str]]:
    if resource.values.get(attribute) is None and not _is_written(resource, attribute, received):
        return  # computed: what is attached by other resources
    own = list(attachments.referred(resource, attribute, "policy"))
    for _, policy in flatten_variants(received.value_of(resource, attribute)):
        if not isinstance(policy, StringNode) or (policy.literal is None and own):
            continue
        if policy.literal is None or not list(attachments.with_arn(policy.literal)):
            yield from ((holder, policy, attribute) for holder in dict.fromkeys(holders))


def _is_written(resource: PlannedResource, attribute: str, received: PlanRoleConsumers) -> bool:
    written = received.references.expressions(resource.module, f"{resource.type}.{resource.name}") or {}
    return attribute in written


def _bound(
    found: AttachmentsBuilder, resource: PlannedResource, attachments: PlanAttachments, received: PlanRoleConsumers
) -> None:
    """Note a boundary that does not stand in the plan; those that do are told by the attachments."""
    if list(attachments.bounding(resource)):
        return
    if resource.values.get(_BOUNDARY) is None and not _is_written(resource, _BOUNDARY, received):
        return
    values: list[tuple[PathCondition, Node]] = [((), one) for one in _names(received.value_of(resource, _BOUNDARY))]
    for holder in attachments.bounded_by(resource):
        found.add_boundary(holder, values, lambda text: ())


def _names(value: Node) -> Iterator[StringNode]:
    """The texts in an attribute: an ARN, or in blocks an ARN or a name."""
    if isinstance(value, StringNode):
        yield value
    elif isinstance(value, ListNode):
        for item in value.items:
            yield from _names(item)
    elif isinstance(value, Object):
        for entry in value.entries:
            if entry.key.literal in ("name", "managed_policy_arn", "customer_managed_policy_reference"):
                yield from _names(entry.value)


def _limited(
    plan: PlanFile, resource: PlannedResource, received: PlanRoleConsumers
) -> Iterator[tuple[StringNode, PathCondition, str]]:
    """The targets of an organization policy, each with the policy's address; an id that is known says which policy it
    is, whatever else its expression refers to."""
    policy, target = SCP_TARGETS[resource.type]
    addresses = [resource.address]
    if policy:
        written = received.references.expressions(resource.module, f"{resource.type}.{resource.name}") or {}
        named = {one.resource for one in received.references.follow(resource.module, written.get(policy))}
        given = as_text(resource.values.get(policy))
        addresses = [
            one.address
            for one in plan.resources.values()
            if one.type in ORGANIZATION_POLICIES
            and (one.address in named if given is None else given == as_text(one.values.get("id")))
        ]
    if len(addresses) > 1:
        return  # one of several, and it cannot be told which
    for facts, value in flatten_variants(received.value_of(resource, target)):
        if isinstance(value, StringNode):
            yield from ((value, facts, address) for address in addresses)
