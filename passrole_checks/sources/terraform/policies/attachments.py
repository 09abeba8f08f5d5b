"""Attachments of managed policies to principals, and managed policies that are permissions boundaries only.

A managed policy is referenced, or named by its ARN or name as a string. Names of IAM entities of a kind are unique
within an account, whatever their path (IAM User Guide, "IAM and AWS STS quotas"). So a name that this configuration
gives to one entity identifies that entity.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from passrole_checks.iam.partial_values import (
    Choice,
    ListNode,
    Node,
    ObjectNode,
    Part,
    StringNode,
    Unresolved,
    join,
)
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.sources.model.attachment_attributes import AttachmentAttributes, attachment_attributes
from passrole_checks.sources.model.attachments_elsewhere import conditional_holders, flatten_variants, value_variants
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind
from passrole_checks.sources.model.demanded_boundaries import demanded_boundaries
from passrole_checks.sources.model.principal_names import literal_principal
from passrole_checks.sources.model.terraform_policy_attributes import (
    BOUNDED,
    ENTITIES,
    INACTIVE,
    MANAGED_POLICIES,
)
from passrole_checks.sources.terraform.evaluation.get_path import get_path
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Failure,
    Reference,
    fill_known_parts,
    known_string,
)
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.boundary_uses import Mentions
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.blocks import blocks_of

_AWS_MANAGED = ":iam::aws:policy/"
_LOOP_VARIABLE = re.compile(r"\b(?:each|count|self)\.|…")

_Name = tuple[Part, ...]  # equal names have equal unresolved parts
_NamedEntity = tuple[str, str]  # module address, entity address


@dataclass
class TerraformAttachments:
    """Attachments of a configuration: created by :meth:`of` with all names, then filled by :meth:`add_resource`."""

    root: Module
    by_name: dict[tuple[str, _Name], list[_NamedEntity]] = field(default_factory=dict)  # by kind and name
    arns: dict[str, str] = field(default_factory=dict)  # managed policy by the expression of its unresolved ARN
    # managed policy to principal to path conditions
    attached: dict[str, dict[str, list[PathCondition]]] = field(default_factory=dict)
    boundaries: set[str] = field(default_factory=set)
    attached_addresses: set[str] = field(default_factory=set)  # attached to any principal
    has_unresolved_policy: bool = False  # true if an attachment's policy is unresolved

    @classmethod
    def of(cls, root: Module) -> TerraformAttachments:
        """Index the names of all IAM entities in a configuration."""
        attachments = cls(root)
        for module in root.walk():
            for block in module.folder.resources:
                type_, label = block.labels[:2]
                if type_ not in ENTITIES:
                    continue
                for instance in module.instances(block).items:
                    address = module.full_address(f"{type_}.{label}{instance.suffix}")
                    if type_ in MANAGED_POLICIES:
                        attachments.arns |= {f"{address}.{word}": address for word in ("id", MANAGED_POLICIES[type_])}
                    name = references.entity_name(block, module.scope(block.source, instance))
                    own = _comparable(expand(name.parts)) if name is not None else None
                    if own is not None:
                        bearers = attachments.by_name.setdefault((ENTITIES[type_].kind, own), [])
                        bearers.append((module.address, address))
        return attachments

    @cached_property
    def _otherwise_used(self) -> set[str]:
        """The managed policies that the files mention, or pass to a missing module, other than as a boundary.

        Computed on demand, as it reads all files and matters only if the configuration has a permissions boundary.
        """
        mentions = Mentions.of(self.root)
        addresses = set(mentions.addresses)
        for name in mentions.names:
            addresses.update(address for _, address in self.by_name.get(("policy", (name,)), ()))
        for module in self.root.walk():
            for block in module.folder.modules.values():
                if module.children(block) is None:
                    addresses.update(self._passed_to_missing_module(module, block))
        return addresses

    def add_resource(self, block: Block, scope: EvaluationScope, address: str, when: PathCondition = ()) -> None:
        """Record what a resource attaches to itself or others, and its permissions boundary."""
        type_, module = block.labels[0], scope.module.address
        for attributes, principals, value in self.attached_values(block, scope, address):
            for facts, policy in flatten_variants(value, when):
                self._attach(policy, principals, module, facts, by_name=attributes.by_name)
        if type_ in BOUNDED:
            self._add_boundaries(block, scope)

    def attached_values(
        self, block: Block, scope: EvaluationScope, address: str
    ) -> Iterator[tuple[AttachmentAttributes, tuple[str, ...], Node | None]]:
        """Yield (attributes, principals, value) for each value with which a resource attaches managed policies."""
        status, inactive = INACTIVE.get(block.labels[0], ("", frozenset[str]()))
        stated = references.value_of(block, status, scope) if status else None
        if stated is not None and known_string(stated) in inactive:
            return
        for attributes in attachment_attributes(block.labels[0]):
            named = attributes.principals
            principals = self.principals_in(block, named, scope) if named else (address,)
            if attributes.by_name:
                for name in inner_values(block, attributes.policies, "name", scope):
                    yield attributes, principals, name
            else:
                yield attributes, principals, references.value_of(block, attributes.policies, scope)

    def add_demanded_boundaries(self, policies: Collection[AttachedPolicy]) -> None:
        """Record managed policies that documents require as a boundary (condition key ``iam:PermissionsBoundary``)."""
        for policy in policies if self.arns else ():
            for arn in demanded_boundaries(policy.document):
                self._add_boundary(self.resolve_policies(arn, ""))

    def _passed_to_missing_module(self, module: Module, block: Block) -> Iterator[str]:
        """Yield the addresses of policies that are passed to a module whose source is missing."""
        for instance in module.instances(block).items:
            scope = module.scope(block.source, instance)
            for attribute in block.body.attributes:
                if attribute.name in ("source", "version"):
                    continue
                for _, value in flatten_variants(references.value_of(block, attribute.name, scope)):
                    yield from self.resolve_policies(value, module.address)

    def principals_in(self, block: Block, attributes: Mapping[str, str], scope: EvaluationScope) -> tuple[str, ...]:
        """Return the addresses, else names, of users, groups, roles and permission sets in attributes.

        ``attributes`` maps each attribute to the kind of entity that it names.
        """
        principals: dict[str, None] = {}
        for attribute, kind in attributes.items():
            for _, value in flatten_variants(references.value_of(block, attribute, scope)):
                if isinstance(value, StringNode):
                    principals[self.resolve_principal(value, kind, scope.module.address)] = None
        return tuple(principals)

    def with_attachments(self, policy: AttachedPolicy) -> AttachedPolicy:
        """Return a managed policy with all its principals, and of kind BOUNDARY if it has no other use."""
        type_, address = policy.resource.type, policy.resource.address
        if type_ not in MANAGED_POLICIES:
            return policy
        principals = tuple(dict.fromkeys((*policy.principals, *self.attached.get(address, ()))))
        addresses = {address, _block_address(type_, address)}
        is_boundary = not self.boundaries.isdisjoint(addresses) and not (self.has_unresolved_policy or principals)
        is_boundary = (
            is_boundary and self.attached_addresses.isdisjoint(addresses) and self._otherwise_used.isdisjoint(addresses)
        )
        kind = PolicyKind.BOUNDARY if is_boundary else PolicyKind.IDENTITY
        attachments = conditional_holders({**self.attached.get(address, {}), **dict.fromkeys(policy.principals, ((),))})
        return AttachedPolicy(
            policy.resource, policy.path, policy.document, kind, principals, conditional_principals=attachments
        )

    def _attach(
        self, policy: Node, principals: tuple[str, ...], module: str, facts: PathCondition, *, by_name: bool
    ) -> None:
        addresses = self.resolve_policies(policy, module, by_name=by_name)
        for address in addresses:
            attached = self.attached.setdefault(address, {})
            for principal in principals:
                attached.setdefault(principal, []).append(facts)
            self.attached_addresses.add(address)
        if not addresses and not _is_resolved(policy):
            self.has_unresolved_policy = True

    def _add_boundaries(self, block: Block, scope: EvaluationScope) -> None:
        attribute, module = "permissions_boundary", scope.module.address
        for _, value in value_variants(references.value_of(block, attribute, scope)):
            self._add_boundary(self.resolve_policies(value, module))
        for name in ("managed_policy_arn", "customer_managed_policy_reference"):
            for inner in inner_values(block, attribute, name, scope):
                for _, value in flatten_variants(inner):
                    self._add_boundary(self.resolve_policies(value, module, by_name=True))

    def _add_boundary(self, addresses: list[str]) -> None:
        """Record a boundary, unless the name matches several policies."""
        if len(addresses) == 1:
            self.boundaries.update(addresses)

    def resolve_policies(self, value: Node, module: str, *, by_name: bool = False) -> list[str]:
        """Return the addresses of this configuration's managed policies that a value in a module names."""
        if isinstance(value, Reference) and value.type in MANAGED_POLICIES:
            own = ("", "id", MANAGED_POLICIES[value.type], *((ENTITIES[value.type].name,) if by_name else ()))
            return [value.address] if value.attribute in own else []
        if not isinstance(value, StringNode) or _AWS_MANAGED in str(fill_known_parts(value)):
            return []
        only = value.only_hole
        if only is not None and only.expression in self.arns:
            return [self.arns[only.expression]]
        return self._addresses_of("policy", _policy_name(value, by_name), module)

    def _addresses_of(self, kind: str, name: _Name | None, module: str) -> list[str]:
        """Return the entities with a name: those of the same module, else those of all modules."""
        entities = self.by_name.get((kind, name), []) if name is not None else []
        return [address for own_module, address in entities if own_module == module] or [
            address for _, address in entities
        ]

    def resolve_principal(self, value: StringNode, kind: str, module: str) -> str:
        """Return the address of the principal of a kind that a value in a module names, else its literal name."""
        if isinstance(value, Reference):
            entity = ENTITIES.get(value.type)  # a group may reuse the name of a user
            return value.address if entity is None or entity.kind == kind else literal_principal(kind, value.address)
        only = value.only_hole
        if only is not None and only.role is not None:
            return only.role
        addresses = self._addresses_of(kind, _comparable(expand(value.parts)), module)
        return addresses[0] if len(addresses) == 1 else literal_principal(kind, str(fill_known_parts(value)))


def inner_values(block: Block, attribute: str, name: str, scope: EvaluationScope) -> Iterator[Node]:
    """Yield the values of ``name`` in the nested blocks, or in the objects, of an attribute."""
    for _, inner, inner_scope in blocks_of(block.body, attribute, scope):
        value = references.value_of(inner, name, inner_scope)
        if value is not None:
            yield value
        for _, deeper, deeper_scope in blocks_of(inner.body, name, inner_scope):
            value = references.value_of(deeper, "name", deeper_scope)
            if value is not None:
                yield value
    written = references.value_of(block, attribute, scope)
    pending = [written] if written is not None else []
    while pending:
        node = pending.pop(0)
        if isinstance(node, ListNode):
            pending[:0] = node.items
        elif isinstance(node, Choice):
            pending[:0] = [option for _, option in node.options]
        elif isinstance(node, ObjectNode):
            value = node.get(name)
            value = value.get("name") if isinstance(value, ObjectNode) else value
            if value is not None:
                yield value
        elif isinstance(node, StringNode) and not isinstance(node, Failure) and attribute != "permissions_boundary":
            yield get_path(node, name, f"{node}.{name}", node.at)


def _policy_name(value: StringNode, whole: bool = False) -> _Name | None:
    """Return the name in a policy's ARN. A string without a slash is a name if it is literal or ``whole`` is true."""
    parts = expand(value.parts)
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        if isinstance(part, str) and "/" in part:
            return _comparable(join((part.rsplit("/", 1)[1], *parts[index + 1 :])))
    return _comparable(parts) if whole or all(isinstance(part, str) for part in parts) else None


def _comparable(parts: _Name) -> _Name | None:
    """Return the name; None if it is empty, or contains a loop variable whose value depends on the block."""
    unresolved = [part for part in parts if isinstance(part, Unresolved)]
    return None if parts == ("",) or any(_LOOP_VARIABLE.search(part.expression) for part in unresolved) else parts


def _is_resolved(value: Node) -> bool:
    """True if it is known which policy an attachment attaches, even one outside of this configuration."""
    if isinstance(value, Reference) and value.type in MANAGED_POLICIES:
        return True
    name = _policy_name(value) if isinstance(value, StringNode) else None
    return name is not None and all(isinstance(part, str) for part in name)


def _block_address(type_: str, address: str) -> str:
    """Return the address of the block of an instance."""
    start = address.rindex(f"{type_}.")
    return address[:start] + address[start:].partition("[")[0]
