"""Documents, principals and roles of a configuration.

:mod:`passrole_checks.sources.collect.terraform_tables` lists the attributes that contain them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import StringNode
from passrole_checks.iam.values.path_conditions import intersect
from passrole_checks.iam.values.variants import guard
from passrole_checks.sources.collect.attachments import read_attachments, unknown_groups
from passrole_checks.sources.collect.consumers import find_received_roles
from passrole_checks.sources.collect.handed_out import (
    hands_nothing_out,
    may_grant_pass_role,
    pass_role_statements,
    without_attached,
)
from passrole_checks.sources.collect.policies import policies_of
from passrole_checks.sources.collect.terraform_tables import (
    INSTANCE_PROFILES,
    KNOWN_TYPES,
    TRUST_POLICIES,
    USERS,
    not_read_reason,
)
from passrole_checks.sources.model.configuration import (
    NO_ATTACHMENTS,
    AttachedPolicy,
    Attachments,
    Framework,
    InstanceProfile,
    PolicyKind,
    ReceivedRole,
    ResourceDefinition,
    RoleDefinition,
    Suppression,
    Unreadable,
)
from passrole_checks.sources.model.embedded_template import TYPES
from passrole_checks.sources.terraform.evaluation.symbolic_values import known_string
from passrole_checks.sources.terraform.evaluation.to_plain import to_plain_string
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.attachments import TerraformAttachments
from passrole_checks.sources.terraform.policies.boundary_uses import judged_by_module_uses
from passrole_checks.sources.terraform.policies.handed_out import (
    handed_out_by,
    handed_out_by_output,
    managed_policies_by,
)
from passrole_checks.sources.terraform.policies.no_instance import blocks_without_instance, documents_without_instance
from passrole_checks.sources.terraform.policies.resource import BlockInstance, instance_profile, may_receive
from passrole_checks.sources.terraform.policies.stacks import Stack, stacks_of
from passrole_checks.sources.terraform.policies.text_search import document_search, managed_policy_search
from passrole_checks.sources.terraform.policies.unknown_resources import HandedOutFilter, may_attach_managed_policies
from passrole_checks.sources.terraform.policies.unreliable_denials import without_unreliable_denials
from passrole_checks.sources.terraform.policies.unused_documents import unused_documents
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.off_by_default import by_default, existing


@dataclass
class ModuleContents:
    """Resources, policies, roles and attachments of all modules of a configuration."""

    resources: list[ResourceDefinition] = field(default_factory=list)
    policies: list[AttachedPolicy] = field(default_factory=list)
    roles: list[RoleDefinition] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    received: list[ReceivedRole] = field(default_factory=list)
    instance_profiles: list[InstanceProfile] = field(default_factory=list)
    stack_roles: list[RoleDefinition] = field(default_factory=list)
    users: list[tuple[str, StringNode]] = field(default_factory=list)
    attached: Attachments = NO_ATTACHMENTS
    suppressions: list[Suppression] = field(default_factory=list)
    not_evaluated: list[Unreadable] = field(default_factory=list)
    nested: list[str] = field(default_factory=list)


def collect(root: Module, *, with_unused: bool = True) -> ModuleContents:
    """Return all resources, policies and roles of a root module and its child modules.

    ``with_unused``: also notes on policies that nothing uses.
    """
    contents, attachments = ModuleContents(), TerraformAttachments(root)
    for module, block in root.resources():
        try:
            _collect_block(module, block, contents, attachments)
        except RecursionError:
            contents.unreadable.append(Unreadable(block.source.file, "nested too deeply", block.span.line))
    stacks = list(stacks_of(root))
    for stack in stacks:
        _collect_stack(stack, contents)
    handed_out = _collect_handed_out(root, contents, attachments)
    contents.policies = attachments.finish([*contents.policies, *handed_out])
    contents.policies, notes, owners = without_unreliable_denials(root, attachments, contents.policies)
    contents.not_evaluated.extend(notes)
    contents.attached = attachments.index.build(contents.policies).with_others(
        [Attachments(owners=owners), *(stack.content.attached for stack in stacks)]
    )
    contents.not_evaluated.extend(unknown_groups(attachments.index.members))
    received_in = {stack.resource.address: stack.content.received for stack in stacks}
    # last: policies have priority if the step budget runs out
    contents.not_evaluated.extend(_unattached(root, attachments) if with_unused else ())
    consumers = (
        (block, *definition)
        for module, block in root.resources()
        if may_receive(block)
        for definition in module.definitions(block)
    )
    for block, resource, scope, when in consumers:
        try:
            inner = received_in.get(resource.address, ())
            found = find_received_roles(BlockInstance(attachments, block, scope, resource))
            for received in (*found, *inner):
                contents.received.append(replace(received, value=guard(when, received.value)) if when else received)
            if resource.type in INSTANCE_PROFILES:
                contents.instance_profiles.append(instance_profile(block, resource, scope))
        except RecursionError:
            contents.unreadable.append(Unreadable(block.source.file, "nested too deeply", block.span.line))
    return contents


def _collect_handed_out(
    root: Module, contents: ModuleContents, attachments: TerraformAttachments
) -> list[AttachedPolicy]:
    """Return the documents that leave the configuration, and collect the AWS managed policies that do."""
    documents, managed, search = document_search(), managed_policy_search(root), HandedOutFilter()
    found: list[AttachedPolicy] = []
    for module in root.walk():
        for block in (*module.folder.resources, *module.folder.modules.values()):
            try:
                if block.type == "module":
                    if module.children(block) is not None:
                        continue
                elif block.labels[0] in KNOWN_TYPES or block.labels[0] in TYPES or hands_nothing_out(block.labels[0]):
                    continue
                if block.type == "module" or search.may_hand_out(module, block):
                    found.extend(handed_out_by(module, block, documents, search))
                if block.type == "module" or may_attach_managed_policies(block):
                    attachments.index.managed_policies.extend(managed_policies_by(module, block, managed))
            except RecursionError:
                contents.unreadable.append(Unreadable(block.source.file, "nested too deeply", block.span.line))
    for block in root.folder.outputs.values():
        if search.may_hand_out(root, block):
            found.extend(handed_out_by_output(root, block))
    return list(without_attached(judged_by_module_uses(root, found), contents.policies))


def _unattached(root: Module, attachments: TerraformAttachments) -> Iterator[Unreadable]:
    """Yield notes on policies that may allow PassRole and that the known values attach to no principal."""

    def granted_by(module: Module, block: Block) -> tuple[str, ...]:
        scope, is_evaluated = module.instance_scope(block, None), bool(module.possible_instances(block)[1])
        at = scope.position(block.span)
        resource = ResourceDefinition(module.full_address(block.address), block.labels[0], Framework.TERRAFORM, at)
        texts = [
            text
            for policy in (() if is_evaluated else policies_of(BlockInstance(attachments, block, scope, resource)))
            if policy.kind is PolicyKind.IDENTITY and may_grant_pass_role(policy.document)
            for document in documents_without_instance(module, block, policy.path) or (policy.document,)
            for text in pass_role_statements(document)
        ]
        return (*texts, *attachments.attached_grants(block, scope, is_evaluated))

    try:
        yield from unused_documents(root)
        yield from blocks_without_instance(root, granted_by)
    except RecursionError:
        return  # the code that is nested too deeply is reported where it is used


def _collect_stack(stack: Stack, contents: ModuleContents) -> None:
    content, when = stack.content, stack.when
    contents.resources.append(stack.resource)
    for policy in content.policies:
        contents.policies.append(replace(policy, document=guard(when, policy.document)) if when else policy)
    roles = (replace(role, exists_when=intersect((when,), role.exists_when)) for role in content.roles)
    contents.roles.extend(roles if when else content.roles)
    contents.stack_roles.extend(content.named)
    contents.users.extend(content.users)
    contents.instance_profiles.extend(content.profiles)
    contents.suppressions.extend(content.suppressions)
    contents.not_evaluated.extend(content.not_evaluated if content.is_read else ())
    contents.nested.extend([content.file] if content.file else ())


def _collect_block(module: Module, block: Block, contents: ModuleContents, attachments: TerraformAttachments) -> None:
    type_ = block.labels[0]
    if type_ in TYPES:
        return
    if type_ not in KNOWN_TYPES and type_ not in USERS:
        address = module.full_address(block.address)
        at = block.source.position(block.span)
        contents.resources.append(ResourceDefinition(address, type_, Framework.TERRAFORM, at))
        _note_unread(module, block, address)
        return
    for resource, scope, when in module.definitions(block):
        contents.resources.append(resource)
        instance, trust = BlockInstance(attachments, block, scope, resource, when), None
        for policy in policies_of(instance):
            if policy.kind is PolicyKind.TRUST:
                trust = by_default(policy.document)
            document = existing(when, policy.document if policy.kind is not PolicyKind.TRUST else trust)
            if document is not None:
                contents.policies.append(replace(policy, document=document))
        own = references.entity_name(block, scope) if type_ in TRUST_POLICIES or type_ in USERS else None
        name = to_plain_string(own) if own is not None else None
        if type_ in TRUST_POLICIES:
            path = references.entity_path(block, scope)
            plain_path = to_plain_string(path) if path is not None else None
            contents.roles.append(RoleDefinition(resource, name, plain_path, trust, (when,) if when else ()))
        elif name is not None:
            contents.users.append((resource.address, name))
        read_attachments(instance, attachments.index)


def _note_unread(module: Module, block: Block, address: str) -> None:
    """Record a resource block whose own template or state may contain policies."""
    if not_read_reason(block.labels[0], None) is None or not module.instances(block).items:
        return
    type_name = references.value_of(block, "type_name", module.instance_scope(block, None))
    reason = not_read_reason(block.labels[0], known_string(type_name) if type_name is not None else None)
    if reason is not None:
        module.run.not_evaluated.setdefault(
            address, Unreadable(block.source.file, f"{address}: {reason}", block.span.line)
        )
