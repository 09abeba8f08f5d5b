"""What PassRole reaches in one configuration: the roles of it, and the ways to act as one that are open to somebody.

Between the principals and the checks: built once a configuration, and each answer when a check first asks for it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from passrole_checks.assuming import passed_as, ways
from passrole_checks.findings import Severity
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.outcomes import When
from passrole_checks.iam.passing.passing import Passed, Passing
from passrole_checks.iam.passing.passrole import PassRoleGrant
from passrole_checks.iam.permissions.escalation import OpenWay, open_ways
from passrole_checks.iam.permissions.excess import excess
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.roles import role_set
from passrole_checks.iam.roles.arn import Deployment, Scope, account_of, partition_of
from passrole_checks.iam.roles.arn_pattern import spelled_out
from passrole_checks.iam.roles.role_set import RoleSet
from passrole_checks.iam.values import Hole, Kind, Part, Text, Tri, join
from passrole_checks.strength import Strength, most_of, strength_of

if TYPE_CHECKING:
    from passrole_checks.iam.permissions.principal import Principal
    from passrole_checks.principals import Principals
    from passrole_checks.receiving import Receiving


_MOST_NAMED = 3  # of the roles that a message names
_MOST_COUNTED = 10  # of the roles that are no worse than those that are named
_MOST_COMPARED = 60  # of the roles in the reach of one principal


def named_role(
    pattern: Text, by_address: Mapping[str, KnownRole], by_name: Mapping[str, KnownRole]
) -> KnownRole | None:
    """The role of a configuration that a Resource names, if it names one exactly.

    ``by_name`` holds the roles by path and name (``app/worker``), as :func:`name_key` gives it.
    """
    hole = pattern.holes[-1] if pattern.holes else None
    if hole is not None and hole.role is not None and pattern.parts[-1] is hole:
        # a reference may carry an instance's key where the definition stands for all instances
        return by_address.get(hole.role) or by_address.get(re.sub(r"\[[^\[\]]*\]$", "", hole.role))
    # wildcards before the name are the account's: passing stays within that
    name = _name_in(pattern)
    return by_name.get(name) if name else None


_CHANGING = re.compile(r"\b(?:each|count|self)\.|\b(?:uuid|timestamp|plantimestamp|bcrypt)\(")


def name_key(parts: Iterable[Part]) -> str:
    """A path and name as a key: holes by their expressions, so that whoever writes the same expression means the same
    name. "" where it may be another value each time, or where a wildcard stands in it."""
    written = []
    for part in parts:
        if isinstance(part, Hole) and _CHANGING.search(part.expression):
            return ""
        if isinstance(part, str) and {"*", "?"} & set(part):
            return ""
        written.append(part if isinstance(part, str) else part.written)
    return "".join(written)


def _name_in(pattern: Text) -> str:
    """What stands behind ``:role/`` in a pattern without wildcards, as :func:`name_key` gives it."""
    for index, part in enumerate(pattern.parts):
        if isinstance(part, str) and ":role/" in part:
            return name_key((part.split(":role/", 1)[1], *pattern.parts[index + 1 :]))
    return ""


def _order(role: KnownRole, strength: Strength) -> tuple[int, bool, int, str]:
    return -strength.severity.rank, strength.certain is not Tri.YES, len(strength.when), role.address


@dataclass(frozen=True)
class Reached:
    """Roles of the configuration that can be passed. ``all_known``: every role in scope is among them."""

    roles: tuple[KnownRole, ...]
    all_known: bool

    @cached_property
    def addresses(self) -> frozenset[str]:
        """The addresses of the roles."""
        return frozenset(role.address for role in self.roles)


class Reach:
    """``by_address``/``by_name``: the roles of the configuration; ``account``: the account deployed to, if known."""

    def __init__(
        self,
        by_address: Mapping[str, KnownRole],
        by_name: Mapping[str, KnownRole],
        services_of: Mapping[str, Collection[str]],
        account: str | None,
        principals: Principals | None = None,
        receiving: Receiving | None = None,
    ) -> None:
        self.by_address, self.by_name = by_address, by_name
        self.known_services = services_of
        self.account = account
        self.principals = principals
        self.receiving = receiving
        # by the identity of the principal: of two policies that stand for themselves one resource may hold both
        self._ways: dict[tuple[int, When], tuple[OpenWay, ...]] = {}
        self._strengths: dict[tuple[str, int, When], Strength | None] = {}
        self._ceilings: dict[str, Severity | None] = {}
        self._reached: dict[tuple[object, ...], Reached] = {}

    def services_of(self, role: KnownRole) -> tuple[str, ...]:
        """The services that resources of the configuration hand a role to."""
        return self.receiving.services_of(role.address) if self.receiving is not None else ()

    def passing(self, holder: Principal, grant: PassRoleGrant, *, many_accounts: bool = False) -> Passing:
        """What is left of a grant in the hands of a principal."""
        account = None if many_accounts else self.account
        return Passing(grant, holder.permissions, self.known_services, account)

    def open_ways(self, holder: Principal, when: When) -> tuple[OpenWay, ...]:
        """The ways whose actions a principal has, where the facts ``when`` hold."""
        key = (id(holder), when)
        if key not in self._ways:
            self._ways[key] = open_ways(holder.permissions, ways(), when)
        return self._ways[key]

    def passable(self, passing: Passing) -> Iterator[KnownRole]:
        """The roles of the configuration that can be passed to a service that may assume them."""
        widest = passing.anything
        if widest is None:
            return
        by_trust: dict[frozenset[str], frozenset[str]] = {}  # the addresses of what can be passed to the services
        for role in self.reached(widest, passing.grant).roles:
            if role.no_service:
                continue
            trusted = role.trusted or frozenset()
            if trusted not in by_trust:
                services = passed_as(trusted)
                found = [passing.to(name) for name in services] if services else [widest]
                by_trust[trusted] = frozenset().union(
                    *(self.reached(passed, passing.grant).addresses for passed in found if passed is not None)
                )
            if role.address in by_trust[trusted]:
                yield role

    def reached(self, passed: Passed, grant: PassRoleGrant) -> Reached:
        """The roles of the configuration that surely are in scope."""
        roles, denied = (tuple(item.parts for item in texts) for texts in (passed.roles, passed.denied))
        when = passed.when if self._some_are_conditional else ()
        key = (roles, denied, passed.complement, passed.scope, grant.statement.variables, when)
        if key not in self._reached:
            self._reached[key] = self._reach(passed, grant.statement.variables)
        return self._reached[key]

    @cached_property
    def _some_are_conditional(self) -> bool:
        return any(role.there for role in self.by_address.values())

    def _reach(self, passed: Passed, variables: bool) -> Reached:
        found = self._all_within(passed, variables)
        if self._some_are_conditional:
            together = tuple(role for role in found.roles if role.may_be_there(passed.when))
            found = Reached(together, found.all_known and bool(together or not found.roles))
        if not passed.denied:
            return found
        taken = {role.address for role in self._inside(RoleSet(passed.denied, variables), found.roles)}
        return Reached(tuple(role for role in found.roles if role.address not in taken), found.all_known)

    def _all_within(self, passed: Passed, variables: bool) -> Reached:
        if passed.complement:
            rest = RoleSet(passed.roles, variables, complement=True)
            return Reached(tuple(self._in_order(self._inside(rest, self.by_address.values()))), False)
        if passed.scope is Scope.ANY_ROLE:
            return Reached(tuple(self._in_order(self.by_address.values())), False)
        found: dict[str, KnownRole] = {}
        all_known = True
        for pattern in passed.roles:
            named = named_role(pattern, self.by_address, self.by_name)
            if named is not None and not self._is_foreign(pattern):
                found.update((role.address, role) for role in self._called_like(named))
                continue
            all_known = False
            if passed.scope is Scope.PREFIX:
                inside = self._inside(RoleSet((pattern,), variables), self._near(pattern))
                found.update((role.address, role) for role in inside)
        return Reached(tuple(self._in_order(found.values())), all_known)

    def _called_like(self, named: KnownRole) -> Iterator[KnownRole]:
        """A role and those of the same path and name, of which there can be one at a time."""
        if not named.there or named.arn is None:
            yield named
            return
        for role in self.by_address.values():
            if role.arn is not None and role.arn.parts == named.arn.parts:
                yield role

    @cached_property
    def _beginnings(self) -> tuple[list[tuple[str, str]], list[KnownRole]]:
        """What the names of the roles begin with, in order, each with its address; and the roles without."""
        known = [(own, role) for role in self.by_address.values() if (own := _own_beginning(role)) is not None]
        told = {role.address for _, role in known}
        others = [role for role in self.by_address.values() if role.address not in told]
        return sorted((own, role.address) for own, role in known), others

    def _near(self, pattern: Text) -> Iterator[KnownRole]:
        """The roles of which all that they may be called can fit a pattern: what is known of the name has to go as far
        as the pattern is literal. What most roles fail is not looked at closer."""
        wanted = _beginning(pattern)
        known, others = self._beginnings
        for own, address in known[bisect_left(known, (wanted,)) :]:
            if not own.startswith(wanted):
                break
            yield self.by_address[address]
        yield from others

    def strength(self, role: KnownRole, holder: Principal, when: When = ()) -> Strength | None:
        """How much a role can do that a principal cannot, where the facts ``when`` hold. None for nothing.

        Of what a role gets from policies that are not known here nothing is said.
        """
        key = (role.address, id(holder), when)
        if key not in self._strengths:
            found = self.principals.role(role.address) if self.principals is not None else None
            more = excess(found.permissions, holder.permissions, when) if found is not None else None
            self._strengths[key] = strength_of(more) if more is not None else None
        return self._strengths[key]

    def strongest(
        self, roles: Iterable[KnownRole], holder: Principal, when: When = ()
    ) -> tuple[list[tuple[KnownRole, Strength]], bool]:
        """The roles that can do more than a principal where the facts ``when`` hold, the strongest first and those
        before that do so under fewer facts, and whether these are all.

        Once there are enough to be named that could not be worse, the others are not looked at, and of a great many
        roles only the first are, in the order of what they can do at all.
        """
        found: list[tuple[KnownRole, Strength]] = []
        complete = True
        roles = [role for role in roles if role.may_be_there(when)]
        most = [(ceiling, role) for role in roles if (ceiling := self._ceiling(role)) is not None]
        for number, (ceiling, role) in enumerate(sorted(most, key=lambda item: (-item[0].rank, item[1].address))):
            worst = sum(one.certain is Tri.YES and one.severity.rank >= ceiling.rank for _, one in found)
            few = number < _MOST_COUNTED and ceiling is not Severity.HIGH
            if (worst >= _MOST_NAMED and not few) or number == _MOST_COMPARED:
                complete = False
                break
            strength = self.strength(role, holder, when) if role.address != holder.name else None
            if strength is not None:
                found.append((role, strength))
        found.sort(key=lambda item: _order(*item))
        return found, complete

    def _ceiling(self, role: KnownRole) -> Severity | None:
        """How much a role can do at all, which is as much as it can do more than anybody; None for nothing."""
        if role.address not in self._ceilings:
            found = self.principals.role(role.address) if self.principals is not None else None
            more = excess(found.permissions, Permissions(())) if found is not None else None
            self._ceilings[role.address] = most_of(more) if more is not None else None
        return self._ceilings[role.address]

    def _is_foreign(self, pattern: Text) -> bool:
        named = account_of(pattern)
        return None not in (named, self.account) and named != self.account

    def _inside(self, wanted: RoleSet, roles: Iterable[KnownRole]) -> Iterator[KnownRole]:
        """The roles that surely are in a set. Passing stays within the account, so the roles of this configuration are
        in the account and the partition that a pattern names, unless that is known to be another one."""
        named = {found for item in wanted.patterns if (found := account_of(item)) is not None}
        if self.account is None and len(named) > 1:
            return
        account = self.account or next(iter(named), None)
        partition = next((found for item in wanted.patterns if (found := partition_of(item)) is not None), "aws")
        where = Deployment(account, (partition,))
        for role in roles:
            if role.arn is not None and role_set.surely_within(
                RoleSet((_placed(role.arn, partition, account),)), [wanted], where=where
            ):
                yield role

    @staticmethod
    def _in_order(roles: Iterable[KnownRole]) -> list[KnownRole]:
        return sorted(roles, key=lambda role: role.address)


def _placed(role: Text, partition: str, account: str | None) -> Text:
    """The ARN of a role with the partition and, if it is known, the account in it."""
    known: dict[Kind, str | None] = {Kind.PARTITION: partition, Kind.ACCOUNT_ID: account}
    parts = [known.get(part.kind) or part if isinstance(part, Hole) else part for part in role.parts[:4]]
    return Text(join([*parts, *role.parts[4:]]), role.at)


def _own_beginning(role: KnownRole) -> str | None:
    """What the path and the name of a role surely begin with; None where that cannot be told."""
    if role.arn is None:
        return None
    written = "".join(part if isinstance(part, str) else "\0" for part in spelled_out(role.arn.parts))
    _, found, name = written.partition(":role/")
    own = name.partition("\0")[0]
    return own if found and not re.search(r"[*?$]", own) else None


def _beginning(pattern: Text) -> str:
    """The literal text behind ``:role/`` up to the first wildcard or hole; "" where something unknown comes first."""
    written = "".join(part if isinstance(part, str) else "\0" for part in pattern.parts)
    _, found, name = written.partition(":role/")
    return re.split(r"[*?$\0]", name, maxsplit=1)[0] if found else ""
