"""Attributes with which a Terraform resource attaches managed policies, in configurations and plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from passrole_checks.sources.model.terraform_policy_attributes import ATTACHMENTS, NAMED_ATTACHMENTS, OWN_ATTACHMENTS


@dataclass(frozen=True)
class AttachmentAttributes:
    """``policies``: the attribute with the policies, which are ARNs or, if ``by_name``, blocks with a ``name``.

    ``principals`` maps attributes to the kind of entity that they name; if it is empty, the resource is the principal.
    """

    policies: str
    principals: Mapping[str, str] = field(default_factory=dict)
    by_name: bool = False


def attachment_attributes(resource_type: str) -> Iterator[AttachmentAttributes]:
    """Yield the attributes with which a resource of this type attaches managed policies."""
    if resource_type in ATTACHMENTS:
        yield AttachmentAttributes(*ATTACHMENTS[resource_type])
    if resource_type in OWN_ATTACHMENTS:
        yield AttachmentAttributes(OWN_ATTACHMENTS[resource_type])
    if resource_type in NAMED_ATTACHMENTS:
        policies, permission_set = NAMED_ATTACHMENTS[resource_type]
        yield AttachmentAttributes(policies, {permission_set: "permission-set"} if permission_set else {}, by_name=True)
