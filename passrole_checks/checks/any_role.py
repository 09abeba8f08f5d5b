"""PASSROLE_001."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.access.holder_trust import HolderTrust
from passrole_checks.access.nearly_every_role import (
    match_nearly_every_name_together,
    matches_nearly_every_name,
    widening_variables,
)
from passrole_checks.access.severity import Holder, PassedAccess, Roles, Services, severity_of
from passrole_checks.checks.base.bounded_roles import BOUNDED, creates_only_bounded
from passrole_checks.checks.base.check import TO_LAMBDA, Check, Element, Example, allow
from passrole_checks.checks.base.context_wording import matching_roles
from passrole_checks.checks.base.escalations import administrators
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import narrows_services, roles_of, services_of_any_role
from passrole_checks.checks.base.wording import (
    UNKNOWN_LIMIT,
    and_condition,
    beside,
    except_denied,
    how_granted,
    limited_by_tags,
    only_by,
    only_for,
    only_to,
    resource_of,
    unless_administrators,
)
from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.grants.limits import PassableSet
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Ternary


class AnyRole(Check):
    """This statement allows passing any role in the account.

    A principal with this policy picks the most privileged role that some service can assume, passes it to that
    service (a function, an instance, a build), and acts with its permissions: a path from developer to administrator.
    The spelling does not matter: `*`, `role/*`, a pattern of account ids or a `NotResource` allow the same roles, and
    `iam:*` or a `NotAction` grant iam:PassRole as its name does. Patterns that match nearly every name (`role/*-*`,
    `role/???*`, one for each letter, also in several statements of a principal) are reported at low confidence, and at
    medium confidence those that do so for some value of a policy variable (`role/${aws:PrincipalTag/team}*`: the value
    of a tag may be empty).

    Severity high; medium if a condition names the service or at low confidence; low if that service never runs
    caller code, or only roles that exist for it trust it (launch roles of Service Catalog). The principal that can
    be used by most others counts: for roles that exist to deploy (only CloudFormation, Service Catalog, Fault
    Injection Service, or workflows of named repositories, can assume them) and for administrators that only IAM users
    or named accounts can assume at most medium; for administrators that are people (permission sets, groups, and roles
    that only a SAML provider, or users with MFA, can assume) at most low; for roles that only a service that never
    runs caller code can assume low, and info with a condition.

    Restrict `Resource` to the ARNs of the roles you pass, or to a path or prefix that only they share, and add an
    `iam:PassedToService` condition. Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS
    service".
    """

    id = "PASSROLE_001"
    name = "any-role"
    title = "Ensure that no policy allows passing any role in the account"
    severity = Severity.HIGH
    independent_of = frozenset({Element.SERVICES})
    flagged = (
        Example("every role, by name of the action", (allow("iam:PassRole", "*"),)),
        Example("every role of one account", (allow("iam:Pass*", "arn:aws:iam::111122223333:role/*"),)),
        Example("administrator but for S3", ({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"},)),
        Example(
            "every role but one",
            ({"Effect": "Allow", "Action": "iam:PassRole", "NotResource": "arn:aws:iam::111122223333:role/admin"},),
        ),
        Example("every role, to one service (medium)", (allow("iam:PassRole", "*", TO_LAMBDA),)),
        Example(
            "a Deny that its holder can remove (low)",
            (allow("iam:PassRole", "*"), {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}),
            beside=(allow("iam:PutUserPolicy", "*"),),
        ),
        Example("nearly every name (low confidence)", (allow("iam:PassRole", "arn:aws:iam::111122223333:role/*-*"),)),
        Example(
            "every role, if the value of the tag is empty (medium confidence)",
            (allow("iam:PassRole", "arn:aws:iam::111122223333:role/${aws:PrincipalTag/team}*"),),
        ),
    )
    clean = (
        Example("roles with a prefix", (allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-*"),)),
        Example("a resource that is no role", (allow("*", "arn:aws:s3:::*"),)),
        Example("everything but IAM", ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},)),
        Example(
            "a Deny takes it away",
            (allow(["iam:PassRole", "lambda:*"], "*"), {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}),
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        is_any = grant.scope is Scope.ANY_ROLE
        variables = () if is_any else widening_variables(grant)
        alone = not variables and matches_nearly_every_name(grant)
        nearly = alone or (not is_any and not variables and _are_nearly_all_together(context))
        if not (is_any or nearly or variables):
            return
        wide = [role.pattern for role in grant.roles if role.scope is (Scope.ANY_ROLE if is_any else Scope.PREFIX)]
        if wide and not grant.complement and all(context.is_foreign(pattern) for pattern in wide):
            return  # of an account whose roles cannot be passed here: PASSROLE_005
        unresolved = grant.services.constraint is Constraint.UNRESOLVED
        narrowed = narrows_services(grant) or unresolved
        services = ""
        if grant.open_to_other_services:
            services = " It excludes some services and allows every other one."
        elif unresolved:
            services = " Its `iam:PassedToService` condition is unknown before deployment."
        elif narrowed and grant.services.values:
            services = f" Limited to {', '.join(f'`{value}`' for value in grant.services.values)}."
        kind = services_of_any_role(grant)
        if grant.services.constraint is Constraint.ABSENT and not context.is_open_to_unlisted_services:
            kind = min(kind, Services.CALLER_CODE)
            services = " A Deny, a permissions boundary or an SCP limits the services."
        left = context.widest_effective if is_any else None
        denied = "" if left is None or _is_limited(left) else except_denied(left)
        but = " except those in `NotResource`" if grant.complement else ""
        but = f"{but}{' and' if but and denied else ''}{denied}"
        more = "" if denied else ", including roles more privileged than the principal itself"
        when = left.when if left is not None else ()
        sure = left is None or left.certain is Ternary.YES
        is_certain = sure and not (unresolved or variables or grant.statement.when or when)
        confidence = Confidence.HIGH if is_certain else Confidence.MEDIUM
        confidence = Confidence.LOW if nearly else confidence
        almost = "nearly " if nearly else ""
        trust = context.least_restricted
        start = "By itself, this" if _is_limited(left) else "This"
        start = "Together with other statements, this" if nearly and not alone else start
        is_all = grant.granted_by == "*" and not grant.other_conditions and not when
        are_bounded = _is_limited(left) and _are_bounded(context)
        only = f"{only_by(trust)}{only_for(grant) or only_to(kind, trust)}"
        yield Verdict(
            severity_of(
                PassedAccess(_roles(left), kind, holder=trust.holder, confidence=confidence, are_bounded=are_bounded)
            ),
            f"{start} statement allows passing {almost}any role in the account{but}{more}."
            f"{_if_empty(variables)}{how_granted(grant)}{services}{limited_by_tags(grant)}{beside(grant)}{_limits(left)}"
            f"{BOUNDED if are_bounded else ''}"
            f"{only}{matching_roles(context)}",
            _remedy(context, trust),
            confidence,
            when=when,
            escalations=administrators(context),
            cause=" ".join(("administrator", *trust.names))
            if trust.holder in (Holder.PEOPLE, Holder.ACCOUNTS) and is_all
            else "",
        )


def _are_nearly_all_together(context: GrantContext) -> bool:
    """True if the patterns of all statements of a holder match nearly every role name."""
    return any(match_nearly_every_name_together(context.grant, holder.permissions) for holder in context.holders)


def _if_empty(variables: Sequence[str]) -> str:
    """Return a sentence on the policy variables that widen a pattern to any role; "" if there are none."""
    names = listed([f"`{name}`" for name in variables])
    return f" The value of {names} may be empty, or the caller can choose it." if variables else ""


def _remedy(context: GrantContext, trust: HolderTrust) -> str:
    """Return what to write; for administrators, how to limit who is one."""
    grant, named = context.grant, resource_of(context.grant)
    if grant.explicit:
        limited = and_condition(grant)
        return f"Restrict `{named}` to the role ARNs you pass" + (f",{limited}." if limited else ".")
    is_all = grant.granted_by == "*" and context.holders
    start = "Exclude iam:PassRole with an explicit Deny, or list"
    if is_all:
        start = f"{unless_administrators(context.holders, trust)}list"
    elif any(holder.removable for holder in context.holders):
        start = "List"
    return (
        f"{start} the actions you need and grant iam:PassRole in its own statement, with the role ARNs in "
        f"`{named}` and an `iam:PassedToService` condition."
    )


def _are_bounded(context: GrantContext) -> bool:
    """True if what is left of the grant for each holder are roles that it can create only with a boundary."""
    found = [(holder, context.effective_grant(holder).for_any_service) for holder in context.holders]
    return all(left is None or creates_only_bounded(holder, left.roles, left.when) for holder, left in found)


def _is_limited(left: PassableSet | None) -> bool:
    return left is not None and left.scope is not Scope.ANY_ROLE and not left.complement


def _roles(left: PassableSet | None) -> Roles:
    """Return how many roles the widest holder can pass, less what its other policies exclude."""
    return roles_of(left.scope) if left is not None and _is_limited(left) else Roles.ANY


def _limits(left: PassableSet | None) -> str:
    """Return a sentence on what a Deny, a permissions boundary or an SCP leaves of the roles; "" if it is all."""
    if left is not None and _is_limited(left):
        names = [f"`{shortened(str(role), 140)}`" for role in left.roles]
        return f" A Deny, a permissions boundary or an SCP limits it to {listed(names)}."
    if left is not None and left.certain is not Ternary.YES:
        return UNKNOWN_LIMIT
    return ""
