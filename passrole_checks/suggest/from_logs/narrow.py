"""Propose a statement from observed use: the roles that were passed, each to the services that received it.

It allows no pair of role and service that was not observed, unless roles are grouped on request, and nothing that the
statement does not allow today. Ambiguous logs need manual review: a missing pass is a failing deployment.

Sources: IAM User Guide, "Grant a user permissions to pass a role to an AWS service": name the roles in ``Resource`` and
the service in ``iam:PassedToService``; its note on CloudTrail says which events show passes. "IAM and AWS STS quotas":
maximum length of policies, white space not counted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import field

from passrole_checks.access.policy_quotas import MOST_MANAGED, MOST_OF_GROUP, MOST_OF_ROLE, MOST_OF_USER
from passrole_checks.escaping.shorten import shortened
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.sources.model.addresses import module_of, seen_from
from passrole_checks.suggest.advice import listed_names, unsent_key, untested_services
from passrole_checks.suggest.from_logs.group_roles import group_roles
from passrole_checks.suggest.from_logs.name_roles import SINGLE_ROLE_SCOPES, ObservedRoles, UnknownRoleError
from passrole_checks.suggest.not_editable import why_not_editable
from passrole_checks.suggest.observed_use import Evidence, Narrowing, Observation
from passrole_checks.suggest.passed_roles import PassedRole, PassedRoles
from passrole_checks.suggest.suggestion import ObservedUse, StatementChange, TargetRole

_SERVICE = lazy_regex(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_SHOWN = 3
_MOST_REASONS = 5
_STATEMENT_LENGTH = 130  # characters of a statement without its roles and services
_INLINE_LIMITS = (("user", MOST_OF_USER), ("group", MOST_OF_GROUP), ("role", MOST_OF_ROLE))
_LIMITED = (Constraint.EXACT, Constraint.EXACT_IF_PRESENT)


@dataclass(frozen=True, slots=True)
class UseAdvice:
    """Advice for one statement from observed use.

    ``narrowing``: None if it needs manual review; ``says``: its description, one sentence. ``missing``: what a person
    must find out, each a phrase. ``parts``: the known statements, for display, even without a narrowing. ``wider``:
    True if the statement certainly allows more than observed.
    """

    narrowing: Narrowing | None
    says: str
    missing: tuple[str, ...]
    parts: tuple[StatementChange, ...]
    wider: bool


@dataclass(frozen=True, slots=True)
class HeldStatement:
    """A statement of one resource, with its observed use."""

    over: PassedRoles
    observed: tuple[Observation, ...]


@dataclass(slots=True)
class _Named:
    """A role to name and the services it was passed to; ``also``: the same text with other values in other instances of
    a module.
    """

    role: TargetRole
    services: set[str]
    also: dict[TargetRole, None] = field(default_factory=dict)


def count_use(holdings: Sequence[HeldStatement], evidence: Evidence) -> ObservedUse:
    """Return the counts of a statement; each pass counts once, even if several resources have the statement."""
    passes: dict[Observation, bool] = {}
    for holding in holdings:
        for one in holding.observed:
            key = Observation(one.who, one.role, one.account, one.services, one.passes, one.last, True, one.profile)
            passes[key] = passes.get(key, False) or one.sure
    surely = sum(one.passes for one, sure in passes.items() if sure)
    roles = {(one.role or one.profile, "" if one.role.startswith("arn:") else one.account) for one in passes}
    last = max((one.last for one in passes), default="")
    return ObservedUse(
        evidence.since, evidence.until, surely, sum(one.passes for one in passes) - surely, len(roles), last
    )


def advice_by_use(holdings: Sequence[HeldStatement], evidence: Evidence, tags: Collection[str]) -> UseAdvice:
    """Return the advice for one statement with observed use. ``tags``: condition keys to remove.

    Never raises.
    """
    return _Decision(holdings, evidence, tuple(dict.fromkeys(tags))).advice()


class _Decision:
    """The decision on one statement."""

    def __init__(self, holdings: Sequence[HeldStatement], evidence: Evidence, tags: tuple[str, ...]) -> None:
        self.holdings, self.evidence, self.tags = holdings, evidence, tags
        self.first = holdings[0].over
        self.grant = self.first.grant
        self.named: dict[str, _Named] = {}
        self.missing: dict[str, None] = {}
        self.pathless: dict[str, None] = {}
        self.groups: dict[str, None] = {}
        self.varying: dict[str, None] = {}

    def advice(self) -> UseAdvice:
        refused = [
            why_not_editable(holding.over.analyzed, holding.over.located, complement=True) for holding in self.holdings
        ]
        if any(refused):
            return UseAdvice(None, "", tuple(dict.fromkeys(filter(None, refused))), (), False)
        used = [self._name_roles(holding) for holding in self.holdings]
        wider = not all(_uses_all(one.over, own) for one, own in zip(self.holdings, used, strict=True))
        places = [(id(holding.over.analyzed), holding.over.located.resource.address) for holding in self.holdings]
        if len(set(places)) < len(places):
            self.missing["a loop generates several statements from it: write them individually"] = None
        self._refuse_two_accounts()
        if self.grant.services.constraint is Constraint.EXACT_IF_PRESENT:
            open_question = unsent_key(sorted({service for one in self.named.values() for service in one.services}))
            if open_question:
                self.missing[open_question] = None
        if self.evidence.grouped:
            self._group()
        parts = self._parts()
        self._refuse_what_is_too_long(parts)
        if self.missing:
            reasons = tuple(self.missing)[:_MOST_REASONS]
            more = len(self.missing) - len(reasons)
            reasons = (*reasons, *([f"and {more} more"] if more else []))
            return UseAdvice(None, "", reasons, parts, wider)
        separate = self.grant.other_actions and not self.grant.condition.shared
        observed: dict[str, tuple[Observation, ...]] = {}
        for one in self.holdings:  # two roots may use the same address
            address = one.over.located.resource.address
            observed[address] = (*observed.get(address, ()), *one.observed)
        also = tuple(role for named in self.named.values() for role in named.also)
        narrowing = Narrowing(parts, observed, self.tags, separate, also)
        return UseAdvice(narrowing, self._says(parts, separate), (), parts, wider)

    # -- which roles, to which services

    def _name_roles(self, holding: HeldStatement) -> set[tuple[tuple[object, ...], str]]:
        """Name the roles of the observations; return the statement's own patterns that were used, each with the
        service.
        """
        roles = ObservedRoles(holding.over)
        used: set[tuple[tuple[object, ...], str]] = set()
        for one in holding.observed:
            services = self._services(one, holding.over)
            try:
                wanted = roles.of(one)
            except UnknownRoleError as error:
                self.missing[str(error)] = None
                continue
            if not one.role.startswith("arn:") and not any(role.address for role in wanted):
                self.pathless[one.role] = None
            for role in wanted if services else ():
                named = self.named.setdefault(_key(role), _Named(role, set()))
                named.services.update(services)
                named.also[role] = None
                used |= {(role.arn.parts, service) for service in services}
        self.varying |= roles.varying
        return used

    def _services(self, one: Observation, over: PassedRoles) -> tuple[str, ...]:
        """Return the service that a role was passed to (in China, all its names); empty, and recorded as missing, if
        ambiguous.
        """
        able = tuple(service for service in over.service_names(one.services) if over.allows_service(service))
        if len({service.removesuffix(".cn") for service in able}) == 1 and all(map(_SERVICE.fullmatch, able)):
            return able
        which = f"which of {listed_names(able)}" if len(able) > 1 else "the service that"
        self.missing[f"{which} received {shortened(one.role or one.profile)}: the logs do not say"] = None
        return ()

    def _refuse_two_accounts(self) -> None:
        """Record roles of several accounts as missing information if the account deployed to is unknown."""
        written = {arn.account_of(one.role.arn) for one in self.named.values() if not one.role.address}
        kept = {arn.account_of(role.pattern) for holding in self.holdings for role in holding.over.grant.roles}
        accounts = sorted(one for one in written - kept if one is not None)
        if len(accounts) > 1:
            self.missing[f"the account deployed to ({listed_names(accounts)}): specify --account"] = None

    def _refuse_what_is_too_long(self, parts: Sequence[StatementChange]) -> None:
        """Record statements that alone exceed the length of a policy."""
        written = [str(role.arn) for part in parts for role in part.roles or ()]
        services = [service for part in parts for service in part.services or ()]
        length = sum(len(one) + len('"",') for one in (*written, *services)) + _STATEMENT_LENGTH * len(parts)
        kind = self.first.located.resource.type.lower().replace("_", "")
        if length > next(
            (most for name, most in _INLINE_LIMITS if f"iam{name}" in kind or f"::{name}" in kind), MOST_MANAGED
        ):
            self.missing[
                f"a path or prefix that the {len(written)} roles share: listed individually they exceed the policy size"
                " limit (try --group-roles)"
            ] = None

    def _group(self) -> None:
        by_services: dict[tuple[str, ...], list[_Named]] = {}
        for one in self.named.values():
            if not one.role.address:
                by_services.setdefault(tuple(sorted(one.services)), []).append(one)
        for services, some in by_services.items():
            patterns = group_roles(
                [one.role.arn for one in some],
                lambda pattern: (
                    arn.resource_scope(pattern) is Scope.PREFIX
                    and all(holding.over.covers(pattern) for holding in self.holdings)
                ),
            )
            for one in some:
                pattern = patterns.get(one.role.arn)
                if pattern is not None:
                    del self.named[_key(one.role)]
                    self.groups[str(pattern).partition(":role/")[2]] = None
                    groups = TargetRole("", pattern)
                    self.named.setdefault(_key(groups), _Named(groups, set())).services.update(services)

    def _parts(self) -> tuple[StatementChange, ...]:
        by_services: dict[tuple[str, ...], list[TargetRole]] = {}
        for one in self.named.values():
            by_services.setdefault(tuple(sorted(one.services)), []).append(one.role)
        return tuple(
            StatementChange(tuple(sorted(roles, key=lambda role: (not role.address, _key(role)))), services, self.tags)
            for services, roles in sorted(by_services.items())
        )

    # -- in words

    def _says(self, parts: Sequence[StatementChange], separate: bool) -> str:
        seen = count_use(self.holdings, self.evidence)
        roles = [listed_names([_name_of(role, self.first) for role in part.roles or ()]) for part in parts]
        pairs = [f"{names} to {listed_names(part.services or ())}" for names, part in zip(roles, parts, strict=True)]
        reasons = pairs[:_SHOWN] + ([f"and {len(pairs) - _SHOWN} more"] if len(pairs) > _SHOWN else [])
        services = sorted({service for part in parts for service in part.services or ()})
        counted = _count(seen.passes or seen.perhaps, "pass", "passes")
        if seen.perhaps:
            counted = f"{counted} and possibly {seen.perhaps} more" if seen.passes else f"possibly {counted}"
        more = f"other roles matching {listed_names(list(self.groups))}" if self.groups else "nothing else"
        words = [
            f"allows its observed use from {self.evidence.window} and {more}: {counted} of"
            f" {_count(seen.roles, 'role')}, the last on {seen.last[:10]} ({'; '.join(reasons)})"
        ]
        if len(parts) > 1:
            words.append("one statement per set of services")
        holders = {holding.over.located.resource.address for holding in self.holdings}
        if len(holders) > 1:
            words.append(f"shared by {len(holders)} resources, each of which then allows the observed use of all")
        if self.varying:
            names = listed_names(list(self.varying))
            words.append(f"roles passed with other values of {names} are unknown")
        if self.pathless:
            words.append(f"the logs contain the name of {listed_names(list(self.pathless))} without its path")
        left_out = self._left_out()
        if left_out:
            words.append(f"omits what this configuration passes but the logs do not show ({left_out})")
        if self.tags:
            words.append(f"removes the condition on {', '.join(self.tags)}")
        words += untested_services([one for one in services if one not in self.grant.condition.values])
        if separate:
            words.append("keeps the other actions in the existing statement")
        says = "; ".join(words)
        return f"{says[:1].upper()}{says[1:]}."

    def _left_out(self) -> str:
        """Return what resources of the configuration receive and the logs do not show, for display."""
        found: dict[str, None] = {}
        for holding in self.holdings:
            for one in holding.over.roles(None):
                for service in one.services:
                    known = self._meant(one)
                    if known is None or service not in known.services:
                        module = module_of(holding.over.located.resource.address)
                        found[f"{seen_from(module, one.label)} to {service}"] = None
        return listed_names(list(found)) if found else ""

    def _meant(self, handed: PassedRole) -> _Named | None:
        keys = [handed.label.removeprefix(module_of(handed.label))]
        keys += [_key(handed.wanted)] if handed.wanted is not None else []
        for key, one in self.named.items():
            unresolved = one.role.arn.only_unresolved
            if key in keys or (unresolved is not None and unresolved.role == handed.label):
                return one
        return None


def _uses_all(over: PassedRoles, used: Collection[tuple[tuple[object, ...], str]]) -> bool:
    """True if a statement allows only observed use: individual roles, services by name, each pair used."""
    grant = over.grant
    if grant.complement or grant.services.constraint not in _LIMITED or not grant.explicit:
        return False
    roles = [role for role in grant.roles if role.scope is not Scope.NOT_A_ROLE]
    return all(
        role.scope in SINGLE_ROLE_SCOPES and (role.pattern.parts, service) in used
        for role in roles
        for service in grant.services.values
    )


def _key(role: TargetRole) -> str:
    """Return the identity of a role: the same reference in any instance of a module, or the same text."""
    return role.address.removeprefix(module_of(role.address)) or str(role.arn)


def _name_of(role: TargetRole, over: PassedRoles) -> str:
    if role.address:
        return seen_from(module_of(over.located.resource.address), role.address)
    unresolved = role.arn.only_unresolved
    return unresolved.expression if unresolved is not None else str(role.arn).partition(":role/")[2] or str(role.arn)


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def unused_questions(evidence: Evidence) -> tuple[str, ...]:
    """Return what a person must find out about an unused statement."""
    reasons = [
        f"whether it is needed: it was not used from {evidence.window}",
        "uses that are less frequent, or in accounts and Regions without logs here",
    ]
    if evidence.silent:
        reasons.append(f"roles passed in {_count(evidence.silent, 'event')} whose parameters the logs do not contain")
    return tuple(reasons)
