"""Propose a narrower statement: the roles and services that its configuration really passes.

One configuration does not show roles that another one, or a person, passes. So roles are only named if resources of
this configuration receive roles that the statement currently allows; the description says where they are from. No
statement becomes wider, except for a misspelled service, whose statement allows nothing.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service": name the roles in ``Resource`` and
the service in ``iam:PassedToService``, do not rely on tags. A condition on that key disables the other actions of its
statement, whose requests do not carry it ("IAM JSON policy elements: Condition operators").
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from passrole_checks.access.derived_services import OpenPointKind
from passrole_checks.access.known_roles import resolve_role
from passrole_checks.access.service_trust import passed_to_service_values
from passrole_checks.aws.service_principals import known_services
from passrole_checks.escaping.shorten import shortened
from passrole_checks.iam.conditions.likely_typos import NOT_A_KEY
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import StringNode
from passrole_checks.sources.collect.terraform_tables import PERMISSION_SETS
from passrole_checks.sources.model.addresses import module_of, seen_from
from passrole_checks.suggest.advice import (
    MAX_NAMED_ROLES,
    SEPARATE_GET_ROLE,
    Advice,
    listed_names,
    unsent_key,
    untested_services,
)
from passrole_checks.suggest.caveats import conditional_resources, missing_parts, unknown_principals, variable_choice
from passrole_checks.suggest.derived_limit import DerivedLimit
from passrole_checks.suggest.not_editable import why_not_editable
from passrole_checks.suggest.passed_roles import UNLIMITED, PassedRole, PassedRoles
from passrole_checks.suggest.render_statement import placeholder
from passrole_checks.suggest.service_names import intended_services
from passrole_checks.suggest.suggestion import StatementChange, TargetRole

ANY_ROLE, ANY_SERVICE, INEFFECTIVE, TAGS = "PASSROLE_001", "PASSROLE_002", "PASSROLE_003", "PASSROLE_004"
LINKED, GET_ROLE = "PASSROLE_006", "PASSROLE_012"
FIXABLE_CHECKS = frozenset({ANY_ROLE, ANY_SERVICE, INEFFECTIVE, TAGS, LINKED, GET_ROLE})
"""The checks whose findings an edit of the statement can resolve."""

_SEPARATE = "iam:PassRole in a separate statement, because this one has other actions"
_LIMITED = (Scope.EXACT, Scope.ROLE_IN_TEMPLATE, Scope.PREFIX)
_MOST_TRUSTING = 5  # roles named only because they trust a service, or by placeholders
_SHOWN = 3


class _ManualReviewError(Exception):
    """Raised if manual review is needed; the arguments are phrases that say what to find out."""


class _UnknownServicesError(_ManualReviewError):
    """Raised if only the services must be found out."""


def propose(over: PassedRoles, checks: Collection[str], limit: DerivedLimit | None = None) -> Advice:
    """Return the advice for a statement that these checks flag; checks that an edit cannot resolve are ignored. Never
    raises. ``limit``: the services that its holders can pass roles to.
    """
    return _Decision(over, frozenset(checks) & FIXABLE_CHECKS, limit).advice()


class _Decision:
    """The decision on one statement.

    ``stated``: the services that its condition names individually; ``intended``: those that it is meant to name, None
    if they follow from the roles; ``usable``: those that its holders can pass roles to, if they are known.
    """

    def __init__(self, over: PassedRoles, checks: frozenset[str], limit: DerivedLimit | None) -> None:
        self.over, self.checks, self.limit = over, checks, limit
        self.grant, self.condition = over.grant, over.grant.condition
        self.module = module_of(over.located.resource.address)
        exact = self.grant.services.constraint in (Constraint.EXACT, Constraint.EXACT_IF_PRESENT)
        is_stated = exact and self.condition.constraint is not Constraint.ABSENT
        self.stated: tuple[str, ...] = self.grant.services.values if is_stated else ()
        self.intended: tuple[str, ...] | None = None
        self.usable = limit.services if limit is not None and limit.is_complete else ()
        self.passed: Sequence[PassedRole] = ()
        self.roles: tuple[TargetRole, ...] = ()
        self.services: tuple[str, ...] = ()
        self.words: list[str] = []
        self.open_points: tuple[str, ...] = ()
        self.targets = self.checks
        self.by_trust = self.is_by_trust_only = self.is_of_account = False

    def advice(self) -> Advice:
        new = self._needs_separate_statement
        try:
            change = self._propose_change()
        except _ManualReviewError as missing:
            missing_points = (*missing.args, *((_SEPARATE,) if new and self.checks != {GET_ROLE} else ()))
            missing_points += self._roles_to_choose()
            self._keep_plausible_roles()
            asks_services = isinstance(missing, _UnknownServicesError)
            return Advice(
                None, "", missing_points, self.roles, self.services, self.checks, new, asks_services=asks_services
            )
        reads = GET_ROLE in self.checks and not change.get_role
        if reads and change != StatementChange():
            self.words.append(SEPARATE_GET_ROLE)
        says = "; ".join(self.words)
        said = f"{says[:1].upper()}{says[1:]}."
        return Advice(change, said, self.open_points, self.roles, self.services, self.targets, new, reads)

    # -- what is wanted

    def _propose_change(self) -> StatementChange:
        grant, checks = self.grant, self.checks
        refused = why_not_editable(self.over.analyzed, self.over.located)
        if refused:
            raise _ManualReviewError(refused)
        tags = self.condition.tags if TAGS in checks else ()
        self.intended = self._intended_services() if INEFFECTIVE in checks else None
        wide = grant.scope is Scope.ANY_ROLE
        narrow = wide or LINKED in checks or (bool(tags) and grant.scope is Scope.PREFIX)
        open_ = grant.services.constraint in UNLIMITED or grant.open_to_other_services
        limit = self.intended is not None or bool({ANY_SERVICE, INEFFECTIVE} & checks) or (narrow and open_)
        if not narrow and not limit and not tags:
            return self._get_role()
        narrow = self._find_passed(narrow, limit)
        if narrow:
            try:
                self._name_roles()
            except _ManualReviewError as missing:
                if self.intended is None or self.condition.dead or tags:
                    raise
                narrow, self.open_points, self.roles = False, tuple(missing.args), ()
                self.targets = frozenset({INEFFECTIVE})
        if limit:
            found = _services_of(self.passed) if narrow else ()
            self.services = self.intended if self.intended is not None else found or self._services()
            self._describe_services(narrow=narrow)
        if tags:
            self.words.append(f"removes the condition on {', '.join(dict.fromkeys(tags))}")
        separate = self._needs_separate_statement and (narrow or limit)
        if separate:
            self.words.append("keeps the other actions in the existing statement")
        return StatementChange(
            roles=self.roles if narrow else None,
            services=self.services if limit else None,
            drop=tuple(dict.fromkeys(tags)),
            separate=separate,
        )

    def _find_passed(self, narrow: bool, limit: bool) -> bool:
        """Find the roles that are passed, with the services that the holders can pass them to, if these are known.
        Return True if the statement is to name roles. ``narrow``: it must; ``limit``: it must name services.
        """
        self.passed = self.over.roles(self.intended)
        if self.usable:
            usable = (
                replace(one, services=tuple(filter(set(self.usable).__contains__, one.services))) for one in self.passed
            )
            self.passed = [one for one in usable if one.services]
        if self.passed:
            return narrow
        if narrow:
            # other modules may pass the roles to the services that the condition names, if its holders are known
            is_known = self.limit is not None and not self.limit.derived.has(OpenPointKind.HOLDER_UNKNOWN)
            elsewhere = self.over.in_other_modules if is_known and self.stated else tuple
            self.passed = self._trusting() or elsewhere() or self._in_account()
        elif limit and self.grant.scope is Scope.PREFIX and not self.grant.complement:
            self.passed = self._in_account()
            return bool(self.passed)
        return narrow

    def _trusting(self) -> Sequence[PassedRole]:
        """Return the roles of this configuration that trust the services that the condition names, or else that the
        holders can pass roles to, if these are known and the roles are few.

        A principal may pass itself to the service that the condition names, if others pass no role to that.
        """
        if self.limit is None or self.limit.creates_roles:
            return ()
        named = self.stated
        if not self.limit.is_complete and (not named or self.limit.derived.has(OpenPointKind.HOLDER_UNKNOWN)):
            return ()
        is_own = bool(named) and not self.over.roles(self.intended, by_others=True)
        found = self.over.trusting(self._named_services or self.limit.services, principals=is_own)
        trusted = set(_services_of(found))
        serves = trusted >= set(named) if named else self.limit.serves_all_actions(trusted)
        self.is_by_trust_only = serves and len(found) <= _MOST_TRUSTING
        return found if self.is_by_trust_only else ()

    def _in_account(self) -> Sequence[PassedRole]:
        """Return all roles of the account that the statement covers and that services may assume, if they are few."""
        found = self.over.in_account(self._named_services or self.usable)
        self.is_of_account = 0 < len(found) <= MAX_NAMED_ROLES
        return found if self.is_of_account else ()

    def _roles_to_choose(self) -> tuple[str, ...]:
        """Return a phrase on the roles of the account that the statement covers, if they are known."""
        if self.grant.scope not in (Scope.ANY_ROLE, Scope.PREFIX) or self.grant.complement:
            return ()
        found = self.over.in_account(self.stated)
        origin = self.over.origin_of(found)
        if not origin or not {ANY_ROLE, ANY_SERVICE} & self.checks:
            return ()
        names = listed_names([one.label.partition(":role/")[2] or one.label for one in found])
        return (f"which of the roles of {origin} it needs: {names}",)

    @property
    def _needs_separate_statement(self) -> bool:
        """True if iam:PassRole needs a separate statement, because the statement allows other actions."""
        return self.grant.only_pass_role and self.grant.other_actions and not self.condition.shared

    def _get_role(self) -> StatementChange:
        """Add iam:GetRole beside iam:PassRole, as AWS writes it; in a separate statement if a condition prevents it."""
        keys = self.condition.constraint is not Constraint.ABSENT or self.condition.associated_resource_arn
        if keys or self.condition.tags:
            self.words.append(SEPARATE_GET_ROLE)
            return StatementChange()
        self.words.append("also allows iam:GetRole on the roles")
        return StatementChange(get_role=True)

    # -- services

    def _intended_services(self) -> tuple[str, ...] | None:
        """Return the services that the condition intends, if it says so; None if they follow from the roles."""
        condition = self.condition
        if any(suspicion.reason.startswith(NOT_A_KEY) for suspicion in condition.likely_typos):
            raise _ManualReviewError("the intended condition key: iam:PassedToService or another one")
        if condition.problems or any("${" in value or "{{" in value for value in condition.values):
            raise _ManualReviewError("the full name of the service that uses the roles")
        every = condition.constraint is Constraint.INEFFECTIVE and bool(condition.possible)
        if every or condition.negated_only or not condition.values or "*" in condition.values:
            return None
        known = known_services(self.over.partition)
        found: dict[str, None] = {}
        for value in condition.values:
            meant = (value,) if value in known_services("aws-cn") else intended_services(value, known)
            if not meant:
                raise _ManualReviewError(f'the full name of the service meant by "{shortened(value)}"')
            found.update(dict.fromkeys(meant))
        if self.grant.services.constraint is Constraint.EXACT_IF_PRESENT and set(found) == set(condition.values):
            open_question = unsent_key(list(found))
            if open_question:
                raise _ManualReviewError(open_question)
        return tuple(found)

    def _services(self) -> tuple[str, ...]:
        """Return the services of a statement whose roles stay unchanged."""
        if self.grant.scope is Scope.PREFIX:
            if not (found := _services_of(self.passed)):
                raise _UnknownServicesError(
                    "the service that uses the roles: this configuration passes none of them to a service"
                )
            return found
        services: set[str] = set()
        for item in self.grant.roles:
            if item.scope is Scope.NOT_A_ROLE:
                continue
            role = self._known_role(item.pattern)
            own = {service for one in self.passed if self._is_passed(item.pattern, [one]) for service in one.services}
            trusted = set(passed_to_service_values(role.trusted or ())) if role is not None else set[str]()
            trusted = set(filter(self.over.allows_service, trusted))
            if not own and not trusted:
                raise _UnknownServicesError(f"the service that uses {shortened(str(item.pattern))}")
            # roles passed at run time, or by missing parts, may go to other services than those in the code
            both = self.over.is_runtime_only or bool(missing_parts(self.over))
            taken = own | trusted if both else own or trusted
            self.by_trust |= bool(trusted) if both else not own
            services |= taken
        return tuple(sorted(services))

    # -- roles

    def _name_roles(self) -> None:
        """Name the roles that the configuration passes. Raises :class:`_ManualReviewError` if that is not certain."""
        if self.over.located.resource.type in PERMISSION_SETS:
            raise _ManualReviewError(
                "the roles in the accounts that the permission set is provisioned into: a role can only be passed in"
                " its own account"
            )
        self._draft(self.passed)
        unknown = [one.label for one in self.passed if one.wanted is None]
        if unknown:
            raise _ManualReviewError(
                *(f"how the statement can name {shortened(label)}" for label in unknown[:_SHOWN]),
                *([f"and {len(unknown) - _SHOWN} similar roles"] if len(unknown) > _SHOWN else []),
            )
        if not self.passed:
            raise _ManualReviewError(self._offer_roles())
        without = [service for service in self._named_services if service not in self.services]
        if without:
            self.roles = (*self.roles, placeholder(f"role ARN for {listed_names(without)}", self.grant.at))
            raise _ManualReviewError(f"role ARNs for {listed_names(without)}")
        limited = [role.pattern for role in self.grant.roles if role.scope in _LIMITED]
        beside = [str(pattern) for pattern in limited if not self._is_passed(pattern, self.passed)]
        if self.grant.scope is Scope.ANY_ROLE and beside:
            raise _ManualReviewError(
                f"role ARNs passed in addition to {listed_names(beside)}, which the statement names"
            )
        caveats = self._find_caveats()
        if caveats and not self.is_of_account:  # these are all roles that can be passed now
            raise _ManualReviewError(*caveats)
        if len(self.passed) > MAX_NAMED_ROLES:
            raise _ManualReviewError(f"a path or prefix that the {len(self.passed)} roles passed here share")
        self._describe_roles()

    def _describe_roles(self) -> None:
        names = listed_names([seen_from(self.module, one.label) for one in self.passed])
        services, count = listed_names(self.services), len(self.passed)
        noun = "role" if count == 1 else f"{count} roles"
        which = f"that this configuration passes to {services}"
        origin = self.over.origin_of(self.passed)
        place = f"of {origin}" if origin else "of this configuration"
        if self.is_of_account:
            self.words.append(f"names the {noun} {place} that the statement covers ({names}); add roles created later")
            return
        if self.is_by_trust_only:
            which = f"{place} that {'trusts' if count == 1 else 'trust'} {services}"
        self.words.append(f"names the {noun} {which} ({names}); add roles that are passed manually or elsewhere")

    def _draft(self, passed: Sequence[PassedRole]) -> None:
        self.roles = tuple(one.drafted(self.module, self.grant.at) for one in passed)
        self.services = _services_of(passed)

    def _offer_roles(self) -> str:
        """Keep, for display, the roles that others pass and the principals may pass too; return what to find out."""
        named = self._named_services or self.usable
        reached = set(named or self._reached())
        passed = self.over.roles(self.intended, by_others=True)
        offered = [one for one in passed if not reached or reached.intersection(one.services)]
        if not 0 < len(offered) <= MAX_NAMED_ROLES:
            to = f" to {listed_names(named)}" if named else ""
            return f"role ARNs: this code does not show which roles this principal passes{to}"
        self.passed = offered
        self._draft(offered)
        if len(offered) > _MOST_TRUSTING and any(one.wanted is None for one in offered):
            self.roles = ()
        names = listed_names([seen_from(self.module, one.label) for one in offered])
        return (
            f"role ARNs: whether this statement is for {names}, which the deployment of this configuration passes to"
            f" {listed_names(self.services)}"
        )

    def _keep_plausible_roles(self) -> None:
        """Keep, for display, only the roles that the other actions can pass; other principals pass the rest."""
        reached = self._reached() if self.services and not self.stated else ()
        if reached:
            fits = [one for one in self.passed if set(one.services) & set(reached)]
            services = tuple(service for service in self.services if service in reached)
            self._draft(fits)
            self.services = services or (reached if len(reached) <= _SHOWN else ())

    def _find_caveats(self) -> tuple[str, ...]:
        """Return why the passed roles may be incomplete or wrong."""
        choices = (variable_choice(self.over, place) for one in self.passed for place in one.places)
        known = self._named_services or self.usable
        found = [*choices, *conditional_resources(self.over, known), *missing_parts(self.over, known)]
        if not self._named_services:
            found.append(unknown_principals(self.over))
            sent = [one for one in self.limit.named if one.actions] if self.limit is not None else []
            if sent and not {one.service for one in sent} & set(self.services):  # the holders use other roles
                found.append(f"role ARNs for {sent[0].service} ({sent[0].actions[0]})")
            own = sorted(seen_from(self.module, address) for address in self.over.own_tasks)
            if len(own) > 1:  # one of them may start another
                found.append(f"whether this statement is also for {listed_names(own)}, which use its role")
        return tuple(dict.fromkeys(filter(None, found)))

    def _reached(self) -> tuple[str, ...]:
        """Return the services that the actions of the statement, or else the other permissions of its holders, pass
        roles to; empty if unknown."""
        return tuple(one.service for one in self.limit.sent_by(self.grant.statement)) if self.limit is not None else ()

    def _known_role(self, pattern: StringNode) -> KnownRole | None:
        model = self.over.analyzed.model
        return resolve_role(pattern, model.roles, model.roles_by_name)

    def _is_passed(self, pattern: StringNode, passed: Sequence[PassedRole]) -> bool:
        """True if a Resource is one of the passed roles."""
        role = self._known_role(pattern)
        return any(one.label in (str(pattern), role.address if role is not None else "") for one in passed)

    @property
    def _named_services(self) -> tuple[str, ...]:
        """Return the services that the condition is meant to name, or else names individually."""
        return self.intended if self.intended is not None else self.stated

    def _describe_services(self, *, narrow: bool) -> None:
        services, stated = listed_names(self.services), self.condition.values
        changed = [value for value in stated if value not in (self.intended or ())]
        if self.intended is not None and changed:
            quoted = listed_names([f'"{shortened(value)}"' for value in changed])
            says = f"writes {services} in iam:PassedToService instead of {quoted}"
        elif self.intended is not None:
            says = f"allows passing roles to {services} only in requests that carry iam:PassedToService"
        else:
            says = f"limits iam:PassedToService to {services}"
            if self.by_trust and not narrow:
                says += ", as in the trust policies of the roles"
            elif not narrow:
                says += ", as this configuration uses the roles; add services that use them elsewhere"
        self.words += [says, *untested_services([service for service in self.services if service not in stated])]


def _services_of(passed: Sequence[PassedRole]) -> tuple[str, ...]:
    return tuple(sorted({service for one in passed for service in one.services}))
