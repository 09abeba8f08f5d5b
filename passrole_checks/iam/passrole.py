"""PassRoleGrant: the roles and the services that a statement lets through."""
# (interface sketch, being written)
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from passrole_checks.iam.values import Position, Text


class Scope(str, Enum):
    """How wide a set of roles is, widest first."""

    ANY_ROLE = "any_role"
    UNRESOLVED = "unresolved"
    PREFIX = "prefix"
    EXACT = "exact"
    ROLE_IN_TEMPLATE = "role_in_template"
    NOT_A_ROLE = "not_a_role"


class Constraint(str, Enum):
    """What a statement's conditions make of ``iam:PassedToService``."""

    ABSENT = "absent"
    EXACT = "exact"
    EXACT_IF_PRESENT = "exact_if_present"
    PATTERN = "pattern"
    INEFFECTIVE = "ineffective"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class RoleScope:
    pattern: Text
    scope: Scope


@dataclass(frozen=True, slots=True)
class Services:
    constraint: Constraint
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PassRoleGrant:
    at: Position
    sid: str | None
    effect: str  # "Allow" | "Deny"
    granted_by: str  # "iam:PassRole", "iam:*", "NotAction"
    scope: Scope
    roles: tuple[RoleScope, ...]
    services: Services
    associated_resource_arn: bool
    resource_tag: bool
    other_conditions: tuple[str, ...]
