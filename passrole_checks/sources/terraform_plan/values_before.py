"""What stood before a plan: the same resources with the values that they have now.

Every change of a plan holds the values ``before`` it ("JSON Output Format", change representation): of what is
replaced or deleted too, and all of them known. A resource that moves is listed at the address that it moves to.
Source: Terraform documentation, "JSON Output Format" ("Change Representation", "State Representation").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from passrole_checks.iam.partial_values import StringNode
from passrole_checks.iam.roles.arn import ANYWHERE, Deployment
from passrole_checks.sources.files.json_positions import find_member
from passrole_checks.sources.model.configuration import AttachedPolicy, ManagedAttachment, PolicyKind
from passrole_checks.sources.model.principal_names import bare_name, literal_principal
from passrole_checks.sources.model.terraform_policy_attributes import ENTITIES
from passrole_checks.sources.terraform_plan.model import (
    ChangeEntry,
    PlanFile,
    PlannedResource,
    as_text,
    module_of,
    without_key,
)

_TYPES = re.compile(r"(?:aws|awscc)_(?:iam|ssoadmin|sso)_|aws_cloudformation_stack")
_ARN = re.compile(r"arn:([\w-]+):iam::(\d{12}):")
_Boundary = TypeVar("_Boundary", AttachedPolicy, StringNode)
_PERMISSION_SETS = ("aws_ssoadmin_permission_set", "awscc_sso_permission_set")


def before_of(plan: PlanFile) -> PlanFile | None:
    """The resources that hold, get or attach policies as they were; None where the file is no plan of changes.

    The result reads like a plan that changes nothing. What the plan says nothing of, because it is limited to some
    resources, stands as it did.
    """
    if not plan.changes:
        return None
    changed = {entry.address for entry in plan.changes if not entry.deposed}
    resources = {
        resource.address: replace(resource, changed=False)
        for resource in plan.resources.values()
        if resource.address not in changed and _TYPES.match(resource.type)
    }
    for entry in plan.changes:
        if not entry.deposed and _TYPES.match(entry.type):
            stood = _stood(plan, entry)
            if stood is not None:
                resources[entry.address] = stood
    return PlanFile(plan.file, plan.text, plan.lines, resources=resources)


def _stood(plan: PlanFile, entry: ChangeEntry) -> PlannedResource | None:
    found = find_member(plan.text, entry.start, ("change", "before"))
    if found is None or not isinstance(found.value, dict):
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
        found.value,
        False,
        plan.lines.position(found.start, found.end),
        entry.start,
        ("change", "before"),
    )


def policies_before(
    before: PlanFile, after: PlanFile, policies: Iterable[AttachedPolicy]
) -> tuple[AttachedPolicy, ...]:
    """The identity-based policies of ``before``, their addresses and their principals named as in ``after``.

    What is at another address now, without a ``moved`` block, is the same where it is of the same name.
    """
    names = dict(_renamed(before, after))
    return tuple(
        replace(
            policy,
            resource=replace(
                policy.resource, address=bare_name(names.get(policy.resource.address, policy.resource.address))
            ),
            principals=tuple(
                dict.fromkeys(names.get(name, name) for name in policy.principals or _by_arn(before, policy))
            ),
        )
        for policy in policies
        if policy.kind is PolicyKind.IDENTITY
    )  # fmt: skip


def members_before(
    before: PlanFile, after: PlanFile, members: Iterable[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Groups and the users that were in them, named as in ``after``."""
    names = dict(_renamed(before, after))
    return tuple((names.get(group, group), names.get(user, user)) for group, user in members)


def boundaries_before(
    before: PlanFile, after: PlanFile, boundaries: Iterable[tuple[str, _Boundary]]
) -> tuple[tuple[str, _Boundary], ...]:
    """Principals and the boundaries that they had, named as in ``after``."""
    names = dict(_renamed(before, after))
    return tuple((names.get(principal, principal), policy) for principal, policy in boundaries)


def attachments_before(
    before: PlanFile, after: PlanFile, attachments: Iterable[ManagedAttachment]
) -> tuple[ManagedAttachment, ...]:
    """The managed policies that were attached and do not stand in the plan, their holders named as in ``after``."""
    names = dict(_renamed(before, after))
    return tuple(replace(one, holder=names.get(one.holder, one.holder)) for one in attachments)


def home_of(before: PlanFile) -> Deployment:
    """The account and the partition that everything stood in, where the ARNs of what stood name a single one."""
    places = {
        match.groups()
        for resource in before.resources.values()
        if resource.type in ENTITIES and (match := _ARN.match(as_text(resource.values.get("arn")) or ""))
    }
    accounts, partitions = {account for _, account in places}, {partition for partition, _ in places}
    return Deployment(
        accounts.pop() if len(accounts) == 1 else None,
        tuple(partitions) if len(partitions) == 1 else ANYWHERE.partitions,
    )


def _renamed(before: PlanFile, after: PlanFile) -> Iterator[tuple[str, str]]:
    """For an address that is gone: the new one of what bears the name now, else that name.

    The name stands for what is only forgotten, and still named by attachments.
    """
    bearers: dict[tuple[str, str], list[str]] = {}
    for resource in after.resources.values():
        if resource.address not in before.resources and (key := _identity(resource)) is not None:
            bearers.setdefault(key, []).append(resource.address)
    for resource in before.resources.values():
        if resource.address in after.resources or (key := _identity(resource)) is None:
            continue
        found = bearers.get(key, [])
        if len(found) == 1:
            yield resource.address, found[0]
        elif not found and key[0] != "policy":
            yield resource.address, literal_principal(*key)


def _identity(resource: PlannedResource) -> tuple[str, str] | None:
    """What something is in AWS, whatever it is called in the code: its kind and its name."""
    entity = ENTITIES.get(resource.type)
    if entity is not None:
        kind, name = entity.kind, as_text(resource.values.get(entity.name))
    elif resource.type in _PERMISSION_SETS:
        kind, name = "permission-set", as_text(resource.values.get("name"))
    else:
        return None
    return (kind, name) if name else None


def _by_arn(before: PlanFile, policy: AttachedPolicy) -> Iterator[str]:
    """The permission set of an inline policy, by its ARN."""
    resource = before.resources.get(policy.resource.address)
    arn = as_text(resource.values.get("permission_set_arn")) if resource is not None else None
    for other in before.resources.values() if arn else ():
        if other.type in _PERMISSION_SETS and arn in (other.values.get("arn"), other.values.get("permission_set_arn")):
            yield other.address
