"""Resources that own all policies of a principal, and remove those that they do not list.

Source: Terraform Registry, provider ``hashicorp/aws``, ``aws_iam_role_policies_exclusive`` ("exclusive ownership over
inline policy assignments: will remove inline policies which are not explicitly configured") and its siblings for users,
groups and managed policies.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.sources.model.configuration import AttachedPolicy, NoteKind, Unreadable

_KINDS = ("role", "user", "group")
INLINE = {f"aws_iam_{kind}_policies_exclusive": kind for kind in _KINDS}
MANAGED = {f"aws_iam_{kind}_policy_attachments_exclusive": kind for kind in _KINDS}
EXCLUSIVE = {**INLINE, **MANAGED}
"""Types of such resources, with the kind of their principals."""
INLINE_POLICIES = frozenset(f"aws_iam_{kind}_policy" for kind in _KINDS)
"""Types of inline policies with a name."""


def without_denial(
    policy: AttachedPolicy, lost: Collection[str], why: str, *, whole: bool = True
) -> tuple[AttachedPolicy, Unreadable | None]:
    """Return a policy without the principals that may not have it, and a note; unchanged if it has no Deny.

    ``whole`` is False if only its Deny statements are in doubt: a policy that also allows something is then unchanged.
    """
    held = lost and not set(policy.principals).isdisjoint(lost)
    effects = {statement.effect for statement in parse_document(policy.document).statements} if held else set()
    if "Deny" not in effects or (not whole and effects != {"Deny"}):
        return policy, None
    kept = replace(
        policy,
        principals=tuple(holder for holder in policy.principals if holder not in lost),
        conditional_principals=tuple(entry for entry in policy.conditional_principals if entry[0] not in lost),
    )
    at, address = policy.resource.at, policy.resource.address
    return kept, Unreadable(
        at.file, f"{address}: its Deny is not counted: {why}", at.line, kind=NoteKind.LIMIT_NOT_COUNTED
    )
