"""The principals of a configuration: users, groups, roles and permission sets with all policies attached to them.

A policy without known principals is a principal itself. AWS managed policies are those in the package; other attached
policies that are not in the configuration are reported once as unknown. Everything is computed on first use.

Sources: IAM User Guide, "Policies and permissions in AWS Identity and Access Management", "Permissions boundaries for
IAM entities"; AWS Organizations User Guide, "Service control policies (SCPs)".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

from passrole_checks.access.held_policies import EntityNames, PolicyHolder
from passrole_checks.aws.managed_policies import ManagedPolicy, managed_policy
from passrole_checks.iam.documents import action
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.identity_cache import cached_by_identity
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.permissions.removable_limits import RemovableLimit, removable_limits
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.values.nodes import (
    Const,
    ListNode,
    Node,
    ObjectEntry,
    Position,
    StringNode,
    Ternary,
    Unresolved,
    UnresolvedKind,
    exists_under,
    strings_in,
    text,
)
from passrole_checks.iam.values.nodes import ObjectNode as Object
from passrole_checks.iam.values.path_conditions import PathCondition, conjoin, simplify
from passrole_checks.sources.collect.attachments import is_management_account
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    BoundaryUse,
    Configuration,
    Framework,
    HandedTo,
    ManagedAttachment,
    PolicyKind,
)
from passrole_checks.sources.model.policy_owners import policy_names

_KINDS = {
    "role": PrincipalKind.ROLE,
    "user": PrincipalKind.USER,
    "group": PrincipalKind.GROUP,
    "permission-set": PrincipalKind.PERMISSION_SET,
}
_KIND = lazy_regex(r"(?:^|_|::)(role|user|group)(?:$|_|policy)", re.IGNORECASE)
_KEY = lazy_regex(r"\[[^\[\]]*\]$")
ITSELF = "\0"
"""Prefix of a policy's address, the key by which access is compared if the principals of the policy are unknown."""
_OUTPUT = lazy_regex(r"((?:module\.[\w-]+(?:\[[^\[\]]*\])?\.)*module\.[\w-]+(?:\[[^\[\]]*\])?)\.[\w-]+$")  # of a module
_NOWHERE = Position("", 0)
_MOST_MANAGED = 4096  # AWS managed policies that are kept parsed; AWS has about 1,500


_MOST_DEPLOYED = 20_000  # documents and principals of accounts that are kept
_DEPLOYED: dict[object, Permissions] = {}  # of principals of accounts, by the identity of their statements


def by_group(members: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return the users of each group, from pairs of a group and a user."""
    return {group: tuple(dict.fromkeys(users)) for group, users in grouped(members).items()}


def by_holder(
    policies: Iterable[AttachedPolicy], members: Mapping[str, tuple[str, ...]]
) -> dict[str, list[AttachedPolicy]]:
    """Return the identity-based policies of each principal, with those of a user's groups. ``members``: see
    :func:`by_group`."""
    found: dict[str, list[AttachedPolicy]] = {}
    for policy in policies:
        if policy.kind is PolicyKind.IDENTITY:
            users = (user for name in policy.holders for user in members.get(name, ()))
            for holder in dict.fromkeys((*policy.holders, *users)):
                found.setdefault(holder, []).append(policy)
    return found


def conditions_of(
    policy: AttachedPolicy, holder: str, members: Mapping[str, Sequence[str]]
) -> tuple[PathCondition, ...]:
    """Return the path conditions under which a principal has a policy, itself or by a group of ``members``.

    As few as possible, each of which suffices; an empty one if it has the policy in any case.
    """
    if not policy.conditional_principals:
        return ((),)
    readings = grouped(policy.conditional_principals)
    names = [who for who in policy.holders if who == holder or holder in members.get(who, ())]
    return simplify([facts for who in names for facts in readings.get(who, [()])]) or ((),)


def managed_by_holder(
    attachments: Iterable[ManagedAttachment], members: Mapping[str, Sequence[str]]
) -> dict[str, list[AttachedPolicy]]:
    """Return the AWS managed policies about PassRole of each principal, with those of a user's groups."""
    found: dict[str, list[AttachedPolicy]] = {}
    known: dict[tuple[ManagedPolicy, PathCondition], AttachedPolicy] = {}
    for one in attachments:
        policy = _aws_managed_policy(one)
        if policy is None or not _mentions_pass_role(policy):
            continue
        document = exists_under(one.when, _node(policy.document, Position(policy.arn, 1)))
        same = AttachedPolicy(one.resource, one.path, document, managed=policy.name)
        holders = (one.holder, *members.get(one.holder, ()))
        if one.handed_to is not None:
            holders = (ITSELF + one.resource.address,)
        for holder in dict.fromkeys(holders):
            found.setdefault(holder, []).append(known.setdefault((policy, one.when), same))
    return found


class Principals:
    """The principals of one configuration. ``account``: the account deployed to, if known.

    Limits that a principal can remove do not count, unless ``counts_all``.
    """

    def __init__(self, configuration: Configuration, account: str | None, counts_all: bool = False) -> None:
        self.configuration, self.account, self._counts_all = configuration, account, counts_all
        self._entities = EntityNames(configuration, account)
        self._principals: dict[str, Principal] = {}
        self._alone: dict[int, Principal] = {}
        self._same: dict[object, Permissions] = {}
        self._statements: dict[int, tuple[Statement, ...]] = {}

    def of(self, policy: AttachedPolicy) -> tuple[Principal, ...]:
        """Return the principals that have a policy.

        For a group: the group, and those of its users that have other policies as well. A policy without known
        principals is a principal itself, also beside those that only may have it.
        """
        found: dict[str, Principal] = {}
        for holder in policy.holders:
            group = found[holder] = self.named(holder)
            for user in self._members.get(holder, ()):
                one = self.named(user)
                if len(one.permissions.statements) > len(group.permissions.statements):
                    found.setdefault(user, one)
        inferred = self.configuration.surroundings.context.inferred_access
        if all((policy.resource.address, holder) in inferred for holder in policy.holders):
            return (*found.values(), self.alone(policy))
        return tuple(found.values())

    def role(self, address: str) -> Principal | None:
        """Return a role of the configuration by its address or logical id, if there is one.

        An instance is the same principal as a definition that covers all instances.
        """
        name = address if address in self._roles else _KEY.sub("", address)
        return self.named(name) if name in self._roles else None

    def named(self, holder: str) -> Principal:
        """Return a principal by its address, logical id or literal name, with everything attached to it."""
        known = self._principals.get(holder)
        if known is None:
            known = self._principals[holder] = self._build(holder)
        return known

    def has_boundary(self, address: str) -> Ternary:
        """Return whether a role of the configuration has a permissions boundary that limits it."""
        uses = self._boundaries_of(address)
        if not uses:
            return Ternary.UNKNOWN if address in self.configuration.change.incomplete else Ternary.NO
        sure = all(
            isinstance(use.policy, AttachedPolicy)
            or (isinstance(use.policy, StringNode) and use.policy.only_unresolved is None)
            for use in uses
        )
        if not sure:
            return Ternary.UNKNOWN
        return Ternary.NO if self._permissions_within(uses).is_administrator_when(()) else Ternary.YES

    def _boundaries_of(self, address: str) -> Sequence[BoundaryUse]:
        """Return the permissions boundaries of a role, or those of the resource whose instance it is."""
        return self._boundaries.get(address) or self._boundaries.get(_KEY.sub("", address), [])

    def _permissions_within(self, uses: Sequence[BoundaryUse]) -> Permissions:
        """Return what permissions boundaries leave of all permissions."""
        boundary = tuple(statement for use in uses for statement in self._within(use.policy))
        return Permissions((_everything(_NOWHERE),), (boundary,))

    def boundary_excludes(self, address: str, actions: Iterable[str]) -> Ternary:
        """Return whether the permissions boundary of a role of the configuration excludes actions on every resource;
        UNKNOWN if its content is unknown."""
        within = self._permissions_within(self._boundaries_of(address))
        if any(within.allows(action) is not None for action in actions):
            is_known = all(statement.whole for limit in within.limits for statement in limit)
            return Ternary.NO if is_known else Ternary.UNKNOWN
        return Ternary.YES

    @cached_property
    def managed(self) -> tuple[AttachedPolicy, ...]:
        """The attached AWS managed policies about PassRole, one for each attachment, with all principals that it is
        attached to.

        The principals outside of the configuration are unknown. Policies that cannot be checked on their own are
        left out."""
        together: dict[tuple[object, ...], tuple[ManagedPolicy, ManagedAttachment, dict[str, None]]] = {}
        for attachment in self.configuration.attached.managed_policies:
            policy = _aws_managed_policy(attachment) if attachment.is_checked else None
            if policy is not None and _mentions_pass_role(policy):
                key = (policy, attachment.resource, attachment.path, attachment.at, attachment.when)
                together.setdefault(key, (policy, attachment, {}))[2][attachment.holder] = None
        return tuple(
            replace(one.as_policy(_node(policy.document, one.at, one.policy.defaults), holders), managed=policy.name)
            for policy, one, holders in together.values()
        )

    @cached_property
    def unknown(self) -> tuple[ManagedAttachment, ...]:
        """The first attachment of each managed policy that is neither in the configuration nor a known AWS managed
        policy."""
        found: dict[str, ManagedAttachment] = {}
        for attachment in unknown_attachments(self.configuration):
            found.setdefault(str(attachment.policy), attachment)
        return tuple(found.values())

    def with_output_of(self, module: str) -> tuple[str, ...]:
        """Return the principals that have a managed policy which an output of a module names (by its address), if the
        configuration gives the module one policy only."""
        return self._by_module.get(module, ())

    @cached_property
    def _by_module(self) -> dict[str, tuple[str, ...]]:
        handed = [policy for policy in self.configuration.policies if policy.handed_to is HandedTo.MODULE]
        given = Counter(policy.resource.address for policy in handed)
        found: dict[str, dict[str, None]] = {}
        for attachment in self.configuration.attached.managed_policies if given else ():
            for part in attachment.policy.parts:
                output = _OUTPUT.match(part.expression) if isinstance(part, Unresolved) else None
                if output is not None and given[output[1]] == 1 and not attachment.when:
                    found.setdefault(output[1], {})[attachment.holder] = None
        return {module: tuple(holders) for module, holders in found.items()}

    def path_conditions(self, policy: AttachedPolicy, holder: str) -> tuple[PathCondition, ...]:
        """Return the path conditions under which a principal has a policy, as :func:`conditions_of`."""
        return conditions_of(policy, holder, self._members)

    def is_limit(self, policy: AttachedPolicy) -> bool:
        """True if a policy is an SCP whose target is, or may contain, the account deployed to."""
        if policy.kind is not PolicyKind.SCP:
            return False
        place = policy.resource.address, policy.path
        targets = [
            target
            for target, _, one in self.configuration.attached.targets
            if (one.resource.address, one.path) == place
        ]
        return any(
            not is_management_account(target)
            and (self._is_here(target) or not _is_account(target) or self.account is None)
            for target in targets
        )

    @cached_property
    def exempt(self) -> tuple[AttachedPolicy, ...]:
        """The SCPs that are attached to the account deployed to, and do not restrict it as the management account."""
        return tuple(
            policy for target, _, policy in self.configuration.attached.targets if is_management_account(target)
        )

    # -- one principal

    def _build(self, holder: str) -> Principal:
        kind = self._kind(holder)
        sources: list[tuple[AttachedPolicy | ManagedAttachment, tuple[Statement, ...]]] = [
            (policy, tuple(self._under_conditions(policy, holder))) for policy in self._policies.get(holder, ())
        ]
        unknown: dict[str, None] = {}
        for attachment in self._attached.get(holder, ()):
            policy = _aws_managed_policy(attachment)
            if policy is None:
                unknown[str(attachment.policy)] = None
                continue
            own = _statements_of(policy)
            lost = (
                owner.removed_from((attachment.holder,), policy_names(policy.arn), managed=True)
                for owner in self.configuration.attached.owners
            )
            own = tuple(_without_denials(own, True)) if any(lost) else own
            if attachment.when:
                own = tuple(replace(statement, when=attachment.when) for statement in own)
            sources.append((attachment, own))
        boundary = self._boundary(holder)
        removable = self._removable(holder, kind, sources, boundary)
        removed = {id(one.limit.statements) for one in removable}
        limits = tuple(part for part in (boundary, self._denied) if part and id(part) not in removed)
        is_known = not unknown and holder not in self.configuration.change.incomplete

        def permissions(parts: Sequence[tuple[Statement, ...]]) -> Permissions:
            statements = tuple(left for own in parts for left in _without_denials(own, id(own) in removed))
            complete = is_known and all(one.whole for own in parts for one in own)
            return self._shared(
                Permissions(statements, limits, complete, self.account),
                is_deployed=holder in self.configuration.surroundings.context.roles,
            )

        every = [own for _, own in sources]
        certain = [own for source, own in sources if not self._is_inferred(source, holder)]
        without = permissions(certain) if len(certain) < len(every) else None
        return Principal(holder, kind, permissions(every), tuple(unknown), without, removable)

    def _is_inferred(self, source: AttachedPolicy | ManagedAttachment, holder: str) -> bool:
        """True if a principal has a policy, itself or by a group, only if an entity of inferred name is the same."""
        inferred = self.configuration.surroundings.context.inferred_access
        owners = (source.holder,) if isinstance(source, ManagedAttachment) else source.holders
        names = (who for who in owners if who == holder or holder in self._members.get(who, ())) if inferred else ()
        return bool(inferred) and all((source.resource.address, who) in inferred for who in names)

    def _under_conditions(self, policy: AttachedPolicy, holder: str) -> Iterator[Statement]:
        """Yield the statements of a policy, once for each path condition under which a principal has it."""
        for facts in self.path_conditions(policy, holder):
            for statement in self._read(policy):
                if not facts:
                    yield statement
                elif (merged := conjoin(facts, statement.when)) is not None:
                    yield replace(statement, when=merged)

    def _removable(
        self,
        holder: str,
        kind: PrincipalKind,
        sources: Sequence[tuple[AttachedPolicy | ManagedAttachment, tuple[Statement, ...]]],
        boundary: tuple[Statement, ...],
    ) -> tuple[RemovableLimit, ...]:
        """Return the limits that a principal can remove. ``sources``: its policies."""
        if self._counts_all or not (boundary or any(one.effect == "Deny" for _, own in sources for one in own)):
            return ()
        every = (*(statement for _, own in sources for statement in own), *boundary, *self._denied)
        named = [resource for one in every for resource in one.resources or one.not_resources or ()]
        named += [value for one in every if one.condition is not None for value in strings_in(one.condition)]
        principal = PolicyHolder(self._entities, holder, kind, named)
        held = [principal.policy(source, own, self._owner(source, holder)) for source, own in sources]
        if boundary:
            held.append(principal.boundary(self._boundaries[holder], boundary))
        return removable_limits(held, (self._denied,) if self._denied else (), self.account)

    def _owner(self, source: AttachedPolicy | ManagedAttachment, holder: str) -> str:
        """Return the principal, or its group, that a policy is attached to."""
        owners = (source.holder,) if isinstance(source, ManagedAttachment) else source.holders
        return (
            next((name for name in owners if holder in self._members.get(name, ())), holder)
            if (holder not in owners)
            else holder
        )

    def counts_denials(self, policy: AttachedPolicy) -> bool:
        """True if no principal that has a policy can remove the Deny statements in it."""
        if self._counts_all or all(statement.effect != "Deny" for statement in self._read(policy)):
            return True
        removable = (one.limit for holder in self.of(policy) for one in holder.removable)
        return all(limit.document is not policy.document for limit in removable)

    def _shared(self, permissions: Permissions, *, is_deployed: bool) -> Permissions:
        """Return the permissions of the first principal with the same policies.

        ``is_deployed``: the principal is in the account, which is around many configurations.
        """
        parts = (permissions.statements, *permissions.limits)
        key = (tuple(tuple(map(id, part)) for part in parts), permissions.complete)
        if not is_deployed:
            return self._same.setdefault(key, permissions)
        if len(_DEPLOYED) >= _MOST_DEPLOYED:
            _DEPLOYED.clear()
        return _DEPLOYED.setdefault((key, self.account), permissions)

    def alone(self, policy: AttachedPolicy) -> Principal:
        """Return a policy as a principal that has nothing else."""
        known = self._alone.get(id(policy))
        if known is None:
            address, kind, statements = policy.resource.address, PrincipalKind.POLICY, self._read(policy)
            complete = policy.handed_to is None and all(one.whole for one in statements)
            removable = self._removable(address, kind, [(policy, statements)], ())
            left = tuple(_without_denials(statements, bool(removable))) if removable else statements
            permissions = Permissions(left, (), complete, self.account)
            known = self._alone[id(policy)] = Principal(address, kind, permissions, removable=removable)
        return known

    def _boundary(self, holder: str) -> tuple[Statement, ...]:
        """Return the statements of the permissions boundary of a principal, none if it has none."""
        return tuple(
            statement if not use.when else replace(statement, when=merged)
            for use in self._boundaries.get(holder, ())
            for statement in self._within(use.policy)
            if (merged := conjoin(use.when, statement.when)) is not None
        )

    def _within(self, bound: AttachedPolicy | StringNode | None) -> tuple[Statement, ...]:
        """Return the statements of a boundary; one that allows everything if there is none."""
        if bound is None:
            return (_everything(_NOWHERE),)
        return self._read(bound) if isinstance(bound, AttachedPolicy) else allowed_by(bound)

    def _kind(self, holder: str) -> PrincipalKind:
        if holder in self._roles:
            return PrincipalKind.ROLE
        if holder in self._literals:
            return _KINDS[self._literals[holder]]
        if holder in self._members:
            return PrincipalKind.GROUP
        if holder in self._users:
            return PrincipalKind.USER
        type_ = self._types.get(holder) or self._types.get(_KEY.sub("", holder), "")
        if "permission" in type_.lower() or ("permission_set" in holder and not type_):
            return PrincipalKind.PERMISSION_SET
        named = _KIND.search(type_)
        if named is None:
            attached = [one.resource.type for one in (*self._policies.get(holder, ()), *self._attached.get(holder, ()))]
            named = next((found for one in attached if (found := _KIND.search(one)) is not None), None)
        return _KINDS[named[1].lower()] if named is not None else PrincipalKind.ROLE

    def _read(self, policy: AttachedPolicy) -> tuple[Statement, ...]:
        known = self._statements.get(id(policy.document))
        if known is None:
            is_deployed = policy.resource.framework is Framework.ACCOUNT
            read = _deployed_statements if is_deployed else _statements_in
            known = self._statements[id(policy.document)] = read(policy.document)
        return known

    # -- by name

    @cached_property
    def _members(self) -> dict[str, tuple[str, ...]]:
        return by_group(self.configuration.attached.members)

    @cached_property
    def _users(self) -> frozenset[str]:
        return frozenset(user for users in self._members.values() for user in users)

    @cached_property
    def _policies(self) -> dict[str, list[AttachedPolicy]]:
        whole = self.configuration
        return by_holder((*whole.policies, *whole.change.unchanged, *whole.other_policies), self._members)

    @cached_property
    def _attached(self) -> dict[str, list[ManagedAttachment]]:
        found: dict[str, list[ManagedAttachment]] = {}
        for one in self.configuration.attached.managed_policies:
            for holder in (one.holder, *self._members.get(one.holder, ())):
                found.setdefault(holder, []).append(one)
        return found

    @cached_property
    def _boundaries(self) -> dict[str, list[BoundaryUse]]:
        return self.configuration.attached.boundaries_by_principal()

    @cached_property
    def _roles(self) -> frozenset[str]:
        return frozenset(role.resource.address for role in self.configuration.roles)

    @cached_property
    def _literals(self) -> dict[str, str]:
        return {shown: kind for shown, kind, _ in self.configuration.literals}

    @cached_property
    def _types(self) -> dict[str, str]:
        return {one.address: one.type for one in self.configuration.resources}

    @cached_property
    def _denied(self) -> tuple[Statement, ...]:
        """The statements that SCPs surely add in the account deployed to.

        An SCP that only allows excludes nothing for sure: ``FullAWSAccess`` is attached as well, unless it was
        detached.
        """
        denials = [
            item if not facts else replace(item, when=merged)
            for target, facts, policy in self.configuration.attached.targets
            if self._is_here(target)
            for item in self._read(policy)
            if item.effect == "Deny" and (merged := conjoin(facts, item.when)) is not None
        ]
        if not denials:
            return ()
        return (_everything(denials[0].at), *denials)

    def _is_here(self, target: StringNode) -> bool:
        """True if the target of an SCP is the account deployed to."""
        hole = target.only_unresolved
        if hole is not None and hole.known is None:
            return hole.kind is UnresolvedKind.ACCOUNT_ID
        return self.account is not None and _literal(target) == self.account


def _without_denials(statements: tuple[Statement, ...], is_removable: bool) -> Iterator[Statement]:
    return (statement for statement in statements if not (is_removable and statement.effect == "Deny"))


def _statements_in(document: Node) -> tuple[Statement, ...]:
    return parse_document(document).statements


# the policies of an account are around many configurations
_deployed_statements = cached_by_identity(_MOST_DEPLOYED)(_statements_in)


def _literal(value: StringNode) -> str | None:
    return StringNode(expand(value.parts), value.at).literal


def _is_account(target: StringNode) -> bool:
    return re.fullmatch(r"\d{12}", _literal(target) or "") is not None


def unknown_attachments(configuration: Configuration) -> Iterator[ManagedAttachment]:
    """Yield the attachments of managed policies that are neither in a configuration nor known AWS managed policies."""
    for attachment in configuration.attached.managed_policies:
        if attachment.is_checked and _aws_managed_policy(attachment) is None:
            yield attachment


def _aws_managed_policy(attachment: ManagedAttachment) -> ManagedPolicy | None:
    """Return the AWS managed policy of an attachment, if it is a known one.

    A customer managed policy is named by its bare name in an attribute of its own
    (``customer_managed_policy_reference``, ``CustomerManagedPolicyReferences``).
    """
    if attachment.version is not None:
        return attachment.version
    return None if "customer" in attachment.path.lower() else _managed(attachment.policy)


def _managed(policy: StringNode) -> ManagedPolicy | None:
    """Return the AWS managed policy that an ARN or a name means; None if it is another policy, or unknown.

    If a policy is looked up by name, only the end of its ARN is known: the name of an AWS managed policy means that.
    """
    parts = tuple(
        "aws" if isinstance(part, Unresolved) and part.kind is UnresolvedKind.PARTITION else part
        for part in expand(policy.parts)
    )
    written = "".join(part if isinstance(part, str) else "\0" for part in parts)
    if "\0" not in written:
        # an expression for the partition that falls back to nothing gives no other policy
        return managed_policy(re.sub("^arn::", "arn:aws:", written))
    looked_up = re.fullmatch(r"arn:aws:iam::\0:policy\0/([^/\0]+)", written)
    return managed_policy(looked_up[1]) if looked_up is not None else None


@lru_cache(_MOST_MANAGED)
def _statements_of(policy: ManagedPolicy) -> tuple[Statement, ...]:
    """Return the statements of an AWS managed policy. Their position is its ARN, which is no file."""
    return parse_document(_node(policy.document, Position(policy.arn, 1))).statements


@lru_cache(_MOST_MANAGED)
def _mentions_pass_role(policy: ManagedPolicy) -> bool:
    return any(
        action.not_action_covers(statement.not_actions) is not Ternary.NO
        if statement.not_actions is not None
        else action.best_match(statement.actions or ())[1] is not None
        for statement in _statements_of(policy)
    )


def _node(value: Any, at: Position, defaults: tuple[str, ...] = ()) -> Node:
    """Return a part of a JSON document as a node at one position; ``defaults``: the defaults that led to it."""
    if isinstance(value, Mapping):
        return Object(tuple(ObjectEntry(text(key, at), _node(one, at, defaults)) for key, one in value.items()), at)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ListNode(tuple(_node(one, at, defaults) for one in value), at)
    return StringNode((value,), at, defaults=defaults) if isinstance(value, str) else Const(value, at)


def _everything(at: Position) -> Statement:
    """Return a statement that allows everything."""
    every = (text("*", at),)
    return Statement("", at, None, "Allow", every, None, every, None, None, True)


def allowed_by(boundary: StringNode) -> tuple[Statement, ...]:
    """Return the statements of a boundary outside of the configuration: an AWS managed policy, or an unknown one."""
    policy = _managed(boundary)
    return _statements_of(policy) if policy is not None else (_anything(boundary),)


def _anything(policy: StringNode) -> Statement:
    """Return a statement of unknown content."""
    hole = policy.only_unresolved or Unresolved(str(policy))
    one = StringNode((Unresolved(hole.expression),), policy.at)
    return Statement(
        "", policy.at, None, None, (one,), None, (one,), None, one, True, unresolved_parts=(hole,), whole=False
    )
