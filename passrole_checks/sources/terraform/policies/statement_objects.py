"""Statements written as objects, which are passed to a module that builds a policy document.

Their keys are those of the data source's ``statement`` block (``policy_statements`` of
``terraform-aws-modules/lambda/aws``, ``iam_policy`` of ``cloudposse/iam-policy/aws``: their pages in the Terraform
Registry), or those of a document. As in the data source, the default effect is Allow (provider ``hashicorp/aws``, data
source ``aws_iam_policy_document``: "effect: defaults to Allow").
"""

from __future__ import annotations

from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    text,
    unresolved,
)
from passrole_checks.sources.model.condition_blocks import condition_entries
from passrole_checks.sources.terraform.evaluation.symbolic_values import is_null, known_string
from passrole_checks.sources.terraform.evaluation.to_plain import to_plain, to_plain_string
from passrole_checks.sources.terraform.resources.document_merge import elements

_ELEMENTS = {
    "sid": "Sid", "effect": "Effect", "actions": "Action", "not_actions": "NotAction", "resources": "Resource",
    "not_resources": "NotResource", "principals": "Principal", "not_principals": "NotPrincipal",
}  # fmt: skip
_CONDITIONS = ("condition", "conditions")
_DOCUMENT_KEYS = (("Action", "NotAction"), ("Resource", "NotResource"))
_BLOCK_KEYS = (("actions", "not_actions"), ("resources", "not_resources"))


def as_statement(value: Node) -> Node | None:
    """Return an object as a statement, with alternatives if it has some; None if it is not a statement."""
    if isinstance(value, Choice):
        options = [(outcome, as_statement(option)) for outcome, option in value.options]
        if all(option is None for _, option in options):
            return None
        absent = Absent(value.at)
        return Choice(tuple((outcome, option or absent) for outcome, option in options), value.at)
    if not isinstance(value, ObjectNode):
        return None
    if _has_each_group(value, _DOCUMENT_KEYS) and value.get("Effect") is not None:
        return to_plain(value)
    return _to_statement(value) if _has_each_group(value, _BLOCK_KEYS) and _states_actions(value) else None


def _has_each_group(value: ObjectNode, groups: tuple[tuple[str, str], ...]) -> bool:
    return all(any(value.get(name) is not None for name in group) for group in groups)


def _states_actions(value: ObjectNode) -> bool:
    """True if an object has actions, and an effect or an action of the form ``service:Name`` or ``*``."""
    lists = [node for name in _BLOCK_KEYS[0] if (node := value.get(name)) is not None and _is_set(node)]
    names = [known_string(action) for actions in lists for action in elements(actions)]
    is_marked = value.get("effect") is not None or any(name and (name == "*" or ":" in name) for name in names)
    return bool(lists) and is_marked


def _to_statement(value: ObjectNode) -> ObjectNode:
    at = value.at
    entries = [] if _is_set(value.get("effect")) else [ObjectEntry(text("Effect", at), text("Allow", at))]
    for name, key in _ELEMENTS.items():
        element = value.get(name)
        if element is not None and _is_set(element):
            entries.append(ObjectEntry(text(key, at), to_plain(element)))
    if not any(_is_set(value.get(name)) for name in _BLOCK_KEYS[1]):
        entries.append(ObjectEntry(text("Resource", at), unresolved("resources", at, "empty, which AWS rejects")))
    for name in _CONDITIONS:
        element = value.get(name)
        if element is not None and _is_set(element):
            entries.append(ObjectEntry(text("Condition", at), _condition(element)))
    return ObjectNode(tuple(entries), at, block=True)


def _is_set(node: Node | None) -> bool:
    if node is None or is_null(node):
        return False
    members = node.items if isinstance(node, ListNode) else node.entries if isinstance(node, ObjectNode) else (node,)
    return bool(members)


def _condition(value: Node) -> Node:
    """Return the Condition element; values of the same test and variable are merged.

    The value is a list or object of objects with ``test``, ``variable`` and ``values``, or a Condition as in a
    document.
    """
    if isinstance(value, Choice):
        return Choice(tuple((outcome, _condition(option)) for outcome, option in value.options), value.at)
    if isinstance(value, ListNode):
        objects: tuple[Node, ...] = value.items
    elif not isinstance(value, ObjectNode) or _is_test(value):
        objects = (value,)
    else:
        objects = tuple(entry.value for entry in value.entries)
    if not isinstance(value, ListNode) and not any(map(_is_test, objects)):
        return to_plain(value)
    blocks: list[tuple[StringNode, StringNode, list[Node]]] = []
    unknown: list[ObjectEntry] = []
    for node in objects:
        test, variable = (node.get(name) if isinstance(node, ObjectNode) else None for name in ("test", "variable"))
        if isinstance(node, ObjectNode) and isinstance(test, StringNode) and isinstance(variable, StringNode):
            values = [to_plain(item) for item in elements(node.get("values") or Absent(node.at))]
            blocks.append((to_plain_string(test), to_plain_string(variable), values))
        else:
            part = unresolved("condition", node.at)
            unknown.append(ObjectEntry(part, part))
    return ObjectNode((*condition_entries(blocks), *unknown), value.at)


def _is_test(node: Node) -> bool:
    return isinstance(node, ObjectNode) and node.get("test") is not None and node.get("variable") is not None
