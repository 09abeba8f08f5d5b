"""Resources that own all policies of a principal, and remove those that they do not list.

Sources: Terraform Registry, provider ``hashicorp/aws``: ``aws_iam_role_policies_exclusive`` ("exclusive ownership over
inline policy assignments: will remove inline policies which are not explicitly configured") and its siblings for users,
groups and managed policies; ``aws_iam_role``, ``inline_policy`` ("will remove all inline policies added out of band")
and ``managed_policy_arns`` ("will align the role's managed policy attachments with this set by attaching or detaching
managed policies"); ``aws_iam_policy_attachment`` ("creates exclusive attachments of IAM policies": entities that have
the policy otherwise have it revoked).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.sources.model.configuration import AttachedPolicy, NoteKind, Unreadable
from passrole_checks.sources.model.policy_owners import PolicyOwner

_KINDS = ("role", "user", "group")
INLINE = {f"aws_iam_{kind}_policies_exclusive": kind for kind in _KINDS}
MANAGED = {f"aws_iam_{kind}_policy_attachments_exclusive": kind for kind in _KINDS}
EXCLUSIVE = {**INLINE, **MANAGED}
"""Types of such resources, with the kind of their principals."""
OF_POLICY = "aws_iam_policy_attachment"
"""The type of resource that owns all attachments of one managed policy."""
OWN_ARGUMENTS = {"inline_policy": False, "managed_policy_arns": True}
"""The arguments of ``aws_iam_role`` that own its inline, or its managed, policies."""
INLINE_POLICIES = frozenset(f"aws_iam_{kind}_policy" for kind in _KINDS)
"""Types of inline policies with a name."""


def without_removed_denial(
    policy: AttachedPolicy, owners: Iterable[PolicyOwner], names: Collection[str], *, managed: bool
) -> tuple[AttachedPolicy, Unreadable | None]:
    """Return a policy without the principals from which other resources remove it, and a note; unchanged if it has no
    Deny. ``names`` and ``managed``: as of :meth:`PolicyOwner.removed_from`."""
    lost = {owner: owner.removed_from(policy.holders, names, managed=managed) for owner in owners}
    removing = [owner for owner, principals in lost.items() if principals]
    if not removing:
        return policy, None
    return without_denial(policy, frozenset().union(*lost.values()), removing[0].reason)


def without_denial(
    policy: AttachedPolicy, lost: Collection[str], why: str, *, whole: bool = True
) -> tuple[AttachedPolicy, Unreadable | None]:
    """Return a policy without the principals that may not have it, and a note; unchanged if it has no Deny.

    ``whole`` is False if only its Deny statements are in doubt: a policy that also allows something is then unchanged.
    """
    held = lost and not set(policy.holders).isdisjoint(lost)
    effects = {statement.effect for statement in parse_document(policy.document).statements} if held else set()
    if "Deny" not in effects or (not whole and effects != {"Deny"}):
        return policy, None
    kept = replace(
        policy,
        principals=tuple(holder for holder in policy.principals if holder not in lost),
        deployed_to=tuple(holder for holder in policy.deployed_to if holder not in lost),
        conditional_principals=tuple(entry for entry in policy.conditional_principals if entry[0] not in lost),
    )
    at, address = policy.resource.at, policy.resource.address
    return kept, Unreadable(
        at.file, f"{address}: its Deny is not counted: {why}", at.line, kind=NoteKind.LIMIT_NOT_COUNTED
    )
