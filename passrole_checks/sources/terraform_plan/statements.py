"""The statements of a data document, from the attributes of its ``statement`` blocks.

Source: the AWS provider's documentation of the data source ``aws_iam_policy_document``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from passrole_checks.iam.partial_values import (
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
from passrole_checks.sources.terraform_plan.model import as_list, as_object, as_text
from passrole_checks.sources.terraform_plan.references import BlockInstance
from passrole_checks.sources.terraform_plan.unknown_until_apply import UnknownValues, unknown_part

_LISTS = (
    ("actions", "Action"),
    ("not_actions", "NotAction"),
    ("resources", "Resource"),
    ("not_resources", "NotResource"),
)


class StatementReader:
    """One ``statement`` block. ``whole_lists``: of a list only the names are known, not how many elements it has."""

    def __init__(
        self,
        missing: UnknownValues,
        module: str,
        label: str,
        at: Position,
        owner: BlockInstance,
        *,
        whole_lists: bool = False,
    ) -> None:
        self.missing, self.module, self.label, self.at, self.owner = missing, module, label, at, owner
        self.whole_lists = whole_lists

    def statement(self, value: dict[str, Json], missing: Json, block: dict[str, Json]) -> Node:
        """A statement from its known values, the marks of what is missing, and its block in ``configuration``."""
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
        """A mapping of these keys and values."""
        return ObjectNode(tuple(ObjectEntry(text(key, self.at), node) for key, node in entries), self.at)

    def unresolved(self, attribute: str, expression: Json) -> Unresolved:
        """What stands for a missing attribute: the names in its expression."""
        found = self.missing.references.follow(self.module, expression, self.owner)
        return unknown_part(found, f"{self.label}.{attribute}")

    def scalar(
        self, attribute: str, value: dict[str, Json], unknown: dict[str, Json], block: dict[str, Json]
    ) -> StringNode | None:
        """A single text; None where it is not set."""
        if unknown.get(attribute) is True:
            return StringNode((self.unresolved(attribute, block.get(attribute)),), self.at)
        known = as_text(value.get(attribute))
        return text(_policy_variables(known), self.at) if known is not None else None

    def string_list(self, attribute: str, value: Json, unknown: Json, expression: Json) -> Node | None:
        """A list of texts; each missing element is a hole, which names its role where the names tell which it is."""
        found = self.missing.references.follow(self.module, expression, self.owner)
        label = f"{self.label}.{attribute}"
        if unknown is True:
            holes = self.missing.elements(found, label)
            if self.whole_lists and holes and all(hole.role for hole in holes):
                return ListNode(tuple(StringNode((hole,), self.at) for hole in holes), self.at)
            # the whole list is missing: one role's name in it does not say that nothing else is in it
            return StringNode((unknown_part(found, label),), self.at)
        values = as_list(value)
        lacking = [
            number for number, item in enumerate(values) if unknown_element(unknown, number) is True or item is None
        ]
        holes = self.missing.elements(found, label)
        if len(holes) != len(lacking):
            if len(holes) > len(lacking) > 0 and all(hole.role for hole in holes):
                # two unknown elements of a set may be shown as one
                known = [StringNode((_policy_variables(item),), self.at) for item in values if isinstance(item, str)]
                return ListNode((*known, *(StringNode((hole,), self.at) for hole in holes)), self.at)
            holes = [unknown_part(found, label) for _ in lacking]  # which name is in which element is not told
        items: list[Node] = []
        for number, item in enumerate(values):
            if number in lacking:
                items.append(StringNode((holes[lacking.index(number)],), self.at))
            elif isinstance(item, str):
                items.append(text(_policy_variables(item), self.at))
            else:
                self.missing.plan.add_unreadable(f"{label}: an element is no text")
        return ListNode(tuple(items), self.at) if items else None

    def principals(self, attribute: str, value: Json, unknown: Json, expression: Json) -> Node | None:
        """``Principal`` or ``NotPrincipal``; None where there is none."""
        if unknown is True:
            return StringNode((self.unresolved(attribute, expression),), self.at)
        entries: list[tuple[str, Node]] = []
        blocks = as_list(expression)
        for number, item in enumerate(map(as_object, as_list(value))):
            block = as_object(blocks[number]) if len(blocks) == len(as_list(value)) else {}
            missing = as_object(unknown_element(unknown, number))
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
        """``Condition``: values of the same operator and key together, as the provider does; None for none."""
        if unknown is True:
            return StringNode((self.unresolved("condition", expression),), self.at)
        operators: dict[StringNode, dict[StringNode, list[Node]]] = {}
        blocks = as_list(expression)
        for number, item in enumerate(map(as_object, as_list(value))):
            block = as_object(blocks[number]) if len(blocks) == len(as_list(value)) else {}
            missing = as_object(unknown_element(unknown, number))
            label = f"condition[{number}]"
            test = self.scalar("test", item, missing, block) or StringNode(
                (self.unresolved(f"{label}.test", None),), self.at
            )
            key = self.scalar("variable", item, missing, block) or StringNode(
                (self.unresolved(f"{label}.variable", None),), self.at
            )
            values = self.string_list(f"{label}.values", item.get("values"), missing.get("values"), block.get("values"))
            given = operators.setdefault(test, {}).setdefault(key, [])
            if isinstance(values, ListNode):
                given.extend(values.items)
            elif values is not None:
                given.append(values)
        if not operators:
            return None
        return ObjectNode(
            tuple(
                ObjectEntry(
                    test,
                    ObjectNode(
                        tuple(ObjectEntry(key, ListNode(tuple(given), self.at)) for key, given in keys.items()), self.at
                    ),
                )
                for test, keys in operators.items()
            ),
            self.at,
        )


def _policy_variables(value: str) -> str:
    """``&{aws:username}`` is how the data resource spells the policy variable ``${aws:username}``."""
    return value.replace("&{", "${")


def unknown_element(unknown: Json, number: int) -> Json:
    """What a mirror of shapes says of one element of a list."""
    if isinstance(unknown, list):
        return unknown[number] if number < len(unknown) else False
    return unknown is True
