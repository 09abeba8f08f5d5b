"""The resources of a plan before its changes.

Every change of a plan contains the values ``before`` it ("JSON Output Format", change representation), also for
replaced and deleted resources; all of them are known. A moved resource is listed at its new address.
Source: Terraform documentation, "JSON Output Format" ("Change Representation", "State Representation").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from passrole_checks.files.decoded_json import as_text
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.role_search import ANYWHERE, Deployment
from passrole_checks.sources.collect.terraform_tables import ENTITIES, PERMISSION_SET_ARNS
from passrole_checks.sources.files.json_positions import find_member
from passrole_checks.sources.model.addresses import without_key
from passrole_checks.sources.model.configuration import AttachedPolicy, HandedTo, ManagedAttachment, PolicyKind
from passrole_checks.sources.model.principal_names import bare_name, literal_principal
from passrole_checks.sources.terraform_plan.handed_out import (
    AFTER,
    BEFORE,
    handed_out_by,
    handed_out_by_outputs_before,
    managed_policies_by,
)
from passrole_checks.sources.terraform_plan.model import ChangeEntry, PlanFile, PlannedResource, module_of

_RELEVANT_TYPES = lazy_regex(r"(?:aws|awscc)_(?:iam_|ssoadmin_|sso_|cloudformation_stack|quicksight_iam_)")
_ARN = lazy_regex(r"arn:([\w-]+):iam::(\d{12}):")


def plan_before(plan: PlanFile) -> PlanFile | None:
    """Return the IAM resources before the plan, as a plan without changes; None if the file has no changes.

    Resources that the plan does not mention, because of ``-target``, are unchanged.
    """
    if not plan.changes and all(key != AFTER for _, key in plan.outputs):
        return None
    return PlanFile(plan.file, plan.text, plan.lines, resources=_before_changes(plan, _RELEVANT_TYPES))


def whole_plan_before(plan: PlanFile) -> PlanFile:
    """Return all resources and outputs before the plan, as a plan without changes."""
    return PlanFile(
        plan.file,
        plan.text,
        plan.lines,
        resources=_before_changes(plan, re.compile("")),
        known_documents=plan.known_documents,
        callers=plan.callers,
        accounts=plan.accounts,
        outputs=[(start, BEFORE) for start, key in plan.outputs if key == AFTER],
        variables=plan.variables,
    )


def _before_changes(plan: PlanFile, types: re.Pattern[str]) -> dict[str, PlannedResource]:
    changed = {entry.address for entry in plan.changes if not entry.deposed}
    resources = {
        resource.address: replace(resource, changed=False)
        for resource in plan.resources.values()
        if resource.address not in changed and types.match(resource.type)
    }
    for entry in plan.changes:
        if not entry.deposed and types.match(entry.type):
            previous = resource_before(plan, entry)
            if previous is not None:
                resources[entry.address] = previous
    return resources


def handed_out_before(plan: PlanFile, now: Iterable[AttachedPolicy]) -> Iterator[AttachedPolicy]:
    """Yield the documents of the same resources, and of all outputs, before the plan.

    ``now``: the policies that leave the configuration after it.
    """
    addresses = dict.fromkeys(one.resource.address for one in now if one.handed_to is HandedTo.RESOURCE)
    for previous in _resources_before(plan, addresses):
        yield from handed_out_by(plan, previous)
    yield from handed_out_by_outputs_before(plan)


def managed_handed_out_before(plan: PlanFile, now: Iterable[ManagedAttachment]) -> Iterator[ManagedAttachment]:
    """Yield the AWS managed policies of the same resources before the plan."""
    addresses = dict.fromkeys(one.resource.address for one in now if one.handed_to is HandedTo.RESOURCE)
    for previous in _resources_before(plan, addresses):
        yield from managed_policies_by(plan, previous)


def _resources_before(plan: PlanFile, addresses: Iterable[str]) -> Iterator[PlannedResource]:
    """Yield those of some resources that existed before the plan, with their values then."""
    entries = {entry.address: entry for entry in plan.changes if not entry.deposed}
    for address in addresses:
        entry = entries.get(address)
        previous = resource_before(plan, entry) if entry is not None else plan.resources.get(address)
        if previous is not None:
            yield previous


def resource_before(plan: PlanFile, entry: ChangeEntry) -> PlannedResource | None:
    """Return a resource with its values before the plan; None if the plan creates it."""
    before = find_member(plan.text, entry.start, ("change", "before"))
    if before is None or not isinstance(before.value, dict):
        return None  # it is created
    module = module_of(entry.address)
    name = entry.address[len(module) :].lstrip(".")
    whole = without_key(name)
    return PlannedResource(
        entry.address,
        entry.type,
        whole.rpartition(".")[2],
        module,
        name[len(whole) :],
        False,
        before.value,
        False,
        plan.lines.position(before.start, before.end),
        entry.start,
        ("change", "before"),
    )


def renamed_policies(
    before: PlanFile, policies: Iterable[AttachedPolicy], new: Mapping[str, str]
) -> tuple[AttachedPolicy, ...]:
    """Return the identity-based policies with new addresses and principals."""
    named = (
        (policy, new.get(policy.resource.address, policy.resource.address))
        for policy in policies
        if policy.kind is PolicyKind.IDENTITY
    )
    return tuple(
        replace(
            policy,
            resource=replace(policy.resource, address=bare_name(address)),
            principals=tuple(
                dict.fromkeys(new.get(who, who) for who in policy.principals or _permission_set_of(before, policy))
            ),
        )
        for policy, address in named
    )


def deployment_before(before: PlanFile) -> Deployment:
    """Return the account and partition before the plan, if the ARNs of its entities name exactly one."""
    deployments = {
        match.groups()
        for resource in before.resources.values()
        if resource.type in ENTITIES and (match := _ARN.match(as_text(resource.values.get("arn")) or ""))
    }
    accounts, partitions = {account for _, account in deployments}, {partition for partition, _ in deployments}
    return Deployment(
        accounts.pop() if len(accounts) == 1 else None,
        tuple(partitions) if len(partitions) == 1 else ANYWHERE.partitions,
    )


def renamed_addresses(before: PlanFile, after: PlanFile) -> Iterator[tuple[str, str]]:
    """Yield (old, new) for each address that no longer exists; new is the address with the same name, else the name.

    The name identifies a resource that is only removed from the state, and still named by attachments.
    """
    addresses_by_identity: dict[tuple[str, str], list[str]] = {}
    for resource in after.resources.values():
        if resource.address not in before.resources and (key := _identity(resource)) is not None:
            addresses_by_identity.setdefault(key, []).append(resource.address)
    for resource in before.resources.values():
        if resource.address in after.resources or (key := _identity(resource)) is None:
            continue
        addresses = addresses_by_identity.get(key, [])
        if len(addresses) == 1:
            yield resource.address, addresses[0]
        elif not addresses and key[0] != "policy":
            yield resource.address, literal_principal(*key)


def _identity(resource: PlannedResource) -> tuple[str, str] | None:
    """Return the kind and name that identify a resource in AWS; None for other resources."""
    entity = ENTITIES.get(resource.type)
    if entity is not None:
        kind, name = entity.kind, as_text(resource.values.get(entity.name))
    elif resource.type in PERMISSION_SET_ARNS:
        kind, name = "permission-set", as_text(resource.values.get("name"))
    else:
        return None
    return (kind, name) if name else None


def _permission_set_of(before: PlanFile, policy: AttachedPolicy) -> Iterator[str]:
    """Yield the permission set of an inline policy, found by its ARN."""
    resource = before.resources.get(policy.resource.address)
    arn = as_text(resource.values.get("permission_set_arn")) if resource is not None else None
    for other in before.resources.values() if arn else ():
        if arn == other.values.get(PERMISSION_SET_ARNS.get(other.type, "")):
            yield other.address
