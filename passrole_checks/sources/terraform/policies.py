"""Which resources hold, attach or only receive policies: the documents, principals and roles of a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from passrole_checks.iam.values import Absent, Choice, Hole, Items, Mapping, Node, Part, Text
from passrole_checks.sources.policy_attributes import IDENTITY_POLICIES, RESOURCE_POLICIES
from passrole_checks.sources.resource import (
    AttachedPolicy,
    Framework,
    PolicyKind,
    ResourceDefinition,
    RoleDefinition,
    Unreadable,
)
from passrole_checks.sources.terraform import references
from passrole_checks.sources.terraform.blocks import blocks_of
from passrole_checks.sources.terraform.mentions import mentioned_policies
from passrole_checks.sources.terraform.module import Module
from passrole_checks.sources.terraform.scope import Scope
from passrole_checks.sources.terraform.symbols import Reference, document, known, plain_text, under
from passrole_checks.sources.terraform.syntax import Block

# type: attribute of the entity that the policy is attached to
_HOLDER = {
    "aws_iam_role_policy": "role",
    "aws_iam_user_policy": "user",
    "aws_iam_group_policy": "group",
    "aws_ssoadmin_permission_set_inline_policy": "permission_set_arn",
}
# type: (attribute of the policy's ARN, attributes of the entities)
_ATTACHMENTS = {
    "aws_iam_role_policy_attachment": ("policy_arn", ("role",)),
    "aws_iam_user_policy_attachment": ("policy_arn", ("user",)),
    "aws_iam_group_policy_attachment": ("policy_arn", ("group",)),
    "aws_iam_policy_attachment": ("policy_arn", ("roles", "users", "groups")),
    "aws_iam_role_policy_attachments_exclusive": ("policy_arns", ("role_name",)),
    "aws_iam_user_policy_attachments_exclusive": ("policy_arns", ("user_name",)),
    "aws_iam_group_policy_attachments_exclusive": ("policy_arns", ("group_name",)),
    "aws_ssoadmin_customer_managed_policy_attachment": ("", ("permission_set_arn",)),
}
_BOUNDED = frozenset({"aws_iam_role", "aws_iam_user"})


@dataclass
class _Links:
    """Which managed policies are attached to whom, and which serve as permissions boundaries, by address."""

    attached: dict[str, list[str]] = field(default_factory=dict)
    boundaries: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)  # mentioned, or given to a module that is not here
    names: set[str] = field(default_factory=set)  # of policies that are attached by a literal name or ARN
    own_names: dict[str, str] = field(default_factory=dict)  # the literal names of the managed policies, by address
    unresolved: bool = False  # there is an attachment of which it is not known which policy it attaches


@dataclass
class Found:
    """What the modules of a configuration hold."""

    resources: list[ResourceDefinition] = field(default_factory=list)
    policies: list[AttachedPolicy] = field(default_factory=list)
    roles: list[RoleDefinition] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


def collect(root: Module) -> Found:
    """All resources, policies and roles of a root module and the modules that it calls."""
    found, links = Found(), _Links()
    for module in root.walk():
        for block in module.folder.resources:
            try:
                _collect_block(module, block, found, links)
            except RecursionError:
                found.unreadable.append(Unreadable(block.source.file, "nested too deeply", block.span.line))
        labels, names = mentioned_policies(module.folder)
        links.elsewhere.update(module.prefixed(f"aws_iam_policy.{label}") for label in labels)
        links.names.update(names)
        for name, block in module.folder.modules.items():
            if module.children(block) is None:
                _given_away(module, name, block, links)
    found.policies = [_attached(policy, links) for policy in found.policies]
    return found


def _collect_block(module: Module, block: Block, found: Found, links: _Links) -> None:
    type_, name = block.labels[0], block.labels[1]
    if type_ not in _INTERESTING:
        address = module.prefixed(f"{type_}.{name}")
        at = module.scope(block.source).position(block.span)
        found.resources.append(ResourceDefinition(address, type_, Framework.TERRAFORM, at))
        return
    for instance in module.instances(block).items:
        scope = module.scope(block.source, instance)
        address = module.prefixed(f"{type_}.{name}{instance.suffix}")
        resource = ResourceDefinition(address, type_, Framework.TERRAFORM, scope.position(block.span))
        found.resources.append(resource)
        found.policies.extend(_policies(block, resource, scope))
        if type_ == "aws_iam_role":
            found.roles.append(_role(block, resource, scope))
            for arn in _each(references.written(block, "managed_policy_arns", scope)):
                _link(links, arn, address)
        if type_ == "aws_iam_policy":
            own = references.entity_name(block, scope)
            if own is not None and (own_name := known(own).literal) is not None:
                links.own_names[address] = own_name
        if type_ in _ATTACHMENTS:
            _attachment(block, scope, links)
        if type_ in _BOUNDED:
            boundary = references.written(block, "permissions_boundary", scope)
            links.boundaries.update(policy for arn in _each(boundary) if (policy := _policy_address(arn)) is not None)


def _policies(block: Block, resource: ResourceDefinition, scope: Scope) -> Iterator[AttachedPolicy]:
    holder = _HOLDER.get(resource.type)
    for table, kind in ((IDENTITY_POLICIES, PolicyKind.IDENTITY), (RESOURCE_POLICIES, PolicyKind.RESOURCE)):
        attribute = table.get(resource.type)
        written = _document(block, attribute, scope) if attribute is not None else None
        if attribute is not None and written is not None:
            principals = _entities(block, (holder,), scope) if holder is not None else ()
            yield AttachedPolicy(resource, attribute, written, kind, principals)
    if resource.type == "aws_iam_role":
        trust = _document(block, "assume_role_policy", scope)
        if trust is not None:
            yield AttachedPolicy(resource, "assume_role_policy", trust, PolicyKind.TRUST, (resource.address,))
        for place, (when, inner, inner_scope) in enumerate(blocks_of(block.body, "inline_policy", scope)):
            written = _document(inner, "policy", inner_scope)
            if written is not None:
                path = f"inline_policy/{place}/policy"
                yield AttachedPolicy(resource, path, under(when, written), PolicyKind.IDENTITY, (resource.address,))


def _document(block: Block, name: str, scope: Scope) -> Node | None:
    value = references.written(block, name, scope)
    if value is None:
        return None
    found = document(value)
    return None if isinstance(found, Absent) else found


def _role(block: Block, resource: ResourceDefinition, scope: Scope) -> RoleDefinition:
    name, path = references.entity_name(block, scope), references.entity_path(block, scope)
    return RoleDefinition(
        resource,
        plain_text(name) if name is not None else None,
        plain_text(path) if path is not None else None,
        _document(block, "assume_role_policy", scope),
    )


def _attachment(block: Block, scope: Scope, links: _Links) -> None:
    attribute, entities = _ATTACHMENTS[block.labels[0]]
    principals = _entities(block, entities, scope)
    for arn in _each(references.written(block, attribute, scope)):
        for principal in principals:
            _link(links, arn, principal)
        if not principals:
            _link(links, arn, None)
    for _, inner, inner_scope in blocks_of(block.body, "customer_managed_policy_reference", scope):
        for name in _each(references.written(inner, "name", inner_scope)):
            _link(links, name, None)


def _given_away(module: Module, name: str, block: Block, links: _Links) -> None:
    """Policies handed to a module that is not here: what becomes of them is not known."""
    for instance in module.instances(block).items:
        scope = module.scope(block.source, instance)
        for attribute in block.body.attributes:
            if attribute.name in ("source", "version"):
                continue
            for value in _each(references.written(block, attribute.name, scope)):
                policy = _policy_address(value)
                if policy is not None:
                    links.elsewhere.add(policy)


def _link(links: _Links, arn: Node, principal: str | None) -> None:
    """Note what an attachment says: the policy by its reference, or else by its name."""
    policy = _policy_address(arn)
    if policy is not None:
        attached = links.attached.setdefault(policy, [])
        if principal is not None and principal not in attached:
            attached.append(principal)
        links.elsewhere.add(policy)
        return
    last: Part = known(arn).parts[-1] if isinstance(arn, Text) else ""
    while isinstance(last, Hole) and last.known:
        last = last.known[-1]
    if isinstance(last, str) and (last == _literal(arn) or "/" in last):
        links.names.add(last.rsplit("/", 1)[-1])
    else:
        links.unresolved = True


def _literal(arn: Node) -> str | None:
    return known(arn).literal if isinstance(arn, Text) else None


def _attached(policy: AttachedPolicy, links: _Links) -> AttachedPolicy:
    if policy.resource.type != "aws_iam_policy":
        return policy
    address = policy.resource.address
    principals = tuple(links.attached.get(address, ()))
    used = (
        links.unresolved
        or address in links.elsewhere
        or _without_key(address) in links.elsewhere
        or links.own_names.get(address) in links.names
    )
    kind = PolicyKind.BOUNDARY if address in links.boundaries and not used else PolicyKind.IDENTITY
    return AttachedPolicy(policy.resource, policy.path, policy.document, kind, principals)


def _without_key(address: str) -> str:
    """The address of the block that an instance belongs to."""
    start = address.rindex("aws_iam_policy.")
    return address[:start] + address[start:].partition("[")[0]


def _policy_address(arn: Node) -> str | None:
    if isinstance(arn, Reference) and arn.type == "aws_iam_policy" and arn.attribute in ("arn", "id", ""):
        return arn.address
    return None


def _each(value: Node | None) -> Iterator[Node]:
    """The values in a list or an object, or the one value; alternatives all of them."""
    pending = [value] if value is not None else []
    while pending:
        node = pending.pop(0)
        if isinstance(node, Items):
            pending[:0] = node.items
        elif isinstance(node, Mapping):
            pending[:0] = [entry.value for entry in node.entries]
        elif isinstance(node, Choice):
            pending[:0] = [option for _, option in node.options]
        elif not isinstance(node, Absent):
            yield node


def _entities(block: Block, names: tuple[str, ...], scope: Scope) -> tuple[str, ...]:
    """Addresses or literal names of the users, groups and roles that attributes name."""
    found: dict[str, None] = {}
    for name in names:
        for value in _each(references.written(block, name, scope)):
            if isinstance(value, Text):
                found[_entity(value)] = None
    return tuple(found)


def _entity(value: Text) -> str:
    if isinstance(value, Reference):
        return value.address
    only = value.only_hole
    if only is not None and only.role is not None:
        return only.role
    literal = known(value).literal
    return literal if literal is not None else str(value)


_INTERESTING = frozenset({*IDENTITY_POLICIES, *RESOURCE_POLICIES, *_ATTACHMENTS, *_BOUNDED})
