"""The evidence beside what a configuration grants: what is used, what never was, what was denied, and who else passes
roles.

Every answer is three-valued. A principal is known by its name, where the configuration tells one: of a role whose name
AWS makes, of a user whose name stands in the block of the user, or of a policy that is attached to nobody here, it
cannot be told whether it is the one of the log. Neither can a role that is only known by its name be held against a
pattern with a path. What cannot be told counts as perhaps, and is never silence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from passrole_checks.evidence.model import Outcome
from passrole_checks.evidence.summary import Edge
from passrole_checks.iam.passing import Passed, Passing
from passrole_checks.iam.passrole import PassRoleGrant, grants_of
from passrole_checks.iam.policy import parse_document
from passrole_checks.iam.principal import Principal, PrincipalKind
from passrole_checks.iam.values import Position, Text, Tri, text
from passrole_checks.judge import known_roles
from passrole_checks.knowledge.service_principals import known_services
from passrole_checks.logged import lets_be_passed
from passrole_checks.principals import Principals, by_group
from passrole_checks.sources.resource import AttachedPolicy, Configuration, PolicyKind, ResourceDefinition

_NOWHERE = Position("", 0)
_PRINCIPAL = re.compile(
    r"arn:[^:]+:(?:iam|sts)::(?P<account>\d{12}):(?P<kind>user|role|assumed-role)/(?P<path>.*/)?(?P<name>.+)"
)
_PERMISSION_SET = re.compile(r"AWSReservedSSO_(?P<name>.+)_[0-9a-f]+")
_KINDS = {"user": PrincipalKind.USER, "role": PrincipalKind.ROLE, "assumed-role": PrincipalKind.ROLE}


@dataclass(slots=True)
class Used:
    """An Allow of PassRole, and the edges that it let through: ``surely``, or ``perhaps``. Of what was denied nothing
    counts."""

    grant: PassRoleGrant
    resource: ResourceDefinition
    path: str
    holders: dict[str, None] = field(default_factory=dict)
    surely: list[Edge] = field(default_factory=list)
    perhaps: list[Edge] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An edge with requests that were denied, and whether the configuration would allow them."""

    edge: Edge
    allowed: Tri


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
    denied: tuple[Attempt, ...]
    strangers: tuple[Edge, ...]
    elsewhere: tuple[Edge, ...]


def held_against(edges: Sequence[Edge], configurations: Iterable[Configuration], account: str | None = None) -> Against:
    """Holds the edges of some logs against configurations. ``account`` is the account deployed to, if it is stated."""
    sides = [_Side(one, account) for one in configurations]
    known: dict[int, Tri] = {id(edge): Tri.NO for edge in edges}
    allowed: dict[int, Tri] = {id(edge): Tri.NO for edge in edges}
    grants: list[Used] = []
    for side in sides:
        for edge in edges:
            known[id(edge)] |= side.knows(edge)
        for used, holders in side.granted():
            grants.append(used)
            for edge in edges:
                lets = Tri.NO
                for holder, passing in holders:
                    lets |= side.lets(holder, passing, edge)
                    if lets is Tri.YES:
                        break
                allowed[id(edge)] |= lets
                if lets is not Tri.NO and edge.counts[Outcome.PASSED]:
                    (used.surely if lets is Tri.YES else used.perhaps).append(edge)
    passed = [edge for edge in edges if edge.counts[Outcome.PASSED]]
    return Against(
        used=tuple(one for one in grants if one.surely),
        perhaps=tuple(one for one in grants if one.perhaps and not one.surely),
        unused=tuple(one for one in grants if not one.perhaps and not one.surely),
        denied=tuple(Attempt(edge, allowed[id(edge)]) for edge in edges if edge.counts[Outcome.DENIED]),
        strangers=tuple(edge for edge in passed if known[id(edge)] is Tri.NO),
        elsewhere=tuple(edge for edge in passed if known[id(edge)] is not Tri.NO and allowed[id(edge)] is Tri.NO),
    )


class _Side:
    """One configuration, asked whether it lets edges through."""

    def __init__(self, configuration: Configuration, account: str | None) -> None:
        self.configuration = configuration
        self.account = account or configuration.account
        self.principals = Principals(configuration, self.account)
        self.services: dict[str, Collection[str]] = {name: known_services(name) for name in ("aws", "aws-cn")}
        self.by_address, self.by_name = known_roles(configuration.roles)
        self.members = by_group(configuration.members)

    def granted(self) -> Iterator[tuple[Used, list[tuple[Principal, Passing]]]]:
        """Each Allow of PassRole, with what is left of it in the hands of each of its holders."""
        policies = (*self.configuration.policies, *self.configuration.unchanged, *self.principals.managed)
        found: dict[tuple[object, ...], tuple[Used, list[tuple[Principal, Passing]]]] = {}
        for policy in policies:
            if policy.kind is not PolicyKind.IDENTITY:
                continue
            for grant in grants_of(parse_document(policy.document).statements, self.services, self.account):
                if grant.effect != "Allow" or grant.denied:
                    continue
                key = (policy.resource.address, grant.at, grant.statement.path, policy.path)
                used, holders = found.setdefault(key, (Used(grant, policy.resource, _path(policy, grant)), []))
                for holder in self._holders(policy):
                    passing = Passing(grant, holder.permissions, self.services, self.account)
                    if passing.anything is not None:
                        used.holders[holder.name] = None
                        holders.append((holder, passing))
        yield from found.values()

    def _holders(self, policy: AttachedPolicy) -> Iterator[Principal]:
        """Who holds a policy: the users of a group beside it, since what one user holds besides may deny what the group
        allows, and it is users who make requests."""
        for holder in self.principals.of(policy):
            users = self.members.get(holder.name, ()) if holder.kind is PrincipalKind.GROUP else ()
            yield from map(self.principals.named, users)
            if not users:
                yield holder

    def knows(self, edge: Edge) -> Tri:
        """Whether the principal of an edge is one of this configuration."""
        answer = Tri.NO
        for name in self._all_holders:
            answer |= self._is(self.principals.named(name), edge)
            if answer is Tri.YES:
                break
        return answer

    @cached_property
    def _all_holders(self) -> tuple[str, ...]:
        found = [role.resource.address for role in self.configuration.roles]
        found += [name for policy in self.configuration.policies for name in policy.principals]
        found += [one.holder for one in self.configuration.attachments]
        found += [user for users in self.members.values() for user in users]
        return tuple(dict.fromkeys(found))

    def lets(self, holder: Principal, passing: Passing, edge: Edge) -> Tri:
        """Whether an Allow in the hands of a holder lets an edge through."""
        who = self._is(holder, edge)
        if who is Tri.NO or (self.account is not None and _account_of(edge) not in (self.account, "")):
            return Tri.NO
        if not edge.services:
            return who & self._covers(passing.anything, passing.grant, edge) & Tri.UNKNOWN
        answers = {self._covers(passing.to(service), passing.grant, edge) for service in edge.services}
        return who & (answers.pop() if len(answers) == 1 else Tri.UNKNOWN)

    def _is(self, holder: Principal, edge: Edge) -> Tri:
        """Whether a holder is the principal of an edge."""
        if holder.kind is PrincipalKind.POLICY:
            return Tri.UNKNOWN  # it may be attached to anybody, elsewhere
        found = _PRINCIPAL.fullmatch(edge.principal)
        if found is None:
            return Tri.NO  # root, or a service
        set_ = _PERMISSION_SET.fullmatch(found["name"])
        if set_ is not None or holder.kind is PrincipalKind.PERMISSION_SET:
            return Tri.UNKNOWN if set_ is not None and holder.kind is PrincipalKind.PERMISSION_SET else Tri.NO
        if holder.kind is not _KINDS[found["kind"]] and holder.kind is not PrincipalKind.GROUP:
            return Tri.NO
        if holder.kind is PrincipalKind.GROUP:
            return Tri.UNKNOWN if found["kind"] == "user" else Tri.NO  # whoever else is in it
        name = self._names.get(holder.name)
        return Tri.UNKNOWN if name is None else _spelled(name, found["name"])

    @cached_property
    def _names(self) -> dict[str, Text]:
        """The names of holders, as far as they are told."""
        names = {role.resource.address: role.name for role in self.configuration.roles if role.name is not None}
        return names | {shown: text(name, _NOWHERE) for shown, _, name in self.configuration.literals}

    def _covers(self, passed: Passed | None, grant: PassRoleGrant, edge: Edge) -> Tri:
        """Whether the role of an edge is among those that can be passed; of an instance profile it is not known."""
        account = next(iter(edge.accounts.shown), "")
        return lets_be_passed(passed, grant, edge.role, account, self.by_address, self.by_name)


def _path(policy: AttachedPolicy, grant: PassRoleGrant) -> str:
    return "/".join(filter(None, (policy.path, grant.statement.path)))


def _account_of(edge: Edge) -> str:
    found = re.match(r"arn:[^:]+:iam::(\d{12}):", edge.passed)
    return found[1] if found else next(iter(edge.accounts.shown), "")


def _spelled(name: Text, found: str) -> Tri:
    """Whether a name, holes included, is that of the log."""
    if name.literal is not None:
        return Tri.YES if name.literal == found else Tri.NO
    written = "".join(re.escape(part) if isinstance(part, str) else ".*" for part in name.parts)
    return Tri.UNKNOWN if re.fullmatch(written, found, re.DOTALL) else Tri.NO
