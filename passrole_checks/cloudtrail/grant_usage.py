"""Compare observed use with the grants of a configuration: used and unused grants, denied attempts, other principals.

Every answer is three-valued. A principal is identified by its name, if the configuration states it. For a role or user
with a generated name, or a policy that is not attached in this configuration, it is unknown whether it is the principal
in the log. A role that the log gives only by name cannot be matched against a pattern with a path. Unknown counts as
"possibly used" and is always reported.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property

from passrole_checks.access.access_model import AccessModel
from passrole_checks.access.observed_role import (
    grant_covers,
    literal_pattern,
    path_and_name,
    pattern_covers,
    replace_reference,
)
from passrole_checks.access.principals import by_group
from passrole_checks.cloudtrail.model import RequestOutcome
from passrole_checks.cloudtrail.summary import Edge
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.limits import PassableSet
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.values.nodes import Position, StringNode, Ternary, text
from passrole_checks.iam.values.path_conditions import PathCondition, disjunction_of
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, PolicyKind, ResourceDefinition
from passrole_checks.sources.value_file import added_by_files, with_files

_NOWHERE = Position("", 0)
_PERMISSION_SET = lazy_regex(r"AWSReservedSSO_(?P<name>.+)_[0-9a-f]+")
_PRINCIPAL = lazy_regex(
    r"arn:[^:]+:(?:iam|sts)::(?P<account>\d{12}):(?P<kind>user|role|assumed-role)/(?P<path>.*/)?(?P<name>.+)"
)
_KINDS = {"user": PrincipalKind.USER, "role": PrincipalKind.ROLE, "assumed-role": PrincipalKind.ROLE}


@dataclass(frozen=True, slots=True)
class GrantMatch:
    """An edge that an Allow may permit, even if all its requests were denied or failed.

    `holders`: the principals with this policy that passed the role, named as in :attr:`AttachedPolicy.principals`;
    empty if the policy is not attached here. `roles`: the patterns that cover the role, as written; empty for a
    NotResource. Each maps to True if the match is certain; `surely`: True if the whole match is.
    """

    edge: Edge
    surely: bool
    holders: Mapping[str, bool]
    roles: Mapping[str, bool]


@dataclass(slots=True)
class GrantUsage:
    """An Allow of PassRole with the edges that it permitted: ``surely``, or ``perhaps`` if unknown.

    Denied requests do not count as use. ``ways``: all edges that it may permit, with the matching parts of the
    statement. ``when`` and ``managed``: as in the inventory (:class:`passrole_checks.scan.result.LocatedGrant`).
    """

    grant: PassRoleGrant
    resource: ResourceDefinition
    path: str
    holders: dict[str, None] = field(default_factory=dict)
    surely: list[Edge] = field(default_factory=list)
    perhaps: list[Edge] = field(default_factory=list)
    ways: list[GrantMatch] = field(default_factory=list)
    when: tuple[PathCondition, ...] = ()
    managed: str = ""


@dataclass(frozen=True, slots=True)
class DeniedAttempt:
    """An edge with denied requests; ``allowed``: whether the configuration would allow them."""

    edge: Edge
    allowed: Ternary


@dataclass(frozen=True, slots=True)
class UsageComparison:
    """Observed use compared with a configuration.

    `used`: grants with observed use. `perhaps`: grants where this is unknown. `unused`: grants certainly without use in
    the window of the logs. `denied`: denied attempts. `strangers`: passes by principals certainly not defined in this
    configuration. `elsewhere`: passes by its principals that certainly no grant of this configuration allows.
    """

    used: tuple[GrantUsage, ...]
    perhaps: tuple[GrantUsage, ...]
    unused: tuple[GrantUsage, ...]
    denied: tuple[DeniedAttempt, ...]
    strangers: tuple[Edge, ...]
    elsewhere: tuple[Edge, ...]


def match_grants(
    edges: Sequence[Edge],
    configurations: Iterable[Configuration],
    account: str | None = None,
    variants_of: Callable[[Configuration], Sequence[Configuration]] = lambda configuration: (),
    in_context: Callable[[Configuration], Configuration] = lambda configuration: configuration,
) -> UsageComparison:
    """Match the edges of some logs to the grants of configurations. ``account``: the account deployed to, if stated.

    ``variants_of``: returns a configuration with the values of each of its files. Grants that only they have name the
    files in ``when``.
    ``in_context``: adds the account to a configuration, whose grants do not count.
    """
    log = EdgeIndex(edges)
    known_edges: dict[int, Ternary] = {id(edge): Ternary.NO for edge in edges}
    allowed: dict[int, Ternary] = {id(edge): Ternary.NO for edge in edges}

    def usages(configuration: Configuration) -> Iterator[GrantUsage]:
        side = _Side(configuration, in_context(configuration), account, log)
        for edge, answer in side.known_edges():
            known_edges[id(edge)] |= answer
        for used, held_grants in side.held_allows():
            for way in side.ways(held_grants):
                edge = way.edge
                used.ways.append(way)
                allowed[id(edge)] |= Ternary.YES if way.surely else Ternary.UNKNOWN
                if edge.counts[RequestOutcome.PASSED]:
                    (used.surely if way.surely else used.perhaps).append(edge)
            yield used

    grants: list[GrantUsage] = []
    for configuration in configurations:
        own = list(usages(configuration))
        grants += (
            *own,
            *_added_by(own, ((one.surroundings.values.label, usages(one)) for one in variants_of(configuration))),
        )
    passed = [edge for edge in edges if edge.counts[RequestOutcome.PASSED]]
    return UsageComparison(
        used=tuple(grant for grant in grants if grant.surely),
        perhaps=tuple(grant for grant in grants if grant.perhaps and not grant.surely),
        unused=tuple(grant for grant in grants if not grant.perhaps and not grant.surely),
        denied=tuple(DeniedAttempt(edge, allowed[id(edge)]) for edge in edges if edge.counts[RequestOutcome.DENIED]),
        strangers=tuple(edge for edge in passed if known_edges[id(edge)] is Ternary.NO),
        elsewhere=tuple(
            edge for edge in passed if known_edges[id(edge)] is not Ternary.NO and allowed[id(edge)] is Ternary.NO
        ),
    )


def _added_by(own: Iterable[GrantUsage], variants: Iterable[tuple[str, Iterable[GrantUsage]]]) -> list[GrantUsage]:
    """Return the grants that only variants of a configuration have, each once, with the files as path condition."""
    added = []
    for (first, *others), labels in added_by_files(set(map(_identity, own)), variants, _identity):
        for used in others:
            edges = {id(way.edge) for way in first.ways}
            first.ways += [way for way in used.ways if id(way.edge) not in edges]
            first.surely += [edge for edge in used.surely if id(edge) not in edges]
            first.perhaps += [edge for edge in used.perhaps if id(edge) not in edges]
        first.when = with_files(first.when, labels)
        added.append(first)
    return added


def _identity(used: GrantUsage) -> object:
    return used.resource.address, used.grant.at, used.path, tuple(used.holders), used.grant.meaning


class EdgeIndex:
    """Index of the edges of some logs by principal and role: of ten thousand edges few concern a grant."""

    def __init__(self, edges: Sequence[Edge]) -> None:
        self.edges = edges
        self.of: dict[str, list[int]] = {}
        for number, edge in enumerate(edges):
            self.of.setdefault(edge.principal, []).append(number)
        self.principals = {name: _PRINCIPAL.fullmatch(name) for name in self.of}
        self.named: dict[tuple[PrincipalKind, str], list[str]] = {}
        for name, found in self.principals.items():
            if found is not None:
                self.named.setdefault((_KINDS[found["kind"]], found["name"]), []).append(name)
        self._places = sorted((path_and_name(edge.role) or "", number) for number, edge in enumerate(edges))
        self.everything = frozenset(range(len(edges)))
        self._near: dict[str, frozenset[int]] = {}

    def near(self, patterns: Iterable[StringNode]) -> frozenset[int]:
        """Return the numbers of the edges whose roles a pattern may cover, by the literal prefix of the patterns."""
        found: frozenset[int] = frozenset()
        for pattern in patterns:
            written = literal_pattern(pattern.parts)
            if written is None:
                return self.everything
            if written.begins not in self._near:
                first = bisect_left(self._places, (written.begins, 0))
                last = bisect_left(self._places, (written.begins + "\U0010ffff", 0))
                unknown = bisect_left(self._places, ("\0", 0))
                there = (number for _, number in (*self._places[:unknown], *self._places[first:last]))
                self._near[written.begins] = frozenset(there)
            found |= self._near[written.begins]
        return found


@dataclass(frozen=True, slots=True)
class _HeldGrant:
    """The effective part of an Allow for one principal. ``attached``: the principal that the policy is attached to, if
    any.
    """

    attached: str | None
    holder: Principal
    passing: EffectiveGrant


class _Side:
    """One configuration, matched with the edges of some logs."""

    def __init__(self, own: Configuration, whole: Configuration, account: str | None, log: EdgeIndex) -> None:
        self.own, self.model, self.log = own, AccessModel(whole, account, counts_all=True), log
        self.members = by_group(whole.attached.members)
        self._edges: dict[str, list[tuple[int, Ternary]]] = {}

    def held_allows(self) -> Iterator[tuple[GrantUsage, list[_HeldGrant]]]:
        """Yield each Allow of PassRole with its effective grant for each holder."""
        policies = (
            *self.model.configuration.policies,
            *self.model.configuration.change.unchanged,
            *self.model.principals.managed,
        )
        found: dict[tuple[object, ...], tuple[GrantUsage, list[_HeldGrant]]] = {}
        conditions: dict[tuple[object, ...], list[PathCondition]] = {}
        for policy in policies:
            if policy.kind is not PolicyKind.IDENTITY:
                continue
            for grant in self.model.grants(policy):
                if grant.effect != "Allow" or grant.denied:
                    continue
                place = policy.path, grant.statement.path
                key: tuple[object, ...] = policy.resource.address, grant.at, place, grant.meaning
                path = "/".join(filter(None, place))
                used, held_grants = found.setdefault(
                    key, (GrantUsage(grant, policy.resource, path, managed=policy.managed), [])
                )
                conditions.setdefault(key, []).append(grant.statement.when)
                for attached, holder in self._holders(policy):
                    passing = self.model.effective_grant(policy, grant, holder)
                    if passing.for_any_service is not None:
                        used.holders[holder.name] = None
                        held_grants.append(_HeldGrant(attached, holder, passing))
        for key, (used, held_grants) in found.items():
            used.when = disjunction_of(conditions[key])
            yield used, held_grants

    def ways(self, held_grants: Iterable[_HeldGrant]) -> Iterator[GrantMatch]:
        """Yield the edges that an Allow permits, in log order."""
        found: dict[int, tuple[dict[str, Ternary], dict[str, Ternary], Ternary]] = {}
        for held in held_grants:
            grant = held.passing.grant
            near = self.log.everything if grant.complement else self.log.near([role.pattern for role in grant.roles])
            for number, who in self._edges_of(held.holder, near):
                edge = self.log.edges[number]
                lets = who & self._permits(held.passing, edge)
                if lets is Ternary.NO:
                    continue
                holders, roles, known_edges = found.get(number, ({}, {}, Ternary.NO))
                found[number] = (holders, roles, known_edges | lets)
                if held.attached is not None:
                    holders[held.attached] = holders.get(held.attached, Ternary.NO) | lets
                for pattern, covers in self._covering(held.passing.grant, edge):
                    roles[pattern] = roles.get(pattern, Ternary.NO) | (covers & lets)
        for number in sorted(found):
            holders, roles, known_edges = found[number]
            yield GrantMatch(
                self.log.edges[number], known_edges is Ternary.YES, _certain_flags(holders), _certain_flags(roles)
            )

    def _covering(self, grant: PassRoleGrant, edge: Edge) -> Iterator[tuple[str, Ternary]]:
        """Yield the patterns of an Allow that cover the role of an edge."""
        for role in () if grant.complement else grant.roles:
            written = replace_reference(role.pattern, self.model.roles, self.model.roles_by_name)
            covers = pattern_covers(written, edge.role, _requester_account(edge)) if edge.role else Ternary.UNKNOWN
            if covers is not Ternary.NO:
                yield str(role.pattern), covers

    def _holders(self, policy: AttachedPolicy) -> Iterator[tuple[str | None, Principal]]:
        """Yield the principals that hold a policy, each with the principal it is attached to.

        For a group these are its users: they make the requests, and their other policies may deny what the group
        allows.
        """
        for holder in self.model.principals.of(policy):
            users = self.members.get(holder.name, ()) if holder.kind is PrincipalKind.GROUP else ()
            attached = holder.name if holder.name in policy.holders else None
            if attached is None:  # a user of a group, with policies of its own
                groups = (name for name in policy.holders if holder.name in self.members.get(name, ()))
                attached = next(groups, None)
            yield from ((attached, self.model.principals.named(user)) for user in users)
            if not users:
                yield attached, holder

    def known_edges(self) -> Iterator[tuple[Edge, Ternary]]:
        """Yield the edges whose principals are, or may be, defined in this configuration."""
        for holder in map(self.model.principals.named, self._all_holders):
            yield from ((self.log.edges[number], who) for number, who in self._edges_of(holder, self.log.everything))

    def _edges_of(self, holder: Principal, near: frozenset[int]) -> Iterator[tuple[int, Ternary]]:
        """Return the edges among ``near`` whose principal is, or may be, the holder."""
        if holder.kind is PrincipalKind.POLICY:
            return ((number, Ternary.UNKNOWN) for number in near)  # it may be attached to any principal elsewhere
        found = self._edges.get(holder.name)
        if found is None:
            name = self._names.get(holder.name)
            principals: Iterable[str] = self.log.of
            if (
                holder.kind in (PrincipalKind.USER, PrincipalKind.ROLE)
                and name is not None
                and name.literal is not None
            ):
                principals = self.log.named.get((holder.kind, name.literal), ())
            answers = ((principal, self._is_principal(holder, principal)) for principal in principals)
            found = self._edges[holder.name] = [
                (number, who)
                for principal, who in answers
                if who is not Ternary.NO
                for number in self.log.of[principal]
            ]
        return (one for one in found if one[0] in near)

    @cached_property
    def _all_holders(self) -> tuple[str, ...]:
        found = [role.resource.address for role in self.own.roles]
        found += [name for policy in self.own.policies for name in policy.principals]
        found += [attachment.holder for attachment in self.own.attached.managed_policies]
        found += [user for users in by_group(self.own.attached.members).values() for user in users]
        return tuple(dict.fromkeys(found))

    def _permits(self, passing: EffectiveGrant, edge: Edge) -> Ternary:
        """Return whether an effective grant permits an edge, assuming its holder is the principal of the edge."""
        role = re.match(r"arn:[^:]+:iam::(\d{12}):", edge.passed)
        account = role[1] if role else _requester_account(edge)
        if self.model.account is not None and account not in (self.model.account, ""):
            return Ternary.NO
        if not edge.services:
            return self._covers(passing.for_any_service, passing.grant, edge) & Ternary.UNKNOWN
        answers = {self._covers(passing.for_service(service), passing.grant, edge) for service in edge.services}
        return answers.pop() if len(answers) == 1 else Ternary.UNKNOWN

    def _is_principal(self, holder: Principal, principal: str) -> Ternary:
        """Return whether a holder is the principal of an edge."""
        found = self.log.principals[principal]
        if found is None:
            return Ternary.NO  # root, or a service
        set_ = _PERMISSION_SET.fullmatch(found["name"])
        if set_ is not None or holder.kind is PrincipalKind.PERMISSION_SET:
            return Ternary.UNKNOWN if set_ is not None and holder.kind is PrincipalKind.PERMISSION_SET else Ternary.NO
        if holder.kind is not _KINDS[found["kind"]] and holder.kind is not PrincipalKind.GROUP:
            return Ternary.NO
        if holder.kind is PrincipalKind.GROUP:
            return Ternary.UNKNOWN if found["kind"] == "user" else Ternary.NO  # the group may have other members
        name = self._names.get(holder.name)
        return Ternary.UNKNOWN if name is None else _name_matches(name, found["name"])

    @cached_property
    def _names(self) -> dict[str, StringNode]:
        """Map holders to their names, if stated."""
        names = {role.resource.address: role.name for role in self.model.configuration.roles if role.name is not None}
        names |= dict(self.model.configuration.users)
        return names | {shown: text(name, _NOWHERE) for shown, _, name in self.model.configuration.literals}

    def _covers(self, passed: PassableSet | None, grant: PassRoleGrant, edge: Edge) -> Ternary:
        """Return whether the role of an edge is among the passable roles; unknown for an instance profile."""
        return grant_covers(
            passed, grant, edge.role, _requester_account(edge), self.model.roles, self.model.roles_by_name
        )


def _certain_flags(answers: Mapping[str, Ternary]) -> dict[str, bool]:
    return {name: answer is Ternary.YES for name, answer in answers.items()}


def _requester_account(edge: Edge) -> str:
    """Return the account of the principal, which is also that of a role whose ARN is unknown."""
    return next(iter(edge.accounts.shown), "")


def _name_matches(name: StringNode, found: str) -> Ternary:
    """Return whether a name, possibly with unresolved parts, matches the name in the log."""
    if name.literal is not None:
        return Ternary.YES if name.literal == found else Ternary.NO
    written = "".join(re.escape(part) if isinstance(part, str) else ".*" for part in name.parts)
    return Ternary.UNKNOWN if re.fullmatch(written, found, re.DOTALL) else Ternary.NO
