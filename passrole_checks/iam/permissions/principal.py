"""Who holds policies, and what all of them together let it do.

Sources: IAM User Guide, "IAM identities", "Policies and permissions in AWS Identity and Access Management"; AWS IAM
Identity Center User Guide, "Manage AWS accounts with permission sets".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from passrole_checks.iam.permissions.permissions import Permissions


class PrincipalKind(str, Enum):
    """What a principal is. ``POLICY``: a policy that is attached to nobody here and stands for whoever will get it."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    PERMISSION_SET = "permission set"
    POLICY = "policy"


@dataclass(frozen=True)
class Principal:
    """A user, a group, a role or a permission set with everything that is attached to it.

    ``name``: its address or logical id, or its literal name where it stands elsewhere; of a policy that stands for
    itself, the policy's. ``unknown``: the attached managed policies that nobody here knows, as written.
    """

    name: str
    kind: PrincipalKind
    permissions: Permissions
    unknown: tuple[str, ...] = ()
