"""A resource as its format reads it, of which :mod:`passrole_checks.sources.collect` reads everything about access."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import NamedTuple, Protocol

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Node, StringNode
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.sources.collect.tables import AccessTables
from passrole_checks.sources.model.configuration import ResourceDefinition

BoundaryVariant = tuple[PathCondition, str | StringNode | None]
"""A permissions boundary under a path condition: the address of a policy of the configuration, else its ARN or name;
None if there is none."""

Holders = Mapping[str, Sequence[PathCondition]]
"""Principals, each with the path conditions under which it is one."""


class FoundDocument(NamedTuple):
    """A policy document, its path below the resource's attributes, and the name of the policy as far as it is known."""

    path: str
    document: Node
    name: str = ""
    partial_name: StringNode | None = None


@dataclass(frozen=True)
class AttachmentAttributes:
    """``policies``: the attribute with the policies, which are ARNs or, if ``by_name``, blocks with a ``name``.

    ``principals`` maps attributes to the kind of entity that they name; if it is empty, the resource is the principal.
    """

    policies: str
    principals: Mapping[str, str] = field(default_factory=dict)
    by_name: bool = False


class AttachedValue(NamedTuple):
    """An attached managed policy under a path condition.

    ``policy``: its ARN or name if it is not in the configuration, else ``addresses`` are its addresses. ``path``: its
    path below the attribute's resource if that is not the attribute.
    """

    when: PathCondition
    policy: StringNode | None
    addresses: Sequence[str] = ()
    path: str = ""


class Resource(Protocol):
    """A resource; its attributes (in CloudFormation, properties) are evaluated when they are asked for."""

    @property
    def definition(self) -> ResourceDefinition: ...

    @property
    def tables(self) -> AccessTables: ...

    @property
    def principal(self) -> str | None:
        """The address of the principal that it is; None if it is none."""

    def names(self) -> Iterable[str]:
        """Return the names of its attributes."""

    def value(self, name: str) -> Node | None:
        """Return the value of an attribute that may contain roles; None if it is absent."""

    def word(self, name: str) -> str | None:
        """Return the text of an attribute with one of a few words; None if it has none or is unknown."""

    def documents(self, attribute: str, *, required: bool) -> Iterable[FoundDocument]:
        """Return the policy document in an attribute; several if parts of it are added in other ways, none if it is
        absent. ``required``: AWS rejects the resource without it."""

    def inline_policies(self, attribute: str, key: str) -> Iterable[FoundDocument]:
        """Return the documents in a list of inline policies; ``key``: the attribute of its elements."""

    def holders(self, attributes: Mapping[str, str]) -> Holders:
        """Return the principals in attributes, which are mapped to the kind of entity that they name."""

    def attached(self, attributes: AttachmentAttributes) -> Iterable[AttachedValue]:
        """Return the attached managed policies."""

    def boundary(self) -> Sequence[BoundaryVariant]:
        """Return the variants of the permissions boundary."""

    def scp_targets(self, policy: str, targets: str) -> Iterable[tuple[StringNode, PathCondition, str]]:
        """Return the targets of an organization policy, for ``AttachmentIndex.scp_targets``.

        The arguments are the attributes of the policy, empty if the resource is one, and of the targets.
        """
