"""Read what a Terraform resource attaches to principals, in configurations and plans.

:mod:`passrole_checks.sources.model.terraform_policy_attributes` lists the attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import StringNode
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.sources.model.attachments import AttachmentIndex, BoundaryVariant
from passrole_checks.sources.model.configuration import ManagedAttachment, ResourceDefinition
from passrole_checks.sources.model.terraform_policy_attributes import (
    ATTACHMENTS,
    BOUNDED,
    MEMBERSHIPS,
    NAMED_ATTACHMENTS,
    OWN_ATTACHMENTS,
    SCP_TARGETS,
)


@dataclass(frozen=True)
class AttachmentAttributes:
    """``policies``: the attribute with the policies, which are ARNs or, if ``by_name``, blocks with a ``name``.

    ``principals`` maps attributes to the kind of entity that they name; if it is empty, the resource is the principal.
    """

    policies: str
    principals: Mapping[str, str] = field(default_factory=dict)
    by_name: bool = False


AttachedValue = tuple[PathCondition, StringNode | None, Sequence[str]]
"""An attached managed policy: its path condition, its ARN or name if it is not in the configuration, else its
addresses."""


class AttachingResource(Protocol):
    """A resource as its source reads it."""

    @property
    def definition(self) -> ResourceDefinition: ...

    def principals(self, attributes: Mapping[str, str]) -> Iterable[str]:
        """Return the principals in attributes, which are mapped to the kind of entity that they name."""

    def attached(self, attributes: AttachmentAttributes) -> Iterable[AttachedValue]:
        """Return the attached managed policies."""

    def boundary(self) -> Sequence[BoundaryVariant]:
        """Return the variants of the permissions boundary."""

    def scp_targets(self, policy: str, targets: str) -> Iterable[tuple[StringNode, PathCondition, str]]:
        """Return the targets of an organization policy, for :attr:`AttachmentIndex.scp_targets`.

        The arguments are the attributes of the policy, empty if the resource is one, and of the targets.
        """


def read_attachments(resource: AttachingResource, index: AttachmentIndex) -> None:
    """Record what a resource attaches to itself or to others, its group memberships and its permissions boundary."""
    definition = resource.definition
    for attributes in attachment_attributes(definition.type):
        principals = _principals(resource, attributes.principals)
        for when, policy, addresses in resource.attached(attributes):
            index.attach(addresses, principals, when)
            if policy is not None:
                index.managed_policies.extend(
                    ManagedAttachment(principal, policy, definition, attributes.policies, policy.at, when)
                    for principal in principals
                )
    if definition.type in MEMBERSHIPS:
        groups, users = MEMBERSHIPS[definition.type]
        index.add_members(
            _principals(resource, {groups: "group"}),
            _principals(resource, {users: "user"} if users else {}),
            definition.at,
        )
    if definition.type in BOUNDED:
        variants = resource.boundary()
        index.boundary_uses.update(boundary for _, boundary in variants if isinstance(boundary, str))
        for principal in _principals(resource, BOUNDED[definition.type]):
            index.add_boundary(principal, variants)
    if definition.type in SCP_TARGETS:
        index.scp_targets.extend(resource.scp_targets(*SCP_TARGETS[definition.type]))


def _principals(resource: AttachingResource, attributes: Mapping[str, str]) -> Sequence[str]:
    """Return the principals in attributes; without attributes, the resource is the principal."""
    return tuple(dict.fromkeys(resource.principals(attributes))) if attributes else (resource.definition.address,)


def attachment_attributes(resource_type: str) -> Iterator[AttachmentAttributes]:
    """Yield the attributes with which a resource of this type attaches managed policies."""
    if resource_type in ATTACHMENTS:
        yield AttachmentAttributes(*ATTACHMENTS[resource_type])
    if resource_type in OWN_ATTACHMENTS:
        yield AttachmentAttributes(OWN_ATTACHMENTS[resource_type])
    if resource_type in NAMED_ATTACHMENTS:
        policies, permission_set = NAMED_ATTACHMENTS[resource_type]
        yield AttachmentAttributes(policies, {permission_set: "permission-set"} if permission_set else {}, by_name=True)
