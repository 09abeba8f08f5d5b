"""Roles and customer managed policies that one root declares and another one only names.

Names are unique within an account (IAM User Guide, "IAM and AWS STS quotas"), so that in one account a literal name
means the entity that another scanned root declares by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.patterns.glob import wildcard_match
from passrole_checks.iam.values.nodes import Choice, Node, Position, StringNode, exists_under
from passrole_checks.iam.values.path_conditions import PathCondition, one_of
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
from passrole_checks.sources.model.paired_names import address_type, is_managed
from passrole_checks.sources.model.principal_names import kind_of

_KINDS = ("role", "user", "group")
_NOWHERE = Position("", 0)


def entities_of(configuration: Configuration, request: EntityRequest) -> NamedEntities | None:
    """Return the roles and managed policies of a request, with the policies of these roles; None if there are none.

    Without a ``root``, their names are left as they are.
    """
    return _Entities(configuration, request).found()


def entities_for(configuration: Configuration, requests: Iterable[EntityRequest]) -> tuple[NamedEntities | None, ...]:
    """Return the answer to each request, as of :func:`entities_of`."""
    return tuple(entities_of(configuration, one) for one in requests)


def with_entities(configuration: Configuration, entities: Collection[NamedEntities]) -> Configuration:
    """Return a configuration with roles and policies that other roots declare.

    They are no complete account: a pattern may match other roles, so the number of roles in an account stays unknown.
    """
    contexts = [Context(one.configuration, one.origin) for one in _with_united_policies(entities)]
    joined = in_context(configuration, contexts, configuration.account)
    context = replace(joined.surroundings.context, origins=configuration.surroundings.context.origins)
    return replace(joined, account=configuration.account, surroundings=replace(joined.surroundings, context=context))


def _with_united_policies(entities: Collection[NamedEntities]) -> Iterator[NamedEntities]:
    """Yield the entities; of a managed policy that several roots declare, the first one has the documents of all."""
    named = [(one.name.lower(), one) for each in entities for one in each.policies if is_managed(one) and one.name]
    shared = {name: same for name, same in grouped(named).items() if len(same) > 1}
    for each in entities:
        policies: list[AttachedPolicy] = []
        for policy in each.policies:
            same = shared.get(policy.name.lower(), [policy]) if is_managed(policy) else [policy]
            if same[0] is policy:
                documents = [one.document for one in same]
                options = tuple(option for one in documents if isinstance(one, Choice) for option in one.options)
                policies.append(replace(policy, document=Choice(options, policy.resource.at)) if same[1:] else policy)
        yield replace(each, policies=tuple(policies))


def _is_among(names: Collection[tuple[str, str]], kind: str, name: str) -> bool:
    """True if one of some names, or patterns of names, is that of an entity."""
    return any(kind == one and wildcard_match(pattern, name) for one, pattern in names) if name else False


def _principals(whole: Configuration) -> dict[str, tuple[str, StringNode | None]]:
    """Return the kinds and names of principals by address: of those that a configuration declares, and of those to
    which it only gives policies or members, by their literal names."""
    found = {role.resource.address: ("role", role.name) for role in whole.roles}
    found |= {address: (kind_of(address_type(whole, address)) or "user", name) for address, name in whole.users}
    declared = {(kind, str(name).lower()) for kind, name in found.values()}
    return found | {
        shown: (kind, StringNode((name,), _NOWHERE))
        for shown, kind, name in whole.literals
        if kind in _KINDS and (kind, name.lower()) not in declared
    }


class _Entities:
    def __init__(self, configuration: Configuration, request: EntityRequest) -> None:
        self._whole, self._request = configuration, request
        self._principals = _principals(configuration)
        self._addresses = {
            address
            for address, (kind, name) in self._principals.items()
            if _is_among(request.names, kind, self._literal(name))
        }
        members, known = configuration.attached.members, 0
        while len(self._addresses) > known:  # groups of users, and users in groups
            known = len(self._addresses)
            self._addresses.update(one for pair in members if not self._addresses.isdisjoint(pair) for one in pair)
        self._when = {
            address: (*self._declared_by(kind, self._literal(name)), *self._by_default(address, name))
            for address, (kind, name) in self._principals.items()
        }

    def _declared_by(self, kind: str, name: str) -> PathCondition:
        """Return the path condition under which this declaration of a name is the one that is meant."""
        if not _is_among(self._request.shared, kind, name):
            return ()
        return (one_of(f"the root that declares the {kind} {name}", [self._request.root]),)

    def _by_default(self, address: str, name: StringNode | None) -> PathCondition:
        """Return the path condition under which a name with defaults of variables is that of a principal."""
        if name is None or not name.defaults or not self._request.root:
            return ()
        return (one_of(f"the name of {self._named(address)}", [str(name)]),)

    def found(self) -> NamedEntities | None:
        """Return the principals and policies as another root sees them."""
        whole = self._whole
        users = [
            (address, seen)
            for address, (kind, name) in self._principals.items()
            if kind != "role" and address in self._addresses and (seen := name and self._seen_text(name))
        ]
        entities = NamedEntities(
            self._request.origin,
            whole.framework,
            whole.account,
            tuple(map(self._policy, filter(self._is_asked_for, (*whole.policies, *whole.other_policies)))),
            tuple(self._roles()),
            self._attached(),
            tuple(self._definition(address) for address, _ in users),
            tuple((self._named(address), name) for address, name in users),
        )
        return entities if entities.policies or self._addresses else None

    def _attached(self) -> Attachments:
        attached = self._whole.attached
        managed = (one for one in attached.managed_policies if one.holder in self._addresses)
        members = (pair for pair in attached.members if self._addresses.issuperset(pair))
        boundaries = (one for one in attached.boundaries if one.principal in self._addresses)
        return Attachments(
            tuple(
                replace(
                    one,
                    holder=self._named(one.holder),
                    policy=text,
                    resource=self._resource(one.resource),
                    when=self._under(one.holder, one.when),
                )
                for one in managed
                if (text := self._seen_text(one.policy)) is not None
            ),
            tuple((self._named(group), self._named(user)) for group, user in members),
            tuple(
                BoundaryUse(
                    self._named(one.principal), self._boundary(one.policy), self._under(one.principal, one.when)
                )
                for one in boundaries
            ),
        )

    def _is_asked_for(self, policy: AttachedPolicy) -> bool:
        if policy.kind not in (PolicyKind.IDENTITY, PolicyKind.BOUNDARY) or policy.managed:
            return False
        is_named = is_managed(policy) and _is_among(self._request.names, "policy", policy.name.lower())
        return is_named or not self._addresses.isdisjoint(policy.principals)

    def _under(self, principal: str, when: PathCondition) -> PathCondition:
        own = (replace(one, subject=self._named(one.subject)) for one in when)
        return (*self._when.get(principal, ()), *own)

    def _policy(self, policy: AttachedPolicy) -> AttachedPolicy:
        when = self._declared_by("policy", policy.name.lower()) if is_managed(policy) else ()
        conditional = {one for one, _ in policy.conditional_principals}
        whole = ((one, ()) for one in policy.principals if self._when.get(one) and one not in conditional)
        return replace(
            policy,
            resource=self._resource(policy.resource),
            document=exists_under(when, self._seen(policy.document)),
            principals=tuple(self._named(one) for one in policy.principals if one in self._addresses),
            conditional_principals=tuple(
                (self._named(one), self._under(one, when))
                for one, when in (*policy.conditional_principals, *whole)
                if one in self._addresses
            ),
        )

    def _boundary(self, policy: AttachedPolicy | StringNode | None) -> AttachedPolicy | StringNode | None:
        if isinstance(policy, AttachedPolicy):
            return self._policy(policy)
        return None if policy is None else self._seen_text(policy)

    def _roles(self) -> Iterator[RoleDefinition]:
        declared = {role.resource.address: role for role in self._whole.roles}
        for address, (kind, name) in self._principals.items():
            if kind == "role" and address in self._addresses:
                role = declared.get(address) or RoleDefinition(self._definition(address), name)
                when = self._when[address]
                yield RoleDefinition(
                    replace(role.resource, address=self._named(address)),
                    name and self._seen_text(name),
                    role.role_path and self._seen_text(role.role_path),
                    role.trust and self._seen(role.trust),
                    (when,) if when else (),
                )

    def _literal(self, name: StringNode | None) -> str:
        seen = name and self._seen_text(name)
        return (seen.literal or "").lower() if seen else ""

    def _definition(self, address: str) -> ResourceDefinition:
        type_ = address_type(self._whole, address) or f"aws_iam_{self._principals[address][0]}"
        return ResourceDefinition(self._named(address), type_, self._whole.framework, _NOWHERE)

    def _resource(self, resource: ResourceDefinition) -> ResourceDefinition:
        return replace(resource, address=self._named(resource.address))

    def _named(self, address: str) -> str:
        return f"{self._request.root}: {address}" if self._request.root else address

    def _seen(self, node: Node) -> Node:
        if not self._request.root:
            return node
        return seen_by_others(node, self._request.origin, self._request.root, None)

    def _seen_text(self, text: StringNode) -> StringNode | None:
        seen = self._seen(text)
        return seen if isinstance(seen, StringNode) else None
