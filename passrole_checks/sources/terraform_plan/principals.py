"""Principals of the policies in a plan.

An attachment names its policy and principals by ARN and name. The ARN of a resource to be created is unknown; the
references in the configuration show what is meant. :mod:`passrole_checks.sources.model.terraform_policy_attributes`
lists the attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from passrole_checks.iam.partial_values import text
from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.model.attachment_attributes import AttachmentAttributes, attachment_attributes
from passrole_checks.sources.model.configuration import PolicyKind
from passrole_checks.sources.model.demanded_boundaries import BOUNDARY_KEY, demanded_boundaries
from passrole_checks.sources.model.principal_names import kind_and_name, literal_principal
from passrole_checks.sources.model.terraform_policy_attributes import (
    BOUNDED,
    ENTITIES,
    HOLDERS,
    IDENTITY_POLICIES,
    INACTIVE,
    MANAGED_POLICIES,
    MEMBERSHIPS,
    NESTED_POLICIES,
    ORGANIZATION_POLICIES,
    OWN_ATTACHMENTS,
    RESOURCE_POLICIES,
    TRUST_POLICIES,
)
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource, as_list, as_object, as_text
from passrole_checks.sources.terraform_plan.references import PlanReference, PlanReferences, without_index

_BOUNDARY = "permissions_boundary"
_BOUNDARY_ATTACHMENTS = frozenset({"aws_ssoadmin_permissions_boundary_attachment"})
_PERMISSION_SETS = {"aws_ssoadmin_permission_set": "arn", "awscc_sso_permission_set": "permission_set_arn"}
_POLICY_ARN = re.compile(r"arn:[\w-]+:iam::\d{12}:policy(/(?:.*/)?)([^/]+)")
# attributes that may name a policy without attaching it: boundaries, documents, ordering
_NOT_USES = frozenset({
    _BOUNDARY, "depends_on", "name", "tags", "tags_all",
    *IDENTITY_POLICIES.values(), *(name for name, _ in NESTED_POLICIES.values()), *TRUST_POLICIES.values(),
})  # fmt: skip
_KINDS: dict[str, tuple[str, ...]] = {
    **{
        kind: tuple(type_ for type_, entity in ENTITIES.items() if entity.kind == kind)
        for kind in ("role", "user", "group", "policy")
    },
    "permission-set": tuple(_PERMISSION_SETS),
}


class PlanAttachments:
    """Attachments of one plan.

    ``attached_by_plan``: addresses of managed policies that the plan attaches, whether or not it changes them.
    """

    def __init__(self, plan: PlanFile, references: PlanReferences) -> None:
        self.plan, self.references = plan, references
        self.attached_by_plan: set[str] = set()
        self._principals: dict[str, dict[str, None]] = {}
        self._boundary_addresses: set[str] = set()
        self._by_name: dict[tuple[str, str], list[PlannedResource]] = {}  # by kind and name
        self._by_arn: dict[str, str] = {}
        for resource in plan.resources.values():
            self._index_names(resource)
        for resource in plan.resources.values():
            self._attach(resource)
        self._boundary_addresses.update(self._demanded_boundaries())
        self._used: set[str] = set()
        if self._boundary_addresses:
            for resource in plan.resources.values():
                # a policy's own arn and id name it without attaching it
                self._used.update(address for address in self._used_policies(resource) if address != resource.address)

    def principals_of(self, policy: PlannedResource) -> tuple[str, ...]:
        """Return the addresses, else the names, of users, groups, roles and permission sets with a policy."""
        principals = dict.fromkeys(self.principals_in(policy, HOLDERS.get(policy.type, {})))
        if policy.type in OWN_ATTACHMENTS:
            principals[policy.address] = None
        return tuple({**principals, **self._principals.get(policy.address, {})})

    def kind_of(self, policy: PlannedResource) -> PolicyKind:
        """Return BOUNDARY for a managed policy that is used as a permissions boundary only, else IDENTITY."""
        used = policy.address in self._used or policy.address in self._principals or bool(self.principals_of(policy))
        return PolicyKind.BOUNDARY if policy.address in self._boundary_addresses and not used else PolicyKind.IDENTITY

    def members(self) -> Iterator[tuple[tuple[str, str], PlannedResource]]:
        """Yield (group, user) pairs, each by address or else by name, with the resource that states it."""
        for resource in self.plan.resources.values():
            if resource.type in MEMBERSHIPS:
                groups, users = MEMBERSHIPS[resource.type]
                members = list(self.principals_in(resource, {users: "user"})) if users else [resource.address]
                yield from (
                    ((group, user), resource)
                    for group in self.principals_in(resource, {groups: "group"})
                    for user in members
                )

    def boundaries(self) -> Iterator[tuple[str, str]]:
        """Yield (principal, policy) for each permissions boundary that is a managed policy of this plan."""
        for resource in self.plan.resources.values():
            policies = set(self.boundary_policies(resource)) if resource.type in BOUNDED else set()
            if len(policies) == 1:
                policy = policies.pop()
                yield from ((holder, policy) for holder in self.boundary_principals(resource))

    def boundary_principals(self, resource: PlannedResource) -> Iterator[str]:
        """Yield the principals of a resource's permissions boundary: itself, or the permission set that it names."""
        if resource.type in _BOUNDARY_ATTACHMENTS:
            yield from self.principals_in(resource, {"permission_set_arn": "permission-set"})
        else:
            yield resource.address

    def _index_names(self, resource: PlannedResource) -> None:
        entity = ENTITIES.get(resource.type)
        if entity is not None:
            name, arn = as_text(resource.values.get(entity.name)), as_text(resource.values.get(entity.arn))
            if name:
                self._by_name.setdefault((entity.kind, name), []).append(resource)
            if arn and resource.type in MANAGED_POLICIES:
                self._by_arn[arn] = resource.address
        elif resource.type in _PERMISSION_SETS:
            arn = as_text(resource.values.get(_PERMISSION_SETS[resource.type]))
            if arn:
                self._by_name.setdefault(("permission-set", arn), []).append(resource)

    def _demanded_boundaries(self) -> Iterator[str]:
        """Yield managed policies that documents require as a boundary (condition key ``iam:PermissionsBoundary``)."""
        for resource in self.plan.resources.values():
            for value in resource.values.values():
                for document in _texts(value):
                    for arn in demanded_boundaries(text(document, resource.at)):
                        yield from self.by_arn(arn.literal)
        for data in self.plan.reads.values():
            written = self.references.expressions(data.module, f"data.{data.type}.{data.name}") or {}
            for statement in map(as_object, as_list(written.get("statement"))):
                for condition in map(as_object, as_list(statement.get("condition"))):
                    variable = as_text(as_object(condition.get("variable")).get("constant_value")) or ""
                    if variable.lower() == BOUNDARY_KEY:
                        yield from self._resources_of(
                            self.references.follow(data.module, condition.get("values")), "policy"
                        )

    def _used_policies(self, resource: PlannedResource) -> Iterator[str]:
        """Yield managed policies that a resource names, by reference or ARN, other than as a permissions boundary.

        Any such resource counts, as it may be an attachment of an unknown type.
        """
        written = self.references.expressions_of(resource)
        documents = {RESOURCE_POLICIES.get(resource.type, ""), ORGANIZATION_POLICIES.get(resource.type, "")}
        for attribute in {*resource.values, *written} - _NOT_USES - documents:
            value = resource.values.get(attribute)
            for arn in value if isinstance(value, list) else [value]:
                yield from self.by_arn(arn)
            yield from self.referenced(resource, attribute, "policy")

    def _attach(self, resource: PlannedResource) -> None:
        for attributes in attributes_of(resource):
            policies = (self.by_names if attributes.by_name else self.policies_in)(resource, attributes.policies)
            principals = dict.fromkeys(self.attaching_principals(resource, attributes))
            for address in policies:
                self._principals.setdefault(address, {}).update(principals)
                if resource.changed:
                    self.attached_by_plan.add(address)
        if resource.type in BOUNDED:
            self._boundary_addresses.update(self.boundary_policies(resource))

    def attaching_principals(self, resource: PlannedResource, attributes: AttachmentAttributes) -> list[str]:
        """Return the principals that a resource attaches policies to: those that it names, else itself."""
        if not attributes.principals:
            return [resource.address]
        return list(self.principals_in(resource, attributes.principals))

    def boundary_policies(self, resource: PlannedResource) -> Iterator[str]:
        """Yield the managed policies in a resource's permissions boundary: an ARN, or a name in a nested block."""
        value = resource.values.get(_BOUNDARY)
        for block in value if isinstance(value, list) else [value]:
            yield from self.by_arn(block)
            if isinstance(block, dict):
                for inner in (item for item in block.values() if isinstance(item, (dict, list))):
                    for named in map(as_object, inner if isinstance(inner, list) else [inner]):
                        yield from self.by_name(named.get("name"))
        if _has_unknown(resource, _BOUNDARY) or not isinstance(value, str):
            yield from self.referenced(resource, _BOUNDARY, "policy")

    def policies_in(self, resource: PlannedResource, attribute: str) -> Iterator[str]:
        """Yield the addresses of this plan's managed policies in an attribute (an ARN or a list of ARNs)."""
        value = resource.values.get(attribute)
        for arn in value if isinstance(value, list) else [value]:
            yield from self.by_arn(arn)
        if _has_unknown(resource, attribute):
            yield from self.referenced(resource, attribute, "policy")

    def by_arn(self, arn: Json) -> Iterator[str]:
        """Yield the managed policy with an ARN; one to be created is identified by its path and name."""
        if not isinstance(arn, str):
            return
        if arn in self._by_arn:
            yield self._by_arn[arn]
        elif named := _POLICY_ARN.fullmatch(arn):
            for policy in self._by_name.get(("policy", named.group(2)), []):
                path = as_text(policy.values.get("path"))
                if as_text(policy.values.get(MANAGED_POLICIES[policy.type])) is None and path in (None, named.group(1)):
                    yield policy.address

    def by_name(self, name: Json) -> Iterator[str]:
        for policy in self._by_name.get(("policy", as_text(name) or ""), []):
            yield policy.address

    def by_names(self, resource: PlannedResource, attribute: str) -> Iterator[str]:
        """Yield the managed policies that a permission set refers to by name."""
        value = resource.values.get(attribute)
        for block in map(as_object, value if isinstance(value, list) else [value]):
            yield from self.by_name(block.get("name"))
        yield from self.referenced(resource, attribute, "policy")

    def principals_in(self, resource: PlannedResource, attributes: Mapping[str, str]) -> Iterator[str]:
        for attribute, kind in attributes.items():
            value = resource.values.get(attribute)
            for name in value if isinstance(value, list) else [value]:
                if isinstance(name, str) and name:
                    yield self._resolve_principal(resource, kind, name)
            if _has_unknown(resource, attribute):
                addresses = list(self.referenced(resource, attribute, kind))
                yield from addresses
                if not addresses:
                    written = self.references.follow(
                        resource.module, self.references.expressions_of(resource).get(attribute)
                    )
                    yield from (literal_principal(kind, reference.text) for reference in without_index(written))

    def _resolve_principal(self, resource: PlannedResource, kind: str, name: str) -> str:
        """Return the address of the entity with a name, preferably in the same module; else the literal name."""
        entities = self._by_name.get((kind, name), [])
        nearest = [entity for entity in entities if entity.module == resource.module] or entities
        return nearest[0].address if len(nearest) == 1 else literal_principal(kind, name)

    def resolve_name(self, resource: PlannedResource, principal: str) -> str:
        """Return the address for a literal of :mod:`passrole_checks.sources.model.principal_names`, as seen from a
        resource.

        An address is returned unchanged.
        """
        known = kind_and_name(principal)
        return principal if known is None else self._resolve_principal(resource, *known)

    def referenced(self, resource: PlannedResource, attribute: str, kind: str) -> Iterator[str]:
        """Yield the addresses of this plan's resources of a kind that an attribute's expression refers to."""
        expression = self.references.expressions_of(resource).get(attribute)
        owner = self.references.owner_of(resource)
        yield from self._resources_of(self.references.follow(resource.module, expression, owner), kind)

    def _resources_of(self, references: Iterable[PlanReference], kind: str) -> Iterator[str]:
        for reference in references:
            address = reference.resource
            resource = self.plan.find_resource(address, reference.index) if address is not None else None
            if resource is not None and resource.type in _KINDS[kind]:
                yield resource.address


def attributes_of(resource: PlannedResource) -> Iterator[AttachmentAttributes]:
    """Yield the attributes with which a resource attaches managed policies; none if it has no effect."""
    status, inactive = INACTIVE.get(resource.type, ("", frozenset[str]()))
    if as_text(resource.values.get(status)) not in inactive:
        yield from attachment_attributes(resource.type)


def _texts(value: Json) -> Iterator[str]:
    """Yield the strings in an attribute, nested blocks included."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            yield current
        elif isinstance(current, (list, dict)):
            pending.extend(current.values() if isinstance(current, dict) else current)


def _has_unknown(resource: PlannedResource, attribute: str) -> bool:
    """True if an attribute, or an element of it, is known after apply only, or omitted by the plan."""
    missing = as_object(resource.unknown).get(attribute)
    return (
        resource.is_unknown(attribute)
        or any(item is True for item in as_list(missing))
        or resource.values.get(attribute) is None
    )
