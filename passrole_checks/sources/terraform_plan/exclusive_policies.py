"""Policies with a Deny that the resources of a plan remove.

See :mod:`passrole_checks.sources.model.exclusive_policies`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from passrole_checks.files.decoded_json import as_items, as_list, as_object
from passrole_checks.sources.collect.terraform_tables import ATTACHMENTS, MANAGED_POLICIES
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind, Unreadable
from passrole_checks.sources.model.exclusive_policies import (
    EXCLUSIVE,
    INLINE,
    INLINE_POLICIES,
    OF_POLICY,
    OWN_ARGUMENTS,
    without_removed_denial,
)
from passrole_checks.sources.model.policy_owners import PolicyOwner, policy_names
from passrole_checks.sources.terraform_plan.attachments import PlanAttachments
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource


def policy_owners(plan: PlanFile, attachments: PlanAttachments) -> Iterator[PolicyOwner]:
    """Yield the resources of a plan that remove policies."""
    for resource in plan.resources.values():
        if resource.type == OF_POLICY:
            attribute, kinds = ATTACHMENTS[OF_POLICY]
            holders = attachments.principals_in(resource, kinds)
            yield _owner(resource, attribute, holders, attachments, managed=True)
        elif resource.type in EXCLUSIVE:
            kind, managed = EXCLUSIVE[resource.type], resource.type not in INLINE
            holders = attachments.principals_in(resource, {f"{kind}_name": kind})
            attribute = "policy_arns" if managed else "policy_names"
            yield _owner(resource, attribute, holders, attachments, managed=managed)
        elif resource.type == "aws_iam_role":
            for attribute, managed in OWN_ARGUMENTS.items():
                # both are computed as well: a plan shows what is deployed where the code sets nothing
                is_set = resource.values.get(attribute) and not plan.configuration
                if is_set or attachments.is_configured(resource, attribute):
                    yield _owner(resource, attribute, (resource.address,), attachments, managed=managed)


def _owner(
    resource: PlannedResource, attribute: str, holders: Iterable[str], attachments: PlanAttachments, *, managed: bool
) -> PolicyOwner:
    value = resource.values.get(attribute)
    elements = [as_object(one).get("name") if isinstance(one, dict) else one for one in as_items(value)]
    names = [one for one in elements if isinstance(one, str)]
    if managed:
        names = [name for arn in names for name in policy_names(arn)]
        names += attachments.policies_in(resource, attribute)
    written = as_object(attachments.references.expressions_of(resource).get(attribute))
    mentioned = " ".join(one for one in as_list(written.get("references")) if isinstance(one, str))
    is_of_policy = resource.type == OF_POLICY
    return PolicyOwner(resource.address, frozenset(holders), managed, frozenset(names), mentioned, is_of_policy)


def without_removed_denials(
    plan: PlanFile, owners: tuple[PolicyOwner, ...], policies: Iterable[AttachedPolicy]
) -> tuple[list[AttachedPolicy], list[Unreadable]]:
    """Return the policies, where those with a Deny that a resource removes have fewer principals, and a note for each
    of these."""
    kept, notes = [], []
    for policy in policies:
        planned = plan.resources.get(policy.resource.address)
        managed = policy.resource.type in MANAGED_POLICIES
        if planned is not None and policy.kind is PolicyKind.IDENTITY and (managed or planned.type in INLINE_POLICIES):
            arn = planned.values.get(MANAGED_POLICIES.get(planned.type, ""))
            name = planned.values.get("name")
            names = {planned.address, planned.block, *(policy_names(arn) if isinstance(arn, str) else ())}
            names.update((name,) if isinstance(name, str) else ())
            policy, note = without_removed_denial(policy, owners, names, managed=managed)
            notes += [note] if note is not None else []
        kept.append(policy)
    return kept, notes
