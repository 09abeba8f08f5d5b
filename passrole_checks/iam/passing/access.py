"""What of somebody's access is new: one principal's access before and after a change, compared.

Answers are by pattern of each statement and by class of services that no statement tells apart; what is the same for
all statements of a kind is decided once (`kinds`), and of the patterns only those are compared
that may have a role in common (`role_union`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from passrole_checks.iam import deadline
from passrole_checks.iam.conditions.limit import implies
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.passing.access_set import (
    Access,
    Gain,
    Permission,
    ServiceSet,
    Widening,
    access_of,
    permission_of,
)
from passrole_checks.iam.passing.kinds import NO_KEY, UNKNOWN_SERVICE, Kind, Kinds
from passrole_checks.iam.permissions.permissions import Contents
from passrole_checks.iam.roles import arn, role_set
from passrole_checks.iam.roles.arn import Deployment
from passrole_checks.iam.roles.role_set import RoleSet, RoleUnion
from passrole_checks.iam.values import Part, Text, Tri


@dataclass(frozen=True, eq=False)
class _Setting:
    """What stands beside the statements of a kind, for a class of services.

    ``sure``: roles that an Allow surely let through before, ``perhaps``: those that one may have, ``limited``: those
    that one would have but for the keys ``conditions``. ``takes``: roles that a Deny surely takes away now,
    ``may_take``: those that one may. ``took``: roles that a Deny may have taken away before and does not any more,
    ``surely_took``: those that one surely did.
    """

    service: str
    sure: RoleUnion
    perhaps: RoleUnion
    limited: RoleUnion
    conditions: tuple[str, ...]
    takes: RoleUnion
    may_take: RoleUnion
    took: RoleUnion
    surely_took: RoleUnion


class _Side:
    """The Allow or the Deny statements before or after a change, by their kinds."""

    def __init__(self, name: str, items: Iterable[Permission], kinds: Kinds) -> None:
        self.name = name
        self.kinds: dict[int, Kind] = {}
        self._roles: dict[int, list[tuple[int, RoleSet]]] = {}
        self._letting: dict[str, list[Kind]] = {}
        for place, item in enumerate(items):
            kind = kinds.of(item)
            self.kinds.setdefault(kind.number, kind)
            self._roles.setdefault(kind.number, []).append((place, item.roles))

    def letting(self, service: str) -> list[Kind]:
        """The kinds that possibly let a service through, in the order of the first statement of each."""
        if not self._letting:
            for kind in self.kinds.values():
                for name in kind.possible:
                    self._letting.setdefault(name, []).append(kind)
        return self._letting.get(service, [])

    def roles_of(self, kinds: Collection[int]) -> list[RoleSet]:
        """The roles of the statements of some kinds, in their order."""
        found = [item for kind in kinds for item in self._roles[kind]]
        return [roles for _, roles in sorted(found, key=lambda item: item[0])]


@dataclass
class Comparison:
    """The access of one principal before and after a change.

    ``services_of`` as in `access_of`; ``where`` is where the principal stands, as far
    as that is known: of the partitions only those that a policy names count, if any does. Statements of the same
    ``contents`` have the same gain.
    """

    before: Access
    after: Access
    services_of: Mapping[str, Collection[str]]
    where: Deployment = arn.ANYWHERE
    contents: Contents = field(default_factory=Contents)
    _gains: dict[int, Gain | None] = field(default_factory=dict, init=False)
    _settings: dict[tuple[int, int], _Setting] = field(default_factory=dict, init=False)
    _unions: dict[tuple[object, ...], RoleUnion] = field(default_factory=dict, init=False)
    _gone: dict[tuple[int, int], bool] = field(default_factory=dict, init=False)
    _patterns: dict[int, frozenset[tuple[Part, ...]]] = field(default_factory=dict, init=False)
    _let: dict[int, list[tuple[int, frozenset[str]]]] = field(default_factory=dict, init=False)
    _words: dict[frozenset[str], ServiceSet] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        everything = (*self.before.permissions, *self.after.permissions)
        named = {
            partition
            for item in everything
            for pattern in item.roles.patterns
            if (partition := arn.partition_of(pattern)) is not None
        } & set(self.where.partitions)
        if len(self.where.partitions) == 1:
            named = set(self.where.partitions)
        if named:
            self.where = Deployment(self.where.account, tuple(sorted(named)))
        known = frozenset(self.services_of["aws"])
        if named:
            known = known.union(*(self.services_of.get(name, ()) for name in named))
        self._kinds = Kinds(everything, known)
        self._allows_before = _Side("allows before", self.before.allows, self._kinds)
        self._denies_after = _Side("denies after", self.after.denies, self._kinds)

    def gain_of(self, statement: Statement) -> Gain | None:
        """What one of the statements of ``after`` gives that was not there before; None for nothing."""
        number = self.contents.of_statement(statement)
        if number not in self._gains:
            mine = self._allowed.get(number) or permission_of(statement, self.services_of)
            self._gains[number] = self._gain_of(mine)
        return self._gains[number]

    def _gain_of(self, mine: Permission | None) -> Gain | None:
        if mine is None or mine.effect != "Allow":
            return None
        first, kind = not self.before.allows, self._kinds.of(mine)
        stood = self._stood(kind)
        sets = (
            [mine.roles]
            if mine.roles.complement
            else [mine.roles.only([item]) for item in mine.roles.patterns if item.parts not in stood]
        )
        widenings = [widening for roles in sets for widening in self._widenings(kind, roles)]
        return Gain(first, tuple(widenings)) if widenings else None

    def _stood(self, mine: Kind) -> frozenset[tuple[Part, ...]]:
        """Patterns of which nothing is new in a statement of some kind, since one of that kind had them before."""
        known = self._patterns.get(mine.number)
        if known is None:
            sure = all(self._kinds.surely_applies(mine, mine, min(found)) for _, found in self._classes_of(mine))
            plain = sure and not self.before.denies and not self.after.denies
            known = self._patterns[mine.number] = frozenset(
                pattern.parts
                for item in (self.before.allows if plain else ())
                if self._kinds.of(item) is mine and not item.roles.complement
                for pattern in item.roles.patterns
                if not pattern.optional
            )
        return known

    @cached_property
    def _allowed(self) -> dict[int, Permission]:
        return {self.contents.of_statement(item.statement): item for item in self.after.allows}

    @cached_property
    def denials_changed(self) -> bool:
        """Whether there is a Deny before the change that, as a whole, does not stand after it."""
        stand = {(self._kinds.of(item).number, _spelled(item.roles)) for item in self.after.denies if item.certain}
        return any(
            (self._kinds.of(item).number, _spelled(item.roles)) not in stand and not self._stands(item)
            for item in self.before.denies
        )

    def _stands(self, item: Permission) -> bool:
        """Whether one Deny after the change surely says all that a Deny before it says."""
        return any(
            other.certain
            and self._kinds.under(self._kinds.of(other), self._kinds.of(item))
            and implies(item.tests, other.tests)[0] is Tri.YES
            and role_set.surely_within(item.roles, [other.roles], where=self.where)
            for other in self.after.denies
        )

    # -- one pattern

    def _widenings(self, mine: Kind, roles: RoleSet) -> Iterator[Widening]:
        """The widenings of one pattern of a statement: services are taken together where the same holds for them."""
        kept: set[str] = set()
        new: dict[tuple[Tri, tuple[str, ...], bool, tuple[Text, ...]], set[str]] = {}
        for place, services in self._classes_of(mine):
            setting = self._setting(mine, place)
            certain, conditions, denied = self._compare(mine, roles, setting)
            if certain is Tri.NO:
                kept |= services
            else:
                earlier = () if conditions or denied else tuple(self._earlier(roles, place))
                new.setdefault((certain, conditions, denied, earlier), set()).update(services)
        for (certain, conditions, denied, earlier), found in new.items():
            yield Widening(
                role=None if roles.complement else roles.patterns[0],
                services=self._in_words(frozenset(found)),
                kept=self._in_words(frozenset(kept)) if kept else None,
                certain=certain,
                earlier=earlier,
                conditions=conditions,
                denied=denied,
            )

    def _compare(self, mine: Kind, roles: RoleSet, setting: _Setting) -> tuple[Tri, tuple[str, ...], bool]:
        """Whether roles can newly be passed to a service; the conditions that are gone, and whether a Deny is."""
        deadline.check()
        if role_set.surely_within(
            roles, setting.sure, denied=setting.takes, denied_before=setting.took, where=self.where
        ):
            return Tri.NO, (), False
        if role_set.surely_within(roles, setting.takes, where=self.where):
            return Tri.NO, (), False  # no role is left of it
        certain = not self.before.allows or (
            mine.certain
            and setting.service in mine.surely
            and all(
                role_set.surely_gains(
                    roles,
                    setting.perhaps,
                    denied=setting.may_take,
                    denied_before=setting.surely_took,
                    where=where,
                )
                for where in self._places
            )
        )
        conditions, denied = self._why(roles, setting)
        return Tri.YES if certain else Tri.UNKNOWN, conditions, denied

    def _why(self, roles: RoleSet, setting: _Setting) -> tuple[tuple[str, ...], bool]:
        """The conditions but for which, or whether it is a Deny but for which, the same could be passed before."""
        if setting.took.sets and role_set.surely_within(roles, setting.sure, denied=setting.takes, where=self.where):
            return (), True
        if role_set.surely_within(roles, setting.limited, denied=setting.takes, where=self.where):
            return setting.conditions, False
        return (), False

    def _earlier(self, roles: RoleSet, place: int) -> Iterator[Text]:
        """Patterns that could be passed to the services before and lie at least in part within ``roles``."""
        service = min(self._kinds.classes[place])
        kinds = {kind.number for kind in self._allows_before.letting(service)}
        union = self._union(self._allows_before, kinds)
        seen: set[str] = set()
        for entry in union.entries if roles.complement else union.near(roles.shapes[0]):
            written = str(entry.text)
            if written not in seen and role_set.may_meet(entry.set.only([entry.text]), roles, self.where):
                seen.add(written)
                yield entry.text

    @cached_property
    def _places(self) -> tuple[Deployment, ...]:
        """Where the principal may stand: in an unknown account, or in one that its policies named before, where
        ``role/x`` of that account and of "the account deployed to" are the same."""
        if self.where.account is not None:
            return (self.where,)
        named = {arn.account_of(pattern) for item in self.before.allows for pattern in item.roles.patterns} - {None}
        return (self.where, *(Deployment(account, self.where.partitions) for account in sorted(filter(None, named))))

    # -- what stands beside it

    def _setting(self, mine: Kind, place: int) -> _Setting:
        known = self._settings.get((mine.number, place))
        if known is None:
            known = self._settings[mine.number, place] = self._setting_of(mine, place)
        return known

    def _setting_of(self, mine: Kind, place: int) -> _Setting:
        kinds, service = self._kinds, min(self._kinds.classes[place])

        def beside(side: _Side) -> list[Kind]:
            return [kind for kind in side.letting(service) if kinds.together(kind, mine)]

        allows, denies = beside(self._allows_before), beside(self._denies_after)
        implied = {kind.number: implies(mine.sample.limits, kind.sample.limits) for kind in allows}
        sure_kinds = {kind.number for kind in allows if kinds.surely_applies(kind, mine, service)}
        perhaps = {kind.number for kind in allows if implied[kind.number][0] is not Tri.NO}
        limited = [kind for kind in allows if kind.certain and service in kind.surely and kinds.under(kind, mine)]
        takes = {kind.number for kind in denies if kinds.surely_applies(kind, mine, service)}
        took = [
            item
            for item in self.before.denies
            if service in (kind := kinds.of(item)).possible
            and kinds.together(kind, mine)
            and self._is_gone(item, place)
        ]
        surely_took = [
            item
            for item in took
            if item.certain and service in (kind := kinds.of(item)).surely and kinds.under(kind, mine)
        ]
        return _Setting(
            service,
            sure=self._union(self._allows_before, sure_kinds),
            perhaps=self._union(self._allows_before, perhaps),
            limited=self._union(self._allows_before, {kind.number for kind in limited}),
            conditions=tuple(dict.fromkeys(key for kind in limited for key in implied[kind.number][1])),
            takes=self._union(self._denies_after, takes),
            may_take=self._union(self._denies_after, {kind.number for kind in denies}),
            took=self._these(took),
            surely_took=self._these(surely_took),
        )

    def _is_gone(self, item: Permission, place: int) -> bool:
        """Whether a Deny of before may not stand any more, for a class of services."""
        key = (id(item), place)
        known = self._gone.get(key)
        if known is None:
            kind, service = self._kinds.of(item), min(self._kinds.classes[place])
            stands = {
                other.number
                for other in self._denies_after.kinds.values()
                if self._kinds.surely_applies(other, kind, service)
            }
            union = self._union(self._denies_after, stands)
            known = self._gone[key] = not role_set.surely_within(item.roles, union, where=self.where)
        return known

    def _union(self, side: _Side, kinds: Iterable[int]) -> RoleUnion:
        """The roles of those statements that are of some kinds, in their order."""
        wanted = frozenset(kinds)
        key = (side.name, wanted)
        known = self._unions.get(key)
        if known is None:
            known = self._unions[key] = RoleUnion(side.roles_of(wanted))
        return known

    def _these(self, items: Collection[Permission]) -> RoleUnion:
        key = ("these", *map(id, items))
        known = self._unions.get(key)
        if known is None:
            known = self._unions[key] = RoleUnion(item.roles for item in items)
        return known

    # -- services

    def _classes_of(self, mine: Kind) -> list[tuple[int, frozenset[str]]]:
        """The classes of services that a statement's condition possibly lets through, with their numbers."""
        known = self._let.get(mine.number)
        if known is None:
            classes = enumerate(self._kinds.classes)
            known = self._let[mine.number] = [(place, found) for place, found in classes if found <= mine.possible]
        return known

    def _in_words(self, services: frozenset[str]) -> ServiceSet:
        known = self._words.get(services)
        if known is None:
            known = self._words[services] = self._spelled_out(services)
        return known

    def _spelled_out(self, services: frozenset[str]) -> ServiceSet:
        names = services - {UNKNOWN_SERVICE, NO_KEY}
        if UNKNOWN_SERVICE not in services:
            return ServiceSet(self._names(names), without_key=NO_KEY in services)
        return ServiceSet((), True, self._names(self._kinds.universe - names), NO_KEY in services)

    def _names(self, services: Collection[str]) -> tuple[str, ...]:
        """Services by name; what only stands for the other services of a pattern, as the pattern is written."""
        kinds = self._kinds
        return tuple(sorted({name if name in kinds.known else kinds.written.get(name, name) for name in services}))


def _spelled(roles: RoleSet) -> object:
    return frozenset(roles.written()), roles.complement


__all__ = [
    "NO_KEY", "UNKNOWN_SERVICE", "Access", "Comparison", "Gain", "Permission", "ServiceSet", "Widening", "access_of",
]  # fmt: skip
