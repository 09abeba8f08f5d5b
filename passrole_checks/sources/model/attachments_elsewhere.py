"""What principals hold that is no policy of the configuration: collected by each source, the same for all of them.

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

Named = Callable[[StringNode], Sequence[str]]  # the addresses of the policies of a configuration that a text names


class AttachmentsElsewhere(TypedDict):
    """The parts of a Configuration that tell of what principals hold."""

    attachments: tuple[ManagedAttachment, ...]
    members: tuple[tuple[str, str], ...]
    boundaries: tuple[tuple[str, AttachedPolicy], ...]
    boundary_names: tuple[tuple[str, StringNode], ...]
    boundary_unknown: tuple[str, ...]
    boundary_readings: tuple[tuple[str, PathCondition, AttachedPolicy | StringNode | None], ...]
    targets: tuple[tuple[StringNode, PathCondition, AttachedPolicy], ...]


@dataclass
class Holdings:
    """``bounded`` are principals, each with the address of its permissions boundary; ``readings`` those of whom facts
    decide which one it is (an address, a policy that stands elsewhere, or none); ``limited`` the targets of service
    control policies, each with the facts under which it is one, and the policy's address."""

    managed: list[ManagedAttachment] = field(default_factory=list)
    members: dict[tuple[str, str], None] = field(default_factory=dict)
    bounded: dict[str, str] = field(default_factory=dict)
    boundary_names: dict[str, StringNode] = field(default_factory=dict)
    boundary_unknown: dict[str, None] = field(default_factory=dict)
    readings: dict[str, list[tuple[PathCondition, str | StringNode | None]]] = field(default_factory=dict)
    limited: list[tuple[StringNode, PathCondition, str]] = field(default_factory=list)

    def bind(self, holder: str, values: Sequence[tuple[PathCondition, Node]], named: Named) -> None:
        """Note the permissions boundary of a principal: what it may be, each with the facts under which it is that."""
        found = [(facts, self._read(value, named)) for facts, value in values]
        if all(one is None for _, one in found):
            return
        if len(found) > 1 and all(facts for facts, _ in found):
            self.readings[holder] = found
            return
        one = found[0][1]
        if len(found) > 1 or found[0][0]:
            self.boundary_unknown[holder] = None
        elif isinstance(one, str):
            self.bounded[holder] = one
        elif one is not None:
            self.boundary_names[holder] = one
            self.boundary_unknown[holder] = None

    @staticmethod
    def _read(value: Node, named: Named) -> str | StringNode | None:
        """The address of a boundary, what is written where it is not here, None for no boundary."""
        if _is_nothing(value) or not isinstance(value, StringNode):
            return None
        addresses = named(value)
        return addresses[0] if len(addresses) == 1 else value

    def held(self, policies: Sequence[AttachedPolicy]) -> AttachmentsElsewhere:
        """All of it, given the policies of the configuration."""
        by_address: dict[str, list[AttachedPolicy]] = {}
        for policy in policies:
            for name in dict.fromkeys((policy.resource.address, policy.resource.address.partition("[")[0])):
                by_address.setdefault(name, []).append(policy)
        boundaries = []
        for holder, address in self.bounded.items():
            found = by_address.get(address)
            if found:
                boundaries.append((holder, found[0]))
            else:
                self.boundary_unknown[holder] = None
        readings: list[tuple[str, PathCondition, AttachedPolicy | StringNode | None]] = []
        for holder, values in self.readings.items():
            for facts, value in values:
                here = by_address.get(value) if isinstance(value, str) else None
                if here:
                    readings.append((holder, facts, here[0]))
                else:
                    named = StringNode((Unresolved(value),), Position("", 0)) if isinstance(value, str) else value
                    readings.append((holder, facts, named))
        return AttachmentsElsewhere(
            attachments=tuple(one for one in self.managed if _words_of(one.policy) not in by_address),
            members=tuple(self.members),
            boundaries=tuple(boundaries),
            boundary_names=tuple(self.boundary_names.items()),
            boundary_unknown=tuple(self.boundary_unknown),
            boundary_readings=tuple(readings),
            targets=tuple(
                (target, facts, policy)
                for target, facts, address in self.limited
                for policy in by_address.get(address, ())
                if policy.kind is PolicyKind.SCP
            ),
        )


NOTHING_HELD = Holdings().held(())


def _words_of(policy: StringNode) -> str | None:
    """The resource whose ARN a text is, as far as its words tell."""
    hole = policy.only_hole
    return hole.expression.removesuffix(".PolicyArn").removesuffix(".Arn") if hole is not None else None


def each_with_facts(value: Node | None, when: PathCondition = ()) -> Iterator[tuple[PathCondition, Node]]:
    """The values in a list or an object, each with the facts under which it is there."""
    pending = [(when, value)] if value is not None else []
    while pending:
        facts, node = pending.pop(0)
        if isinstance(node, ListNode):
            pending[:0] = [(facts, item) for item in node.items]
        elif isinstance(node, ObjectNode):
            pending[:0] = [(facts, entry.value) for entry in node.entries]
        elif isinstance(node, Choice):
            pending[:0] = [
                (extend(facts, node.condition, outcome), option)
                for outcome, option in node.options
                if consistent(facts, node.condition, outcome)
            ]
        elif not isinstance(node, Absent):
            yield facts, node


def held_under(found: Mapping_[str, Sequence[PathCondition]]) -> tuple[tuple[str, PathCondition], ...]:
    """Of principals, each with the facts under which it gets a policy, those that do not get it whatever holds."""
    return tuple((who, facts) for who, readings in found.items() if () not in readings for facts in readings)


def alternatives(value: Node | None, when: PathCondition = ()) -> list[tuple[PathCondition, Node]]:
    """What one thing may be, nothing among it, each with the facts under which it is that; a list or an object is
    looked at elsewhere."""
    if isinstance(value, Choice):
        return [
            found
            for outcome, option in value.options
            if consistent(when, value.condition, outcome)
            for found in alternatives(option, extend(when, value.condition, outcome))
        ]
    if isinstance(value, Const) and value.value is None:
        value = Absent(value.at)
    return [(when, value)] if isinstance(value, (StringNode, Absent)) else []


def _is_nothing(value: Node) -> bool:
    """Whether there is no boundary; an empty text is how that is written, too."""
    return isinstance(value, Absent) or (
        isinstance(value, StringNode) and value.literal is not None and not value.literal.strip()
    )
