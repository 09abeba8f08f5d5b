"""Access before and after a change: which principals gain PassRole access.

A policy that is attached to no known principal is compared with the policy that was at the same address.

Sources: IAM User Guide, "Policy evaluation logic" and "Permissions boundaries for IAM entities".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from passrole_checks.access.launches import launch_by
from passrole_checks.access.passable_roles import PassableRoles
from passrole_checks.access.principals import (
    ITSELF,
    Principals,
    allowed_by,
    by_group,
    by_holder,
    conditions_of,
    managed_by_holder,
)
from passrole_checks.access.role_privilege import can_do_everything
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.access_comparison import AccessComparison
from passrole_checks.iam.grants.access_set import Access, Gain, access_of
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.patterns.glob import wildcard_match
from passrole_checks.iam.permissions.escalation import OpenPath
from passrole_checks.iam.permissions.permissions import ContentClasses
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.values.nodes import (
    ListNode,
    Node,
    ObjectEntry,
    Part,
    Position,
    StringNode,
    Ternary,
    Unresolved,
    text,
)
from passrole_checks.iam.values.nodes import ObjectNode as MappingNode
from passrole_checks.iam.values.path_conditions import PathCondition, conjoin
from passrole_checks.sources.model.configuration import AttachedPolicy, Attachments, Configuration, PolicyKind


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """A principal that gains access by a statement. ``who``: its address or name; "" for a policy without known
    principals. ``launches``: how it can newly act as the roles, if it could pass them before already."""

    who: str
    gain: Gain
    launches: tuple[OpenPath, ...] = ()

    @property
    def certain(self) -> Ternary:
        """YES if a part of what it gains is certain, else UNKNOWN."""
        return Ternary.YES if any(way.certain is Ternary.YES for way in self.launches) else self.gain.certain


class AccessChange:
    """The change of access that one configuration makes, principal by principal.

    ``account``: the account deployed to, if stated. ``services_of``: the known service principals of each partition.
    ``principals``: those after the change. A limit that its holder can remove counts only where it is taken away, and
    not at all if ``is_reversed``: the change is that of the newer version to the older one, which adds it.
    """

    def __init__(
        self,
        configuration: Configuration,
        services_of: Mapping[str, Collection[str]],
        account: str | None,
        principals: Principals,
        *,
        is_reversed: bool = False,
    ) -> None:
        self.services_of, self._is_reversed = services_of, is_reversed
        before = replace(
            configuration,
            policies=configuration.change.before or (),
            attached=configuration.change.attached_before,
            change=replace(configuration.change, unchanged=()),
        )
        self._principals = Principals(before, principals.account), principals
        self._deployed = Principals(before, principals.account, counts_all=True)
        self.stated, self.home = account, configuration.change.home
        attached, attached_before = configuration.attached, configuration.change.attached_before
        self._statements: dict[int, tuple[Statement, ...]] = {}
        self._conditional: dict[tuple[int, tuple[PathCondition, ...]], AttachedPolicy] = {}
        self.members, members_before = by_group(attached.members), by_group(attached_before.members)
        self.before = self._by_holder(configuration.change.before or (), attached_before, members_before)
        self.after = self._by_holder((*configuration.policies, *configuration.change.unchanged), attached, self.members)
        newly = frozenset(attached.members) - frozenset(attached_before.members)
        self.joined = frozenset(group for group, _ in newly)
        self.bounds, self.bounds_before = _known_boundaries(attached), _known_boundaries(attached_before)
        self._named: dict[tuple[Part, ...], tuple[Statement, ...]] = {}  # of boundaries outside of the configuration
        self._comparisons: dict[tuple[object, ...], AccessComparison] = {}
        self._contents = ContentClasses()

    def _by_holder(
        self, policies: Iterable[AttachedPolicy], attachments: Attachments, members: Mapping[str, tuple[str, ...]]
    ) -> dict[str, list[AttachedPolicy]]:
        """Return the policies of each principal, with those of a user's groups, and the policies at each address.

        A policy that is only a boundary grants nothing, but is listed at its address: it is not new when it stops being
        one.
        """
        policies = tuple(policies)
        identities = [policy for policy in policies if policy.kind is PolicyKind.IDENTITY]
        found = {
            holder: [self._as_attached(policy, conditions_of(policy, holder, members)) for policy in attached]
            for holder, attached in by_holder(identities, members).items()
        }
        for policy in (one for one in policies if one.kind in (PolicyKind.IDENTITY, PolicyKind.BOUNDARY)):
            found.setdefault(policy_key(policy), []).append(policy)
        for who, managed in managed_by_holder(attachments.managed_policies, members).items():
            found.setdefault(who, []).extend(managed)
        return found

    def _as_attached(self, policy: AttachedPolicy, conditions: tuple[PathCondition, ...]) -> AttachedPolicy:
        """Return a policy that a principal has under path conditions: its statements apply only under these."""
        if conditions == ((),):
            return policy
        key = id(policy), conditions
        if key not in self._conditional:
            copy = self._conditional[key] = replace(policy)
            self._statements[id(copy)] = tuple(
                variant for statement in self._read(policy) for variant in _under(statement, conditions)
            )
        return self._conditional[key]

    def gainers(
        self, policy: AttachedPolicy, statement: Statement, *, many_accounts: bool = False
    ) -> tuple[Beneficiary, ...]:
        """Return the principals that can pass roles by an Allow of ``policy`` and could not before, each with its gain.

        ``many_accounts``: the policy is deployed to several accounts. If a group gains, its users are left out.
        """
        where = Deployment(None, self.home.partitions) if many_accounts else self._where(statement)
        found: dict[str, Beneficiary] = {}
        for key in holder_keys(policy):
            for who in (key, *self.members.get(key, ())):
                gain = self._gain_of(policy, statement, who, where)
                if gain is not None:
                    gain = self._within_replaced_boundary(who, gain)
                    found.setdefault(who, Beneficiary("" if who.startswith(ITSELF) else who, gain))
                    if who == key:
                        break
        return tuple(found.values())

    def with_launchers(
        self,
        policy: AttachedPolicy,
        grant: PassRoleGrant,
        holders: Iterable[Principal],
        gaining: Iterable[Beneficiary],
        passable: PassableRoles,
        *,
        many_accounts: bool = False,
    ) -> tuple[Beneficiary, ...]:
        """Return those in ``gaining``, which could not pass the roles of an Allow before, and the other ``holders`` of
        its policy that can newly launch workloads of a service with them.

        Administrators are left out, since they need no role, and users of groups that gain. ``passable``: the roles
        after the change.
        """
        found = {one.who: one for one in gaining}
        for holder in holders:
            who = "" if holder.kind is PrincipalKind.POLICY else holder.name
            if who in found or any(who in self.members.get(group, ()) for group in found):
                continue
            passing = passable.passing(holder, grant, many_accounts=many_accounts)
            for earlier in self._earlier(policy, holder):
                launches = self._new_launches(passing, earlier, holder, passable)
                if launches and not can_do_everything(holder, grant.statement.when):
                    found[who] = Beneficiary(who, Gain(False, ()), launches)
                    break
        return tuple(found.values())

    def _new_launches(
        self, passing: EffectiveGrant, earlier: Principal, later: Principal, passable: PassableRoles
    ) -> tuple[OpenPath, ...]:
        """Return the escalation paths of ``later`` through services by which ``earlier`` had none."""
        if self._contents.of(earlier.permissions) == self._contents.of(later.permissions):
            return ()
        when = passing.grant.statement.when
        known = {way.way.services for way in passable.open_ways(earlier, when)}
        ways = (way for way in passable.open_ways(later, when) if way.way.services not in known)
        return tuple(way for way in ways if launch_by(way, passing, passable) is not None)

    def _earlier(self, policy: AttachedPolicy, holder: Principal) -> Iterator[Principal]:
        """Yield a holder of a policy as it was before the change: without the limits that it could remove, and with
        them if it has no such limit now."""
        before, _ = self._principals
        for principals in (before,) if self._is_reversed or holder.removable else (before, self._deployed):
            if holder.kind is not PrincipalKind.POLICY:
                if holder.name in self.before:
                    yield principals.named(holder.name)
                continue
            same = [one for one in self.before.get(policy_key(policy), ()) if one.path == policy.path]
            yield from map(principals.alone, same[:1])

    def _gain_of(self, policy: AttachedPolicy, statement: Statement, who: str, where: Deployment) -> Gain | None:
        """Return what a principal gains by a statement, under the path conditions under which it has the policy."""
        variants = tuple(_under(statement, conditions_of(policy, who, self.members)))
        removable = self._removable(who, self.before, 0), self._removable(who, self.after, 1)
        cases = [(frozenset[int](), frozenset[int]())] if not any(removable) or not self._is_reversed else []
        cases += [removable] if any(removable) else []
        for case in cases:
            comparison = self._comparison(who, where, case)
            gains = [gain for variant in variants if (gain := comparison.gain_of(variant)) is not None]
            if gains:
                widenings = (one for gain in gains for one in gain.widenings)
                return gains[0] if len(gains) == 1 else Gain(gains[0].first, tuple(dict.fromkeys(widenings)))
        return None

    def _removable(self, who: str, policies: Mapping[str, Sequence[AttachedPolicy]], side: int) -> frozenset[int]:
        """Return the ids of the documents with a Deny that a principal can remove, and 0 for its boundary."""
        principals = self._principals[side]
        if who.startswith(ITSELF):
            return frozenset(id(one.document) for one in policies.get(who, ()) if not principals.counts_denials(one))
        limits = (one.limit for one in principals.named(who).removable)
        return frozenset(0 if limit.is_boundary else id(limit.document) for limit in limits)

    def _within_replaced_boundary(self, who: str, gain: Gain) -> Gain:
        """Return the gain if a boundary of unknown content replaces another: what one excluded the other may still
        exclude."""
        bounds = self._boundary_of(who, self.bounds_before), self._boundary_of(who, self.bounds)
        if bounds[0] is bounds[1] or not all(any(not one.whole for one in bound) for bound in bounds):
            return gain
        return Gain(
            gain.first, tuple(replace(one, denied=one.denied and one.certain is Ternary.YES) for one in gain.widenings)
        )

    def removes_denial(self, policy: AttachedPolicy) -> bool:
        """True if a Deny that applied to a principal of the policy may not apply any more."""
        holders = (who for key in holder_keys(policy) for who in (key, *self.members.get(key, ())))
        return any(self._comparison(who, self.home).denials_changed for who in holders)

    def adds_group_member(self, policy: AttachedPolicy) -> bool:
        """True if a user joins a group that has the policy."""
        return not self.joined.isdisjoint(policy.principals)

    def _comparison(
        self, key: str, where: Deployment, removed: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
    ) -> AccessComparison:
        """Return the comparison of a principal. ``removed``: the limits that do not count, as in :meth:`_removable`."""
        known = self._comparisons.get((key, where, removed))
        if known is None:
            before, after = self.before.get(key, ()), self.after.get(key, ())
            bounds = tuple(
                () if 0 in gone else self._boundary_of(key, all_bounds)
                for gone, all_bounds in zip(removed, (self.bounds_before, self.bounds), strict=True)
            )
            # the users of a group, and the holders of one managed policy, often have the same policies
            same = (*map(id, before), None, *map(id, after), None, *map(id, bounds), where, removed)
            known = self._comparisons.get(same)
            if known is None:
                access = (
                    self._access(before, bounds[0], bounds[1], removed[0]),
                    self._access(after, bounds[1], (), removed[1]),
                )
                known = self._comparisons[same] = self._comparison_of(*access, where)
            self._comparisons[key, where, removed] = known
        return known

    def _comparison_of(self, before: Access, after: Access, where: Deployment) -> AccessComparison:
        """Return the comparison of two accesses; the same object for all principals with equal accesses."""
        numbers = (
            tuple(self._contents.of_statement(one.statement) for one in each.permissions) for each in (before, after)
        )
        key = (*numbers, where)
        if key not in self._comparisons:
            self._comparisons[key] = AccessComparison(before, after, self.services_of, where, self._contents)
        return self._comparisons[key]

    def _access(
        self,
        policies: Iterable[AttachedPolicy],
        bound: tuple[Statement, ...],
        later: tuple[Statement, ...],
        removed: Collection[int],
    ) -> Access:
        """Return the access that policies grant within a boundary, without the Deny statements of documents in
        ``removed``.

        A boundary of unknown content that is gone in ``later`` may have excluded anything.
        """
        statements = [
            statement
            for policy in policies
            for statement in self._read(policy)
            if statement.effect != "Deny" or id(policy.document) not in removed
        ]
        statements += self._denials_of_boundary(bound)
        if bound is not later:
            unknown = ((StringNode((Unresolved(str(one.at)),), one.at), one) for one in bound)
            statements += (_deny(one.at, (roles,)) for roles, one in unknown if one.effect is None and not one.whole)
        return access_of(statements, self.services_of)

    def _boundary_of(self, key: str, bounds: Mapping[str, AttachedPolicy | StringNode]) -> tuple[Statement, ...]:
        """Return the statements of a principal's permissions boundary; the same object for the same boundary."""
        boundary = bounds.get(key)
        if boundary is None:
            return ()
        if isinstance(boundary, AttachedPolicy):
            return self._read(boundary)
        return self._named.setdefault(boundary.parts, allowed_by(boundary))

    def _denials_of_boundary(self, statements: tuple[Statement, ...]) -> Iterator[Statement]:
        """Yield what a permissions boundary surely excludes, as Deny statements.

        These are its own Deny statements, one for all roles that it does not name, and one for the services that it
        does not name for them. Source: IAM User Guide, "Permissions boundaries for IAM entities".
        """
        if not statements:
            return
        yield from (statement for statement in statements if statement.effect == "Deny")
        allows = [item.statement for item in access_of(statements, self.services_of).allows]
        uncertain = any(statement.effect is None or not statement.whole for statement in statements)
        if uncertain or any(item.resources is None for item in allows) or len({item.variables for item in allows}) > 1:
            return
        at = statements[0].at
        yield _deny_all_except(allows, None, at)
        limited = {id(item): services for item in allows if (services := _only_services(item))}
        names = tuple(dict.fromkeys(name for services in limited.values() for name in services))
        if not names:
            return
        of_any = [item for item in allows if id(item) not in limited]
        yield _deny_all_except(of_any, _services("StringNotLike", names, at), at)
        for name in (name for name in names if not set("*?") & set(name)):
            of_it = [item for item in allows if any(wildcard_match(one, name) for one in limited.get(id(item), ("*",)))]
            if len(of_it) < len(allows):
                yield _deny_all_except(of_it, _services("StringEquals", (name,), at), at)

    def _read(self, policy: AttachedPolicy) -> tuple[Statement, ...]:
        known = self._statements.get(id(policy))
        if known is None:
            known = self._statements[id(policy)] = parse_document(policy.document).statements
        return known

    def _where(self, statement: Statement) -> Deployment:
        """Return where the principal is deployed.

        An inferred account is ignored if the statement names another one, since another provider may deploy to that.
        """
        if self.stated is not None:
            return Deployment(self.stated, self.home.partitions)
        named = {arn.account_of(pattern) for pattern in statement.resources or statement.not_resources or ()}
        return self.home if named <= {None, self.home.account} else Deployment(None, self.home.partitions)


def _under(statement: Statement, conditions: Iterable[PathCondition]) -> Iterator[Statement]:
    """Yield a statement as it applies under each of some path conditions, without those that contradict its own."""
    for facts in conditions:
        when = conjoin(facts, statement.when)
        if when is not None:
            yield statement if when == statement.when else replace(statement, when=when)


def _deny_all_except(allows: Sequence[Statement], condition: Node | None, at: Position) -> Statement:
    """Return a Deny of passing any role except those in ``allows``."""
    named = tuple(pattern for item in allows for pattern in item.resources or ())
    every = None if named else (text("*", at),)
    return _deny(at, every, named or None, condition, variables=all(item.variables for item in allows))


def _deny(
    at: Position,
    roles: tuple[StringNode, ...] | None,
    all_but: tuple[StringNode, ...] | None = None,
    condition: Node | None = None,
    *,
    variables: bool = True,
) -> Statement:
    return Statement("", at, None, "Deny", (text("iam:PassRole", at),), None, roles, all_but, condition, variables)


def _services(operator: str, names: Iterable[str], at: Position) -> Node:
    """Return a condition on ``iam:PassedToService``."""
    values = ListNode(tuple(text(name, at) for name in names), at)
    return MappingNode(
        (ObjectEntry(text(operator, at), MappingNode((ObjectEntry(text(_SERVICE, at), values),), at)),), at
    )


def _only_services(statement: Statement) -> tuple[str, ...]:
    """Return the services, as patterns, that a statement allows passing roles to.

    Empty if its condition tests anything else, or is not fully known. Source: IAM User Guide, "IAM JSON policy
    elements: Condition operators", "String condition operators".
    """
    condition = statement.condition
    if not isinstance(condition, MappingNode) or len(condition.entries) != 1:
        return ()
    (operator,) = condition.entries
    keys = operator.value
    if operator.key.literal not in ("StringEquals", "StringLike") or not isinstance(keys, MappingNode):
        return ()
    if len(keys.entries) != 1 or (keys.entries[0].key.literal or "").lower() != _SERVICE.lower():
        return ()
    said = keys.entries[0].value
    found = []
    for word in said.items if isinstance(said, ListNode) else (said,):
        name = word.literal if isinstance(word, StringNode) else None
        if name is None or set("[$") & set(name) or (operator.key.literal == "StringEquals" and set("*?") & set(name)):
            return ()
        found.append(name)
    return tuple(found)


_SERVICE = "iam:PassedToService"


def holder_keys(policy: AttachedPolicy) -> tuple[str, ...]:
    """Return the principals by which a policy is compared, or a key of its address if it has none."""
    return tuple(dict.fromkeys(policy.principals)) or (policy_key(policy),)


def policy_key(policy: AttachedPolicy) -> str:
    """Return the key of a policy that is compared with that at its address."""
    return ITSELF + policy.resource.address


def _known_boundaries(attached: Attachments) -> dict[str, AttachedPolicy | StringNode]:
    """Return the permissions boundaries that apply in any case, by principal."""
    return {
        boundary.principal: boundary.policy
        for boundaries in attached.boundaries_by_principal().values()
        for boundary in boundaries
        if boundary.is_known and boundary.policy is not None
    }
