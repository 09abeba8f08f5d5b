"""Attachments, group memberships and permissions boundaries whose policies are not in the configuration.

Every source collects them with :class:`AttachmentsBuilder`.

Sources: IAM User Guide, "Managed policies and inline policies", "Permissions boundaries for IAM entities"; AWS
Organizations User Guide, "Attaching organization policies with AWS Organizations".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Mapping_
from dataclasses import dataclass, field
from typing import TypedDict

from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
)
from passrole_checks.iam.path_conditions import PathCondition, consistent, extend
from passrole_checks.sources.model.configuration import AttachedPolicy, ManagedAttachment, PolicyKind

FindPolicies = Callable[[StringNode], Sequence[str]]
"""Return the addresses of the policies of the configuration that an ARN or a name refers to."""


class AttachmentsElsewhere(TypedDict):
    """Fields of a Configuration about attachments, groups, boundaries and SCP targets."""

    attachments: tuple[ManagedAttachment, ...]
    members: tuple[tuple[str, str], ...]
    boundaries: tuple[tuple[str, AttachedPolicy], ...]
    boundary_names: tuple[tuple[str, StringNode], ...]
    boundary_unknown: tuple[str, ...]
    conditional_boundaries: tuple[tuple[str, PathCondition, AttachedPolicy | StringNode | None], ...]
    targets: tuple[tuple[StringNode, PathCondition, AttachedPolicy], ...]


@dataclass
class AttachmentsBuilder:
    """Collect attachments while a source reads resources.

    ``members``: pairs of a group and a user, each with the position of the resource that states it.
    ``bounded``: principals with the address of their permissions boundary. ``conditional_boundaries``: principals whose
    boundary depends on path conditions (an address, a policy defined elsewhere, or none). ``scp_targets``: targets of
    service control policies, each with its path condition and the address of the policy.
    """

    attachments: list[ManagedAttachment] = field(default_factory=list)
    members: dict[tuple[str, str], Position] = field(default_factory=dict)
    bounded: dict[str, str] = field(default_factory=dict)
    boundary_names: dict[str, StringNode] = field(default_factory=dict)
    boundary_unknown: dict[str, None] = field(default_factory=dict)
    conditional_boundaries: dict[str, list[tuple[PathCondition, str | StringNode | None]]] = field(default_factory=dict)
    scp_targets: list[tuple[StringNode, PathCondition, str]] = field(default_factory=list)

    def add_boundary(
        self, holder: str, values: Sequence[tuple[PathCondition, Node]], find_policies: FindPolicies
    ) -> None:
        """Record the permissions boundary of a principal. ``values``: its variants, each with its path condition."""
        variants = [(when, self._resolve_boundary(value, find_policies)) for when, value in values]
        if all(boundary is None for _, boundary in variants):
            return
        if len(variants) > 1 and all(when for when, _ in variants):
            self.conditional_boundaries[holder] = variants
            return
        boundary = variants[0][1]
        if len(variants) > 1 or variants[0][0]:
            self.boundary_unknown[holder] = None
        elif isinstance(boundary, str):
            self.bounded[holder] = boundary
        elif boundary is not None:
            self.boundary_names[holder] = boundary
            self.boundary_unknown[holder] = None

    @staticmethod
    def _resolve_boundary(value: Node, find_policies: FindPolicies) -> str | StringNode | None:
        """Return the address of a boundary in the configuration, its value if it is elsewhere, None for no boundary."""
        if _is_no_boundary(value) or not isinstance(value, StringNode):
            return None
        addresses = find_policies(value)
        return addresses[0] if len(addresses) == 1 else value

    def build(self, policies: Sequence[AttachedPolicy]) -> AttachmentsElsewhere:
        """Return the collected fields. ``policies``: the policies of the configuration."""
        by_address: dict[str, list[AttachedPolicy]] = {}
        for policy in policies:
            for name in dict.fromkeys((policy.resource.address, policy.resource.address.partition("[")[0])):
                by_address.setdefault(name, []).append(policy)
        boundaries = []
        for holder, address in self.bounded.items():
            bounding = by_address.get(address)
            if bounding:
                boundaries.append((holder, bounding[0]))
            else:
                self.boundary_unknown[holder] = None
        conditional: list[tuple[str, PathCondition, AttachedPolicy | StringNode | None]] = []
        for holder, variants in self.conditional_boundaries.items():
            for when, value in variants:
                local = by_address.get(value) if isinstance(value, str) else None
                if local:
                    conditional.append((holder, when, local[0]))
                else:
                    shown = StringNode((Unresolved(value),), Position("", 0)) if isinstance(value, str) else value
                    conditional.append((holder, when, shown))
        return AttachmentsElsewhere(
            attachments=tuple(
                attachment
                for attachment in self.attachments
                if _referenced_address(attachment.policy) not in by_address
            ),
            members=tuple(self.members),
            boundaries=tuple(boundaries),
            boundary_names=tuple(self.boundary_names.items()),
            boundary_unknown=tuple(self.boundary_unknown),
            conditional_boundaries=tuple(conditional),
            targets=tuple(
                (target, when, policy)
                for target, when, address in self.scp_targets
                for policy in by_address.get(address, ())
                if policy.kind is PolicyKind.SCP
            ),
        )


NO_ATTACHMENTS_ELSEWHERE = AttachmentsBuilder().build(())


def _referenced_address(policy: StringNode) -> str | None:
    """Return the address of the resource that an ARN refers to; None if it is not a single reference."""
    unresolved = policy.only_hole
    return unresolved.expression.removesuffix(".PolicyArn").removesuffix(".Arn") if unresolved is not None else None


def flatten_variants(value: Node | None, when: PathCondition = ()) -> Iterator[tuple[PathCondition, Node]]:
    """Yield the elements of a list or an object, at any depth, each with its path condition."""
    pending = [(when, value)] if value is not None else []
    while pending:
        path, node = pending.pop(0)
        if isinstance(node, ListNode):
            pending[:0] = [(path, item) for item in node.items]
        elif isinstance(node, ObjectNode):
            pending[:0] = [(path, entry.value) for entry in node.entries]
        elif isinstance(node, Choice):
            pending[:0] = [
                (extend(path, node.condition, outcome), option)
                for outcome, option in node.options
                if consistent(path, node.condition, outcome)
            ]
        elif not isinstance(node, Absent):
            yield path, node


def conditional_holders(holders: Mapping_[str, Sequence[PathCondition]]) -> tuple[tuple[str, PathCondition], ...]:
    """Return the principals that get a policy only under path conditions, once for each of these conditions.

    ``holders``: principals with the path conditions under which each gets the policy.
    """
    return tuple(
        (holder, when) for holder, conditions in holders.items() if () not in conditions for when in conditions
    )


def value_variants(value: Node | None, when: PathCondition = ()) -> list[tuple[PathCondition, Node]]:
    """Return the variants of a string, absence included, each with its path condition; none for a list or an object."""
    if isinstance(value, Choice):
        return [
            variant
            for outcome, option in value.options
            if consistent(when, value.condition, outcome)
            for variant in value_variants(option, extend(when, value.condition, outcome))
        ]
    if isinstance(value, Const) and value.value is None:
        value = Absent(value.at)
    return [(when, value)] if isinstance(value, (StringNode, Absent)) else []


def _is_no_boundary(value: Node) -> bool:
    """True if there is no boundary; an empty string means the same."""
    return isinstance(value, Absent) or (
        isinstance(value, StringNode) and value.literal is not None and not value.literal.strip()
    )
