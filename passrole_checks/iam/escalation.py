"""What a principal can do with a role that it may pass: the ways to act as that role, and whether they are open.

A way is open where the principal may pass a role to one of the way's services, has every further action, and the role
trusts that service. All policies of the principal count together; a Deny anywhere wins, and every limit (a permissions
boundary, a service control policy) has to allow as well.

Sources: IAM User Guide, "Policy evaluation logic", "Permissions boundaries for IAM entities", and "Grant a user
permissions to pass a role to an AWS service". The ways themselves are handed in; they are no knowledge of this room.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

from passrole_checks.iam import action, arn, glob
from passrole_checks.iam.arn import Deployment, Scope
from passrole_checks.iam.arn_pattern import fields_of, spelled_out
from passrole_checks.iam.condition import Constraint, evaluate
from passrole_checks.iam.outcomes import When, both, implies, unless
from passrole_checks.iam.passrole import PassRoleGrant, grants_apart, in_new_words, roles_left, surely_denies
from passrole_checks.iam.policy import Statement
from passrole_checks.iam.rule import rule_of
from passrole_checks.iam.values import Text, Tri

if TYPE_CHECKING:
    from passrole_checks.iam.permissions import Permissions

_MOST_PAIRS = 200  # of resource patterns that are looked at for two actions


@dataclass(frozen=True, slots=True)
class Way:
    """A way to act as a passed role.

    ``id`` of the published path, or, where the way is ``derived`` from what an API does, the action that passes the
    role. ``actions`` are all that is needed beside iam:PassRole; ``services`` the values of ``iam:PassedToService`` of
    which one has to be let through (none: any); ``trusted`` the service principals of which the role has to trust one.
    """

    id: str
    url: str
    actions: tuple[str, ...]
    services: tuple[str, ...]
    trusted: tuple[str, ...]
    derived: bool = False


@dataclass(frozen=True, slots=True)
class OpenWay:
    """A way whose actions a principal has. ``certain``: UNKNOWN where a hole, or something that cannot be decided, is
    in between. ``by``: for each action a statement that allows it. ``conditions``: keys that these ask for. ``when``:
    the facts under which all of them do."""

    way: Way
    certain: Tri
    by: tuple[Statement, ...]
    conditions: tuple[str, ...]
    when: When = ()


def open_ways(permissions: Permissions, ways: Iterable[Way], when: When = ()) -> tuple[OpenWay, ...]:
    """The ways whose actions the principal has where the facts ``when`` hold, PassRole apart.

    An action that only a statement could give of whose actions nothing is known opens no way by itself.
    """
    return tuple(found for way in ways if (found := _opens(permissions, way, when)) is not None)


def _opens(permissions: Permissions, way: Way, when: When) -> OpenWay | None:
    if any(permissions.allows(name, (), when) is None for name in way.actions):
        return None
    together = permissions.together([(name, ()) for name in way.actions], when)
    if together is None:
        return None
    found, facts = together
    doubtful = [(one.by, name) for one, name in zip(found, way.actions, strict=True) if one.certain is not Tri.YES]
    if not all(_may_be_about(*item) for item in doubtful):
        return None
    if len(doubtful) == len(found) and not any(_says(*item) for item in doubtful):
        return None
    if not _about_the_same(permissions, way, [one.by for one in found], facts):
        return None
    certain = Tri.YES if all(one.certain is Tri.YES for one in found) else Tri.UNKNOWN
    conditions = dict.fromkeys(key for one in found for key in one.conditions)
    return OpenWay(way, certain, tuple(one.by for one in found), tuple(conditions), facts)


def _about_the_same(permissions: Permissions, way: Way, by: Sequence[Statement], facts: When) -> bool:
    """Whether two actions of a service that are allowed on resources of one kind are allowed on the same ones: who may
    create only the functions ``a-*`` does not start one of them by being allowed to invoke ``b-*``."""
    for index, (first, name) in enumerate(zip(by, way.actions, strict=True)):
        for second, other in zip(by[index + 1 :], way.actions[index + 1 :], strict=True):
            if first is second or name.partition(":")[0] != other.partition(":")[0]:
                continue
            firsts, seconds = (
                dict.fromkeys(pattern for item in items for pattern in _patterns(item, permissions))
                for items in ([first, *_speaking_of(permissions, name, facts)],
                              [second, *_speaking_of(permissions, other, facts)])
            )  # fmt: skip
            if len(firsts) * len(seconds) <= _MOST_PAIRS and not any(
                _share(permissions, (name, other), pair, facts) for pair in product(firsts, seconds)
            ):
                return False
    return True


def _speaking_of(permissions: Permissions, name: str, facts: When) -> list[Statement]:
    """The statements that may allow an action where some facts hold."""
    return [
        item
        for item in permissions.statements
        if item.effect != "Deny" and both(facts, item.when) is not None and _may_act(item, name)
    ]


def _may_act(statement: Statement, name: str) -> bool:
    if statement.actions is None:
        return action.left_out_by(statement.not_actions or (), name) is not Tri.NO
    return action.granted_by(statement.actions, name)[0] is not Tri.NO


def _patterns(statement: Statement, permissions: Permissions) -> tuple[str, ...]:
    """The resources of a statement, as patterns."""
    resources = rule_of(statement, permissions.account, permissions.owner).resources
    return (*resources.sure, *resources.doubtful) if statement.resources is not None else (glob.RUN,)


def _share(permissions: Permissions, names: tuple[str, str], pair: tuple[str, str], facts: When) -> bool:
    """Whether two actions may be allowed on one resource of two patterns; where these are of two kinds (a function,
    an event source mapping) it is not known which belong together."""
    kinds = {kind for pattern in pair if (kind := _kind(pattern))}
    if len(kinds) > 1:
        return True
    common = glob.meeting(*pair)
    if common is None:
        return glob.may_meet(*pair)
    pattern = glob.as_pattern(common)
    return pattern == glob.RUN or all(permissions.ways_of(name.lower(), (pattern,), facts) for name in names)


def _kind(pattern: str) -> str:
    """The kind of the resources of a pattern (``function`` of ``…:function:app-*``), "" where it is open."""
    fields = pattern.split(":", 5)
    named = re.match(r"([a-zA-Z-]+)[:/]", fields[5]) if len(fields) > 5 else None
    return named[1] if named is not None else ""


def _says(statement: Statement, name: str) -> bool:
    """Whether a statement speaks of an action with more than a hole."""
    if not statement.whole:
        return False
    if statement.actions is None:
        return True
    return any(
        pattern.only_hole is None and action.matches(pattern, name) is not Tri.NO for pattern in statement.actions
    )


def _may_be_about(statement: Statement, name: str) -> bool:
    """Whether a resource of a statement can be one of the service of an action: an ARN of another service is none."""
    if statement.resources is None:
        return True
    service = name.partition(":")[0]
    for resource in statement.resources:
        fields = fields_of(spelled_out(resource.parts))
        named = "".join(part if isinstance(part, str) else "*" for part in fields[2]) if len(fields) > 2 else "*"
        if named == service or {"*", "?"} & set(named):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Passed:
    """The roles that can be passed to one service: ``roles``, or with ``complement`` all but these; never those that a
    Deny takes out, which ``denied`` names. ``when``: the facts under which they can."""

    roles: tuple[Text, ...]
    complement: bool
    scope: Scope
    certain: Tri
    denied: tuple[Text, ...] = ()
    when: When = ()


class Passing:
    """One Allow of PassRole in the hands of one principal: what all Deny statements and limits leave of it.

    ``services_of`` gives the known service principals of each partition, ``account`` the account deployed to.
    """

    def __init__(
        self,
        grant: PassRoleGrant,
        permissions: Permissions,
        services_of: Mapping[str, Collection[str]],
        account: str | None = None,
    ) -> None:
        every = (*permissions.statements, *(item for limit in permissions.limits for item in limit))
        if any(item.variables is not grant.statement.variables for item in every):
            # patterns of policies of both versions are compared: let "${" mean the same in all of them
            grant = in_new_words(grant)
        self.grant = grant
        self.known = frozenset[str]().union(*services_of.values())
        named = {found for role in grant.roles if (found := arn.partition_of(role.pattern)) is not None}
        self.where = Deployment(account, tuple(sorted(named)) or arn.ANYWHERE.partitions)
        services = {name: frozenset(known) for name, known in services_of.items()}
        denials = [item for item in permissions.statements if item.effect == "Deny"]
        denials += [item for limit in permissions.limits for item in limit if item.effect == "Deny"]
        when = grant.statement.when
        possible = [
            item
            for item in map(self._alike, grants_apart(denials, dict(services), account))
            if both(when, item.statement.when) is not None
        ]
        sure = [item for item in possible if surely_denies(item) and _holds(item, when)]
        self._sure, self._doubtful = sure, [item for item in possible if item not in sure]
        self._limits = [
            [self._alike(item) for item in grants_apart(limit, dict(services), account) if item.effect == "Allow"]
            for limit in permissions.limits
        ]
        self._by_denials: dict[tuple[int, ...], tuple[tuple[Text, ...], bool]] = {}
        self._passed: dict[str, Passed | None] = {}

    def _alike(self, item: PassRoleGrant) -> PassRoleGrant:
        return item if item.statement.variables is self.grant.statement.variables else in_new_words(item)

    def to(self, service: str) -> Passed | None:
        """What can be passed to a service, None for nothing.

        In China a service may send either of two names (``ec2.amazonaws.com``, ``ec2.amazonaws.com.cn``).
        """
        if service not in self._passed:
            spellings = [service]
            if self.where.partitions == ("aws-cn",) and f"{service}.cn" in self.known:
                spellings.append(f"{service}.cn")
            found = [passed for name in spellings if (passed := self._to(name)) is not None]
            self._passed[service] = max(found, key=lambda item: item.certain is Tri.YES, default=None)
        return self._passed[service]

    @cached_property
    def anything(self) -> Passed | None:
        """What can be passed to whatever service, as far as services make no difference."""
        if self.grant.denied or self.grant.condition.dead:
            return None
        denying = [item for item in self._sure if _is_open(item)]
        left = roles_left(self.grant, denying, self.where)
        return self._without(self._within_limits(left, self.grant.certain, None), denying)

    def _to(self, service: str) -> Passed | None:
        if self.grant.denied:
            return None
        lets = self._lets(self.grant, service)
        if lets is Tri.NO:
            return None
        denying = tuple(index for index, item in enumerate(self._sure) if self._lets(item, service) is Tri.YES)
        if denying not in self._by_denials:
            self._by_denials[denying] = roles_left(self.grant, [self._sure[index] for index in denying], self.where)
        left = self._by_denials[denying]
        passed = self._past_doubtful(self._within_limits(left, lets & self.grant.certain, service), service)
        return self._without(passed, [self._sure[index] for index in denying])

    def _past_doubtful(self, passed: Passed | None, service: str) -> Passed | None:
        """What is left after what may be denied: a Deny that only some facts bring leaves it to the others."""
        for item in self._doubtful if passed is not None else ():
            facts = item.statement.when
            if passed is None or both(passed.when, facts) is None or not self._may_deny(item, service):
                continue
            others = unless(passed.when, facts)
            if others is None or not surely_denies(item):
                passed = replace(passed, certain=passed.certain & Tri.UNKNOWN)
            else:
                passed = replace(passed, when=others)
        return passed

    def _without(self, passed: Passed | None, denials: Sequence[PassRoleGrant]) -> Passed | None:
        """What is left, and what is not: the roles that the denials name, and those that the Allow itself leaves out
        where it has become a list of patterns."""
        named = dict.fromkeys(role.pattern for item in denials if not item.complement for role in item.roles)
        if passed is not None and not passed.complement:
            named.update(dict.fromkeys(self.grant.statement.not_resources or ()))
        return replace(passed, denied=(*passed.denied, *named)) if passed is not None and named else passed

    def _may_deny(self, denial: PassRoleGrant, service: str) -> bool:
        if self._lets(denial, service) is Tri.NO:
            return False
        if denial.complement or self.grant.complement:
            return True
        variables = self.grant.statement.variables
        return any(
            arn.overlaps(role.pattern, other.pattern, variables=variables, where=self.where) is not Tri.NO
            for role in self.grant.roles
            for other in denial.roles
        )

    def _within_limits(self, left: tuple[tuple[Text, ...], bool], certain: Tri, service: str | None) -> Passed | None:
        roles, complement = left
        when = self.grant.statement.when
        denied: list[Text] = []
        for limit in self._limits:
            allows = [(item, Tri.YES if service is None else self._lets(item, service)) for item in limit]
            allows = [
                (item, lets)
                for item, lets in allows
                if lets is not Tri.NO and both(when, item.statement.when) is not None
            ]
            if not allows:
                return None
            free = [item for item, lets in allows if _plainly(item, lets) and self._is_free(item)]
            if free:  # under the fewest facts that there are
                found = [both(when, item.statement.when) or () for item in free]
                when = min(found, key=len)
                continue
            (only, lets), *others = allows
            if only.complement and not others and _plainly(only, lets):  # a limit to all roles but some
                when = both(when, only.statement.when) or ()
                named = [role.pattern for role in only.roles]
                denied += named
                roles = tuple(role for role in roles if complement or self._within(role, named) is not Tri.YES)
                continue
            if complement:
                certain &= Tri.UNKNOWN
                continue
            kept: dict[Text, Tri] = {}
            for role in roles:
                for pattern, inside in self._limited(role, allows, when):
                    kept[pattern] = kept.get(pattern, Tri.NO) | inside
            roles = tuple(kept)
            if Tri.UNKNOWN in kept.values():
                certain &= Tri.UNKNOWN
        if not roles and not complement:
            return None
        scope = self.grant.scope
        if not complement:
            variables = self.grant.statement.variables
            scope = arn.widest([arn.resource_scope(role, variables=variables) for role in roles])
            if scope is not Scope.ANY_ROLE and self.grant.scope is Scope.ANY_ROLE and len(roles) > 1:
                scope = arn.union_scope(roles, variables=variables)
        return (
            None
            if scope is Scope.NOT_A_ROLE and not complement
            else Passed(roles, complement, scope, certain, tuple(denied), when)
        )

    def _is_free(self, limit: PassRoleGrant) -> bool:
        """Whether a limit allows every role of the account and the partition that are meant, where these are known."""
        patterns = [role.pattern for role in limit.roles]
        if limit.complement or limit.scope is not Scope.ANY_ROLE:
            return limit.complement and not patterns
        left = arn.complement_scope(patterns, variables=limit.statement.variables, where=self.where)
        return left is not Scope.ANY_ROLE

    def _within(self, role: Text, patterns: Sequence[Text]) -> Tri:
        return arn.included(role, patterns, variables=self.grant.statement.variables, where=self.where)

    def _limited(
        self, role: Text, allows: Sequence[tuple[PassRoleGrant, Tri]], when: When
    ) -> Iterator[tuple[Text, Tri]]:
        """What a limit leaves of a pattern, and whether surely: the pattern, or the narrower ones of the limit."""
        parts: list[tuple[Text, Tri]] = []
        for item, lets in allows:
            patterns = [one.pattern for one in item.roles]
            variables = item.statement.variables
            surely = Tri.YES if _plainly(item, lets) and _holds(item, when) else Tri.UNKNOWN
            if not item.statement.whole:  # nothing is known of what it allows
                parts.append((role, Tri.UNKNOWN))
            elif item.complement:
                if arn.included(role, patterns, variables=variables, where=self.where) is not Tri.YES:
                    parts.append((role, Tri.UNKNOWN))
            elif arn.included(role, patterns, variables=variables, where=self.where) is Tri.YES:
                if surely is Tri.YES:
                    yield role, surely
                    return
                parts.append((role, surely))
            else:
                for one in patterns:
                    if one.only_hole is not None:  # a limit of which nothing is known
                        parts.append((role, Tri.UNKNOWN))
                        continue
                    meets = arn.overlaps(role, one, variables=variables, where=self.where)
                    if meets is Tri.NO:
                        continue
                    narrower = arn.included(one, [role], variables=variables, where=self.where) is Tri.YES
                    parts.append((one, surely) if narrower else (role, Tri.UNKNOWN))
        yield from parts

    def _lets(self, grant: PassRoleGrant, service: str) -> Tri:
        """Whether the conditions of a statement let a role be passed to a service."""
        condition = grant.condition
        if condition.constraint is Constraint.ABSENT:
            return Tri.YES
        if service not in self.known:
            statement = grant.statement
            condition = evaluate(statement.condition, (service,), variables=statement.variables)
        if service in condition.allowed:
            return Tri.YES
        return Tri.UNKNOWN if service in condition.possible else Tri.NO


def _holds(grant: PassRoleGrant, when: When) -> bool:
    return all(implies(when, fact) for fact in grant.statement.when)


def _is_open(denial: PassRoleGrant) -> bool:
    return denial.condition.constraint is Constraint.ABSENT


def _plainly(grant: PassRoleGrant, lets: Tri) -> bool:
    """Whether what a limit allows, it surely allows where its facts hold."""
    condition = grant.condition
    undecided = condition.others or condition.tags or condition.associated_resource_arn or condition.problems
    return lets is Tri.YES and grant.certain is Tri.YES and not undecided


_REGION = re.compile(r"^(?P<name>.+?)\.[a-z]{2}(?:-[a-z]+)+-\d\.(?P<rest>amazonaws\.com)$")


def plain_name(service: str) -> str:
    """A service principal without Region and without the suffix of China, as different spellings of one service."""
    name = service.lower().removesuffix(".cn")
    found = _REGION.match(name)
    return f"{found['name']}.{found['rest']}" if found is not None else name


def family(service: str) -> str:
    """The service that a service principal belongs to: ``rds`` of ``monitoring.rds.amazonaws.com``."""
    return plain_name(service).removesuffix(".amazonaws.com").rpartition(".")[2]
