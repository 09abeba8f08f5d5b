"""The attributes of a format's resource types that say something about access: tables from type to attributes."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from passrole_checks.iam.fast_dataclass import dataclass


@dataclass(frozen=True)
class AccessTables:
    """The tables of a format, each by resource type.

    Policies: ``identity`` (``optional``: types whose attribute may be absent; ``holders``: the attributes that name the
    principals, each with their kind), ``trust``, ``organization`` (with the attribute of the policy's type),
    ``resource`` (resource-based, endpoint and session policies, which grant no PassRole), ``nested`` (lists of inline
    policies: the attribute, and the element's attribute with the document).

    Attachments of managed policies: ``attachments`` (the attribute of the ARNs, and those that name the principals;
    without the latter the resource is the principal), ``own_attachments`` (of a principal itself),
    ``named_attachments`` (by name; the attribute of the principal, empty if it is the resource), ``inactive`` (the
    attribute of the status, and its values without effect).

    ``memberships``: the attributes of groups and of users, empty if the resource is the user. ``bounded``: types with
    permissions boundaries, with the attributes of their principals, empty if the resource is the principal.
    ``scp_targets``: the attributes of an organization policy, empty if the resource is one, and of its targets.
    """

    identity: Mapping[str, str]
    optional: AbstractSet[str]
    holders: Mapping[str, Mapping[str, str]]
    trust: Mapping[str, str]
    organization: Mapping[str, tuple[str, str]]
    resource: Mapping[str, tuple[str, ...]]
    nested: Mapping[str, tuple[str, str]]
    attachments: Mapping[str, tuple[str, Mapping[str, str]]]
    own_attachments: Mapping[str, str]
    named_attachments: Mapping[str, tuple[str, str]]
    inactive: Mapping[str, tuple[str, AbstractSet[str]]]
    memberships: Mapping[str, tuple[str, str]]
    bounded: Mapping[str, Mapping[str, str]]
    scp_targets: Mapping[str, tuple[str, str]]
