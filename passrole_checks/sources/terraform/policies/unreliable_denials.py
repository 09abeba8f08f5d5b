"""Policies that deployments may remove or leave outdated, so that their Deny statements exclude nothing for sure.

Sources: :mod:`passrole_checks.sources.model.exclusive_policies`; Terraform documentation, "The lifecycle
meta-argument", ``ignore_changes`` (the attribute may have another value in the account).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.values.nodes import Absent, Const, ListNode, Node, StringNode
from passrole_checks.iam.values.variants import flatten_variants
from passrole_checks.sources.collect.terraform_tables import ATTACHMENTS, BOUNDED, IDENTITY_POLICIES, MANAGED_POLICIES
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    NoteKind,
    PolicyKind,
    ResourceDefinition,
    Unreadable,
)
from passrole_checks.sources.model.exclusive_policies import (
    EXCLUSIVE,
    INLINE_POLICIES,
    MANAGED,
    OF_POLICY,
    OWN_ARGUMENTS,
    without_denial,
    without_removed_denial,
)
from passrole_checks.sources.model.policy_owners import PolicyOwner, policy_names
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.attachments import TerraformAttachments
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.blocks import blocks_of, ignores_changes

_BOUNDARY = "permissions_boundary"
_IGNORED = "`ignore_changes` keeps the deployed one"


def without_unreliable_denials(
    root: Module, attachments: TerraformAttachments, policies: Sequence[AttachedPolicy]
) -> tuple[list[AttachedPolicy], list[Unreadable], tuple[PolicyOwner, ...]]:
    """Return the policies, a note for each Deny and boundary that is not counted, and the resources that remove
    policies.

    A policy with a Deny that deployments may remove or leave outdated has fewer principals.
    """
    removed = _Removed.of(root, attachments)
    if removed.owners or removed.outdated:
        policies = [removed.apply(policy) for policy in policies]
    return list(policies), removed.notes, tuple(removed.owners)


@dataclass
class _Removed:
    """Policies that other resources of the configuration may remove, or that Terraform leaves as they are."""

    owners: list[PolicyOwner] = field(default_factory=list)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)  # block and name of an inline policy, by address
    outdated: set[str] = field(default_factory=set)  # addresses with the document in ignore_changes
    notes: list[Unreadable] = field(default_factory=list)

    @classmethod
    def of(cls, root: Module, attachments: TerraformAttachments) -> _Removed:
        """Find the resources that remove policies, and the policies and boundaries in ``ignore_changes``."""
        removed = cls()
        for module, block in root.resources():
            type_ = block.labels[0]
            if type_ in EXCLUSIVE or type_ == OF_POLICY or _owns_policies(block):
                for resource, scope, _ in module.definitions(block):
                    removed.owners.extend(_owners(block, resource, scope, attachments))
            if type_ in IDENTITY_POLICIES and ignores_changes(block, IDENTITY_POLICIES[type_]):
                removed.outdated.update(resource.address for resource, _, _ in module.definitions(block))
            if type_ in BOUNDED and block.body.get(_BOUNDARY) is not None and ignores_changes(block, _BOUNDARY):
                reason = f"{module.full_address(block.address)}: {_BOUNDARY} is not counted: {_IGNORED}"
                file, line = block.source.file, block.span.line
                removed.notes.append(Unreadable(file, reason, line, kind=NoteKind.LIMIT_NOT_COUNTED))
        if any(not owner.managed for owner in removed.owners):
            for module, block in root.resources():
                for resource, scope, _ in module.definitions(block) if block.labels[0] in INLINE_POLICIES else ():
                    name = references.value_of(block, "name", scope)
                    literal = name.literal if isinstance(name, StringNode) else None
                    removed.names[resource.address] = block.address, literal or ""
        return removed

    def apply(self, policy: AttachedPolicy) -> AttachedPolicy:
        """Return a policy without the principals that may not have it, if it has a Deny."""
        if policy.kind is not PolicyKind.IDENTITY:
            return policy
        address = policy.resource.address
        managed = policy.resource.type in MANAGED_POLICIES
        kept, note = policy, None
        if managed or address in self.names:
            names = policy_names(address) if managed else self.names[address]
            kept, note = without_removed_denial(policy, self.owners, names, managed=managed)
        if note is None and address in self.outdated:
            kept, note = without_denial(policy, policy.principals, _IGNORED, whole=False)
        self.notes += [note] if note is not None else []
        return kept


def _owns_policies(block: Block) -> bool:
    """True if a block is a role with an argument that owns policies."""
    if block.labels[0] != "aws_iam_role":
        return False
    names = {*block.body.by_name, *(inner.generated_type for inner in block.body.blocks)}
    return not names.isdisjoint(OWN_ARGUMENTS)


def _owners(
    block: Block, resource: ResourceDefinition, scope: EvaluationScope, attachments: TerraformAttachments
) -> Iterator[PolicyOwner]:
    """Yield what a resource owns. Elements of its list that are unknown are none that it surely keeps."""
    type_ = block.labels[0]
    if type_ == OF_POLICY:
        attribute, kinds = ATTACHMENTS[type_]
        holders = frozenset(attachments.principals_in(block, kinds, scope))
        yield _owner(resource, holders, references.value_of(block, attribute, scope), True, scope, attachments)
    elif type_ in EXCLUSIVE:
        managed, kind = type_ in MANAGED, EXCLUSIVE[type_]
        holders = frozenset(attachments.principals_in(block, {f"{kind}_name": kind}, scope))
        listed = references.value_of(block, "policy_arns" if managed else "policy_names", scope)
        if listed is not None:
            yield _owner(resource, holders, listed, managed, scope, attachments)
    else:
        own = frozenset((resource.address,))
        listed = references.value_of(block, "managed_policy_arns", scope)
        if listed is not None and not isinstance(listed, Absent | Const):
            yield _owner(resource, own, listed, True, scope, attachments)
        names = [
            references.value_of(inner, "name", at) for _, inner, at in blocks_of(block.body, "inline_policy", scope)
        ]
        if names:
            values = ListNode(tuple(name for name in names if name is not None), resource.at)
            yield _owner(resource, own, values, False, scope, attachments)


def _owner(
    resource: ResourceDefinition,
    holders: frozenset[str],
    listed: Node | None,
    managed: bool,
    scope: EvaluationScope,
    attachments: TerraformAttachments,
) -> PolicyOwner:
    names: list[str] = []
    unknown: list[str] = []
    for _, value in flatten_variants(listed):
        addresses = attachments.resolve_policies(value, scope.module.address) if managed else []
        text = StringNode(expand(value.parts), value.at) if isinstance(value, StringNode) else None
        names += addresses
        if text is not None and text.literal is not None:
            names += policy_names(text.literal) if managed else [text.literal]
        elif text is not None and not addresses:
            last = text.parts[-1]
            names += policy_names(last)[1:] if managed and isinstance(last, str) else ()
            unknown.append(str(value))
    is_of_policy = resource.type == OF_POLICY
    return PolicyOwner(resource.address, holders, managed, frozenset(names), " ".join(unknown), is_of_policy)
