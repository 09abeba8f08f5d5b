"""Roots of an inventory as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from passrole_checks.iam.values.nodes import Position, StringNode
from passrole_checks.sources.inventory.values import (
    MalformedInventoryError,
    conditions_from_json,
    conditions_to_json,
    list_from_json,
    member_from_json,
    object_from_json,
    text_from_json,
    value_from_json,
    value_to_json,
)
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Attachments,
    BoundaryUse,
    Configuration,
    Framework,
    ManagedAttachment,
    PolicyKind,
    ResourceDefinition,
    RoleDefinition,
)
from passrole_checks.sources.model.links import LinkKind, LinkOffer, LinkRead, LinkSurface
from passrole_checks.sources.model.recorded_roots import EntityName, RecordedRoot

_KINDS = ("role", "policy", "user", "group")


def root_to_json(root: RecordedRoot) -> dict[str, Any]:
    """Return a root as JSON, without what is empty."""
    surface, entities = root.surface, root.entities
    found = {
        "path": root.path,
        "framework": entities.framework.value,
        "account": surface.account or entities.account,
        "stack": surface.stack,
        "reads": [{"kind": one.kind.value, "name": value_to_json(one.name)} for one in surface.reads],
        "passes": list(map(_offer_to_json, surface.offers)),
        "given": root.given,
        "declares": list(map(_name_to_json, sorted(root.declared))),
        "attaches_to": [
            name.decode() if kind == b"role" else _name_to_json((kind, name)) for kind, name in sorted(root.held)
        ],
        "roles": list(map(_role_to_json, entities.roles)),
        "users": [_user_to_json(entities, address, name) for address, name in entities.users],
        "members": list(map(list, entities.attached.members)),
        "policies": list(map(_policy_to_json, entities.policies)),
        "attachments": list(map(_attachment_to_json, entities.attached.managed_policies)),
        "boundaries": list(map(_boundary_to_json, entities.attached.boundaries)),
    }
    return {key: value for key, value in found.items() if value or key in ("path", "framework")}


def _offer_to_json(offer: LinkOffer) -> dict[str, Any]:
    output = {"output": offer.output} if offer.output else {}
    return {"kind": offer.kind.value, "name": value_to_json(offer.name), **output, "value": value_to_json(offer.value)}


def _resource_to_json(resource: ResourceDefinition) -> dict[str, Any]:
    return {"address": resource.address, "type": resource.type}


def _role_to_json(role: RoleDefinition) -> dict[str, Any]:
    found = {"name": role.name, "path": role.role_path, "trust": role.trust}
    known = {key: value_to_json(value) for key, value in found.items() if value is not None}
    return {**_resource_to_json(role.resource), **known}


def _user_to_json(entities: Configuration, address: str, name: StringNode) -> dict[str, Any]:
    resource = next(one for one in entities.resources if one.address == address)
    return {**_resource_to_json(resource), "name": value_to_json(name)}


def _name_to_json(name: EntityName) -> list[str]:
    return [part.decode() for part in name]


def _policy_to_json(policy: AttachedPolicy) -> dict[str, Any]:
    conditional = [[who, conditions_to_json(when)] for who, when in policy.conditional_principals]
    found = {
        "name": policy.name,
        "principals": list(policy.principals),
        "conditional": conditional,
        "boundary": policy.kind is PolicyKind.BOUNDARY,
        "presumed": policy.presumed and policy.presumed.value,
    }
    return {
        **_resource_to_json(policy.resource),
        "path": policy.path,
        "document": value_to_json(policy.document),
        **{key: value for key, value in found.items() if value},
    }


def _attachment_to_json(attachment: ManagedAttachment) -> dict[str, Any]:
    return {
        **_resource_to_json(attachment.resource),
        "path": attachment.path,
        "holder": attachment.holder,
        "policy": value_to_json(attachment.policy),
        **({"when": conditions_to_json(attachment.when)} if attachment.when else {}),
    }


def _boundary_to_json(boundary: BoundaryUse) -> dict[str, Any]:
    found: dict[str, Any] = {"principal": boundary.principal}
    if isinstance(boundary.policy, AttachedPolicy):
        found["declared"] = _policy_to_json(boundary.policy)
    elif boundary.policy is not None:
        found["policy"] = value_to_json(boundary.policy)
    return found | ({"when": conditions_to_json(boundary.when)} if boundary.when else {})


def root_from_json(value: Any, repository: str, at: Position) -> RecordedRoot:
    """Return a root; all of it has the position ``at``. Raises :class:`MalformedInventoryError`."""
    return _Reader(object_from_json(value), at).root(repository)


class _Reader:
    def __init__(self, root: Mapping[str, Any], at: Position) -> None:
        self._root, self._at = root, at
        self._framework = member_from_json(Framework, root.get("framework"))

    def root(self, repository: str) -> RecordedRoot:
        account = self._account()
        stack = text_from_json(self._root.get("stack", ""))
        surface = LinkSurface(self._list("reads", self._read), self._list("passes", self._offer), account, stack)
        users = self._list("users", self._user)
        entities = Configuration(
            self._framework,
            (),
            tuple(resource for resource, _ in users),
            account=account,
            users=tuple((resource.address, name) for resource, name in users),
            policies=self._list("policies", self._policy),
            roles=self._list("roles", self._role),
            attached=Attachments(
                self._list("attachments", self._attachment),
                self._list("members", _member),
                self._list("boundaries", self._boundary),
            ),
        )
        declared = frozenset(self._list("declares", _name))
        held = frozenset(self._list("attaches_to", _holder))
        path, given = text_from_json(self._root.get("path")), text_from_json(self._root.get("given", ""))
        if path.startswith("/") or ".." in path.split("/"):
            raise MalformedInventoryError(f"{path[:60]!r} is not a path in a repository")
        return RecordedRoot(repository, path, surface, entities, declared, held, given)

    def _account(self) -> str | None:
        account = self._root.get("account")
        if account is None:
            return None
        if not (isinstance(account, str) and len(account) == 12 and account.isascii() and account.isdigit()):
            raise MalformedInventoryError("an account without 12 digits")
        return account

    def _list(self, key: str, convert: Any) -> tuple[Any, ...]:
        try:
            return list_from_json(self._root.get(key, []), convert)
        except MalformedInventoryError as error:
            raise MalformedInventoryError(f"{key}: {error}") from None

    def _text(self, value: Any) -> StringNode:
        found = value_from_json(value, self._at)
        if not isinstance(found, StringNode):
            raise MalformedInventoryError("a name that is not a text")
        return found

    def _read(self, value: Any) -> LinkRead:
        found = object_from_json(value)
        return LinkRead(member_from_json(LinkKind, found.get("kind")), self._text(found.get("name")))

    def _offer(self, value: Any) -> LinkOffer:
        found = object_from_json(value)
        return LinkOffer(
            member_from_json(LinkKind, found.get("kind")),
            self._text(found.get("name")),
            value_from_json(found.get("value"), self._at),
            self._at,
            text_from_json(found.get("output", "")),
        )

    def _resource(self, found: Mapping[str, Any]) -> ResourceDefinition:
        address, type_ = text_from_json(found.get("address")), text_from_json(found.get("type"))
        return ResourceDefinition(address, type_, self._framework, self._at)

    def _role(self, value: Any) -> RoleDefinition:
        found = object_from_json(value)
        name, path = (self._text(found[key]) if key in found else None for key in ("name", "path"))
        trust = value_from_json(found["trust"], self._at) if "trust" in found else None
        return RoleDefinition(self._resource(found), name, path, trust)

    def _user(self, value: Any) -> tuple[ResourceDefinition, StringNode]:
        found = object_from_json(value)
        return self._resource(found), self._text(found.get("name"))

    def _policy(self, value: Any) -> AttachedPolicy:
        found = object_from_json(value)
        return AttachedPolicy(
            self._resource(found),
            text_from_json(found.get("path")),
            value_from_json(found.get("document"), self._at),
            PolicyKind.BOUNDARY if found.get("boundary") is True else PolicyKind.IDENTITY,
            list_from_json(found.get("principals", []), text_from_json),
            conditional_principals=list_from_json(found.get("conditional", []), _conditional),
            presumed=member_from_json(PolicyKind, found["presumed"]) if "presumed" in found else None,
            name=text_from_json(found.get("name", "")),
        )

    def _attachment(self, value: Any) -> ManagedAttachment:
        found = object_from_json(value)
        return ManagedAttachment(
            text_from_json(found.get("holder")),
            self._text(found.get("policy")),
            self._resource(found),
            text_from_json(found.get("path")),
            self._at,
            conditions_from_json(found.get("when", [])),
        )

    def _boundary(self, value: Any) -> BoundaryUse:
        found = object_from_json(value)
        policy = (
            self._policy(found["declared"])
            if "declared" in found
            else self._text(found["policy"])
            if "policy" in found
            else None
        )
        when = conditions_from_json(found.get("when", []))
        return BoundaryUse(text_from_json(found.get("principal")), policy, when)


def _name(value: Any) -> EntityName:
    kind, name = _member(value)
    if kind not in _KINDS:
        raise MalformedInventoryError("neither a principal nor a policy")
    return kind.encode(), name.encode()


def _holder(value: Any) -> EntityName:
    return (b"role", value.encode()) if isinstance(value, str) else _name(value)


def _member(value: Any) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2:
        raise MalformedInventoryError("not a pair")
    return text_from_json(value[0]), text_from_json(value[1])


def _conditional(value: Any) -> tuple[str, Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise MalformedInventoryError("not a pair")
    return text_from_json(value[0]), conditions_from_json(value[1])
