"""What PassRole reaches in one configuration: the roles of it, and the ways to act as one that are open to somebody.

Between the principals and the checks: built once a configuration, and each answer when a check first asks for it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from passrole_checks.assuming import assumes, passed_as, trusts, ways
from passrole_checks.findings import Severity
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.outcomes import When
from passrole_checks.iam.passing.passing import Passed, Passing, Restrictions
from passrole_checks.iam.passing.passrole import PassRoleGrant
from passrole_checks.iam.permissions.escalation import OpenWay, Way, open_ways
from passrole_checks.iam.permissions.excess import Comparison
from passrole_checks.iam.permissions.permissions import Contents, Permissions
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
_MOST_ANSWERS = 4096  # that are remembered of one question


def named_role(
    pattern: Text, by_address: Mapping[str, KnownRole], by_name: Mapping[str, KnownRole]
) -> KnownRole | None:
    """The role of a configuration that a Resource names, if it names one exactly.

    ``by_name`` holds the roles by path and name (``app/worker``), as :func:`name_key` gives it.
    """
    last = pattern.parts[-1] if pattern.parts else ""
    if isinstance(last, Hole) and last.role is not None:
        # a reference may carry an instance's key where the definition stands for all instances
        return by_address.get(last.role) or by_address.get(re.sub(r"\[[^\[\]]*\]$", "", last.role))
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


@dataclass(frozen=True, eq=False)
class Reached:
    """Roles of the configuration that can be passed. ``all_known``: every role in scope is among them.

    There is one object for each set that was asked for, so that what follows from it is found once for all principals.
    """

    roles: tuple[KnownRole, ...]
    all_known: bool

    @cached_property
    def addresses(self) -> frozenset[str]:
        """The addresses of the roles."""
        return frozenset(role.address for role in self.roles)

    @cached_property
    def _in_order(self) -> tuple[str, ...]:
        return tuple(role.address for role in self.roles)

    def all_but(self, address: str) -> tuple[str, ...]:
        """The addresses of the roles in their order, without one."""
        if address not in self.addresses:
            return self._in_order
        place = self._in_order.index(address)
        return self._in_order[:place] + self._in_order[place + 1 :]

    @cached_property
    def by_trust(self) -> dict[frozenset[str], list[KnownRole]]:
        """The roles that a service may assume, by the services that they trust."""
        found: dict[frozenset[str], list[KnownRole]] = {}
        for role in self.roles:
            if not role.no_service:
                found.setdefault(role.trusted or frozenset(), []).append(role)
        return found

    @cached_property
    def kinds(self) -> dict[tuple[object, ...], KnownRole]:
        """A role for each way in which roles trust services."""
        return {_kind(role): role for role in reversed(self.roles)}


def _kind(role: KnownRole) -> tuple[object, ...]:
    return role.trusted, role.no_service, role.federated


_Found = tuple[list[tuple[KnownRole, Strength]], bool]
_MOST_KEPT = 1_000_000  # roles in all sets that are remembered


class _Sets:
    """Sets of roles that were found, each under what it follows from. The oldest are not kept for ever."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], tuple[tuple[object, ...], Reached]] = {}
        self._size = 0

    def get(self, key: tuple[object, ...], of: Sequence[object], find: Callable[[], Reached]) -> Reached:
        """The set of a key. ``of``: objects whose identity is part of the key."""
        whole = (*key, *map(id, of))
        known = self._found.get(whole)
        if known is None:
            found = find()
            self._size += len(found.roles) + 1
            if self._size > _MOST_KEPT:
                self._found.clear()
                self._size = len(found.roles) + 1
            known = self._found[whole] = (tuple(of), found)
        return known[1]


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
        # principals with the same policies share their permissions
        self._ways: dict[tuple[int, When], tuple[OpenWay, ...]] = {}
        self._passing: dict[tuple[int, int, bool], Passing] = {}
        self._restrictions: dict[tuple[int, bool], Restrictions] = {}
        # and those of the same content are one class
        self._contents = Contents()
        self._comparison: tuple[tuple[int, When], Comparison] | None = None
        self._strengths: dict[tuple[int, int, When], Strength | None] = {}
        self._ceilings: dict[int, Severity | None] = {}
        self._strongest: dict[tuple[int, int, When], tuple[Reached, _Found]] = {}
        self._ranked: dict[tuple[int, When], tuple[Reached, list[tuple[Severity, KnownRole]]]] = {}
        self._sets = _Sets()
        self._texts: dict[int, tuple[tuple[Text, ...], int]] = {}
        self._numbers: dict[object, int] = {}

    def services_of(self, role: KnownRole) -> tuple[str, ...]:
        """The services that resources of the configuration hand a role to."""
        return self.receiving.services_of(role.address) if self.receiving is not None else ()

    def passing(self, holder: Principal, grant: PassRoleGrant, *, many_accounts: bool = False) -> Passing:
        """What is left of a grant in the hands of a principal."""
        key = (id(grant), id(holder.permissions), many_accounts)
        known = self._passing.get(key)
        if known is None or known.asked is not grant:
            if len(self._passing) >= _MOST_ANSWERS:
                self._passing.clear()
            account = None if many_accounts else self.account
            around = self._restrictions.get(key[1:])
            if around is None:
                around = self._restrictions[key[1:]] = Restrictions(holder.permissions, self.known_services, account)
            known = self._passing[key] = Passing(grant, holder.permissions, self.known_services, account, around)
        return known

    def open_ways(self, holder: Principal, when: When) -> tuple[OpenWay, ...]:
        """The ways whose actions a principal has, where the facts ``when`` hold."""
        key = (id(holder.permissions), when)
        if key not in self._ways:
            self._ways[key] = open_ways(holder.permissions, ways(), when)
        return self._ways[key]

    def passable(self, passing: Passing) -> Reached:
        """The roles of the configuration that can be passed to a service that may assume them."""
        widest = passing.anything
        if widest is None:
            return _NOTHING
        whole = self.reached(widest, passing.grant)
        parts: list[Reached] = []
        for trusted in whole.by_trust:
            services = passed_as(trusted)
            found = [passing.to(name) for name in services] if services else [widest]
            sets = [self.reached(passed, passing.grant) for passed in found if passed is not None]
            parts.append(self.union(sets))
        return self._sets.get(("passable",), (whole, *parts), lambda: _of_trusting(whole, parts))

    def union(self, sets: Sequence[Reached]) -> Reached:
        """The roles that are in one of the sets."""
        distinct = list(dict.fromkeys(sets))
        if len(distinct) == 1:
            return distinct[0]
        return self._sets.get(("union",), distinct, lambda: Reached(
            tuple({role.address: role for one in distinct for role in one.roles}.values()), False
        ))  # fmt: skip

    def there(self, roles: Reached, when: When) -> Reached:
        """Those of some roles that may be there where the facts ``when`` hold."""
        if not self._some_are_conditional:
            return roles
        return self._sets.get((when,), (roles,), lambda: Reached(
            tuple(role for role in roles.roles if role.may_be_there(when)), roles.all_known
        ))  # fmt: skip

    def trusting(self, roles: Reached, way: Way) -> Reached:
        """Those of some roles that may be assumed where a way passes them."""
        return self._sets.get((way.trusted, way.services), (roles,), lambda: _trusting(roles, way))

    def reached(self, passed: Passed, grant: PassRoleGrant) -> Reached:
        """The roles of the configuration that surely are in scope."""
        variables = grant.statement.variables
        key = (self._number(passed.roles), passed.complement, passed.scope, variables)
        whole = self._sets.get(key, (), lambda: self._all_within(passed, variables))
        found = whole
        if self._some_are_conditional:
            found = self._sets.get((passed.when, "at once"), (whole,), lambda: _at_once(whole, passed.when))
        if not passed.denied or not whole.roles:
            return found
        named = (self._number(passed.denied), variables)
        taken = self._sets.get((*named, "taken"), (whole,), lambda: Reached(
            tuple(self._inside(RoleSet(passed.denied, variables), whole.roles)), False
        ))  # fmt: skip
        return self._sets.get(("left",), (found, taken), lambda: _without(found, taken))

    def _number(self, texts: tuple[Text, ...]) -> int:
        """A number for some texts, the same for those that say the same."""
        known = self._texts.get(id(texts))
        if known is None:
            if len(self._texts) >= _MOST_ANSWERS:
                self._texts.clear()
            parts = tuple(item.parts for item in texts)
            known = self._texts[id(texts)] = (texts, self._numbers.setdefault(parts, len(self._numbers)))
        return known[1]

    @cached_property
    def _some_are_conditional(self) -> bool:
        return any(role.there for role in self.by_address.values())

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
        yield from self._by_arn[named.arn.parts]

    @cached_property
    def _by_arn(self) -> dict[tuple[Part, ...], list[KnownRole]]:
        found: dict[tuple[Part, ...], list[KnownRole]] = {}
        for role in self.by_address.values():
            if role.arn is not None:
                found.setdefault(role.arn.parts, []).append(role)
        return found

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
        found = self.principals.role(role.address) if self.principals is not None else None
        if found is None:
            return None
        own = self._contents.of(holder.permissions)
        key = (self._contents.of(found.permissions), own, when)
        if key not in self._strengths:
            if self._comparison is None or self._comparison[0] != (own, when):
                self._comparison = (own, when), Comparison(holder.permissions, when, self._contents)
            more = self._comparison[1].excess(found.permissions)
            self._strengths[key] = strength_of(more) if more is not None else None
        return self._strengths[key]

    def strongest(self, roles: Reached, holder: Principal, when: When = ()) -> _Found:
        """The roles that can do more than a principal where the facts ``when`` hold, the strongest first and those
        before that do so under fewer facts, and whether these are all.

        Once there are enough to be named that could not be worse, the others are not looked at, and of a great many
        roles only the first are, in the order of what they can do at all.
        """
        key = (id(roles), self._contents.of(holder.permissions), when)
        known = self._strongest.get(key)
        if known is None:
            if len(self._strongest) >= _MOST_ANSWERS:
                self._strongest.clear()
            known = self._strongest[key] = (roles, self._compare(roles, holder, when, ""))
        if any(role.address == holder.name for role, _ in known[1][0]):
            return self._compare(roles, holder, when, holder.name)
        return known[1]

    def _compare(self, roles: Reached, holder: Principal, when: When, itself: str) -> _Found:
        """:meth:`strongest`, without the role of the address ``itself``."""
        found: list[tuple[KnownRole, Strength]] = []
        sure: Counter[int] = Counter()  # roles that surely can do more, by how much that is
        complete = True
        for number, (ceiling, role) in enumerate(self._by_ceiling(roles, when)):
            worst = sum(count for rank, count in sure.items() if rank >= ceiling.rank)
            few = number < _MOST_COUNTED and ceiling is not Severity.HIGH
            if (worst >= _MOST_NAMED and not few) or number == _MOST_COMPARED:
                complete = False
                break
            strength = self.strength(role, holder, when) if role.address != itself else None
            if strength is not None:
                found.append((role, strength))
                sure[strength.severity.rank] += strength.certain is Tri.YES
        found.sort(key=lambda item: _order(*item))
        return found, complete

    def _by_ceiling(self, roles: Reached, when: When) -> list[tuple[Severity, KnownRole]]:
        """Those of some roles that can do anything where the facts ``when`` hold, those that can do most first."""
        known = self._ranked.get((id(roles), when))
        if known is None:
            there = [role for role in roles.roles if role.may_be_there(when)]
            most = [(ceiling, role) for role in there if (ceiling := self._ceiling(role)) is not None]
            most.sort(key=lambda item: (-item[0].rank, item[1].address))
            if len(self._ranked) >= _MOST_ANSWERS:
                self._ranked.clear()
            known = self._ranked[id(roles), when] = (roles, most[: _MOST_COMPARED + 1])
        return known[1]

    @cached_property
    def _nobody(self) -> Comparison:
        return Comparison(Permissions(()), (), self._contents)

    def _ceiling(self, role: KnownRole) -> Severity | None:
        """How much a role can do at all, which is as much as it can do more than anybody; None for nothing."""
        found = self.principals.role(role.address) if self.principals is not None else None
        if found is None:
            return None
        key = self._contents.of(found.permissions)
        if key not in self._ceilings:
            more = self._nobody.excess(found.permissions)
            self._ceilings[key] = most_of(more) if more is not None else None
        return self._ceilings[key]

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


_NOTHING = Reached((), False)


def _at_once(roles: Reached, when: When) -> Reached:
    """Those of some roles that may be there where the facts ``when`` hold."""
    together = tuple(role for role in roles.roles if role.may_be_there(when))
    return Reached(together, roles.all_known and bool(together or not roles.roles))


def _without(roles: Reached, taken: Reached) -> Reached:
    """Some roles but those of another set."""
    left = tuple(role for role in roles.roles if role.address not in taken.addresses)
    return Reached(left, roles.all_known)


def _of_trusting(whole: Reached, parts: Sequence[Reached]) -> Reached:
    """Those of the roles that are in the part of the services that they trust."""
    inside = {trusted: part.addresses for trusted, part in zip(whole.by_trust, parts, strict=True)}
    return Reached(
        tuple(
            role for role in whole.roles if not role.no_service and role.address in inside[role.trusted or frozenset()]
        ),
        whole.all_known,
    )


def _trusting(roles: Reached, way: Way) -> Reached:
    fits = {
        kind: trusts(role, way.trusted) if way.trusted else assumes(role, way.services)
        for kind, role in roles.kinds.items()
    }
    return Reached(tuple(role for role in roles.roles if fits[_kind(role)] is not Tri.NO), roles.all_known)


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
