"""Find the permissions boundary that narrows access which a statement itself still grants."""

from __future__ import annotations

from collections.abc import Collection

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.partial_values import Position
from passrole_checks.sources.model.configuration import AttachedPolicy, Attachments, BoundaryUse


def narrowing_boundary(old: Attachments, new: Attachments, holders: Collection[str]) -> Position | None:
    """Return the position of the first boundary of one of the holders that the old version does not have as it is.

    It is the first statement that differs, if the old version has the boundary with other statements.
    """
    before, after = old.boundaries_by_principal(), new.boundaries_by_principal()
    for holder in holders:
        old_policies = [use.policy for use in before.get(holder, ())]
        for use in after.get(holder, ()):
            position = _difference(use, old_policies)
            if position is not None:
                return position
    return None


def _difference(use: BoundaryUse, old_policies: Collection[object]) -> Position | None:
    policy = use.policy
    if policy is None:
        return None
    if not isinstance(policy, AttachedPolicy):
        is_known = any(not isinstance(old, AttachedPolicy) and old == policy for old in old_policies)
        return None if is_known or not policy.at.line else policy.at
    same = [
        old
        for old in old_policies
        if isinstance(old, AttachedPolicy) and old.resource.address == policy.resource.address
    ]
    if not same:
        return policy.resource.at
    known = {statement.identity for old in same for statement in parse_document(old.document).statements}
    statements = parse_document(policy.document).statements
    changed = next((statement.at for statement in statements if statement.identity not in known), None)
    if changed is None and {statement.identity for statement in statements} == known:
        return None
    return changed or policy.resource.at
