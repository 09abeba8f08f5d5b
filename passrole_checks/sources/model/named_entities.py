"""Roles and customer managed policies that one root declares and another one only names.

Names are unique within an account (IAM User Guide, "IAM and AWS STS quotas"), so that in one account a literal name
means the entity that another scanned root declares by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from passrole_checks.iam.partial_values import Node, Position, StringNode
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Attachments,
    BoundaryUse,
    Configuration,
    NamedEntities,
    PolicyKind,
    ResourceDefinition,
    RoleDefinition,
)
from passrole_checks.sources.model.context import Context, in_context
from passrole_checks.sources.model.links import EntityRequest, seen_by_others
from passrole_checks.sources.model.paired_names import is_managed


def entities_of(
    configuration: Configuration, roles: Collection[str], policies: Collection[str], root: str, origin: str
) -> NamedEntities | None:
    """Return the roles and managed policies of these names, in lower case, with the policies of these roles.

    ``root``: the root that declares them, ``""`` to leave its names as they are; ``origin``: where they are from, in
    words. None if it declares none.
    """
    return _Entities(configuration, roles, policies, root, origin).found()


def entities_for(configuration: Configuration, requests: Iterable[EntityRequest]) -> tuple[NamedEntities | None, ...]:
    """Return the answer to each request, as of :func:`entities_of`."""
    return tuple(
        entities_of(configuration, frozenset(one.roles), frozenset(one.policies), one.root, one.origin)
        for one in requests
    )


def with_entities(configuration: Configuration, entities: Collection[NamedEntities]) -> Configuration:
    """Return a configuration with roles and policies that other roots declare.

    They are no complete account: a pattern may match other roles, so the number of roles in an account stays unknown.
    """
    contexts = [Context(one.configuration, one.origin) for one in entities]
    joined = in_context(configuration, contexts, configuration.account)
    context = replace(joined.context, origins=configuration.context.origins)
    return replace(joined, account=configuration.account, context=context)


def _literal_roles(configuration: Configuration) -> Iterator[RoleDefinition]:
    """Yield the roles that a configuration gives policies to by a literal name, and does not declare."""
    declared = {str(role.name).lower() for role in configuration.roles}
    at = Position("", 0)
    for shown, kind, name in configuration.literals:
        if kind == "role" and name.lower() not in declared:
            resource = ResourceDefinition(shown, "aws_iam_role", configuration.framework, at)
            yield RoleDefinition(resource, StringNode((name,), at))


class _Entities:
    def __init__(
        self, configuration: Configuration, roles: Collection[str], policies: Collection[str], root: str, origin: str
    ) -> None:
        self._whole, self._policies, self._root, self._origin = configuration, policies, root, origin
        self._roles = [
            role
            for role in configuration.roles
            if role.name is not None
            and (seen := self._seen_text(role.name)) is not None
            and (seen.literal or "").lower() in roles
        ]
        self._roles += [one for one in _literal_roles(configuration) if one.name and str(one.name).lower() in roles]
        self._addresses = {role.resource.address for role in self._roles}

    def found(self) -> NamedEntities | None:
        """Return the roles and policies as another root sees them."""
        whole = self._whole
        attached = whole.attached
        managed = (one for one in attached.managed_policies if one.holder in self._addresses)
        boundaries = (one for one in attached.boundaries if one.principal in self._addresses)
        found = [self._policy(one) for one in (*whole.policies, *whole.other_policies) if self._is_asked_for(one)]
        entities = NamedEntities(
            self._origin,
            whole.framework,
            whole.account,
            tuple(found),
            tuple(map(self._role, self._roles)),
            Attachments(
                tuple(
                    replace(one, holder=self._named(one.holder), policy=text, resource=self._resource(one.resource))
                    for one in managed
                    if (text := self._seen_text(one.policy)) is not None
                ),
                boundaries=tuple(
                    BoundaryUse(self._named(one.principal), self._boundary(one.policy), one.when) for one in boundaries
                ),
            ),
        )
        return entities if entities.policies or entities.roles else None

    def _is_asked_for(self, policy: AttachedPolicy) -> bool:
        if policy.kind not in (PolicyKind.IDENTITY, PolicyKind.BOUNDARY) or policy.managed:
            return False
        is_named = is_managed(policy) and policy.name.lower() in self._policies
        return is_named or not self._addresses.isdisjoint(policy.principals)

    def _policy(self, policy: AttachedPolicy) -> AttachedPolicy:
        return replace(
            policy,
            resource=self._resource(policy.resource),
            document=self._seen(policy.document),
            principals=tuple(self._named(one) for one in policy.principals if one in self._addresses),
            conditional_principals=tuple(
                (self._named(one), when) for one, when in policy.conditional_principals if one in self._addresses
            ),
        )

    def _boundary(self, policy: AttachedPolicy | StringNode | None) -> AttachedPolicy | StringNode | None:
        if isinstance(policy, AttachedPolicy):
            return self._policy(policy)
        return None if policy is None else self._seen_text(policy)

    def _role(self, role: RoleDefinition) -> RoleDefinition:
        return RoleDefinition(
            self._resource(role.resource),
            role.name and self._seen_text(role.name),
            role.role_path and self._seen_text(role.role_path),
            role.trust and self._seen(role.trust),
        )

    def _resource(self, resource: ResourceDefinition) -> ResourceDefinition:
        return replace(resource, address=self._named(resource.address))

    def _named(self, address: str) -> str:
        return f"{self._root}: {address}" if self._root else address

    def _seen(self, node: Node) -> Node:
        if not self._root:
            return node
        return seen_by_others(node, self._origin, self._root, None)

    def _seen_text(self, text: StringNode) -> StringNode | None:
        seen = self._seen(text)
        return seen if isinstance(seen, StringNode) else None
