"""Who holds which policy, as far as a plan tells.

An attachment names its policy and its principals by ARN and by name; of what is about to be created the ARN is not
known, and the names that the configuration mentions say what is meant. Which attributes these are is told by
:mod:`passrole_checks.sources.model.terraform_policy_attributes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.model.configuration import PolicyKind
from passrole_checks.sources.model.principal_names import kind_and_name, literal_principal
from passrole_checks.sources.model.terraform_policy_attributes import (
    ATTACHMENTS,
    BOUNDED,
    ENTITIES,
    HOLDERS,
    IDENTITY_POLICIES,
    MANAGED_POLICIES,
    MEMBERSHIPS,
    NAMED_ATTACHMENTS,
    NESTED_POLICIES,
    ORGANIZATION_POLICIES,
    OWN_ATTACHMENTS,
    RESOURCE_POLICIES,
    TRUST_POLICIES,
)
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource, as_list, as_object, as_text
from passrole_checks.sources.terraform_plan.references import PlanReference, PlanReferences, without_index

_BOUNDARY = "permissions_boundary"
_BOUND_TO_OTHERS = frozenset({"aws_ssoadmin_permissions_boundary_attachment"})
_DEMAND = "iam:permissionsboundary"
_PERMISSION_SETS = {"aws_ssoadmin_permission_set": "arn", "awscc_sso_permission_set": "permission_set_arn"}
_POLICY_ARN = re.compile(r"arn:[\w-]+:iam::\d{12}:policy(/(?:.*/)?)([^/]+)")
# what may name a policy without giving it to anybody: boundaries, documents, order
_NO_USE = frozenset({
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
    """The attachments of one plan.

    ``newly_attached``: addresses of managed policies that the plan attaches, whether or not it changes them.
    """

    def __init__(self, plan: PlanFile, references: PlanReferences) -> None:
        self.plan, self.references = plan, references
        self.newly_attached: set[str] = set()
        self._principals: dict[str, dict[str, None]] = {}
        self._boundaries: set[str] = set()
        self._by_name: dict[tuple[str, str], list[PlannedResource]] = {}  # by kind and name
        self._by_arn: dict[str, str] = {}
        for resource in plan.resources.values():
            self._name(resource)
        for resource in plan.resources.values():
            self._attach(resource)
        self._boundaries.update(self._demanded())
        self._used: set[str] = set()
        if self._boundaries:
            for resource in plan.resources.values():
                # a policy's own arn and id name it, and attach it to nobody
                self._used.update(address for address in self._mentioned(resource) if address != resource.address)

    def principals_of(self, policy: PlannedResource) -> tuple[str, ...]:
        """Addresses, else names, of the users, groups, roles and permission sets that hold a policy."""
        found = dict.fromkeys(self.named(policy, HOLDERS.get(policy.type, {})))
        if policy.type in OWN_ATTACHMENTS:
            found[policy.address] = None
        return tuple({**found, **self._principals.get(policy.address, {})})

    def kind_of(self, policy: PlannedResource) -> PolicyKind:
        """BOUNDARY for a managed policy that is used as a permissions boundary and named by nothing else."""
        used = policy.address in self._used or policy.address in self._principals or bool(self.principals_of(policy))
        return PolicyKind.BOUNDARY if policy.address in self._boundaries and not used else PolicyKind.IDENTITY

    def members(self) -> Iterator[tuple[str, str]]:
        """Each group and each user in it, by address or else by name."""
        for resource in self.plan.resources.values():
            if resource.type in MEMBERSHIPS:
                groups, users = MEMBERSHIPS[resource.type]
                who = list(self.named(resource, {users: "user"})) if users else [resource.address]
                yield from ((group, user) for group in self.named(resource, {groups: "group"}) for user in who)

    def boundaries(self) -> Iterator[tuple[str, str]]:
        """Each principal with a permissions boundary of which this plan holds the managed policy, and that policy."""
        for resource in self.plan.resources.values():
            found = set(self.bounding(resource)) if resource.type in BOUNDED else set()
            if len(found) == 1:
                policy = found.pop()
                yield from ((holder, policy) for holder in self.bounded_by(resource))

    def bounded_by(self, resource: PlannedResource) -> Iterator[str]:
        """Whom the permissions boundary of a resource bounds: the resource, or the permission set that it names."""
        if resource.type in _BOUND_TO_OTHERS:
            yield from self.named(resource, {"permission_set_arn": "permission-set"})
        else:
            yield resource.address

    def _name(self, resource: PlannedResource) -> None:
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

    def _demanded(self) -> Iterator[str]:
        """Managed policies that documents demand as a boundary (condition key ``iam:PermissionsBoundary``)."""
        for resource in self.plan.resources.values():
            for value in resource.values.values():
                for document in _texts(value):
                    if _DEMAND in document.lower():
                        for arn in _values_of_key(document):
                            yield from self.with_arn(arn)
        for data in self.plan.reads.values():
            written = self.references.expressions(data.module, f"data.{data.type}.{data.name}") or {}
            for statement in map(as_object, as_list(written.get("statement"))):
                for condition in map(as_object, as_list(statement.get("condition"))):
                    variable = as_text(as_object(condition.get("variable")).get("constant_value")) or ""
                    if variable.lower() == _DEMAND:
                        yield from self._behind(self.references.follow(data.module, condition.get("values")), "policy")

    def _mentioned(self, resource: PlannedResource) -> Iterator[str]:
        """Managed policies that a resource names, by reference or by ARN, as anything but a permissions boundary: an
        attachment may be of a kind that is not known here."""
        written = self.references.expressions(resource.module, f"{resource.type}.{resource.name}") or {}
        documents = {RESOURCE_POLICIES.get(resource.type, ""), ORGANIZATION_POLICIES.get(resource.type, "")}
        for attribute in {*resource.values, *written} - _NO_USE - documents:
            value = resource.values.get(attribute)
            for arn in value if isinstance(value, list) else [value]:
                yield from self.with_arn(arn)
            yield from self.referred(resource, attribute, "policy")

    def _attach(self, resource: PlannedResource) -> None:
        if resource.type in ATTACHMENTS:
            attribute, named = ATTACHMENTS[resource.type]
            self._give(resource, self.policies_in(resource, attribute), self.named(resource, named))
        if resource.type in OWN_ATTACHMENTS:
            policies = self.policies_in(resource, OWN_ATTACHMENTS[resource.type])
            self._give(resource, policies, iter((resource.address,)))
        if resource.type in NAMED_ATTACHMENTS:
            attribute, holder = NAMED_ATTACHMENTS[resource.type]
            holders = self.named(resource, {holder: "permission-set"}) if holder else iter((resource.address,))
            self._give(resource, self.with_names(resource, attribute), holders)
        if resource.type in BOUNDED:
            self._boundaries.update(self.bounding(resource))

    def _give(self, resource: PlannedResource, policies: Iterator[str], holders: Iterator[str]) -> None:
        who = dict.fromkeys(holders)
        for address in policies:
            self._principals.setdefault(address, {}).update(who)
            if resource.changed:
                self.newly_attached.add(address)

    def bounding(self, resource: PlannedResource) -> Iterator[str]:
        """The managed policies that are a resource's permissions boundary: an ARN, or a name in a nested block."""
        value = resource.values.get(_BOUNDARY)
        for block in value if isinstance(value, list) else [value]:
            yield from self.with_arn(block)
            if isinstance(block, dict):
                for inner in (item for item in block.values() if isinstance(item, (dict, list))):
                    for named in map(as_object, inner if isinstance(inner, list) else [inner]):
                        yield from self.with_name(named.get("name"))
        if _holds_unknown(resource, _BOUNDARY) or not isinstance(value, str):
            yield from self.referred(resource, _BOUNDARY, "policy")

    def policies_in(self, resource: PlannedResource, attribute: str) -> Iterator[str]:
        """Addresses of this plan's managed policies that an attribute (an ARN or a list of them) names."""
        value = resource.values.get(attribute)
        for arn in value if isinstance(value, list) else [value]:
            yield from self.with_arn(arn)
        if _holds_unknown(resource, attribute):
            yield from self.referred(resource, attribute, "policy")

    def with_arn(self, arn: Json) -> Iterator[str]:
        """The managed policy of an ARN; one that is about to be created is known by its path and its name."""
        if not isinstance(arn, str):
            return
        if arn in self._by_arn:
            yield self._by_arn[arn]
        elif named := _POLICY_ARN.fullmatch(arn):
            for policy in self._by_name.get(("policy", named.group(2)), []):
                path = as_text(policy.values.get("path"))
                if as_text(policy.values.get(MANAGED_POLICIES[policy.type])) is None and path in (None, named.group(1)):
                    yield policy.address

    def with_name(self, name: Json) -> Iterator[str]:
        for policy in self._by_name.get(("policy", as_text(name) or ""), []):
            yield policy.address

    def with_names(self, resource: PlannedResource, attribute: str) -> Iterator[str]:
        """The managed policies that a permission set refers to by name."""
        value = resource.values.get(attribute)
        for block in map(as_object, value if isinstance(value, list) else [value]):
            yield from self.with_name(block.get("name"))
        yield from self.referred(resource, attribute, "policy")

    def named(self, resource: PlannedResource, attributes: dict[str, str]) -> Iterator[str]:
        for attribute, kind in attributes.items():
            value = resource.values.get(attribute)
            for name in value if isinstance(value, list) else [value]:
                if isinstance(name, str) and name:
                    yield self._principal(resource, kind, name)
            if _holds_unknown(resource, attribute):
                found = list(self.referred(resource, attribute, kind))
                yield from found
                if not found:
                    written = self.references.follow(resource.module, self._expression(resource, attribute))
                    yield from (literal_principal(kind, reference.text) for reference in without_index(written))

    def _principal(self, resource: PlannedResource, kind: str, name: str) -> str:
        """The address of what bears a name; where several modules define the name, the one in the same module."""
        bearers = self._by_name.get((kind, name), [])
        nearest = [bearer for bearer in bearers if bearer.module == resource.module] or bearers
        return nearest[0].address if len(nearest) == 1 else literal_principal(kind, name)

    def called(self, resource: PlannedResource, principal: str) -> str:
        """The address of what a literal of :mod:`passrole_checks.sources.model.principal_names` names, as seen from a
        resource; an address as it is."""
        known = kind_and_name(principal)
        return principal if known is None else self._principal(resource, *known)

    def referred(self, resource: PlannedResource, attribute: str, kind: str) -> Iterator[str]:
        """Addresses of this plan's resources of a kind that the expression of an attribute names."""
        owner = self.references.owner(resource.module, f"{resource.type}.{resource.name}", resource.index)
        yield from self._behind(
            self.references.follow(resource.module, self._expression(resource, attribute), owner), kind
        )

    def _behind(self, references: Iterable[PlanReference], kind: str) -> Iterator[str]:
        for reference in references:
            address = reference.resource
            if address is None:
                continue
            candidates = [f"{address}{reference.index}", address]
            instances = self.plan.instances(address)
            if len(instances) == 1:
                candidates.append(instances[0])
            for candidate in candidates:
                found = self.plan.resources.get(candidate)
                if found is not None:
                    if found.type in _KINDS[kind]:
                        yield candidate
                    break

    def _expression(self, resource: PlannedResource, attribute: str) -> Json:
        written = self.references.expressions(resource.module, f"{resource.type}.{resource.name}")
        return as_object(written).get(attribute)


def _texts(value: Json) -> Iterator[str]:
    """The texts in an attribute, in nested blocks too."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            yield current
        elif isinstance(current, (list, dict)):
            pending.extend(current.values() if isinstance(current, dict) else current)


def _values_of_key(document: str) -> Iterator[Json]:
    """The values of the condition key of permissions boundaries in a document."""
    try:
        pending: list[Json] = [json.loads(document)]
    except (ValueError, RecursionError):
        return
    while pending:
        current = pending.pop()
        for key, value in current.items() if isinstance(current, dict) else ():
            if key.lower() == _DEMAND:
                yield from value if isinstance(value, list) else [value]
            else:
                pending.append(value)
        pending.extend(current if isinstance(current, list) else ())


def _holds_unknown(resource: PlannedResource, attribute: str) -> bool:
    """Whether an attribute, or an element of it, is known only after apply (or the plan leaves it out)."""
    missing = as_object(resource.unknown).get(attribute)
    return (
        resource.is_unknown(attribute)
        or any(item is True for item in as_list(missing))
        or resource.values.get(attribute) is None
    )
