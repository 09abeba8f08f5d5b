"""The evidence beside what a configuration grants: what is used, what never was, what was denied, and who else passes
roles.

Every answer is three-valued. A principal is known by its name, where the configuration tells one: of a role or a user
whose name AWS makes, or of a policy that is attached to nobody here, it cannot be told whether it is the one of the
log. Neither can a role that is only known by its name be held against a pattern with a path. What cannot be told counts
as perhaps, and is never silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from passrole_checks.access.access_model import AccessModel
from passrole_checks.access.observed_role import fits, grant_covers, written_out
from passrole_checks.access.principals import by_group
from passrole_checks.cloudtrail.edges import KINDS, Log
from passrole_checks.cloudtrail.model import RequestOutcome
from passrole_checks.cloudtrail.summary import Edge
from passrole_checks.iam.grants.effective_grant import EffectiveGrant, PassableSet
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.partial_values import Position, StringNode, Ternary, text
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, PolicyKind, ResourceDefinition

_NOWHERE = Position("", 0)
_PERMISSION_SET = re.compile(r"AWSReservedSSO_(?P<name>.+)_[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Through:
    """An edge on its way through an Allow, also one of which requests were only denied or failed.

    `holders`: whom the policy is attached to and who passed, as :attr:`AttachedPolicy.principals` names them; nobody
    where it is attached to nobody here. `roles`: the patterns that cover the role, as written; none where the Allow is
    of all roles but some. Each with whether that is sure; `surely`: whether all of it is.
    """

    edge: Edge
    surely: bool
    holders: Mapping[str, bool]
    roles: Mapping[str, bool]


@dataclass(slots=True)
class Used:
    """An Allow of PassRole, and the edges that it let through: ``surely``, or ``perhaps``. Of what was denied nothing
    counts. ``ways`` are all edges that it lets through, with what of it they go through."""

    grant: PassRoleGrant
    resource: ResourceDefinition
    path: str
    holders: dict[str, None] = field(default_factory=dict)
    surely: list[Edge] = field(default_factory=list)
    perhaps: list[Edge] = field(default_factory=list)
    ways: list[Through] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeniedAttempt:
    """An edge with requests that were denied, and whether the configuration would allow them."""

    edge: Edge
    allowed: Ternary


@dataclass(frozen=True, slots=True)
class Against:
    """What the evidence says of a configuration.

    `used`: grants that something was passed by. `perhaps`: those of which that cannot be told. `unused`: those by which
    surely nothing was, in the window of the logs. `denied`: attempts. `strangers`: passes by principals that this
    configuration surely does not know. `elsewhere`: passes by others that surely no grant of this configuration allows.
    """

    used: tuple[Used, ...]
    perhaps: tuple[Used, ...]
    unused: tuple[Used, ...]
    denied: tuple[DeniedAttempt, ...]
    strangers: tuple[Edge, ...]
    elsewhere: tuple[Edge, ...]


def held_against(edges: Sequence[Edge], configurations: Iterable[Configuration], account: str | None = None) -> Against:
    """Holds the edges of some logs against configurations. ``account`` is the account deployed to, if it is stated."""
    log = Log(edges)
    known: dict[int, Ternary] = {id(edge): Ternary.NO for edge in edges}
    allowed: dict[int, Ternary] = {id(edge): Ternary.NO for edge in edges}
    grants: list[Used] = []
    for side in (_Side(one, account, log) for one in configurations):
        for edge, answer in side.known():
            known[id(edge)] |= answer
        for used, hands in side.granted():
            grants.append(used)
            for way in side.ways(hands):
                edge = way.edge
                used.ways.append(way)
                allowed[id(edge)] |= Ternary.YES if way.surely else Ternary.UNKNOWN
                if edge.counts[RequestOutcome.PASSED]:
                    (used.surely if way.surely else used.perhaps).append(edge)
    passed = [edge for edge in edges if edge.counts[RequestOutcome.PASSED]]
    return Against(
        used=tuple(one for one in grants if one.surely),
        perhaps=tuple(one for one in grants if one.perhaps and not one.surely),
        unused=tuple(one for one in grants if not one.perhaps and not one.surely),
        denied=tuple(DeniedAttempt(edge, allowed[id(edge)]) for edge in edges if edge.counts[RequestOutcome.DENIED]),
        strangers=tuple(edge for edge in passed if known[id(edge)] is Ternary.NO),
        elsewhere=tuple(
            edge for edge in passed if known[id(edge)] is not Ternary.NO and allowed[id(edge)] is Ternary.NO
        ),
    )


@dataclass(frozen=True, slots=True)
class _Hand:
    """What of an Allow is left in the hands of a principal, who has it from one that the policy is attached to, if it
    is attached to anybody."""

    attached: str | None
    holder: Principal
    passing: EffectiveGrant


class _Side:
    """One configuration, asked whether it lets the edges of some logs through."""

    def __init__(self, configuration: Configuration, account: str | None, log: Log) -> None:
        self.model, self.log = AccessModel(configuration, account), log
        self.members = by_group(configuration.members)
        self._edges: dict[str, list[tuple[int, Ternary]]] = {}

    def granted(self) -> Iterator[tuple[Used, list[_Hand]]]:
        """Each Allow of PassRole, with what is left of it in the hands of each of its holders."""
        policies = (
            *self.model.configuration.policies,
            *self.model.configuration.unchanged,
            *self.model.principals.managed,
        )
        found: dict[tuple[object, ...], tuple[Used, list[_Hand]]] = {}
        for policy in policies:
            if policy.kind is not PolicyKind.IDENTITY:
                continue
            for grant in self.model.grants(policy):
                if grant.effect != "Allow" or grant.denied:
                    continue
                key = (policy.resource.address, grant.at, grant.statement.path, policy.path)
                used, hands = found.setdefault(key, (Used(grant, policy.resource, _path(policy, grant)), []))
                for attached, holder in self._holders(policy):
                    passing = self.model.effective_grant(policy, grant, holder)
                    if passing.for_any_service is not None:
                        used.holders[holder.name] = None
                        hands.append(_Hand(attached, holder, passing))
        yield from found.values()

    def ways(self, hands: Iterable[_Hand]) -> Iterator[Through]:
        """The edges that an Allow lets through, in their order."""
        found: dict[int, tuple[dict[str, Ternary], dict[str, Ternary], Ternary]] = {}
        for hand in hands:
            grant = hand.passing.grant
            near = self.log.everything if grant.complement else self.log.near([role.pattern for role in grant.roles])
            for number, who in self._edges_of(hand.holder, near):
                edge = self.log.edges[number]
                lets = who & self._lets(hand.passing, edge)
                if lets is Ternary.NO:
                    continue
                holders, roles, known = found.get(number, ({}, {}, Ternary.NO))
                found[number] = (holders, roles, known | lets)
                if hand.attached is not None:
                    holders[hand.attached] = holders.get(hand.attached, Ternary.NO) | lets
                for pattern, covers in self._covering(hand.passing.grant, edge):
                    roles[pattern] = roles.get(pattern, Ternary.NO) | (covers & lets)
        for number in sorted(found):
            holders, roles, known = found[number]
            yield Through(self.log.edges[number], known is Ternary.YES, _sure(holders), _sure(roles))

    def _covering(self, grant: PassRoleGrant, edge: Edge) -> Iterator[tuple[str, Ternary]]:
        """The patterns of an Allow that cover the role of an edge."""
        for role in () if grant.complement else grant.roles:
            written = written_out(role.pattern, self.model.roles, self.model.roles_by_name)
            covers = fits(written, edge.role, _its_account(edge)) if edge.role else Ternary.UNKNOWN
            if covers is not Ternary.NO:
                yield str(role.pattern), covers

    def _holders(self, policy: AttachedPolicy) -> Iterator[tuple[str | None, Principal]]:
        """Who holds a policy, and from whom: the users of a group beside it, since what one user holds besides may deny
        what the group allows, and it is users who make requests."""
        for holder in self.model.principals.of(policy):
            users = self.members.get(holder.name, ()) if holder.kind is PrincipalKind.GROUP else ()
            attached = holder.name if holder.name in policy.principals else None
            if attached is None:  # one of a group, who holds something else as well
                groups = (name for name in policy.principals if holder.name in self.members.get(name, ()))
                attached = next(groups, None)
            yield from ((attached, self.model.principals.named(user)) for user in users)
            if not users:
                yield attached, holder

    def known(self) -> Iterator[tuple[Edge, Ternary]]:
        """The edges whose principals are, or may be, some of this configuration."""
        for holder in map(self.model.principals.named, self._all_holders):
            yield from ((self.log.edges[number], who) for number, who in self._edges_of(holder, self.log.everything))

    def _edges_of(self, holder: Principal, near: frozenset[int]) -> Iterator[tuple[int, Ternary]]:
        """Those of some edges whose principal is, or may be, a holder."""
        if holder.kind is PrincipalKind.POLICY:
            return ((number, Ternary.UNKNOWN) for number in near)  # it may be attached to anybody, elsewhere
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
            answers = ((principal, self._is(holder, principal)) for principal in principals)
            found = self._edges[holder.name] = [
                (number, who)
                for principal, who in answers
                if who is not Ternary.NO
                for number in self.log.of[principal]
            ]
        return (one for one in found if one[0] in near)

    @cached_property
    def _all_holders(self) -> tuple[str, ...]:
        found = [role.resource.address for role in self.model.configuration.roles]
        found += [name for policy in self.model.configuration.policies for name in policy.principals]
        found += [one.holder for one in self.model.configuration.attachments]
        found += [user for users in self.members.values() for user in users]
        return tuple(dict.fromkeys(found))

    def _lets(self, passing: EffectiveGrant, edge: Edge) -> Ternary:
        """Whether what is left of an Allow lets an edge through, if its holder is the principal of the edge."""
        if self.model.account is not None and _account_of(edge) not in (self.model.account, ""):
            return Ternary.NO
        if not edge.services:
            return self._covers(passing.for_any_service, passing.grant, edge) & Ternary.UNKNOWN
        answers = {self._covers(passing.for_service(service), passing.grant, edge) for service in edge.services}
        return answers.pop() if len(answers) == 1 else Ternary.UNKNOWN

    def _is(self, holder: Principal, principal: str) -> Ternary:
        """Whether a holder is the principal of an edge."""
        found = self.log.principals[principal]
        if found is None:
            return Ternary.NO  # root, or a service
        set_ = _PERMISSION_SET.fullmatch(found["name"])
        if set_ is not None or holder.kind is PrincipalKind.PERMISSION_SET:
            return Ternary.UNKNOWN if set_ is not None and holder.kind is PrincipalKind.PERMISSION_SET else Ternary.NO
        if holder.kind is not KINDS[found["kind"]] and holder.kind is not PrincipalKind.GROUP:
            return Ternary.NO
        if holder.kind is PrincipalKind.GROUP:
            return Ternary.UNKNOWN if found["kind"] == "user" else Ternary.NO  # whoever else is in it
        name = self._names.get(holder.name)
        return Ternary.UNKNOWN if name is None else _spelled(name, found["name"])

    @cached_property
    def _names(self) -> dict[str, StringNode]:
        """The names of holders, as far as they are told."""
        names = {role.resource.address: role.name for role in self.model.configuration.roles if role.name is not None}
        names |= dict(self.model.configuration.users)
        return names | {shown: text(name, _NOWHERE) for shown, _, name in self.model.configuration.literals}

    def _covers(self, passed: PassableSet | None, grant: PassRoleGrant, edge: Edge) -> Ternary:
        """Whether the role of an edge is among those that can be passed; of an instance profile it is not known."""
        return grant_covers(passed, grant, edge.role, _its_account(edge), self.model.roles, self.model.roles_by_name)


def _sure(answers: Mapping[str, Ternary]) -> dict[str, bool]:
    return {name: answer is Ternary.YES for name, answer in answers.items()}


def _path(policy: AttachedPolicy, grant: PassRoleGrant) -> str:
    return "/".join(filter(None, (policy.path, grant.statement.path)))


def _account_of(edge: Edge) -> str:
    found = re.match(r"arn:[^:]+:iam::(\d{12}):", edge.passed)
    return found[1] if found else _its_account(edge)


def _its_account(edge: Edge) -> str:
    """The account of whoever passed, which is that of a role whose ARN is not known."""
    return next(iter(edge.accounts.shown), "")


def _spelled(name: StringNode, found: str) -> Ternary:
    """Whether a name, holes included, is that of the log."""
    if name.literal is not None:
        return Ternary.YES if name.literal == found else Ternary.NO
    written = "".join(re.escape(part) if isinstance(part, str) else ".*" for part in name.parts)
    return Ternary.UNKNOWN if re.fullmatch(written, found, re.DOTALL) else Ternary.NO
