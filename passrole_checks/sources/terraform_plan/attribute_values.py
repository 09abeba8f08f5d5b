"""Values of the attributes of a plan's resources.

The ARN of a resource to be created is unknown; the references in the configuration show which role is meant.
Source: Terraform documentation, "JSON Output Format" ("Change Representation", "Expression Representation").
"""

from __future__ import annotations

from passrole_checks.files.decoded_json import as_list, as_object
from passrole_checks.iam.values.nodes import (
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
from passrole_checks.iam.values.path_conditions import one_of
from passrole_checks.sources.collect.terraform_tables import INSTANCE_PROFILES, TRUST_POLICIES
from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource
from passrole_checks.sources.terraform_plan.references import (
    AFTER_APPLY,
    BlockInstance,
    PlanReference,
    PlanReferences,
    unknown_part,
)
from passrole_checks.sources.terraform_plan.statements import unknown_element


class PlanValues:
    """Values of the attributes of one plan's resources."""

    def __init__(self, plan: PlanFile, references: PlanReferences) -> None:
        self.plan, self.references = plan, references

    def value_of(self, resource: PlannedResource, name: str) -> Node:
        """Return the value of an attribute; values known after apply are unresolved."""
        written = self.references.expressions_of(resource)
        unknown = resource.unknown is True or as_object(resource.unknown).get(name)
        builder = _AttributeBuilder(self, resource, self.references.owner_of(resource))
        return builder.node(resource.values.get(name), unknown, written.get(name), (name,))

    def possible_values(self, references: tuple[PlanReference, ...], label: str) -> list[Unresolved]:
        """Return the possible values of an expression that is known after apply.

        These are the roles and instance profiles that it refers to; if there are none, one unresolved part with all
        names. Root variables are known, so they cannot be the unknown value.
        """
        entities = {
            part.expression: part for reference in references if (part := self._entity_of(reference)) is not None
        }
        if entities:
            return list(entities.values())
        role = self.references.element(references, label)
        return [
            role
            if role.role
            else unknown_part([reference for reference in references if reference.resource] or references, label)
        ]

    def _entity_of(self, reference: PlanReference) -> Unresolved | None:
        address = reference.resource
        if address is None or reference.one_of:
            return None
        entity = self.plan.find_resource(address, reference.index)
        if entity is None:
            return None
        attribute = reference.attribute or "arn"
        expression = f"{entity.address}.{attribute}"
        if entity.type in TRUST_POLICIES and attribute in ("arn", "name", "id", "role_name"):
            known = self.references.arn_of(entity)
            return Unresolved(expression, UnresolvedKind.ANYTHING, entity.address, known, AFTER_APPLY)
        return Unresolved(expression, reason=AFTER_APPLY) if entity.type in INSTANCE_PROFILES else None


class _AttributeBuilder:
    """Converts one attribute of a resource to a node."""

    def __init__(self, values: PlanValues, resource: PlannedResource, owner: BlockInstance) -> None:
        self.values, self.resource, self.owner = values, resource, owner

    def node(self, value: Json, unknown: Json, written: Json, keys: tuple[str | int, ...]) -> Node:
        """Return the node of a value.

        ``unknown`` is its counterpart in ``after_unknown``, ``written`` the one in the configuration.
        """
        at = self.resource.at
        if unknown is True:
            return self._from_configuration(written, keys)
        if isinstance(value, dict):
            names = dict.fromkeys((*value, *as_object(unknown)))
            blocks = as_object(written)
            whole = "references" in blocks  # an expression: the plan lists the references of all of it
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
                self.node(
                    item, unknown_element(unknown, number), blocks_in[number] if same else written, (*keys, number)
                )
                for number, item in enumerate(value)
            )
            return ListNode(tuple(items), at)
        if isinstance(value, str):
            return StringNode((value,), self.values.plan.position_of(self.resource, *keys))
        if isinstance(value, (int, float)):
            return Const(value, at)
        return Absent(at)

    def _from_configuration(self, written: Json, keys: tuple[str | int, ...]) -> Node:
        """Return a value that the plan omits from its configuration, which has references only."""
        if isinstance(written, list):
            items = (self._from_configuration(block, (*keys, number)) for number, block in enumerate(written))
            return ListNode(tuple(items), self.resource.at)
        block = as_object(written)
        if "constant_value" in block:
            return self.node(block["constant_value"], False, None, keys)
        if not block or "references" in block:
            return self._unresolved_value(written, keys)
        entries = (
            ObjectEntry(text(name, self.resource.at), self._from_configuration(block[name], (*keys, name)))
            for name in block
        )
        return ObjectNode(tuple(entries), self.resource.at)

    def _unresolved_value(self, written: Json, keys: tuple[str | int, ...]) -> Node:
        values, resource = self.values, self.resource
        references = values.references.follow(resource.module, written, self.owner)
        label = ".".join((resource.address, *map(str, keys)))
        at = values.plan.position_of_unknown(resource, str(keys[0]))
        possible = values.possible_values(references, label)
        if len(possible) == 1:
            return StringNode((possible[0],), at)
        return Choice(tuple((one_of(label, [part.expression]), StringNode((part,), at)) for part in possible), at)
