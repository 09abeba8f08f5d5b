"""Statements of an ``aws_iam_policy_document``, built from the attributes of its ``statement`` blocks.

Source: the AWS provider's documentation of the data source ``aws_iam_policy_document``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from passrole_checks.files.decoded_json import as_list, as_object, as_text
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import (
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
    text,
)
from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.model.condition_blocks import condition_entries
from passrole_checks.sources.terraform_plan.references import BlockInstance, PlanReferences, unknown_part

_LISTS = (
    ("actions", "Action"),
    ("not_actions", "NotAction"),
    ("resources", "Resource"),
    ("not_resources", "NotResource"),
)


@dataclass(frozen=True, slots=True)
class StatementReader:
    """Builds the statement of one ``statement`` block. ``whole_lists``: lists have an unknown number of elements."""

    references: PlanReferences
    module: str
    label: str
    at: Position
    owner: BlockInstance
    whole_lists: bool = False

    def statement(self, value: dict[str, Json], missing: Json, block: dict[str, Json]) -> Node:
        """Return a statement of known values, marks in ``after_unknown`` and the block in ``configuration``."""
        unknown = as_object(missing)
        entries: list[tuple[str, Node]] = []
        sid = self.scalar("sid", value, unknown, block)
        if sid is not None and sid.literal != "":
            entries.append(("Sid", sid))
        entries.append(("Effect", self.scalar("effect", value, unknown, block) or text("Allow", self.at)))
        for key in ("principals", "not_principals"):
            principal = self.principals(key, value.get(key), unknown.get(key), block.get(key))
            if principal is not None:
                entries.append(("Principal" if key == "principals" else "NotPrincipal", principal))
        for attribute, element in _LISTS:
            items = self.string_list(attribute, value.get(attribute), unknown.get(attribute), block.get(attribute))
            if items is not None:
                entries.append((element, items))
        condition = self.conditions(value.get("condition"), unknown.get("condition"), block.get("condition"))
        if condition is not None:
            entries.append(("Condition", condition))
        return replace(self.object_of(entries), block=True)

    def object_of(self, entries: Sequence[tuple[str, Node]]) -> ObjectNode:
        """Return an object with these keys and values."""
        return ObjectNode(tuple(ObjectEntry(text(key, self.at), node) for key, node in entries), self.at)

    def unresolved(self, attribute: str, expression: Json) -> Unresolved:
        """Return the unresolved part for an unknown attribute, named after the references of its expression."""
        references = self.references.follow(self.module, expression, self.owner)
        return unknown_part(references, f"{self.label}.{attribute}")

    def scalar(
        self, attribute: str, value: dict[str, Json], unknown: dict[str, Json], block: dict[str, Json]
    ) -> StringNode | None:
        """Return a single string; None if it is not set."""
        if unknown.get(attribute) is True:
            return StringNode((self.unresolved(attribute, block.get(attribute)),), self.at)
        known = as_text(value.get(attribute))
        return text(_policy_variables(known), self.at) if known is not None else None

    def string_list(self, attribute: str, value: Json, unknown: Json, expression: Json) -> Node | None:
        """Return a list of strings.

        An unknown element is an unresolved part, with its role if the references determine it.
        """
        references = self.references.follow(self.module, expression, self.owner)
        label = f"{self.label}.{attribute}"
        parts = self.references.elements(references, label)
        nodes = [StringNode((part,), self.at) for part in parts]
        are_roles = bool(parts) and all(part.role for part in parts)
        unknown_list = StringNode((unknown_part(references, label),), self.at)
        if unknown is True:
            # otherwise, a reference to one role does not exclude other elements
            return ListNode(tuple(nodes), self.at) if self.whole_lists and are_roles else unknown_list
        values = as_list(value)
        unknown_indexes = [
            number for number, item in enumerate(values) if unknown_element(unknown, number) is True or item is None
        ]
        if len(parts) != len(unknown_indexes):
            if len(parts) > len(unknown_indexes) > 0 and are_roles:
                # a set may show two unknown elements as one
                known = [StringNode((_policy_variables(item),), self.at) for item in values if isinstance(item, str)]
                return ListNode((*known, *nodes), self.at)
            # the mapping of references to elements is unknown
            nodes = [unknown_list for _ in unknown_indexes]
        items: list[Node] = []
        for number, item in enumerate(values):
            if number in unknown_indexes:
                items.append(nodes[unknown_indexes.index(number)])
            elif isinstance(item, str):
                items.append(text(_policy_variables(item), self.at))
            else:
                self.references.plan.add_unreadable(f"{label}: an element is not a string")
        return ListNode(tuple(items), self.at) if items else None

    def principals(self, attribute: str, value: Json, unknown: Json, expression: Json) -> Node | None:
        """Return ``Principal`` or ``NotPrincipal``; None if there is none."""
        if unknown is True:
            return StringNode((self.unresolved(attribute, expression),), self.at)
        entries: list[tuple[str, Node]] = []
        for number, item, missing, block in _nested_blocks(value, unknown, expression):
            name = f"{attribute}[{number}].identifiers"
            identifiers = self.string_list(
                name, item.get("identifiers"), missing.get("identifiers"), block.get("identifiers")
            )
            kind = as_text(item.get("type"))
            if identifiers is None or kind is None:
                continue
            if kind == "*":
                return text("*", self.at)
            entries.append((kind, identifiers))
        return self.object_of(entries) if entries else None

    def conditions(self, value: Json, unknown: Json, expression: Json) -> Node | None:
        """Return ``Condition`` with values of the same operator and key merged; None if there is none."""
        if unknown is True:
            return StringNode((self.unresolved("condition", expression),), self.at)
        conditions: list[tuple[StringNode, StringNode, Sequence[Node]]] = []
        for number, item, missing, block in _nested_blocks(value, unknown, expression):
            label = f"condition[{number}]"
            test, variable = (
                self.scalar(name, item, missing, block)
                or StringNode((self.unresolved(f"{label}.{name}", None),), self.at)
                for name in ("test", "variable")
            )
            values = self.string_list(f"{label}.values", item.get("values"), missing.get("values"), block.get("values"))
            items = values.items if isinstance(values, ListNode) else () if values is None else (values,)
            conditions.append((test, variable, items))
        return ObjectNode(tuple(condition_entries(conditions)), self.at) if conditions else None


def _nested_blocks(
    value: Json, unknown: Json, expression: Json
) -> Iterator[tuple[int, dict[str, Json], dict[str, Json], dict[str, Json]]]:
    """Yield nested blocks as (number, values, marks in ``after_unknown``, expressions in ``configuration``)."""
    values, expressions = as_list(value), as_list(expression)
    for number, item in enumerate(values):
        block = as_object(expressions[number]) if len(expressions) == len(values) else {}
        yield number, as_object(item), as_object(unknown_element(unknown, number)), block


def _policy_variables(value: str) -> str:
    """Replace ``&{aws:username}``, the data source's spelling of a policy variable, by ``${aws:username}``."""
    return value.replace("&{", "${")


def unknown_element(unknown: Json, number: int) -> Json:
    """Return the marks of one list element in ``after_unknown``."""
    if isinstance(unknown, list):
        return unknown[number] if number < len(unknown) else False
    return unknown is True
