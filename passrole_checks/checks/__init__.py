"""The checks, one file each."""

from __future__ import annotations

from passrole_checks.checks.any_role import AnyRole
from passrole_checks.checks.any_service import AnyService
from passrole_checks.checks.base.check import Check
from passrole_checks.checks.cross_account import CrossAccount
from passrole_checks.checks.get_role_missing import GetRoleMissing
from passrole_checks.checks.implicit_grant import ImplicitGrant
from passrole_checks.checks.ineffective_condition import IneffectiveCondition
from passrole_checks.checks.managed_policy import ManagedPolicyPassRole
from passrole_checks.checks.new_access import NewAccess
from passrole_checks.checks.not_a_role import NotARole
from passrole_checks.checks.privilege_escalation import PrivilegeEscalation
from passrole_checks.checks.self_pass import SelfPass
from passrole_checks.checks.service_linked_role import ServiceLinkedRole
from passrole_checks.checks.shared_condition import SharedCondition
from passrole_checks.checks.stronger_role import StrongerRole
from passrole_checks.checks.tag_condition import TagCondition
from passrole_checks.checks.trust_mismatch import TrustMismatch
from passrole_checks.checks.unresolved import UnresolvedScope

ALL: tuple[type[Check], ...] = (
    AnyRole,
    AnyService,
    IneffectiveCondition,
    TagCondition,
    CrossAccount,
    ServiceLinkedRole,
    ImplicitGrant,
    PrivilegeEscalation,
    StrongerRole,
    NotARole,
    TrustMismatch,
    GetRoleMissing,
    ManagedPolicyPassRole,
    UnresolvedScope,
    NewAccess,
    SelfPass,
    SharedCondition,
)
