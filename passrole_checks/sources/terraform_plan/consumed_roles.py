"""Which resources of a plan receive which role, and its instance profiles.

Of what is about to be created a plan knows no ARN: the names that the configuration mentions say which role is meant.
Source: Terraform documentation, "JSON Output Format" ("Change Representation", "Expression Representation").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    Unresolved,
    UnresolvedKind,
    text,
)
from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.model.configuration import InstanceProfile, ReceivedRole, ResourceDefinition
from passrole_checks.sources.model.embedded_template import NOTHING, PARTS, TYPES, StackContent
from passrole_checks.sources.model.role_consumers import find_received_roles, may_receive_role
from passrole_checks.sources.model.terraform_policy_attributes import ENTITIES, TRUST_POLICIES
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource, as_list, as_object, as_text
from passrole_checks.sources.terraform_plan.references import BlockInstance, PlanReference, PlanReferences
from passrole_checks.sources.terraform_plan.source_configuration import PlanSource
from passrole_checks.sources.terraform_plan.statements import part_at
from passrole_checks.sources.terraform_plan.unknown_until_apply import AFTER_APPLY, Missing, missing_part

_PROFILES = {"aws_iam_instance_profile": "role", "awscc_iam_instance_profile": "roles"}
_UNCHANGED = "unchanged"


class PlanRoleConsumers:
    """What the resources of one plan receive. ``source``: the configuration that it was made from, if at hand."""

    def __init__(self, plan: PlanFile, references: PlanReferences, source: PlanSource | None = None) -> None:
        self.plan, self.references, self.source = plan, references, source
        self.missing = Missing(plan, references)
        self._stacks: dict[str, StackContent] = {}

    def roles(self, resource: PlannedResource, definition: ResourceDefinition, judged: bool) -> Iterator[ReceivedRole]:
        """The roles that a resource receives. Nobody passes those of one that is not ``judged``: it stays as it is."""
        if may_receive_role(resource.type):
            for found in find_received_roles(definition, _Attributes(self, resource)):
                value = found.value
                if self.source is not None:
                    value = self.source.given(resource, found.attribute, value)
                yield _as_judged(replace(found, value=value), judged)

    def stack(self, resource: PlannedResource, definition: ResourceDefinition, judged: bool) -> StackContent:
        """What the template of a CloudFormation stack holds; nothing for other resources."""
        if resource.type not in TYPES:
            return NOTHING
        from passrole_checks.sources.cloudformation.read_embedded_template import (
            read_stack_content,  # heavy, and seldom needed
        )

        known = self._stacks.get(resource.address)
        if known is None:
            values = {name: self.value_of(resource, name) for name in PARTS}
            known = self._stacks[resource.address] = read_stack_content(definition, values)
        return replace(known, received=tuple(_as_judged(one, judged) for one in known.received))

    def profile(self, resource: PlannedResource) -> InstanceProfile | None:
        """The instance profile that a resource is, None where it is none."""
        if resource.type not in _PROFILES:
            return None
        name = as_text(resource.values.get(ENTITIES[resource.type].name))
        role: Node | None = self.value_of(resource, _PROFILES[resource.type])
        if isinstance(role, ListNode):
            role = role.items[0] if role.items else None
        return InstanceProfile(resource.address, text(name, resource.at) if name else None, role, resource.at)

    def value_of(self, resource: PlannedResource, name: str) -> Node:
        """The value of an attribute, with holes for what is known after apply."""
        block = f"{resource.type}.{resource.name}"
        written = self.references.expressions(resource.module, block) or {}
        unknown = resource.unknown is True or as_object(resource.unknown).get(name)
        owner = self.references.owner(resource.module, block, resource.index)
        one = _Attribute(self, resource, owner)
        return one.node(resource.values.get(name), unknown, written.get(name), (name,))

    def behind(self, found: tuple[PlanReference, ...], label: str) -> list[Unresolved]:
        """What a value that is known after apply can be: the roles and the instance profiles that its expression names,
        of which it is one; else a hole with all names. Variables of the root are known, and cannot be what is not."""
        entities = {hole.expression: hole for one in found if (hole := self._entity(one)) is not None}
        if entities:
            return list(entities.values())
        role = self.missing.element(found, label)
        return [role if role.role else missing_part([one for one in found if one.resource] or found, label)]

    def _entity(self, reference: PlanReference) -> Unresolved | None:
        address = reference.resource
        if address is None or reference.one_of:
            return None
        instances = self.plan.instances(address)
        for candidate in (f"{address}{reference.index}", address, *(instances if len(instances) == 1 else ())):
            one = self.plan.resources.get(candidate)
            if one is not None:
                attribute = reference.attribute or "arn"
                if one.type in TRUST_POLICIES and attribute in ("arn", "name", "id", "role_name"):
                    known = self.missing.arn_of(one)
                    return Unresolved(
                        f"{candidate}.{attribute}", UnresolvedKind.ANYTHING, candidate, known, AFTER_APPLY
                    )
                if one.type in _PROFILES:
                    return Unresolved(f"{candidate}.{attribute}", reason=AFTER_APPLY)
                return None
        return None


def _as_judged(found: ReceivedRole, judged: bool) -> ReceivedRole:
    return found if judged or found.by != "deployer" else replace(found, by=_UNCHANGED)


class _Attributes:
    """The attributes of one resource."""

    def __init__(self, received: PlanRoleConsumers, resource: PlannedResource) -> None:
        self.received, self.resource = received, resource

    def names(self) -> list[str]:
        return list(dict.fromkeys((*self.resource.values, *as_object(self.resource.unknown))))

    def value(self, name: str) -> Node:
        return self.received.value_of(self.resource, name)


class _Attribute:
    """One attribute of a resource, turned into a value."""

    def __init__(self, received: PlanRoleConsumers, resource: PlannedResource, owner: BlockInstance) -> None:
        self.received, self.resource, self.owner = received, resource, owner

    def node(self, value: Json, unknown: Json, written: Json, keys: tuple[str | int, ...]) -> Node:
        """``unknown`` and ``written`` are the same place in ``after_unknown`` and in the configuration."""
        at = self.resource.at
        if unknown is True:
            return self._written(written, keys)
        if isinstance(value, dict):
            names = dict.fromkeys((*value, *as_object(unknown)))
            blocks = as_object(written)
            whole = "references" in blocks  # an expression, of which a plan tells the names for all of it
            inner = {
                name: self.node(
                    value.get(name), as_object(unknown).get(name), written if whole else blocks.get(name), (*keys, name)
                )
                for name in names
            }
            return ObjectNode(tuple(ObjectEntry(text(name, at), node) for name, node in inner.items()), at)
        if isinstance(value, list):
            blocks_in = as_list(written)
            same = len(blocks_in) == len(value)
            items = (
                self.node(item, part_at(unknown, number), blocks_in[number] if same else written, (*keys, number))
                for number, item in enumerate(value)
            )
            return ListNode(tuple(items), at)
        if isinstance(value, str):
            return StringNode((value,), self.received.plan.position_of(self.resource, *keys))
        if isinstance(value, (int, float)):
            return Const(value, at)
        return Absent(at)

    def _written(self, written: Json, keys: tuple[str | int, ...]) -> Node:
        """What the configuration says where the plan says nothing: blocks, of which only the names are known."""
        if isinstance(written, list):
            items = (self._written(block, (*keys, number)) for number, block in enumerate(written))
            return ListNode(tuple(items), self.resource.at)
        block = as_object(written)
        if "constant_value" in block:
            return self.node(block["constant_value"], False, None, keys)
        if not block or "references" in block:
            return self._hole(written, keys)
        entries = (
            ObjectEntry(text(name, self.resource.at), self._written(block[name], (*keys, name))) for name in block
        )
        return ObjectNode(tuple(entries), self.resource.at)

    def _hole(self, written: Json, keys: tuple[str | int, ...]) -> Node:
        received, resource = self.received, self.resource
        found = received.references.follow(resource.module, written, self.owner)
        label = ".".join((resource.address, *map(str, keys)))
        at = received.plan.position_of_unknown(resource, str(keys[0]))
        holes = received.behind(found, label)
        if len(holes) == 1:
            return StringNode((holes[0],), at)
        return Choice(label, tuple((hole.expression, StringNode((hole,), at)) for hole in holes), at)
