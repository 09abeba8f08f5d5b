"""Policies that deployments may remove or leave outdated, so that their Deny statements exclude nothing for sure.

Sources: :mod:`passrole_checks.sources.model.exclusive_policies`; Terraform documentation, "The lifecycle
meta-argument", ``ignore_changes`` (the attribute may have another value in the account).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.partial_values import Position, StringNode
from passrole_checks.sources.model.attachments import flatten_variants
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    NoteKind,
    PolicyKind,
    ResourceDefinition,
    Unreadable,
)
from passrole_checks.sources.model.exclusive_policies import EXCLUSIVE, INLINE_POLICIES, MANAGED, without_denial
from passrole_checks.sources.model.terraform_policy_attributes import BOUNDED, IDENTITY_POLICIES, MANAGED_POLICIES
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.attachments import TerraformAttachments
from passrole_checks.sources.terraform.policies.ignore_changes import ignores_changes
from passrole_checks.sources.terraform.policies.resource_instances import block_address, resource_instances
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references

_BOUNDARY = "permissions_boundary"
_IGNORED = "`ignore_changes` keeps the deployed one"


def without_unreliable_denials(
    root: Module, attachments: TerraformAttachments, policies: Sequence[AttachedPolicy]
) -> tuple[list[AttachedPolicy], list[Unreadable]]:
    """Return the policies, and a note for each Deny and boundary that is not counted.

    A policy with a Deny that deployments may remove or leave outdated has fewer principals.
    """
    removed = _Removed.of(root, attachments)
    if not (removed.owners or removed.outdated):
        return list(policies), removed.notes
    return [removed.apply(policy) for policy in policies], removed.notes


@dataclass(frozen=True, slots=True)
class _Owner:
    """A resource that owns all inline, or all managed, policies of its holders, and removes all but the listed ones.

    ``names`` are those of inline policies, ``addresses`` those of managed policies; ``mentioned``: the expressions of
    names that are unknown.
    """

    resource: ResourceDefinition
    holders: frozenset[str]
    managed: bool
    names: frozenset[str]
    mentioned: str
    addresses: frozenset[str]


@dataclass
class _Removed:
    """Policies that other resources of the configuration may remove, or that Terraform leaves as they are."""

    owners: list[_Owner] = field(default_factory=list)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)  # block and name of an inline policy, by address
    outdated: set[str] = field(default_factory=set)  # addresses with the document in ignore_changes
    notes: list[Unreadable] = field(default_factory=list)

    @classmethod
    def of(cls, root: Module, attachments: TerraformAttachments) -> _Removed:
        """Find the resources that remove policies, and the policies and boundaries in ``ignore_changes``."""
        removed, inline = cls(), []
        for module in root.walk():
            for block in module.folder.resources:
                type_ = block.labels[0]
                if type_ in EXCLUSIVE:
                    for resource, scope, _ in resource_instances(module, block):
                        removed.owners.extend(_owner(block, resource, scope, attachments))
                if type_ in IDENTITY_POLICIES and ignores_changes(block, IDENTITY_POLICIES[type_]):
                    removed.outdated.update(resource.address for resource, _, _ in resource_instances(module, block))
                if type_ in BOUNDED and block.body.get(_BOUNDARY) is not None and ignores_changes(block, _BOUNDARY):
                    address = module.full_address(block_address(block))
                    removed._note(module.scope(block.source).position(block.span), address, _BOUNDARY, _IGNORED)
                if type_ in INLINE_POLICIES:
                    inline.append((module, block))
        if any(not owner.managed for owner in removed.owners):
            for module, block in inline:
                for resource, scope, _ in resource_instances(module, block):
                    name = references.value_of(block, "name", scope)
                    literal = name.literal if isinstance(name, StringNode) else None
                    removed.names[resource.address] = block_address(block), literal or ""
        return removed

    def apply(self, policy: AttachedPolicy) -> AttachedPolicy:
        """Return a policy without the principals that may not have it, if it has a Deny."""
        if policy.kind is not PolicyKind.IDENTITY:
            return policy
        owners = [
            owner
            for owner in self.owners
            if not owner.holders.isdisjoint(policy.principals) and self._is_removed(policy, owner)
        ]
        if not owners and policy.resource.address not in self.outdated:
            return policy
        lost = {holder for owner in owners for holder in owner.holders}
        why = f"{owners[0].resource.address} does not list it" if owners else _IGNORED
        kept, note = without_denial(policy, lost if owners else policy.principals, why, whole=bool(owners))
        self.notes += [note] if note is not None else []
        return kept

    def _note(self, at: Position, address: str, limit: str, why: str) -> None:
        self.notes.append(
            Unreadable(at.file, f"{address}: {limit} is not counted: {why}", at.line, kind=NoteKind.LIMIT_NOT_COUNTED)
        )

    def _is_removed(self, policy: AttachedPolicy, owner: _Owner) -> bool:
        address = policy.resource.address
        if owner.managed:
            return policy.resource.type in MANAGED_POLICIES and address not in owner.addresses
        if address not in self.names:
            return False
        block, name = self.names[address]
        return name not in owner.names and block not in owner.mentioned


def _owner(
    block: Block, resource: ResourceDefinition, scope: EvaluationScope, attachments: TerraformAttachments
) -> Iterator[_Owner]:
    """Yield what a resource owns, nothing if its list is unknown."""
    managed, kind = block.labels[0] in MANAGED, EXCLUSIVE[block.labels[0]]
    listed = references.value_of(block, "policy_arns" if managed else "policy_names", scope)
    if listed is None or isinstance(listed, StringNode):
        return
    values = [value for _, value in flatten_variants(listed)]
    texts = [value for value in values if isinstance(value, StringNode)]
    resolved = [attachments.resolve_policies(value, scope.module.address) for value in values]
    known = [
        bool(found) or (isinstance(value, StringNode) and value.literal is not None)
        for value, found in zip(values, resolved, strict=True)
    ]
    if managed and not all(known):
        return
    yield _Owner(
        resource,
        frozenset(attachments.principals_in(block, {f"{kind}_name": kind}, scope)),
        managed,
        frozenset(text.literal for text in texts if text.literal is not None),
        " ".join(str(text) for text in texts if text.literal is None),
        frozenset(address for found in resolved for address in found),
    )
