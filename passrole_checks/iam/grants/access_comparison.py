"""Compare a principal's PassRole access before and after a change.

Answers are per pattern of each statement and per class of services that no statement distinguishes. Whatever is the
same for all statements of a class is decided once (`statement_classes`), and only patterns that may have a role in
common are compared (`role_union`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property

from passrole_checks.iam import deadline
from passrole_checks.iam.conditions.condition_implication import implies
from passrole_checks.iam.conditions.passed_to_service import NO_KEY, UNKNOWN_SERVICE, union_of
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.access_set import Access, Gain, Permission, ServiceSet, Widening, permission_of
from passrole_checks.iam.grants.spared_roles import role_tests, spares
from passrole_checks.iam.grants.statement_classes import StatementClass, StatementClasses
from passrole_checks.iam.permissions.permissions import ContentClasses
from passrole_checks.iam.roles import arn, role_set
from passrole_checks.iam.roles.role_search import ANYWHERE, Deployment
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values.nodes import Part, StringNode, Ternary


@dataclass(frozen=True, eq=False)
class _RelatedStatements:
    """The other statements that matter to a statement class, for one class of services.

    ``sure``: roles that an Allow surely allowed before, ``perhaps``: those that one may have allowed, ``limited``:
    those that one would have allowed except for the keys ``conditions``. ``takes``: roles that a Deny surely denies
    now, ``may_take``: those that one may deny. ``took``: roles that a Deny may have denied before and no longer denies,
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


class _StatementsByClass:
    """The Allow or the Deny statements before or after a change, by class."""

    def __init__(self, name: str, permissions: Iterable[Permission], kinds: StatementClasses) -> None:
        self.name = name
        self.kinds: dict[int, StatementClass] = {}
        self._roles: dict[int, list[tuple[int, RoleSet]]] = {}
        self._letting: dict[str, list[StatementClass]] = {}
        for position, permission in enumerate(permissions):
            kind = kinds.of(permission)
            self.kinds.setdefault(kind.number, kind)
            self._roles.setdefault(kind.number, []).append((position, permission.roles))

    def allowing_service(self, service: str) -> list[StatementClass]:
        """Return the classes that possibly allow a service, in the order of their first statements."""
        if not self._letting:
            for kind in self.kinds.values():
                for name in kind.possible:
                    self._letting.setdefault(name, []).append(kind)
        return self._letting.get(service, [])

    def roles_of(self, kinds: Collection[int]) -> list[RoleSet]:
        """Return the roles of the statements of some classes, in their order."""
        numbered = [pair for kind in kinds for pair in self._roles[kind]]
        return [roles for _, roles in sorted(numbered, key=lambda pair: pair[0])]


@dataclass
class AccessComparison:
    """The access of one principal before and after a change.

    ``services_of`` as in `access_of`; ``where`` is the deployment of the principal as far as known: if a policy names
    partitions, only those count. Statements of equal ``contents`` have equal gains.
    """

    before: Access
    after: Access
    services_of: Mapping[str, Collection[str]]
    where: Deployment = ANYWHERE
    contents: ContentClasses = field(default_factory=ContentClasses)
    _gains: dict[int, Gain | None] = field(default_factory=dict, init=False)
    _settings: dict[tuple[int, int], _RelatedStatements] = field(default_factory=dict, init=False)
    _unions: dict[tuple[object, ...], RoleUnion] = field(default_factory=dict, init=False)
    _gone: dict[tuple[int, int], bool] = field(default_factory=dict, init=False)
    _patterns: dict[int, frozenset[tuple[Part, ...]]] = field(default_factory=dict, init=False)
    _let: dict[int, list[tuple[int, frozenset[str]]]] = field(default_factory=dict, init=False)
    _words: dict[frozenset[str], ServiceSet] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        everything = (*self.before.permissions, *self.after.permissions)
        named = {
            partition
            for permission in everything
            for pattern in permission.roles.patterns
            if (partition := arn.partition_of(pattern)) is not None
        } & set(self.where.partitions)
        if len(self.where.partitions) == 1:
            named = set(self.where.partitions)
        if named:
            self.where = Deployment(self.where.account, tuple(sorted(named)))
        known = frozenset(self.services_of["aws"])
        if named:
            known = union_of(known, *(frozenset(self.services_of.get(name, ())) for name in sorted(named)))
        self._kinds = StatementClasses(everything, known)
        self._allows_before = _StatementsByClass("allows before", self.before.allows, self._kinds)
        self._denies_after = _StatementsByClass("denies after", map(_as_relied_on, self.after.denies), self._kinds)

    def gain_of(self, statement: Statement) -> Gain | None:
        """Return the access that a statement of ``after`` adds, None if it adds nothing."""
        number = self.contents.of_statement(statement)
        if number not in self._gains:
            permission = self._allowed.get(number) or permission_of(statement, self.services_of)
            self._gains[number] = self._compute_gain(permission)
        return self._gains[number]

    def _compute_gain(self, mine: Permission | None) -> Gain | None:
        if mine is None or mine.effect != "Allow":
            return None
        first, kind = not self.before.allows, self._kinds.of(mine)
        stood = self._patterns_before(kind)
        sets = (
            [mine.roles]
            if mine.roles.complement
            else [mine.roles.only([pattern]) for pattern in mine.roles.patterns if pattern.parts not in stood]
        )
        widenings = [widening for roles in sets for widening in self._widenings(kind, roles)]
        return Gain(first, tuple(widenings)) if widenings else None

    def _patterns_before(self, mine: StatementClass) -> frozenset[tuple[Part, ...]]:
        """Return the patterns of a class that add nothing, since a statement of that class had them before."""
        cached = self._patterns.get(mine.number)
        if cached is None:
            sure = all(self._kinds.surely_applies(mine, mine, min(services)) for _, services in self._classes_of(mine))
            plain = sure and not self.before.denies and not self.after.denies
            cached = self._patterns[mine.number] = frozenset(
                pattern.parts
                for permission in (self.before.allows if plain else ())
                if self._kinds.of(permission) is mine and not permission.roles.complement
                for pattern in permission.roles.patterns
                if not pattern.optional
            )
        return cached

    @cached_property
    def _allowed(self) -> dict[int, Permission]:
        return {self.contents.of_statement(permission.statement): permission for permission in self.after.allows}

    @cached_property
    def denials_changed(self) -> bool:
        """True if a Deny from before the change does not fully apply after it."""
        stand = {
            (self._kinds.of(denial).number, _content(denial.roles)) for denial in self.after.denies if denial.certain
        }
        return any(
            (self._kinds.of(denial).number, _content(denial.roles)) not in stand and not self._is_still_denied(denial)
            for denial in self.before.denies
        )

    def _is_still_denied(self, before: Permission) -> bool:
        """True if one Deny after the change surely denies all that a Deny before it denied."""
        return any(
            after.certain
            and self._kinds.under(self._kinds.of(after), self._kinds.of(before))
            and implies(before.tests, after.tests)[0] is Ternary.YES
            and role_set.surely_within(before.roles, [after.roles], where=self.where)
            for after in self.after.denies
        )

    # -- one pattern of a statement

    def _widenings(self, mine: StatementClass, roles: RoleSet) -> Iterator[Widening]:
        """Yield the widenings of one pattern of a statement; services with equal results are merged."""
        kept: set[str] = set()
        new: dict[tuple[Ternary, tuple[str, ...], bool, tuple[StringNode, ...], bool], set[str]] = {}
        for position, services in self._classes_of(mine):
            setting = self._related(mine, position)
            certain, conditions, denied = self._compare(mine, roles, setting)
            if certain is Ternary.NO:
                kept |= services
            else:
                earlier = () if conditions or denied else tuple(self._previously_passable(roles, position))
                covers = any(role_set.surely_within(roles, [one], where=self.where) for one, _ in earlier)
                texts = tuple(text for _, text in earlier)
                new.setdefault((certain, conditions, denied, texts, covers), set()).update(services)
        for (certain, conditions, denied, texts, covers), found in new.items():
            yield Widening(
                role=None if roles.complement else roles.patterns[0],
                services=self._service_set(union_of(frozenset(found))),
                kept=self._service_set(frozenset(kept)) if kept else None,
                certain=certain,
                earlier=texts,
                conditions=conditions,
                denied=denied,
                other_cases=covers,
            )

    def _compare(
        self, mine: StatementClass, roles: RoleSet, setting: _RelatedStatements
    ) -> tuple[Ternary, tuple[str, ...], bool]:
        """Return whether roles are newly passable to a service, the removed condition keys, and whether a Deny was
        removed."""
        deadline.check()
        setting = self._without_sparing(setting, roles)
        if role_set.surely_within(
            roles, setting.sure, denied=setting.takes, denied_before=setting.took, where=self.where
        ):
            return Ternary.NO, (), False
        if role_set.surely_within(roles, setting.takes, where=self.where):
            return Ternary.NO, (), False  # all its roles are denied
        certain = not self.before.allows or (
            mine.certain
            and setting.service in mine.surely
            and all(
                role_set.surely_gains(
                    roles, setting.perhaps, denied=setting.may_take, denied_before=setting.surely_took, where=where
                )
                for where in self._places
            )
        )
        conditions, denied = self._removed_restriction(roles, setting)
        return Ternary.YES if certain else Ternary.UNKNOWN, conditions, denied

    @cached_property
    def _denials_by_role(self) -> list[Permission]:
        """The denials that test the ARN or the account of the role."""
        denials = (*self.before.denies, *self.after.denies)
        return [denial for denial in denials if role_tests(denial.statement.condition, denial.roles.variables)]

    def _without_sparing(self, setting: _RelatedStatements, roles: RoleSet) -> _RelatedStatements:
        """Return the other statements without the denials whose conditions spare every one of some roles: such a Deny
        may have prevented passing them, but surely did not."""
        sparing = {
            id(denial.roles)
            for denial in self._denials_by_role
            if spares(denial.statement.condition, roles, variables=denial.roles.variables, where=self.where)
        }
        if not sparing:
            return setting

        def others(union: RoleUnion) -> RoleUnion:
            return RoleUnion(each for each in union.sets if id(each) not in sparing)

        return replace(setting, may_take=others(setting.may_take), surely_took=others(setting.surely_took))

    def _removed_restriction(self, roles: RoleSet, setting: _RelatedStatements) -> tuple[tuple[str, ...], bool]:
        """Return the condition keys, or whether there was a Deny, without which the same access existed before."""
        if setting.took.sets and role_set.surely_within(roles, setting.sure, denied=setting.takes, where=self.where):
            return (), True
        if role_set.surely_within(roles, setting.limited, denied=setting.takes, where=self.where):
            return setting.conditions, False
        return (), False

    def _previously_passable(self, roles: RoleSet, position: int) -> Iterator[tuple[RoleSet, StringNode]]:
        """Yield patterns, each with its roles, that were passable to the services before and may have a role in common
        with ``roles``."""
        service = min(self._kinds.classes[position])
        kinds = {kind.number for kind in self._allows_before.allowing_service(service)}
        union = self._union(self._allows_before, kinds)
        seen: set[str] = set()
        for entry in union.entries if roles.complement else union.near(roles.bounds[0]):
            written = str(entry.text)
            if written not in seen and role_set.may_intersect(entry.set.only([entry.text]), roles, self.where):
                seen.add(written)
                yield entry.set.only([entry.text]), entry.text

    @cached_property
    def _places(self) -> tuple[Deployment, ...]:
        """The possible deployments of the principal: an unknown account, or one that its policies named before, in
        which ``role/x`` of that account and of "the account deployed to" are the same."""
        if self.where.account is not None:
            return (self.where,)
        named = {
            arn.account_of(pattern) for permission in self.before.allows for pattern in permission.roles.patterns
        } - {None}
        return (self.where, *(Deployment(account, self.where.partitions) for account in sorted(filter(None, named))))

    # -- other statements

    def _related(self, mine: StatementClass, position: int) -> _RelatedStatements:
        cached = self._settings.get((mine.number, position))
        if cached is None:
            cached = self._settings[mine.number, position] = self._compute_related(mine, position)
        return cached

    def _compute_related(self, mine: StatementClass, position: int) -> _RelatedStatements:
        kinds, service = self._kinds, min(self._kinds.classes[position])

        def beside(side: _StatementsByClass) -> list[StatementClass]:
            return [kind for kind in side.allowing_service(service) if kinds.together(kind, mine)]

        allows, denies = beside(self._allows_before), beside(self._denies_after)
        implied = {kind.number: implies(mine.sample.limits, kind.sample.limits) for kind in allows}
        sure_kinds = {kind.number for kind in allows if kinds.surely_applies(kind, mine, service)}
        perhaps = {kind.number for kind in allows if implied[kind.number][0] is not Ternary.NO}
        limited = [kind for kind in allows if kind.certain and service in kind.surely and kinds.under(kind, mine)]
        takes = {kind.number for kind in denies if kinds.surely_applies(kind, mine, service)}
        took = [
            denial
            for denial in self.before.denies
            if service in (kind := kinds.of(denial)).possible
            and kinds.together(kind, mine)
            and self._may_be_removed(denial, position)
        ]
        surely_took = [
            denial
            for denial in took
            if denial.certain and service in (kind := kinds.of(denial)).surely and kinds.under(kind, mine)
        ]
        return _RelatedStatements(
            service,
            sure=self._union(self._allows_before, sure_kinds),
            perhaps=self._union(self._allows_before, perhaps),
            limited=self._union(self._allows_before, {kind.number for kind in limited}),
            conditions=tuple(dict.fromkeys(key for kind in limited for key in implied[kind.number][1])),
            takes=self._union(self._denies_after, takes),
            may_take=self._union(self._denies_after, {kind.number for kind in denies}),
            took=self._union_of(took),
            surely_took=self._union_of(surely_took),
        )

    def _may_be_removed(self, denial: Permission, position: int) -> bool:
        """True if a Deny from before may no longer apply to a class of services."""
        key = (id(denial), position)
        cached = self._gone.get(key)
        if cached is None:
            kind, service = self._kinds.of(denial), min(self._kinds.classes[position])
            applying = {
                other.number
                for other in self._denies_after.kinds.values()
                if self._kinds.surely_applies(other, kind, service)
            }
            union = self._union(self._denies_after, applying)
            cached = self._gone[key] = not role_set.surely_within(denial.roles, union, where=self.where)
        return cached

    def _union(self, side: _StatementsByClass, kinds: Iterable[int]) -> RoleUnion:
        """Return the roles of the statements of some classes, in their order."""
        wanted = frozenset(kinds)
        key = (side.name, wanted)
        cached = self._unions.get(key)
        if cached is None:
            cached = self._unions[key] = RoleUnion(side.roles_of(wanted))
        return cached

    def _union_of(self, items: Collection[Permission]) -> RoleUnion:
        key = ("these", *map(id, items))
        cached = self._unions.get(key)
        if cached is None:
            cached = self._unions[key] = RoleUnion(permission.roles for permission in items)
        return cached

    # -- service classes

    def _classes_of(self, mine: StatementClass) -> list[tuple[int, frozenset[str]]]:
        """Return the numbered classes of services that a statement's condition possibly allows."""
        cached = self._let.get(mine.number)
        if cached is None:
            classes = enumerate(self._kinds.classes)
            cached = self._let[mine.number] = [
                (position, services) for position, services in classes if services <= mine.possible
            ]
        return cached

    def _service_set(self, services: frozenset[str]) -> ServiceSet:
        cached = self._words.get(services)
        if cached is None:
            others, names = UNKNOWN_SERVICE in services, services - {UNKNOWN_SERVICE, NO_KEY}
            named, left_out = ((), self._names(self._kinds.universe - names)) if others else (self._names(names), ())
            cached = self._words[services] = ServiceSet(named, others, left_out, NO_KEY in services)
        return cached

    def _names(self, services: Collection[str]) -> tuple[str, ...]:
        """Return services by name; an example service of a pattern is replaced by the pattern as written."""
        kinds = self._kinds
        return tuple(sorted({name if name in kinds.known else kinds.written.get(name, name) for name in services}))


def _as_relied_on(denial: Permission) -> Permission:
    """Return a Deny without the patterns that exclude no role, as far as is known."""
    roles = denial.roles
    kept = [text for text in roles.patterns if not arn.excludes_no_role(text, variables=roles.variables)]
    return denial if roles.complement or len(kept) == len(roles.patterns) else replace(denial, roles=roles.only(kept))


def _content(roles: RoleSet) -> object:
    return frozenset(roles.written()), roles.complement
