"""Limit ``iam:PassedToService`` to the services that the holders of a statement can pass roles to anyway.

The roles stay as written. Nothing that an allowed action of a holder can send is left out, so that only unused access
goes away; what cannot be derived needs manual review.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from passrole_checks.access.derived_services import (
    MOST_SERVICES,
    DerivedService,
    DerivedServices,
    OpenPoint,
    OpenPointKind,
    derive_for_grant,
    merge_derived,
)
from passrole_checks.access.role_privilege import can_do_everything
from passrole_checks.aws.passing_actions import values_of
from passrole_checks.iam.conditions.likely_typos import NOT_A_KEY
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.documents.action import best_match
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.permissions.escalation import normalize_service
from passrole_checks.iam.permissions.principal import Principal
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.model.addresses import module_of, seen_from
from passrole_checks.sources.model.configuration import PolicyKind
from passrole_checks.suggest.advice import Advice, listed_names
from passrole_checks.suggest.module_roles import ModuleRoles
from passrole_checks.suggest.not_editable import why_not_editable
from passrole_checks.suggest.suggestion import StatementChange

MOST_WRITTEN = 5
"""More services than these are written on request only."""

_SHOWN = 3
_COMPANIONS = {"iam:passrole", "iam:getrole"}  # allowed together, for the use of other actions
_OF_ACTIONS = (OpenPointKind.OPEN_ACTION, OpenPointKind.KEY_UNKNOWN, OpenPointKind.NOT_TRUSTED)
_RECOUNTED = (OpenPointKind.KEY_UNKNOWN, OpenPointKind.TOO_MANY)  # without undocumented actions
_REPLACED = (Constraint.ABSENT, Constraint.INEFFECTIVE, Constraint.EXACT_IF_PRESENT)
# with one of these a principal can give itself, or a role that it can use, other permissions
_POLICY_CHANGES = (
    "iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:AttachUserPolicy",
    "iam:CreatePolicyVersion", "iam:PutGroupPolicy", "iam:PutRolePolicy", "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DerivedLimit:
    """The derived services for one statement.

    ``any_role``: the statement allows passing any role. ``policy_changes``: actions by which a holder can change
    policies. ``creates_roles``: a holder can create roles, and pass these. ``administrators``: the holders that can
    give themselves any permission. ``unknown``: what may attach other policies to a holder, such as modules that are
    not available.
    """

    derived: DerivedServices
    any_role: bool = False
    policy_changes: tuple[str, ...] = ()
    creates_roles: bool = False
    administrators: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[DerivedService, ...]:
        """The services to allow, those that are probably meant first.

        If any role can be passed, it says nothing about the statement that resources receive some role.
        """
        return tuple(
            one
            for one in self.derived.services
            if one.allowed and (one.actions or one.written or (one.passed and not self.any_role))
        )

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the services to allow; empty if there are too many for a list."""
        return tuple(one.service for one in self.named) if self.count <= MOST_SERVICES else ()

    def sent_by(self, statement: Statement) -> tuple[DerivedService, ...]:
        """Return the services to allow that actions of the statement itself send; if there are none, all that are sent
        by an allowed action."""
        sent, allowed = [one for one in self.named if one.actions], statement.actions or ()
        own = [one for one in sent if any(best_match(allowed, action)[0] is Ternary.YES for action in one.actions)]
        return tuple(own or sent)

    @property
    def count(self) -> int:
        """The number of services to allow; the names of one service in several partitions count once."""
        return len({normalize_service(one.service) for one in self.named})

    @property
    def open_points(self) -> tuple[OpenPoint, ...]:
        """The reasons for manual review. If any role can be passed, the roles known here need not be those meant."""
        left_out = {OpenPointKind.TOO_MANY} | ({OpenPointKind.NOT_TRUSTED} if self.any_role else set())
        points = [one for one in self.derived.open_points if one.kind not in left_out]
        if self.unknown:
            points.insert(0, OpenPoint(OpenPointKind.HOLDER_INCOMPLETE, self.unknown))
        if self.count > MOST_SERVICES:
            points.append(OpenPoint(OpenPointKind.TOO_MANY, tuple(one.service for one in self.named)))
        return tuple(points)

    @property
    def is_complete(self) -> bool:
        """True if nothing needs manual review."""
        return not self.open_points and bool(self.named)

    def serves_all_actions(self, services: Collection[str]) -> bool:
        """True if each allowed action that takes a role sends one of these services."""
        served = {action for one in self.named if one.service in services for action in one.actions}
        return all(served.issuperset(one.actions) for one in self.named)

    def advice(self, analyzed: AnalyzedConfiguration, located: LocatedGrant) -> Advice:
        """Return the advice for a statement that keeps its roles; one without a change and without phrases if there is
        nothing to do."""
        grant, module = located.grant, module_of(located.resource.address)
        refused = why_not_editable(analyzed, located, keeps_roles=True)
        if refused:
            return Advice(missing=(refused,), services=self.services)
        condition = grant.condition
        is_misspelled = any(typo.reason.startswith(NOT_A_KEY) for typo in condition.likely_typos)
        if condition.dead or condition.problems or is_misspelled:
            return Advice()  # it allows nothing, or nothing that is known
        if condition.constraint not in _REPLACED and not condition.negated_only:
            return Advice()
        if self.administrators:
            who = _listed(self.administrators, module)
            phrase = f"whether {who} should be able to change any policy: a limit of the services would not matter"
            return Advice(missing=(phrase,), services=self.services)
        documented, note, is_whole = self._documented()
        if documented is None:
            is_named = condition.constraint is Constraint.EXACT_IF_PRESENT
            missing = () if is_named else tuple(self.phrases(module))
            others = {name.lower() for name in self.derived.allowed_patterns} - _COMPANIONS
            takes_no_role = bool(others) and any(point.kind is OpenPointKind.NO_ACTION for point in self.open_points)
            return Advice(missing=missing, services=self.services, takes_no_role=takes_no_role)
        separate = grant.other_actions and not condition.shared
        says = documented.description(module, is_whole=is_whole) + note
        if separate:
            says += "; keeps the other actions in the existing statement"
        change = StatementChange(services=tuple(sorted(documented.services)), separate=separate)
        return Advice(change, f"{says}.", services=documented.services)

    def _documented(self) -> tuple[DerivedLimit | None, str, bool]:
        """Return the limit to write, a phrase on the actions that it may deny, and whether it has the services of all
        actions; no limit if it needs manual review."""
        if self.is_complete:
            return self, "", True
        left_out, untested = _undocumented_actions(self.derived)
        if (not left_out and not untested) or not all(map(values_of, untested)):
            return None, "", False
        limit = replace(self, derived=_without_undocumented(self.derived, left_out))
        if not limit.is_complete or not any(one.actions for one in limit.named):
            return None, "", False
        notes = [
            phrase.format(names=listed_names(actions), their="its" if len(actions) == 1 else "their")
            for phrase, actions in ((_LEFT_OUT, left_out), (_UNTESTED, untested))
            if actions
        ]
        return limit, "".join(f"; {note}" for note in notes), not left_out

    def phrases(self, module: str) -> Iterator[str]:
        """Yield what a person must find out; nothing of the actions of holders that are not known.

        ``module``: that of the statement, which is left out of names.
        """
        order = list(OpenPointKind)
        points = sorted(self.open_points, key=lambda one: order.index(one.kind))
        kinds = {one.kind for one in points}
        unknown = kinds & {OpenPointKind.HOLDER_UNKNOWN, OpenPointKind.HOLDER_INCOMPLETE}
        holders = _listed(self.derived.holders, module)
        for point in points:
            if point.kind is OpenPointKind.HOLDER_INCOMPLETE and OpenPointKind.HOLDER_UNKNOWN in kinds:
                continue  # the policy itself
            if point.kind is OpenPointKind.NO_ACTION and unknown:
                continue
            if point.kind in _OF_ACTIONS and OpenPointKind.TOO_MANY in kinds:
                continue
            names = [name for name in point.names if name.lower() != "iam:passrole"]
            phrase = _PHRASES[point.kind]
            if point.kind is OpenPointKind.NO_ACTION and not names:
                phrase = "which action needs iam:PassRole: {holders} has no other permissions here"
            yield phrase.format(
                names=_listed(names, module),
                holders=holders,
                count=self.count,
                services=listed_names([one.service for one in self.named if one.actions]),
            )

    def description(self, module: str, *, is_whole: bool) -> str:
        """Return what the limit keeps, and for whom it is none. ``is_whole``: nothing is left out."""
        holders = _listed(self.derived.holders, module)
        kept = [f"{one.service}: {_reason(one)}" for one in self.named]
        shown = ", ".join(kept[:_SHOWN]) + (f" and {len(kept) - _SHOWN} more" if len(kept) > _SHOWN else "")
        every = "every service" if is_whole else "the documented services"
        says = (
            f"Keeps {every} that the policies in this configuration let {holders} pass roles to ({shown}); a "
            "policy attached elsewhere may need more"
        )
        if self.policy_changes:
            says += f"; this does not contain a principal that can change policies ({self.policy_changes[0]})"
        return says


def _undocumented_actions(derived: DerivedServices) -> tuple[list[str], list[str]]:
    """Return the actions of which AWS does not document that their requests carry ``iam:PassedToService``: those that
    only a wildcard allows, and those that a policy names.

    A condition on the key denies requests without it. A wildcard such as ``s3:*`` also allows actions that take a role
    in rare features; they are left out of the services, and named. An action that a policy names keeps its service.
    Sources: Service Authorization Reference (see `aws.passing_actions`); IAM User Guide, "IAM JSON policy elements:
    Condition operators".
    """
    named = {pattern.lower() for pattern in derived.allowed_patterns}
    actions = [name for point in derived.open_points if point.kind is OpenPointKind.KEY_UNKNOWN for name in point.names]
    return [one for one in actions if one.lower() not in named], [one for one in actions if one.lower() in named]


def _without_undocumented(derived: DerivedServices, left_out: Sequence[str]) -> DerivedServices:
    """Return the services as other actions send them, without those that only these send and nothing else names."""
    kept = []
    for one in derived.services:
        others = tuple(action for action in one.actions if action not in left_out)
        if others or not one.actions or one.passed or one.written:
            kept.append(replace(one, actions=others))
    points = tuple(point for point in derived.open_points if point.kind not in _RECOUNTED)
    return replace(derived, services=tuple(kept), open_points=points)


def _listed(names: Sequence[str], module: str) -> str:
    """Return the first names as a phrase, as a module sees them."""
    plain = [name[2:-1] if name.startswith("${") and name.endswith("}") else name for name in names]
    return listed_names([seen_from(module, name) for name in plain]) if names else ""


def _reason(one: DerivedService) -> str:
    """Return why a service is allowed."""
    if one.actions:
        return one.actions[0] if len(one.actions) == 1 else f"{one.actions[0]}, …"
    return "named before" if one.written else "passed here"


_LEFT_OUT = (
    "leaves out {names}, which a wildcard may allow: AWS does not document that {their} requests carry "
    "iam:PassedToService"
)
_UNTESTED = "test {names} first: AWS does not document that {their} requests carry iam:PassedToService"
_PHRASES = {
    OpenPointKind.HOLDER_UNKNOWN: "the services that the principals with this policy pass the roles to: it is attached "
    "to none here",
    OpenPointKind.HOLDER_INCOMPLETE: "the services that {holders} can pass roles to: its policies are not all known "
    "({names})",
    OpenPointKind.NOT_BY_NAME: "the actions needed: list them, and grant iam:PassRole in a separate statement",
    OpenPointKind.OPEN_ACTION: "the services that {names} can pass the roles to: AWS documents no complete list",
    OpenPointKind.KEY_UNKNOWN: "whether requests for {names} carry iam:PassedToService: AWS does not document it",
    OpenPointKind.TOO_MANY: "the services that use the roles: {holders} can pass roles to {count} services",
    OpenPointKind.NOT_TRUSTED: "the services that use the roles: none of {names} trusts {services}",
    OpenPointKind.NO_ACTION: "which action needs iam:PassRole: none of those allowed takes a role ({names})",
}


def derive_limit(
    uses: Iterable[tuple[AnalyzedConfiguration, LocatedGrant]], unknown: Iterable[str], module_roles: ModuleRoles
) -> DerivedLimit | None:
    """Return the derived services for one statement, from all configurations and policies that share it. ``unknown``:
    as in :class:`DerivedLimit`.
    """
    found: list[DerivedServices] = []
    holders: dict[str, Principal] = {}
    any_role = False
    configurations = {(id(analyzed), located.grant.at): (analyzed, located.grant.at) for analyzed, located in uses}
    for analyzed, at in configurations.values():
        model = analyzed.model
        for policy in analyzed.configuration.policies:
            if policy.kind is not PolicyKind.IDENTITY:
                continue
            if not any(statement.at == at for statement in model.document(policy).statements):
                continue
            for grant in model.grants(policy):
                if grant.at == at and grant.effect == "Allow":
                    known_holders = partial(module_roles.holders, analyzed)
                    found.append(derive_for_grant(model, [policy], grant, known_holders))
                    own = known_holders(policy) or model.principals.of(policy)
                    holders.update((holder.name, holder) for holder in own)
                    any_role |= grant.scope is Scope.ANY_ROLE
    if not found:
        return None
    return DerivedLimit(
        merge_derived(found),
        any_role,
        _policy_changes(holders.values()),
        any(holder.permissions.allows("iam:createrole") is not None for holder in holders.values()),
        tuple(name for name, holder in holders.items() if can_do_everything(holder, ())),
        tuple(dict.fromkeys(unknown)),
    )


def _policy_changes(holders: Iterable[Principal]) -> tuple[str, ...]:
    """Return the actions by which a principal can change policies without conditions."""
    ways = ((name, holder.permissions.allows(name.lower())) for holder in holders for name in _POLICY_CHANGES)
    return tuple(dict.fromkeys(name for name, way in ways if way is not None and not way.conditions))
