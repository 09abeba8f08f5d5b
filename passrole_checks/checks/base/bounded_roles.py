"""Roles that a principal can create and change only within a permissions boundary.

Source: IAM User Guide, "Permissions boundaries for IAM entities", "Delegating responsibility to others using
permissions boundaries": an administrator lets others create roles under a path, each with a boundary, and pass these
to services.
"""

from __future__ import annotations

from collections.abc import Sequence

from passrole_checks.iam.permissions.principal import Principal
from passrole_checks.iam.values.nodes import StringNode
from passrole_checks.iam.values.path_conditions import PathCondition

BOUNDARY_KEY = "iam:permissionsboundary"
"""The condition key with the permissions boundary of a role, in lower case."""
BOUNDED = " It can create and change such roles only with a permissions boundary."

_WITH_BOUNDARY = ("iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary")
_WITHOUT = ("iam:DeleteRolePermissionsBoundary", "iam:UpdateAssumeRolePolicy")
_OF_POLICIES = "iam:CreatePolicyVersion"  # changes the policy that is the boundary


def creates_only_bounded(holder: Principal, roles: Sequence[StringNode], when: PathCondition) -> bool:
    """True if a principal can create each of the roles, and surely create and change them only with a permissions
    boundary, and cannot change the boundary."""
    permissions = holder.permissions
    if not permissions.complete or permissions.allows(_OF_POLICIES, (), when) is not None or not roles:
        return False
    for role in roles:
        if holder.certain_permissions.allows(_WITH_BOUNDARY[0], (role,), when) is None:
            return False
        ways = (way for action in _WITH_BOUNDARY for way in permissions.ways(action, (role,), when))
        if any(BOUNDARY_KEY not in {key.lower() for key in way.conditions} for way in ways):
            return False
        if any(permissions.allows(action, (role,), when) is not None for action in _WITHOUT):
            return False
    return True
