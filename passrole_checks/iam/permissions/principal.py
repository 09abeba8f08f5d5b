"""Principals and the combined permissions of their policies.

Sources: IAM User Guide, "IAM identities", "Policies and permissions in AWS Identity and Access Management"; AWS IAM
Identity Center User Guide, "Manage AWS accounts with permission sets".
"""

from __future__ import annotations

from enum import Enum

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.permissions.removable_limits import RemovableLimit


class PrincipalKind(str, Enum):
    """The kind of a principal. ``POLICY``: a policy without known attachments, in place of its future principals."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    PERMISSION_SET = "permission set"
    POLICY = "policy"


@dataclass(frozen=True)
class Principal:
    """A user, group, role or permission set with everything attached to it.

    ``name``: its address or logical id, or its literal name if it is defined elsewhere; for kind POLICY, the policy's.
    ``unknown``: attached managed policies whose content is unknown, as written. ``certain``: the permissions without
    those of policies that it only may have; None if it surely has all of them. ``removable``: the limits that it can
    remove, and that its permissions do not contain.
    """

    name: str
    kind: PrincipalKind
    permissions: Permissions
    unknown: tuple[str, ...] = ()
    certain: Permissions | None = None
    removable: tuple[RemovableLimit, ...] = ()

    @property
    def certain_permissions(self) -> Permissions:
        """The permissions that it surely has: what others it may have does not make a role less than itself."""
        return self.permissions if self.certain is None else self.certain
