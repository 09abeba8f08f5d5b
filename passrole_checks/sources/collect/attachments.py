"""Join policies with their attachments to principals, as policies and as permissions boundaries.

Every source fills an :class:`AttachmentIndex` while it reads resources.

Sources: IAM User Guide, "Managed policies and inline policies", "Permissions boundaries for IAM entities", "IAM user
groups" (a user has the permissions of its groups); AWS Organizations User Guide, "Attaching organization policies with
AWS Organizations".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import field, replace

from passrole_checks.iam.documents.json_document import json_or_none
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Node, ObjectNode, Position, StringNode, Unresolved, nodes_in, strings_in
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.sources.collect.resource import AttachmentAttributes, BoundaryVariant, Resource
from passrole_checks.sources.collect.tables import AccessTables
from passrole_checks.sources.model.addresses import without_key
from passrole_checks.sources.model.configuration import (
    UNKNOWN_BOUNDARY,
    AttachedPolicy,
    Attachments,
    BoundaryUse,
    ManagedAttachment,
    NoteKind,
    PolicyKind,
    Unreadable,
)
from passrole_checks.sources.model.paired_names import is_managed
from passrole_checks.sources.model.principal_names import bare_name, kind_and_name

FindPolicies = Callable[[StringNode], Sequence[str]]
"""Return the addresses of the policies of the configuration that an ARN or a name refers to."""

BOUNDARY_KEY = "iam:permissionsboundary"
"""The condition key in lower case."""
_MAX_NAMES = 3


@dataclass
class AttachmentIndex:
    """The attachments of one configuration, by address.

    ``holders``: managed policies with their principals, each with the path conditions of its attachments.
    ``boundary_uses``: managed policies that are used as a permissions boundary. ``other_uses``: those that are used in
    another way; sources look for them only if there are ``boundary_uses``. ``has_unresolved_policy``: an attached
    policy is unknown, and may be any. ``members``: pairs of a group and a user, each with the position of the resource
    that states it. ``boundaries``: principals with the variants of their permissions boundary.
    ``scp_targets``: targets of organization policies, each with its path condition and the address of the policy.
    ``named_boundaries``: managed policies that only a name or a description says to be permissions boundaries; as for
    ``boundary_uses``, sources look for their ``other_uses``.
    """

    holders: dict[str, dict[str, list[PathCondition]]] = field(default_factory=dict)
    boundary_uses: set[str] = field(default_factory=set)
    other_uses: set[str] = field(default_factory=set)
    has_unresolved_policy: bool = False
    managed_policies: list[ManagedAttachment] = field(default_factory=list)
    members: dict[tuple[str, str], Position] = field(default_factory=dict)
    boundaries: dict[str, list[BoundaryVariant]] = field(default_factory=dict)
    scp_targets: list[tuple[StringNode, PathCondition, str]] = field(default_factory=list)
    named_boundaries: set[str] = field(default_factory=set)

    def attach(self, policies: Iterable[str], principals: Iterable[str], when: PathCondition = ()) -> None:
        """Record that managed policies of the configuration are attached to principals."""
        for policy in policies:
            holders = self.holders.setdefault(policy, {})
            for principal in principals:
                holders.setdefault(principal, []).append(when)

    def add_members(self, groups: Iterable[str], users: Sequence[str], at: Position) -> None:
        """Record that users are in groups; ``at``: the resource that states it."""
        self.members.update(dict.fromkeys(((group, user) for group in groups for user in users), at))

    def add_boundary(self, principal: str, variants: Sequence[BoundaryVariant]) -> None:
        """Record the permissions boundary of a principal; a known one is kept if there are several."""
        if all(boundary is None for _, boundary in variants):
            return
        is_conditional = len(variants) > 1 and all(when for when, _ in variants)
        if not is_conditional and (len(variants) > 1 or variants[0][0]):
            variants = [((), UNKNOWN_BOUNDARY)]
        if not _is_known(self.boundaries.get(principal, ())) or _is_known(variants):
            self.boundaries[principal] = list(variants)

    def add_demanded_boundaries(self, policies: Iterable[AttachedPolicy], find_policies: FindPolicies) -> None:
        """Record managed policies that documents require as a boundary (condition key ``iam:PermissionsBoundary``)."""
        for policy in policies:
            for arn in demanded_boundaries(policy.document):
                addresses = find_policies(arn)
                self.boundary_uses.update(addresses if len(addresses) == 1 else ())

    def add_uses(self, nested: AttachmentIndex, rename: Callable[[str], str]) -> None:
        """Add the uses of managed policies in a nested stack."""
        self.boundary_uses.update(map(rename, nested.boundary_uses))
        self.other_uses.update(map(rename, nested.other_uses))

    def is_only_boundary(self, address: str) -> bool:
        """True if a managed policy is used as a permissions boundary, and not in another way.

        A reference to all instances of a policy is one to each of them.
        """
        return self._has_no_other_use(address, self.boundary_uses)

    def _has_no_other_use(self, address: str, candidates: Set[str]) -> bool:
        """True if a managed policy is among ``candidates``, and nothing attaches or mentions it."""
        names = {address, without_key(address)}
        return (
            not candidates.isdisjoint(names)
            and not self.has_unresolved_policy
            and self.holders.keys().isdisjoint(names)
            and self.other_uses.isdisjoint(names)
        )

    def join(self, policy: AttachedPolicy) -> AttachedPolicy:
        """Return a managed policy with all its principals, and of kind BOUNDARY, or presumed to be one, if it has no
        other use."""
        if not is_managed(policy):
            return policy
        conditions: dict[str, list[PathCondition]] = {principal: [] for principal in policy.principals}
        for principal, when in policy.conditional_principals:
            conditions[principal].append(when)
        conditions = {principal: own or [()] for principal, own in conditions.items()}
        for principal, further in self.holders.get(policy.resource.address, {}).items():
            conditions.setdefault(principal, []).extend(further)
        address = policy.resource.address
        is_boundary = not conditions and self.is_only_boundary(address)
        is_presumed = not conditions and not is_boundary and self._has_no_other_use(address, self.named_boundaries)
        return replace(
            policy,
            kind=PolicyKind.BOUNDARY if is_boundary else PolicyKind.IDENTITY,
            presumed=PolicyKind.BOUNDARY if is_presumed else None,
            principals=tuple(conditions),
            conditional_principals=conditional_holders(conditions),
        )

    def build(self, policies: Iterable[AttachedPolicy]) -> Attachments:
        """Return the attachments that are not in ``policies``, the policies of the configuration."""
        by_address: dict[str, list[AttachedPolicy]] = {}
        for policy in policies:
            for name in dict.fromkeys((policy.resource.address, policy.resource.address.partition("[")[0])):
                by_address.setdefault(name, []).append(policy)
        return Attachments(
            tuple(
                attachment
                for attachment in self.managed_policies
                if _referenced_address(attachment.policy) not in by_address
            ),
            tuple(self.members),
            tuple(
                BoundaryUse(principal, _boundary_policy(when, boundary, by_address), when)
                for principal, variants in self.boundaries.items()
                for when, boundary in variants
            ),
            tuple(
                (target, when, policy)
                for target, when, address in self.scp_targets
                for policy in by_address.get(address, ())
                if policy.kind is PolicyKind.SCP
            ),
        )


_MANAGEMENT_ACCOUNT = "management account of the organization"


def management_account(target: StringNode) -> StringNode:
    """Return the target of a service control policy, marked as the management account.

    Only that account, or a delegated administrator, can attach policies (AWS Organizations User Guide, "Attaching
    organization policies"), and SCPs do not restrict users or roles in it ("Service control policies (SCPs)").
    """
    return StringNode((Unresolved(str(target), reason=_MANAGEMENT_ACCOUNT),), target.at)


def is_management_account(target: StringNode) -> bool:
    """True if a target of a service control policy is the management account."""
    return target.only_unresolved is not None and target.only_unresolved.reason == _MANAGEMENT_ACCOUNT


def _is_known(variants: Sequence[BoundaryVariant]) -> bool:
    """True if the boundary of a principal is the same in any case, and known."""
    return [when for when, _ in variants] == [()] and variants[0][1] != UNKNOWN_BOUNDARY


def _boundary_policy(
    when: PathCondition, boundary: str | StringNode | None, by_address: Mapping[str, Sequence[AttachedPolicy]]
) -> AttachedPolicy | StringNode | None:
    if not isinstance(boundary, str):
        return boundary
    if boundary in by_address:
        return by_address[boundary][0]
    return StringNode((Unresolved(boundary),), Position("", 0)) if when else UNKNOWN_BOUNDARY


def resolve_boundary(
    values: Iterable[tuple[PathCondition, Node]], find_policies: FindPolicies
) -> list[BoundaryVariant]:
    """Return the variants of a permissions boundary. ``values``: an ARN or a name in each variant."""
    return [(when, _resolve_boundary(value, find_policies)) for when, value in values]


def _resolve_boundary(value: Node, find_policies: FindPolicies) -> str | StringNode | None:
    if not isinstance(value, StringNode) or (value.literal is not None and not value.literal.strip()):
        return None
    addresses = find_policies(value)
    return addresses[0] if len(addresses) == 1 else value


def _referenced_address(policy: StringNode) -> str | None:
    """Return the address of the resource that an ARN refers to; None if it is not a single reference."""
    unresolved = policy.only_unresolved
    return unresolved.expression.removesuffix(".PolicyArn").removesuffix(".Arn") if unresolved is not None else None


def conditional_holders(holders: Mapping[str, Sequence[PathCondition]]) -> tuple[tuple[str, PathCondition], ...]:
    """Return the principals that get a policy only under path conditions, once for each of these conditions.

    ``holders``: principals with the path conditions under which each gets the policy.
    """
    return tuple(
        (holder, when) for holder, conditions in holders.items() if () not in conditions for when in conditions
    )


def demanded_boundaries(document: Node) -> Iterator[StringNode]:
    """Yield the ARNs that a document requires as a boundary, in any alternative; none for invalid JSON."""
    if isinstance(document, StringNode):
        parsed = json_or_none(document) if BOUNDARY_KEY in str(document).lower() else None
        if parsed is None:
            return
        document = parsed
    for node in nodes_in(document):
        for entry in node.entries if isinstance(node, ObjectNode) else ():
            if (entry.key.literal or "").lower() == BOUNDARY_KEY:
                yield from strings_in(entry.value)


def unknown_groups(members: Mapping[tuple[str, str], Position]) -> Iterator[Unreadable]:
    """Yield a note for each group that is known by name only; its resource is the group.

    ``members``: pairs of a group and a user, each with the position of the resource that states it.
    """
    users_by_group: dict[str, list[str]] = {}
    positions: dict[str, Position] = {}
    for (group, user), at in members.items():
        if kind_and_name(group) is not None:
            users_by_group.setdefault(group, []).append(bare_name(user))
            positions.setdefault(group, at)
    for group, users in users_by_group.items():
        named = ", ".join(users[:_MAX_NAMES]) + (f" and {len(users) - _MAX_NAMES} more" if users[_MAX_NAMES:] else "")
        verb = "joins" if len(users) == 1 else "join"
        reason = f"{named} {verb} the group {bare_name(group)}, whose policies are not in this configuration"
        file, line = positions[group].file, positions[group].line
        yield Unreadable(file, reason, line, resource=bare_name(group), kind=NoteKind.DEFINED_ELSEWHERE)


def read_attachments(resource: Resource, index: AttachmentIndex) -> None:
    """Record what a resource attaches to itself or to others, its group memberships and its permissions boundary."""
    definition, tables, type_ = resource.definition, resource.tables, resource.definition.type
    status, inactive = tables.inactive.get(type_, ("", frozenset[str]()))
    for attributes in _attachment_attributes(type_, tables):
        principals = _principals(resource, attributes.principals)
        for value in resource.attached(attributes) if not status or resource.word(status) not in inactive else ():
            index.attach(value.addresses, principals, value.when)
            if (policy := value.policy) is not None:
                path = value.path or attributes.policies
                index.managed_policies.extend(
                    ManagedAttachment(principal, policy, definition, path, policy.at, value.when)
                    for principal in principals
                )
    if type_ in tables.memberships:
        groups, users = tables.memberships[type_]
        index.add_members(
            _principals(resource, {groups: "group"}),
            _principals(resource, {users: "user"} if users else {}),
            definition.at,
        )
    if type_ in tables.bounded:
        variants = resource.boundary()
        index.boundary_uses.update(boundary for _, boundary in variants if isinstance(boundary, str))
        for principal in _principals(resource, tables.bounded[type_]):
            index.add_boundary(principal, variants)
    if type_ in tables.scp_targets:
        index.scp_targets.extend(resource.scp_targets(*tables.scp_targets[type_]))


def _principals(resource: Resource, attributes: Mapping[str, str]) -> Sequence[str]:
    """Return the principals in attributes; without attributes, the resource is the principal."""
    if attributes:
        return tuple(resource.holders(attributes))
    return (resource.principal,) if resource.principal is not None else ()


def _attachment_attributes(resource_type: str, tables: AccessTables) -> Iterator[AttachmentAttributes]:
    """Yield the attributes with which a resource of this type attaches managed policies."""
    if resource_type in tables.attachments:
        yield AttachmentAttributes(*tables.attachments[resource_type])
    if resource_type in tables.own_attachments:
        yield AttachmentAttributes(tables.own_attachments[resource_type])
    if resource_type in tables.named_attachments:
        policies, permission_set = tables.named_attachments[resource_type]
        yield AttachmentAttributes(policies, {permission_set: "permission-set"} if permission_set else {}, by_name=True)
