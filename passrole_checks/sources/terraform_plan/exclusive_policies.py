"""Policies with a Deny that the resources of a plan remove.

See :mod:`passrole_checks.sources.model.exclusive_policies`.
"""

from __future__ import annotations

from collections.abc import Iterable

from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind, Unreadable
from passrole_checks.sources.model.exclusive_policies import EXCLUSIVE, INLINE, INLINE_POLICIES, without_denial
from passrole_checks.sources.model.terraform_policy_attributes import MANAGED_POLICIES
from passrole_checks.sources.terraform_plan.attachments import PlanAttachments
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource


def without_removed_denials(
    plan: PlanFile, attachments: PlanAttachments, policies: Iterable[AttachedPolicy]
) -> tuple[list[AttachedPolicy], list[Unreadable]]:
    """Return the policies, where those with a Deny that an exclusive resource removes have fewer principals, and a
    note for each of these."""
    owners = [resource for resource in plan.resources.values() if resource.type in EXCLUSIVE]
    kept, notes = list(policies), []
    for owner in owners:
        listed = _listed(owner)
        if listed is None:
            continue
        kind = EXCLUSIVE[owner.type]
        holders = set(attachments.principals_in(owner, {f"{kind}_name": kind}))
        for number, policy in enumerate(kept):
            planned = plan.resources.get(policy.resource.address)
            if planned is not None and policy.kind is PolicyKind.IDENTITY and _is_removed(planned, owner, listed):
                kept[number], note = without_denial(policy, holders, f"{owner.address} does not list it")
                notes += [note] if note is not None else []
    return kept, notes


def _listed(owner: PlannedResource) -> set[Json] | None:
    """Return the names or ARNs that an exclusive resource lists; None if they are unknown."""
    attribute = "policy_names" if owner.type in INLINE else "policy_arns"
    unknown = owner.unknown.get(attribute) if isinstance(owner.unknown, dict) else owner.unknown
    listed = owner.values.get(attribute)
    if unknown or not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        return None
    return set(listed)


def _is_removed(policy: PlannedResource, owner: PlannedResource, listed: set[Json]) -> bool:
    if owner.type in INLINE:
        return policy.type in INLINE_POLICIES and policy.values.get("name") not in (*listed, None)
    arn = policy.values.get(MANAGED_POLICIES.get(policy.type, ""))
    return isinstance(arn, str) and arn not in listed
