"""PASSROLE_016."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from passrole_checks.access.role_privilege import can_do_everything
from passrole_checks.access.service_trust import passed_to_service_values, works_for_callers
from passrole_checks.access.severity import PassedAccess, Roles, Services, Use, severity_of
from passrole_checks.checks.base.bounded_roles import BOUNDARY_KEY
from passrole_checks.checks.base.check import TO_LAMBDA, Check, Example, ExampleRole, allow
from passrole_checks.checks.base.escalations import principal_name
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import is_scoped, narrows_services, roles_of, services_of
from passrole_checks.checks.base.wording import MAY_BE_NONE
from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.documents.trust import service_of_linked_role
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.limits import PassableSet
from passrole_checks.iam.permissions.permissions import Allowed
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import StringNode, Ternary
from passrole_checks.iam.values.path_conditions import PathCondition, implies_all

_APP = "arn:aws:iam::111122223333:role/app-*"
# what makes a role more than it was: its policies, who may assume it, and its boundary if it has one
_BOUNDARY_CHANGES = ("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary")
_POLICY_CHANGES = ("iam:AttachRolePolicy", "iam:PutRolePolicy")
_TRUST_CHANGES = ("iam:UpdateAssumeRolePolicy", "iam:CreateRole", "iam:DeleteRole")
_CHANGES = (*_POLICY_CHANGES, "iam:UpdateAssumeRolePolicy", *_BOUNDARY_CHANGES)
# a condition on one of these says which policies or boundaries can be given: not whatever the principal likes
_BOUND_BY = (BOUNDARY_KEY, "iam:policyarn")
_NARROW = "Narrow the pattern in `Resource` so that it leaves out the role itself, or exclude the role with a Deny"


class SelfPass(Check):
    """A role can pass itself, or a principal can pass a role that it can also change.

    A role that passes itself keeps its access in every workload that it starts, after its own session ends. A principal
    that can change the policies or the trust policy of a role that it passes decides what the role can do: it grants
    the role everything, passes it to a service, and has it. A condition on `iam:PermissionsBoundary` or `iam:PolicyARN`
    on those actions closes that path. Service-linked roles cannot be changed, and new policies of a role cannot exceed
    its boundary. Roles of this configuration that no service can assume do not count, unless the principal can change
    their trust policy or replace them. Changes of a permissions boundary count for roles that have one, and at low
    confidence for roles that may have one. Low at low confidence, such as if the roles and those that it can change are
    the same for some values only, or if its boundary may exclude them. Low if a role passes itself, named exactly, to
    services that a condition or its trust policy names: some services need that, and nothing is gained. If any role can
    be passed, any-role reports it.

    Remove the principal's own role from `Resource`, and let another principal change the roles, or only within a
    permissions boundary. Sources: IAM User Guide, "Permissions boundaries for IAM entities" and "Update permissions for
    a role".
    """

    id = "PASSROLE_016"
    name = "self-pass"
    title = "Ensure that no role can pass itself or a role that it can change"
    severity = Severity.MEDIUM
    needs_all_policies = True
    flagged = (
        Example("its own name is among those of the pattern", (allow("iam:PassRole", _APP, TO_LAMBDA),),
                roles=(ExampleRole("app-builder", ("lambda.amazonaws.com",), is_holder=True),)),
        Example("it writes the policies of what it passes", (allow("iam:PassRole", _APP, TO_LAMBDA),),
                beside=(allow("iam:PutRolePolicy", _APP),)),
    )  # fmt: skip
    clean = (
        Example("other roles", (allow("iam:PassRole", _APP, TO_LAMBDA),),
                roles=(ExampleRole("builder", ("lambda.amazonaws.com",), is_holder=True),)),
        Example("only within a permissions boundary", (allow("iam:PassRole", _APP, TO_LAMBDA),),
                beside=(allow("iam:PutRolePolicy", _APP, {"StringEquals": {
                    "iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/app-boundary"}}),)),
        Example("it changes other roles", (allow("iam:PassRole", _APP, TO_LAMBDA),),
                beside=(allow("iam:PutRolePolicy", "arn:aws:iam::111122223333:role/batch-*"),)),
    )  # fmt: skip

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        unresolved = grant.scope is Scope.UNRESOLVED
        if not (unresolved or is_scoped(grant)) or grant.complement or not grant.roles:
            return
        for holder in context.holders:
            if can_do_everything(holder, grant.statement.when):
                continue
            passing = context.effective_grant(holder)
            verdict = self._changes(context, passing, holder) or self._itself(context, passing, holder)
            if verdict is None or (unresolved and verdict.confidence is Confidence.LOW):
                continue
            yield replace(verdict, confidence=Confidence.MEDIUM) if unresolved else verdict  # it holds for every value

    @staticmethod
    def _changes(context: GrantContext, passing: EffectiveGrant, holder: Principal) -> Verdict | None:
        """Return the verdict if the principal can change a role in scope."""
        left = passing.for_any_service
        if left is None:
            return None
        found = _possible_changes(context, passing, left, holder)
        if not found:
            return None
        sure = {name: when for name, (_, certain, when) in found.items() if certain is Ternary.YES}
        facts = min(sure.values() if sure else (when for _, _, when in found.values()), key=len)
        if holder.certain_permissions.is_administrator_when(facts):
            return None
        names = [name for name in sure or found if implies_all(facts, found[name][2])]
        if not sure:  # the roles may be others, and may have no boundary
            names = [name for name in names if name not in _BOUNDARY_CHANGES] or names
        roles = list(dict.fromkeys(str(found[name][0]) for name in names))
        them = "it" if len(roles) == 1 and "*" not in roles[0].rpartition(":role/")[2] else "them"
        is_known = not facts and holder.kind is not PrincipalKind.POLICY
        confidence = (Confidence.HIGH if is_known else Confidence.MEDIUM) if sure else Confidence.LOW
        may_be_none = not sure and context.limit_may_exclude_all(holder)
        services = services_of(context.grant)
        if "iam:UpdateAssumeRolePolicy" in names:  # lets the principal assume the role itself
            services = max(services, Services.CALLER_CODE)
        roles_in_scope = roles_of(left.scope)
        access = PassedAccess(roles_in_scope, services, Use.CHANGE, confidence=confidence, may_be_none=may_be_none)
        return Verdict(
            _severity(context, holder, access),
            f"can pass {listed([shortened(role, 140) for role in roles])}, and can also change {them} with "
            f"{listed([f'`{name}`' for name in names])}.{MAY_BE_NONE if may_be_none else ''}",
            "Let another principal change the roles that this one passes, or require a permissions boundary with an "
            "`iam:PermissionsBoundary` condition.",
            confidence,
            who=(principal_name(holder),),
            when=facts,
            cause=context.name_of(holder),
        )

    @staticmethod
    def _itself(context: GrantContext, passing: EffectiveGrant, holder: Principal) -> Verdict | None:
        """Return the verdict if the principal can pass its own role to a service that can assume it."""
        own = context.role_of(holder)
        if own is None or holder.kind is not PrincipalKind.ROLE:
            return None
        if own.address not in context.passable_roles.passable(passing).addresses:
            return None
        exact = any(context.known_role(role.pattern) == own for role in context.grant.roles)
        narrowed = narrows_services(context.grant)
        services = services_of(context.grant) if narrowed else Services.ANY
        if own.presumed:  # a role can be passed only to services that its trust policy names
            runs = any(map(works_for_callers, passed_to_service_values(own.presumed)))
            services = min(services, Services.CALLER_CODE if runs else Services.OWN_WORK)
        low = exact and services is not Services.ANY
        left = passing.for_any_service
        facts = left.when if left is not None else context.grant.statement.when
        confidence = Confidence.MEDIUM if own.trusted is None or facts else Confidence.HIGH
        access = PassedAccess(Roles.EXACT if exact else Roles.PATTERN, services, Use.KEEP, confidence=confidence)
        receiving: Sequence[str] = context.grant.services.values if narrowed else sorted(own.trusted or ())
        workload = f"new workload{f' in {listed(receiving)}' if receiving else ''}"
        return Verdict(
            _severity(context, holder, access),
            f"can pass itself to a {workload} and keep its access there.",
            ("Remove the role itself from `Resource`" if exact else _NARROW)
            + (", unless its workloads must run with the same role." if low else "."),
            confidence,
            who=(principal_name(holder),),
            when=facts,
            message_for_several=f"can each pass their own role to a {workload} and keep their access there.",
        )


def _severity(context: GrantContext, holder: Principal, access: PassedAccess) -> Severity:
    return severity_of(replace(access, holder=context.trust_of(holder).holder))


def _possible_changes(
    context: GrantContext, passing: EffectiveGrant, left: PassableSet, holder: Principal
) -> dict[str, tuple[StringNode, Ternary, PathCondition]]:
    """Return the actions with which the principal may change a role that it can pass, each with the most certain such
    role, how certain that is, and when it applies."""
    found: dict[str, tuple[StringNode, Ternary, PathCondition]] = {}
    changes = [name for name in _CHANGES if holder.permissions.allows(name, (), left.when) is not None]
    if not changes:
        return found
    for pattern in context.with_first(left.roles, [holder.name]):
        if not changes:
            break
        if service_of_linked_role(pattern):
            continue  # a service-linked role can be changed by its service only
        if not context.passable_roles.may_use(pattern, passing) and not _decides_trust(holder, pattern, left.when):
            continue  # no service can assume it
        widening = _widening(context, holder, pattern, left.when)
        for name in changes:
            allowed = holder.permissions.allows(name, (pattern,), left.when)
            widens = widening.get(name, Ternary.YES)
            if allowed is not None and widens is not Ternary.NO and not _keys(allowed).intersection(_BOUND_BY):
                found[name] = (pattern, allowed.certain & left.certain & widens, allowed.when)
        changes = [name for name in changes if name not in found or found[name][1] is not Ternary.YES]
    return found


def _decides_trust(holder: Principal, pattern: StringNode, when: PathCondition) -> bool:
    """True if a principal may change the trust policy of a role, or replace the role."""
    may = {name: holder.permissions.allows(name, (pattern,), when) is not None for name in _TRUST_CHANGES}
    return may["iam:UpdateAssumeRolePolicy"] or (may["iam:CreateRole"] and may["iam:DeleteRole"])


def _widening(context: GrantContext, holder: Principal, pattern: StringNode, when: PathCondition) -> dict[str, Ternary]:
    """Return whether changes of policies and boundaries widen roles.

    New policies do not, if the roles have a boundary that neither the principal nor the roles themselves can change.
    """
    changes = dict.fromkeys(_BOUNDARY_CHANGES, _has_boundary(context, holder, pattern, when))
    if context.has_boundary(pattern) is Ternary.YES and not any(
        holder.permissions.allows(name, (pattern,), when) for name in _BOUNDARY_CHANGES
    ):
        changes |= dict.fromkeys(_POLICY_CHANGES, ~context.boundary_excludes(pattern, _CHANGES))
    return changes


def _has_boundary(context: GrantContext, holder: Principal, pattern: StringNode, when: PathCondition) -> Ternary:
    """Return whether roles have a permissions boundary: YES also where the principal can create or change them only
    with one."""
    known = context.has_boundary(pattern)
    if known is not Ternary.UNKNOWN:
        return known
    ways = (holder.permissions.allows(name, (pattern,), when) for name in ("iam:CreateRole", *_CHANGES))
    return Ternary.YES if any(way is not None and BOUNDARY_KEY in _keys(way) for way in ways) else known


def _keys(allowed: Allowed) -> set[str]:
    return {key.lower() for key in allowed.conditions}
