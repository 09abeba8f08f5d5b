"""Which resources hold policies: the documents, principals and roles of a configuration.

Which attributes these are is told by :mod:`passrole_checks.sources.model.terraform_policy_attributes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.partial_values import Absent, Choice, ListNode, Node, ObjectEntry, ObjectNode, StringNode
from passrole_checks.iam.path_conditions import PathCondition, intersect
from passrole_checks.sources.model.attachments_elsewhere import NO_ATTACHMENTS_ELSEWHERE, AttachmentsElsewhere
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Framework,
    InstanceProfile,
    PolicyKind,
    ReceivedRole,
    ResourceDefinition,
    RoleDefinition,
    Suppression,
    Unreadable,
)
from passrole_checks.sources.model.embedded_template import TYPES, merge_stack_attachments
from passrole_checks.sources.model.terraform_policy_attributes import (
    ATTACHMENTS,
    BOUNDED,
    HOLDERS,
    IDENTITY_POLICIES,
    MEMBERSHIPS,
    NAMED_ATTACHMENTS,
    NESTED_POLICIES,
    ORGANIZATION_POLICIES,
    OWN_ATTACHMENTS,
    RESOURCE_POLICIES,
    SCP_TARGETS,
    STATEMENT_POLICIES,
    TRUST_POLICIES,
    USERS,
    not_read_reason,
)
from passrole_checks.sources.terraform.evaluation.conditional_values import under
from passrole_checks.sources.terraform.evaluation.get_path import get_path
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, Failure, hole, is_null, literal
from passrole_checks.sources.terraform.evaluation.to_plain import document, plain_text
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.attachments import TerraformAttachments
from passrole_checks.sources.terraform.policies.attachments_elsewhere import Collected
from passrole_checks.sources.terraform.policies.consumed_roles import (
    INSTANCE_PROFILES,
    instance_profile,
    may_receive,
    roles_received,
)
from passrole_checks.sources.terraform.policies.may_contain_policy import Bearing
from passrole_checks.sources.terraform.policies.mentions_managed_policy import Speaking
from passrole_checks.sources.terraform.policies.passed_to_missing_module import (
    managed_handed_over,
    policies_handed_over,
)
from passrole_checks.sources.terraform.policies.stacks import Stack, stacks_of
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.blocks import blocks_of


@dataclass
class ModuleContents:
    """What the modules of a configuration hold."""

    resources: list[ResourceDefinition] = field(default_factory=list)
    policies: list[AttachedPolicy] = field(default_factory=list)
    roles: list[RoleDefinition] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    received: list[ReceivedRole] = field(default_factory=list)
    instance_profiles: list[InstanceProfile] = field(default_factory=list)
    stack_roles: list[RoleDefinition] = field(default_factory=list)
    users: list[tuple[str, StringNode]] = field(default_factory=list)
    held: AttachmentsElsewhere = field(default_factory=lambda: NO_ATTACHMENTS_ELSEWHERE)
    suppressions: list[Suppression] = field(default_factory=list)
    not_evaluated: list[Unreadable] = field(default_factory=list)
    nested: list[str] = field(default_factory=list)


def collect(root: Module) -> ModuleContents:
    """All resources, policies and roles of a root module and the modules that it calls."""
    found, attachments = ModuleContents(), TerraformAttachments.of(root)
    holdings, bearing, speaking = Collected(attachments), Bearing(), Speaking()
    for module in root.walk():
        for block in module.folder.resources:
            try:
                _collect_block(module, block, found, holdings)
            except RecursionError:
                found.unreadable.append(Unreadable(block.source.file, "nested too deeply", block.span.line))
        for block in module.folder.modules.values():
            if module.children(block) is None:
                found.policies.extend(policies_handed_over(module, block, bearing))
                holdings.holdings.attachments.extend(managed_handed_over(module, block, speaking))
    stacks = list(stacks_of(root))
    for stack in stacks:
        _collect_stack(stack, found)
    attachments.demanded(found.policies)
    found.policies = [attachments.settled(policy) for policy in found.policies]
    found.held = merge_stack_attachments((stack.content for stack in stacks), holdings.held(found.policies))
    received_in = {stack.resource.address: stack.content.received for stack in stacks}
    for block, resource, scope, when in _receiving(root):  # last: policies come first where there is too much
        try:
            inner = received_in.get(resource.address, ())
            for one in (*roles_received(block, resource, scope), *inner):
                found.received.append(replace(one, value=under(when, one.value)) if when else one)
            if resource.type in INSTANCE_PROFILES:
                found.instance_profiles.append(instance_profile(block, resource, scope))
        except RecursionError:
            found.unreadable.append(Unreadable(block.source.file, "nested too deeply", block.span.line))
    return found


def _receiving(root: Module) -> Iterator[tuple[Block, ResourceDefinition, EvaluationScope, PathCondition]]:
    """The instances of resources that receive roles, or are instance profiles, and when they exist."""
    for module in root.walk():
        for block in module.folder.resources:
            type_, name = block.labels[0], block.labels[1]
            if may_receive(block):
                for instance in module.instances(block).items:
                    scope = module.scope(block.source, instance)
                    address = module.prefixed(f"{type_}.{name}{instance.suffix}")
                    at = scope.position(block.span)
                    resource = ResourceDefinition(address, type_, Framework.TERRAFORM, at)
                    yield block, resource, scope, (*module.when, *instance.when)


def _collect_stack(stack: Stack, found: ModuleContents) -> None:
    content, when = stack.content, stack.when
    found.resources.append(stack.resource)
    for policy in content.policies:
        found.policies.append(replace(policy, document=under(when, policy.document)) if when else policy)
    roles = (replace(role, exists_when=intersect((when,), role.exists_when)) for role in content.roles)
    found.roles.extend(roles if when else content.roles)
    found.stack_roles.extend(content.named)
    found.users.extend(content.users)
    found.instance_profiles.extend(content.profiles)
    found.suppressions.extend(content.suppressions)
    found.not_evaluated.extend(content.not_evaluated if content.is_read else ())
    found.nested.extend([content.file] if content.file else ())


def _collect_block(module: Module, block: Block, found: ModuleContents, holdings: Collected) -> None:
    type_, name = block.labels[0], block.labels[1]
    if type_ in TYPES:
        return
    if type_ not in _INTERESTING:
        address = module.prefixed(f"{type_}.{name}")
        at = module.scope(block.source).position(block.span)
        found.resources.append(ResourceDefinition(address, type_, Framework.TERRAFORM, at))
        _name_unread(module, block, address)
        return
    for instance in module.instances(block).items:
        scope = module.scope(block.source, instance)
        address = module.prefixed(f"{type_}.{name}{instance.suffix}")
        resource = ResourceDefinition(address, type_, Framework.TERRAFORM, scope.position(block.span))
        found.resources.append(resource)
        when = (*module.when, *instance.when)
        for policy in _policies(block, resource, scope, holdings.attachments):
            found.policies.append(replace(policy, document=under(when, policy.document)) if when else policy)
        if type_ in TRUST_POLICIES:
            found.roles.append(_role(block, resource, scope, when))
        elif type_ in USERS:
            user = references.entity_name(block, scope)
            found.users.extend([(address, plain_text(user))] if user is not None else ())
        holdings.attachments.look(block, scope, address, when)
        holdings.look(block, scope, resource, when)


def _name_unread(module: Module, block: Block, address: str) -> None:
    """Name a resource whose own template or state may hold policies, once for its block."""
    if not_read_reason(block.labels[0], None) is None or not module.instances(block).items:
        return
    type_name = references.written(block, "type_name", module.instance_scope(block, None))
    reason = not_read_reason(block.labels[0], literal(type_name) if type_name is not None else None)
    if reason is not None:
        module.run.not_evaluated.setdefault(
            address, Unreadable(block.source.file, f"{address}: {reason}", block.span.line)
        )


def _policies(
    block: Block, resource: ResourceDefinition, scope: EvaluationScope, attachments: TerraformAttachments
) -> Iterator[AttachedPolicy]:
    type_ = resource.type
    if type_ in IDENTITY_POLICIES:
        attribute = IDENTITY_POLICIES[type_]
        written = _document(block, attribute, scope)
        if written is not None:
            itself = (resource.address,) if type_ in OWN_ATTACHMENTS else ()
            principals = attachments.entities(block, HOLDERS.get(type_, {}), scope) or itself
            yield AttachedPolicy(resource, attribute, written, PolicyKind.IDENTITY, principals)
    for table, kind in ((RESOURCE_POLICIES, PolicyKind.RESOURCE), (ORGANIZATION_POLICIES, PolicyKind.SCP)):
        if type_ in table and (kind is PolicyKind.RESOURCE or _has_statements(block, scope)):
            written = _document(block, table[type_], scope)
            if written is not None:
                yield AttachedPolicy(resource, table[type_], written, kind)
    if type_ in TRUST_POLICIES:
        trust = _document(block, TRUST_POLICIES[type_], scope)
        if trust is not None:
            yield AttachedPolicy(resource, TRUST_POLICIES[type_], trust, PolicyKind.TRUST, (resource.address,))
    if type_ in NESTED_POLICIES:
        attribute, key = NESTED_POLICIES[type_]
        for place, written in _nested(block, attribute, key, scope):
            path = f"{attribute}/{place}/{key}" if place else attribute
            yield AttachedPolicy(resource, path, written, PolicyKind.IDENTITY, (resource.address,))


def _has_statements(block: Block, scope: EvaluationScope) -> bool:
    """Whether an organization policy is of a type that is made of statements, or of one that is not known."""
    value = references.written(block, "type", scope)
    name = literal(value) if value is not None else None
    return name is None or name in STATEMENT_POLICIES


def _document(block: Block, name: str, scope: EvaluationScope) -> Node | None:
    value = references.written(block, name, scope)
    return _as_document(value) if value is not None else None


def _as_document(value: Node) -> Node | None:
    found = document(_with_statements(value))
    return None if isinstance(found, Absent) else found


def _with_statements(value: Node) -> Node:
    """An object given as a document whose statements are JSON text (``awscc``: "Map of String") with these read."""
    if isinstance(value, Choice):
        return Choice(value.condition, tuple((o, _with_statements(n)) for o, n in value.options), value.at)
    if not isinstance(value, ObjectNode):
        return value
    entries: list[ObjectEntry] = []
    for entry in value.entries:
        inner: Node = entry.value
        if entry.key.literal == "Statement" and isinstance(inner, StringNode):
            if isinstance(inner, Encoded) and inner.value is not None:
                inner = inner.value
            elif inner.only_hole is None:
                try:
                    inner = parse_json(inner)
                except MalformedDocument:
                    inner = entry.value
        entries.append(ObjectEntry(entry.key, inner))
    return ObjectNode(tuple(entries), value.at)


def _nested(block: Block, attribute: str, key: str, scope: EvaluationScope) -> Iterator[tuple[str, Node]]:
    """The inline policies in nested blocks, or in the objects of a list, each with its number; a list of which nothing
    is known is one unknown policy without a number."""
    number = 0
    for when, inner, inner_scope in blocks_of(block.body, attribute, scope):
        written = _document(inner, key, inner_scope)
        if written is not None:
            yield str(number), under(when, written)
        number += 1
    value = references.written(block, attribute, scope)
    pending: list[tuple[PathCondition, Node]] = [((), value)] if value is not None else []
    while pending:
        when, node = pending.pop(0)
        if isinstance(node, ListNode):
            pending[:0] = [(when, item) for item in node.items]
        elif isinstance(node, Choice):
            pending[:0] = [((*when, (node.condition, outcome)), option) for outcome, option in node.options]
        elif isinstance(node, ObjectNode):
            inside = get_path(node, key, key, node.at)
            written = None if isinstance(inside, Failure) or is_null(inside) else _as_document(inside)
            if written is not None:
                yield str(number), under(when, written)
            number += 1
        elif isinstance(node, StringNode):
            unknown = node if node.only_hole is not None else hole(attribute, node.at)
            whole = node is value
            yield "" if whole else str(number), under(when, plain_text(unknown))
            number += 1


def _role(block: Block, resource: ResourceDefinition, scope: EvaluationScope, when: PathCondition) -> RoleDefinition:
    name, path = references.entity_name(block, scope), references.entity_path(block, scope)
    return RoleDefinition(
        resource,
        plain_text(name) if name is not None else None,
        plain_text(path) if path is not None else None,
        _document(block, TRUST_POLICIES[resource.type], scope),
        (when,) if when else (),
    )


_INTERESTING = frozenset({
    *IDENTITY_POLICIES, *RESOURCE_POLICIES, *ORGANIZATION_POLICIES, *NESTED_POLICIES, *ATTACHMENTS, *NAMED_ATTACHMENTS,
    *BOUNDED, *MEMBERSHIPS, *SCP_TARGETS,
})  # fmt: skip
