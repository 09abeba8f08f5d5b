"""Who gets which managed policy in a configuration, and which managed policies are permissions boundaries only.

A managed policy is named by reference, or by its ARN or name as text. Names of IAM entities of a kind are unique within
an account, whatever their path (IAM User Guide, "IAM and AWS STS quotas"), so a name that this configuration gives to
one entity names that entity.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    ListNode,
    Node,
    ObjectNode,
    Part,
    StringNode,
    Unresolved,
    join,
    texts_in,
)
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.sources.model.attachments_elsewhere import conditional_holders, flatten_variants
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind
from passrole_checks.sources.model.principal_names import literal_principal
from passrole_checks.sources.model.terraform_policy_attributes import (
    ATTACHMENTS,
    BOUNDED,
    ENTITIES,
    MANAGED_POLICIES,
    NAMED_ATTACHMENTS,
    OWN_ATTACHMENTS,
)
from passrole_checks.sources.terraform.evaluation.get_path import get_path
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import Failure, Reference, known
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.boundary_uses import Mentions
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.blocks import blocks_of

_AWS_MANAGED = ":iam::aws:policy/"
_DEMAND = "iam:permissionsboundary"
_LOOP = re.compile(r"\b(?:each|count|self)\.|…")

_Name = tuple[Part, ...]  # of what is not known the same holes
_Bearer = tuple[str, str]  # the address of its module, and its own


@dataclass
class TerraformAttachments:
    """Filled block by block (:meth:`look`), after :meth:`of` has looked at all names of a configuration."""

    root: Module
    by_name: dict[tuple[str, _Name], list[_Bearer]] = field(default_factory=dict)  # by kind and name
    arns: dict[str, str] = field(default_factory=dict)  # the words of an ARN that is not known: the managed policy
    # managed policies, who gets them, and when
    attached: dict[str, dict[str, list[PathCondition]]] = field(default_factory=dict)
    boundaries: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)  # attached to somebody
    unresolved: bool = False  # there is an attachment of which it is not known which policy it attaches

    @classmethod
    def of(cls, root: Module) -> TerraformAttachments:
        """The names that a configuration gives."""
        found = cls(root)
        for module in root.walk():
            for block in module.folder.resources:
                type_, label = block.labels[:2]
                if type_ not in ENTITIES:
                    continue
                for instance in module.instances(block).items:
                    address = module.prefixed(f"{type_}.{label}{instance.suffix}")
                    if type_ in MANAGED_POLICIES:
                        found.arns |= {f"{address}.{word}": address for word in ("id", MANAGED_POLICIES[type_])}
                    name = references.entity_name(block, module.scope(block.source, instance))
                    own = _comparable(expand(name.parts)) if name is not None else None
                    if own is not None:
                        bearers = found.by_name.setdefault((ENTITIES[type_].kind, own), [])
                        bearers.append((module.address, address))
        return found

    @cached_property
    def _named_elsewhere(self) -> set[str]:
        """The managed policies that the files mention, or give to a module that is not here. It takes a look at all of
        them to know, and it matters only where there is a boundary."""
        mentions = Mentions.of(self.root)
        found = set(mentions.addresses)
        for name in mentions.names:
            found.update(address for _, address in self.by_name.get(("policy", (name,)), ()))
        for module in self.root.walk():
            for block in module.folder.modules.values():
                if module.children(block) is None:
                    found.update(self._given_away(module, block))
        return found

    def look(self, block: Block, scope: EvaluationScope, address: str, when: PathCondition = ()) -> None:
        """Note what one resource attaches, to others or to itself, and what bounds it; ``when`` says when it exists."""
        type_, module = block.labels[0], scope.module.address
        if type_ in ATTACHMENTS:
            attribute, entities = ATTACHMENTS[type_]
            who = self.entities(block, entities, scope)
            self._attach(references.written(block, attribute, scope), who, module, when)
        if type_ in OWN_ATTACHMENTS:
            self._attach(references.written(block, OWN_ATTACHMENTS[type_], scope), (address,), module, when)
        if type_ in NAMED_ATTACHMENTS:
            attribute, holder = NAMED_ATTACHMENTS[type_]
            holders = self.entities(block, {holder: "permission-set"}, scope) if holder else (address,)
            for name in inner_values(block, attribute, "name", scope):
                self._attach(name, holders, module, when, by_name=True)
        if type_ in BOUNDED:
            self._bound(block, scope)

    def demanded(self, policies: Collection[AttachedPolicy]) -> None:
        """Note the managed policies that documents demand as a boundary (condition key ``iam:PermissionsBoundary``)."""
        for policy in policies if self.arns else ():
            for value in _demanded(policy.document):
                for text in texts_in(value):
                    self._bounds(self.policies_named(text, ""))

    def _given_away(self, module: Module, block: Block) -> Iterator[str]:
        """Policies handed to a module that is not here: what becomes of them is not known."""
        for instance in module.instances(block).items:
            scope = module.scope(block.source, instance)
            for attribute in block.body.attributes:
                if attribute.name in ("source", "version"):
                    continue
                for value in each(references.written(block, attribute.name, scope)):
                    yield from self.policies_named(value, module.address)

    def entities(self, block: Block, attributes: dict[str, str], scope: EvaluationScope) -> tuple[str, ...]:
        """Addresses, else names, of the users, groups, roles and permission sets that attributes name."""
        found: dict[str, None] = {}
        for attribute, kind in attributes.items():
            for value in each(references.written(block, attribute, scope)):
                if isinstance(value, StringNode):
                    found[self._entity(value, kind, scope.module.address)] = None
        return tuple(found)

    def settled(self, policy: AttachedPolicy) -> AttachedPolicy:
        """A policy with everybody who gets it, known as a boundary where nothing else is done with it."""
        type_, address = policy.resource.type, policy.resource.address
        if type_ not in MANAGED_POLICIES:
            return policy
        principals = tuple(dict.fromkeys((*policy.principals, *self.attached.get(address, ()))))
        own = {address, _block(type_, address)}
        bounds = not self.boundaries.isdisjoint(own) and not (self.unresolved or principals)
        bounds = bounds and self.elsewhere.isdisjoint(own) and self._named_elsewhere.isdisjoint(own)
        kind = PolicyKind.BOUNDARY if bounds else PolicyKind.IDENTITY
        held = conditional_holders({**self.attached.get(address, {}), **dict.fromkeys(policy.principals, ((),))})
        return AttachedPolicy(
            policy.resource, policy.path, policy.document, kind, principals, conditional_principals=held
        )

    def _attach(
        self,
        value: Node | None,
        principals: tuple[str, ...],
        module: str,
        when: PathCondition,
        *,
        by_name: bool = False,
    ) -> None:
        for facts, policy in flatten_variants(value, when):
            addresses = self.policies_named(policy, module, by_name=by_name)
            for address in addresses:
                attached = self.attached.setdefault(address, {})
                for principal in principals:
                    attached.setdefault(principal, []).append(facts)
                self.elsewhere.add(address)
            if not addresses and not _is_named(policy):
                self.unresolved = True

    def _bound(self, block: Block, scope: EvaluationScope) -> None:
        attribute, module = "permissions_boundary", scope.module.address
        for value in each(references.written(block, attribute, scope), objects=False):
            self._bounds(self.policies_named(value, module))
        for name in ("managed_policy_arn", "customer_managed_policy_reference"):
            for inner in inner_values(block, attribute, name, scope):
                for value in each(inner):
                    self._bounds(self.policies_named(value, module, by_name=True))

    def _bounds(self, addresses: list[str]) -> None:
        """Note a boundary; a name that several policies bear says of none that it is one."""
        if len(addresses) == 1:
            self.boundaries.update(addresses)

    def policies_named(self, value: Node, module: str, *, by_name: bool = False) -> list[str]:
        """Addresses of the managed policies of this configuration that a value in a module names."""
        if isinstance(value, Reference) and value.type in MANAGED_POLICIES:
            own = ("", "id", MANAGED_POLICIES[value.type], *((ENTITIES[value.type].name,) if by_name else ()))
            return [value.address] if value.attribute in own else []
        if not isinstance(value, StringNode) or _AWS_MANAGED in str(known(value)):
            return []
        only = value.only_hole
        if only is not None and only.expression in self.arns:
            return [self.arns[only.expression]]
        return self._bearers("policy", _name_of(value, by_name), module)

    def _bearers(self, kind: str, name: _Name | None, module: str) -> list[str]:
        """What bears a name: in the module where the name stands, else anywhere."""
        bearers = self.by_name.get((kind, name), []) if name is not None else []
        return [address for where, address in bearers if where == module] or [address for _, address in bearers]

    def _entity(self, value: StringNode, kind: str, module: str) -> str:
        if isinstance(value, Reference):
            entity = ENTITIES.get(value.type)  # a group may be given the name of a user
            return value.address if entity is None or entity.kind == kind else literal_principal(kind, value.address)
        only = value.only_hole
        if only is not None and only.role is not None:
            return only.role
        bearers = self._bearers(kind, _comparable(expand(value.parts)), module)
        return bearers[0] if len(bearers) == 1 else literal_principal(kind, str(known(value)))


def each(value: Node | None, *, objects: bool = True) -> Iterator[Node]:
    """The values in a list or (with ``objects``) an object, or the one value; of alternatives all of them."""
    pending = [value] if value is not None else []
    while pending:
        node = pending.pop(0)
        if isinstance(node, ListNode):
            pending[:0] = node.items
        elif isinstance(node, ObjectNode):
            pending[:0] = [entry.value for entry in node.entries] if objects else []
        elif isinstance(node, Choice):
            pending[:0] = [option for _, option in node.options]
        elif not isinstance(node, Absent):
            yield node


def _demanded(document: Node) -> Iterator[Node]:
    """The values of the condition key of permissions boundaries in a document."""
    if isinstance(document, StringNode):
        if _DEMAND not in str(document).lower():
            return
        try:
            document = parse_json(document)
        except MalformedDocument:
            return
    pending = [document]
    while pending:
        node = pending.pop()
        if isinstance(node, ListNode):
            pending.extend(node.items)
        elif isinstance(node, Choice):
            pending.extend(option for _, option in node.options)
        elif isinstance(node, ObjectNode):
            for entry in node.entries:
                if (entry.key.literal or "").lower() == _DEMAND:
                    yield entry.value
                else:
                    pending.append(entry.value)


def inner_values(block: Block, attribute: str, name: str, scope: EvaluationScope) -> Iterator[Node]:
    """The values of ``name`` in the nested blocks, or in the objects of the attribute, of this name."""
    for _, inner, inner_scope in blocks_of(block.body, attribute, scope):
        value = references.written(inner, name, inner_scope)
        if value is not None:
            yield value
        for _, deeper, deeper_scope in blocks_of(inner.body, name, inner_scope):
            value = references.written(deeper, "name", deeper_scope)
            if value is not None:
                yield value
    written = references.written(block, attribute, scope)
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


def _name_of(value: StringNode, whole: bool = False) -> _Name | None:
    """The name at the end of a policy's ARN; a text without a slash is one if it is literal, or with ``whole``."""
    parts = expand(value.parts)
    for place in range(len(parts) - 1, -1, -1):
        part = parts[place]
        if isinstance(part, str) and "/" in part:
            return _comparable(join((part.rsplit("/", 1)[1], *parts[place + 1 :])))
    return _comparable(parts) if whole or all(isinstance(part, str) for part in parts) else None


def _comparable(parts: _Name) -> _Name | None:
    """A name, None where it is empty, or where the same words may mean something else in another block."""
    holes = [part for part in parts if isinstance(part, Unresolved)]
    return None if parts == ("",) or any(_LOOP.search(hole.expression) for hole in holes) else parts


def _is_named(value: Node) -> bool:
    """Whether it is known which policy an attachment attaches, be it of this configuration or not."""
    if isinstance(value, Reference) and value.type in MANAGED_POLICIES:
        return True
    name = _name_of(value) if isinstance(value, StringNode) else None
    return name is not None and all(isinstance(part, str) for part in name)


def _block(type_: str, address: str) -> str:
    """The address of the block that an instance belongs to."""
    start = address.rindex(f"{type_}.")
    return address[:start] + address[start:].partition("[")[0]
