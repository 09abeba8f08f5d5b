"""Access to PassRole as a set, and what of it is new.

What somebody may do is decided by all policies together: a request is allowed if one Allow matches it and no Deny does
(IAM User Guide, reference_policies_evaluation-logic_policy-eval-denyallow). So access is a set of requests: a role, the
service that it is passed to, and what the other conditions ask for. Two sets are compared by meaning: for every service
that makes a difference, is every role that may be passed now one that could be passed before? How the policies are
spelled, split and ordered makes no difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from passrole_checks.iam import arn, outcomes, role_set, values
from passrole_checks.iam.arn import Deployment
from passrole_checks.iam.condition import PASSED_TO_SERVICE, evaluate
from passrole_checks.iam.condition_operators import example_service, read_pattern
from passrole_checks.iam.limit import Limit, implies, limits_of
from passrole_checks.iam.passrole import grants_of
from passrole_checks.iam.policy import Statement
from passrole_checks.iam.role_set import RoleSet
from passrole_checks.iam.values import Text, Tri

UNKNOWN_SERVICE = "\0a service that nobody knows yet"
NO_KEY = "\0a request without the key"


@dataclass(frozen=True)
class Permission:
    """What one statement allows or denies of PassRole, by itself.

    ``certain``: no hole decides whether it speaks of PassRole, and nothing in its condition is malformed. ``limits``
    are the tests of its condition on other keys than ``iam:PassedToService``.
    """

    statement: Statement
    effect: str
    certain: bool
    roles: RoleSet

    @cached_property
    def tests(self) -> frozenset[Limit]:
        """All tests of the condition, those on ``iam:PassedToService`` too."""
        return limits_of(self.statement.condition)

    @cached_property
    def limits(self) -> frozenset[Limit]:
        """The tests on other keys than ``iam:PassedToService``."""
        return frozenset(limit for limit in self.tests if not limit.on_service)


@dataclass(frozen=True)
class Access:
    """What the policies of one principal allow and deny of PassRole."""

    allows: tuple[Permission, ...] = ()
    denies: tuple[Permission, ...] = ()

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """All of them, what is allowed first."""
        return (*self.allows, *self.denies)


@dataclass(frozen=True)
class ServiceSet:
    """Services in words: ``names``; with ``others`` every service that is not known as well, but ``left_out``.

    ``without_key``: requests that do not carry ``iam:PassedToService``.
    """

    names: tuple[str, ...] = ()
    others: bool = False
    left_out: tuple[str, ...] = ()
    without_key: bool = False


@dataclass(frozen=True)
class Widening:
    """One pattern of a grant (None: all roles but those that NotResource names) and the services that are new for it.

    ``certain``: YES, or UNKNOWN where a hole or a changed condition decides. ``kept``: the services that the same roles
    could be passed to before. ``earlier``: patterns of roles that are in this one and could be passed to one of the new
    services before. ``conditions``: keys that were asked for before and are not now, or not in the same way.
    ``denied``: a Deny took this away before.
    """

    role: Text | None
    services: ServiceSet
    kept: ServiceSet | None
    certain: Tri
    earlier: tuple[Text, ...] = ()
    conditions: tuple[str, ...] = ()
    denied: bool = False


@dataclass(frozen=True)
class Gain:
    """What one statement gives that was not there before. ``first``: nothing at all could be passed before."""

    first: bool
    widenings: tuple[Widening, ...]

    @property
    def certain(self) -> Tri:
        """YES where at least one widening is certain, else UNKNOWN."""
        return Tri.YES if any(item.certain is Tri.YES for item in self.widenings) else Tri.UNKNOWN


def access_of(statements: Iterable[Statement], services_of: Mapping[str, Collection[str]]) -> Access:
    """The access that statements give together, of whatever documents they are.

    ``services_of`` gives, for each partition, the service principals known there.
    """
    found = [item for statement in statements if (item := _permission(statement, dict(services_of))) is not None]
    return Access(
        tuple(item for item in found if item.effect == "Allow"), tuple(item for item in found if item.effect == "Deny")
    )


def _permission(statement: Statement, services_of: dict[str, Collection[str]]) -> Permission | None:
    for grant in grants_of((statement,), services_of):
        complement = statement.resources is None
        patterns = tuple(dict.fromkeys(statement.resources or statement.not_resources or ()))
        certain = grant.certain is Tri.YES and not grant.condition.problems
        return Permission(statement, grant.effect, certain, RoleSet(patterns, statement.variables, complement))
    return None


@dataclass
class Comparison:
    """The access of one principal before and after a change.

    ``services_of`` as in :func:`access_of`; ``where`` is where the principal stands, as far as that is known: of the
    partitions only those that a policy names count, if any does.
    """

    before: Access
    after: Access
    services_of: Mapping[str, Collection[str]]
    where: Deployment = arn.ANYWHERE
    _let: dict[int, tuple[Permission, frozenset[str], frozenset[str]]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._all = (*self.before.permissions, *self.after.permissions)
        named = {
            partition
            for item in self._all
            for pattern in item.roles.patterns
            if (partition := arn.partition_of(pattern)) is not None
        } & set(self.where.partitions)
        if len(self.where.partitions) == 1:
            named = set(self.where.partitions)
        if named:
            self.where = Deployment(self.where.account, tuple(sorted(named)))
        self._known = frozenset(self.services_of["aws"])
        if named:
            self._known = self._known.union(*(self.services_of.get(name, ()) for name in named))
        self._written = {example: written for item in self._all for example, written in _services_in(item)}
        self._universe = self._known | self._written.keys()

    def gain_of(self, statement: Statement) -> Gain | None:
        """What one of the statements of ``after`` gives that was not there before; None for nothing."""
        known = (
            item for item in self.after.allows if item.statement.at == statement.at and item.statement == statement
        )
        mine = next(known, None) or _permission(statement, dict(self.services_of))
        if mine is None or mine.effect != "Allow":
            return None
        first = not self.before.allows
        sets = [mine.roles] if mine.roles.complement else [_one(mine.roles, item) for item in mine.roles.patterns]
        widenings = [widening for roles in sets for widening in self._widenings(mine, roles)]
        return Gain(first, tuple(widenings)) if widenings else None

    @cached_property
    def denials_changed(self) -> bool:
        """Whether there is a Deny before the change that, as a whole, does not stand after it."""
        return any(
            not any(
                other.certain
                and _under(other, item)
                and implies(item.tests, other.tests)[0] is Tri.YES
                and role_set.surely_within(item.roles, [other.roles], where=self.where)
                for other in self.after.denies
            )
            for item in self.before.denies
        )

    # -- one pattern

    def _widenings(self, mine: Permission, roles: RoleSet) -> Iterator[Widening]:
        """The widenings of one pattern of a statement: services are taken together where the same holds for them."""
        kept: set[str] = set()
        new: dict[tuple[Tri, tuple[str, ...], bool, tuple[Text, ...]], set[str]] = {}
        for services in self._classes:
            if not services <= self._possible(mine):
                continue
            certain, conditions, denied = self._compare(mine, roles, min(services))
            if certain is Tri.NO:
                kept |= services
            else:
                earlier = () if conditions or denied else tuple(self._earlier(roles, min(services)))
                new.setdefault((certain, conditions, denied, earlier), set()).update(services)
        for (certain, conditions, denied, earlier), found in new.items():
            yield Widening(
                role=None if roles.complement else roles.patterns[0],
                services=self._in_words(found),
                kept=self._in_words(kept) if kept else None,
                certain=certain,
                earlier=earlier,
                conditions=conditions,
                denied=denied,
            )

    def _compare(self, mine: Permission, roles: RoleSet, service: str) -> tuple[Tri, tuple[str, ...], bool]:
        """Whether roles can newly be passed to a service; the conditions that are gone, and whether a Deny is."""
        allows = [item for item in self.before.allows if service in self._possible(item) and _together(item, mine)]
        sure = [item for item in allows if self._surely_applies(item, mine, service)]
        denies = [item for item in self.after.denies if service in self._possible(item) and _together(item, mine)]
        takes = [item for item in denies if self._surely_applies(item, mine, service)]
        took = [item for item in self.before.denies if self._may_have_taken(item, mine, service)]
        denied = [item.roles for item in takes]
        if role_set.surely_within(
            roles,
            [item.roles for item in sure],
            denied=denied,
            denied_before=[item.roles for item in took],
            where=self.where,
        ):
            return Tri.NO, (), False
        if not self._any_left(mine, roles, takes):
            return Tri.NO, (), False
        surely_took = [item for item in took if item.certain and service in self._surely(item) and _under(item, mine)]
        open_limits = [item for item in allows if implies(mine.limits, item.limits)[0] is not Tri.NO]
        certain = not self.before.allows or (
            mine.certain
            and service in self._surely(mine)
            and all(
                role_set.surely_gains(
                    roles,
                    [item.roles for item in open_limits],
                    denied=[item.roles for item in denies],
                    denied_before=[item.roles for item in surely_took],
                    where=where,
                )
                for where in self._places
            )
        )
        conditions, gone = self._why(mine, roles, service, allows, sure, denied, took)
        return Tri.YES if certain else Tri.UNKNOWN, conditions, gone

    def _why(
        self,
        mine: Permission,
        roles: RoleSet,
        service: str,
        allows: Sequence[Permission],
        sure: Sequence[Permission],
        denied: Sequence[RoleSet],
        took: Sequence[Permission],
    ) -> tuple[tuple[str, ...], bool]:
        """The conditions but for which, or whether it is a Deny but for which, the same could be passed before."""
        if took and role_set.surely_within(roles, [item.roles for item in sure], denied=denied, where=self.where):
            return (), True
        limited = [item for item in allows if item.certain and service in self._surely(item) and _under(item, mine)]
        if role_set.surely_within(roles, [item.roles for item in limited], denied=denied, where=self.where):
            keys = [key for item in limited for key in implies(mine.limits, item.limits)[1]]
            return tuple(dict.fromkeys(keys)), False
        return (), False

    def _surely_applies(self, item: Permission, mine: Permission, service: str) -> bool:
        """Whether another statement surely speaks of every request to the service that ``mine`` speaks of."""
        if not item.certain and not _same_words(item, mine):
            return False
        if not _under(item, mine) or implies(mine.limits, item.limits)[0] is not Tri.YES:
            return False
        return service in self._surely(item) or implies(mine.tests, item.tests)[0] is Tri.YES

    def _may_have_taken(self, item: Permission, mine: Permission, service: str) -> bool:
        """Whether a Deny of before may have taken away what ``mine`` allows, and does not stand any more."""
        if service not in self._possible(item) or not _together(item, mine):
            return False
        stands = [other.roles for other in self.after.denies if self._surely_applies(other, item, service)]
        return not role_set.surely_within(item.roles, stands, where=self.where)

    def _any_left(self, mine: Permission, roles: RoleSet, takes: Sequence[Permission]) -> bool:
        """Whether the pattern can let a role through at all, after the Deny statements."""
        return not role_set.surely_within(roles, [item.roles for item in takes], where=self.where)

    def _earlier(self, roles: RoleSet, service: str) -> Iterator[Text]:
        """Patterns that could be passed to the service before and lie at least in part within ``roles``."""
        seen: set[str] = set()
        for item in self.before.allows:
            if service not in self._possible(item) or item.roles.complement:
                continue
            for pattern in item.roles.patterns:
                if str(pattern) not in seen and role_set.may_meet(_one(item.roles, pattern), roles, self.where):
                    seen.add(str(pattern))
                    yield pattern

    @cached_property
    def _places(self) -> tuple[Deployment, ...]:
        """Where the principal may stand: in an unknown account, or in one that its policies named before, where
        ``role/x`` of that account and of "the account deployed to" are the same."""
        if self.where.account is not None:
            return (self.where,)
        named = {arn.account_of(pattern) for item in self.before.allows for pattern in item.roles.patterns} - {None}
        return (self.where, *(Deployment(account, self.where.partitions) for account in sorted(filter(None, named))))

    # -- services

    @cached_property
    def _classes(self) -> list[frozenset[str]]:
        """The services, taken together where no statement makes a difference between them."""
        classes: dict[tuple[bool, ...], list[str]] = {}
        for service in sorted(self._universe | {UNKNOWN_SERVICE, NO_KEY}):
            key = tuple(service in let for item in self._all for let in self._lets(item))
            classes.setdefault(key, []).append(service)
        return [frozenset(services) for services in classes.values()]

    def _lets(self, item: Permission) -> tuple[frozenset[str], frozenset[str]]:
        """The services that a statement's condition surely, and those that it possibly lets through."""
        known = self._let.get(id(item))
        if known is None:
            effect = evaluate(item.statement.condition, self._universe, variables=item.statement.variables)
            extra = ((UNKNOWN_SERVICE, effect.unknown_service), (NO_KEY, effect.without_key))
            known = self._let[id(item)] = (
                item,
                effect.allowed | {name for name, answer in extra if answer is Tri.YES},
                effect.possible | {name for name, answer in extra if answer is not Tri.NO},
            )
        return known[1:]

    def _surely(self, item: Permission) -> frozenset[str]:
        return self._lets(item)[0]

    def _possible(self, item: Permission) -> frozenset[str]:
        return self._lets(item)[1]

    def _in_words(self, services: Collection[str]) -> ServiceSet:
        names = frozenset(services) - {UNKNOWN_SERVICE, NO_KEY}
        if UNKNOWN_SERVICE not in services:
            return ServiceSet(self._names(names), without_key=NO_KEY in services)
        return ServiceSet((), True, self._names(self._universe - names), NO_KEY in services)

    def _names(self, services: Collection[str]) -> tuple[str, ...]:
        """Services by name; what only stands for the other services of a pattern, as the pattern is written."""
        return tuple(sorted({name if name in self._known else self._written.get(name, name) for name in services}))


def _one(roles: RoleSet, pattern: Text) -> RoleSet:
    return RoleSet((pattern,), roles.variables)


def _together(item: Permission, mine: Permission) -> bool:
    """Whether two statements can both be in force, given the outcomes under which each reads as it does."""
    return outcomes.both(item.statement.when, mine.statement.when) is not None


def _under(item: Permission, mine: Permission) -> bool:
    """Whether a statement is in force whenever ``mine`` is."""
    return all(outcomes.implies(mine.statement.when, fact) for fact in item.statement.when)


def _same_words(item: Permission, mine: Permission) -> bool:
    """Whether two statements say the same of which actions they speak, holes included."""
    ours, theirs = mine.statement, item.statement

    def words(texts: tuple[Text, ...] | None) -> frozenset[str] | None:
        return frozenset(map(str, texts)) if texts is not None else None

    return (
        ours.effect == theirs.effect
        and words(ours.actions) == words(theirs.actions)
        and words(ours.not_actions) == words(theirs.not_actions)
        and mine.tests == item.tests
    )


def _services_in(item: Permission) -> Iterator[tuple[str, str]]:
    """The services that a condition spells out, and one for each of its values with a wildcard or a hole; each with
    the value as written."""
    condition = item.statement.condition
    for entry in condition.entries if isinstance(condition, values.Mapping) else ():
        wildcards = "Like" in str(entry.key)
        for pair in entry.value.entries if isinstance(entry.value, values.Mapping) else ():
            if str(pair.key).lower() != PASSED_TO_SERVICE.lower():
                continue
            for value in values.texts_in(pair.value):
                pattern = read_pattern(value, wildcards=wildcards, variables=item.statement.variables)
                example = example_service(pattern)
                if example is not None:
                    yield example, str(value)
