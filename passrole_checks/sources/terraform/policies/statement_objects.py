"""Statements that are written as objects, for a module that will make a policy document of them.

Modules take them in the words of the data source's ``statement`` block (``policy_statements`` of
``terraform-aws-modules/lambda/aws``, ``iam_policy`` of ``cloudposse/iam-policy/aws``: their pages in the Terraform
Registry), or as they stand in a document. Like there, an object without an effect allows (provider ``hashicorp/aws``,
data source ``aws_iam_policy_document``: "effect: defaults to Allow").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    text,
)
from passrole_checks.sources.terraform.evaluation.symbolic_values import is_null, known_string, unresolved
from passrole_checks.sources.terraform.evaluation.to_plain import to_plain, to_plain_string
from passrole_checks.sources.terraform.resources.document_merge import elements

_ELEMENTS = {
    "sid": "Sid", "effect": "Effect", "actions": "Action", "not_actions": "NotAction", "resources": "Resource",
    "not_resources": "NotResource", "principals": "Principal", "not_principals": "NotPrincipal",
}  # fmt: skip
_CONDITIONS = ("condition", "conditions")
_OF_A_DOCUMENT = (("Action", "NotAction"), ("Resource", "NotResource"))
_OF_A_BLOCK = (("actions", "not_actions"), ("resources", "not_resources"))


def as_statement(value: Node) -> Node | None:
    """The statement that an object is, with alternatives where the object has some; None where it is something else."""
    if isinstance(value, Choice):
        options = [(outcome, as_statement(option)) for outcome, option in value.options]
        if all(option is None for _, option in options):
            return None
        absent = Absent(value.at)
        return Choice(value.condition, tuple((outcome, option or absent) for outcome, option in options), value.at)
    if not isinstance(value, ObjectNode):
        return None
    if _has_all(value, _OF_A_DOCUMENT) and value.get("Effect") is not None:
        return to_plain(value)
    if _has_all(value, _OF_A_BLOCK) and any(_given(value.get(name)) for name in _OF_A_BLOCK[0]) and _is_one(value):
        return _statement(value)
    return None


def document_of(statements: Sequence[Node], at: Position) -> ObjectNode:
    """The policy document that a module makes of statements."""
    together = ListNode(tuple(statements), at)
    return ObjectNode(
        (ObjectEntry(text("Version", at), text("2012-10-17", at)), ObjectEntry(text("Statement", at), together)), at
    )


def _has_all(value: ObjectNode, groups: tuple[tuple[str, str], ...]) -> bool:
    return all(any(value.get(name) is not None for name in group) for group in groups)


def _is_one(value: ObjectNode) -> bool:
    """Whether it has an effect, or something among its actions has the form of one: ``service:Name``, or ``*``."""
    if value.get("effect") is not None:
        return True
    found = [known_string(item) for name in _OF_A_BLOCK[0] for item in elements(value.get(name) or Absent(value.at))]
    return any(name is not None and (name == "*" or ":" in name) for name in found)


def _statement(value: ObjectNode) -> ObjectNode:
    at = value.at
    entries = [] if _given(value.get("effect")) else [ObjectEntry(text("Effect", at), text("Allow", at))]
    for name, key in _ELEMENTS.items():
        found = value.get(name)
        if found is not None and _given(found):
            entries.append(ObjectEntry(text(key, at), to_plain(found)))
    if not any(_given(value.get(name)) for name in _OF_A_BLOCK[1]):
        entries.append(ObjectEntry(text("Resource", at), unresolved("resources", at, "empty, which AWS refuses")))
    for name in _CONDITIONS:
        found = value.get(name)
        if found is not None and _given(found):
            entries.append(ObjectEntry(text("Condition", at), _condition(found)))
    return ObjectNode(tuple(entries), at, block=True)


def _given(node: Node | None) -> bool:
    return (
        node is not None and not is_null(node) and not (isinstance(node, (ListNode, ObjectNode)) and not _inside(node))
    )


def _inside(node: ListNode | ObjectNode) -> tuple[object, ...]:
    return node.items if isinstance(node, ListNode) else node.entries


def _condition(value: Node) -> Node:
    """The Condition element: of objects with ``test``, ``variable`` and ``values``, in a list or an object, or as it
    stands in a document. The values of the same test and variable add up."""
    if isinstance(value, Choice):
        options = tuple((outcome, _condition(option)) for outcome, option in value.options)
        return Choice(value.condition, options, value.at)
    if isinstance(value, ObjectNode) and not any(_is_test(node) for node in _objects(value)):
        return to_plain(value)
    if not isinstance(value, (ListNode, ObjectNode)):
        return to_plain(value)
    tests: dict[tuple[object, ...], tuple[StringNode, dict[tuple[object, ...], tuple[StringNode, list[Node]]]]] = {}
    unknown: list[ObjectEntry] = []
    for node in _objects(value):
        test, variable = (
            _key(node.get(name)) if isinstance(node, ObjectNode) else None for name in ("test", "variable")
        )
        if test is None or variable is None or not isinstance(node, ObjectNode):
            unknown.append(_unknown_entry(node.at))
            continue
        values = [to_plain(item) for item in elements(node.get("values") or Absent(node.at))]
        keys = tests.setdefault(test.parts, (test, {}))[1]
        keys.setdefault(variable.parts, (variable, []))[1].extend(values)
    known = [
        ObjectEntry(
            test,
            ObjectNode(
                tuple(ObjectEntry(key, ListNode(tuple(found), key.at)) for key, found in keys.values()), test.at
            ),
        )
        for test, keys in tests.values()
    ]
    return ObjectNode((*known, *unknown), value.at)


def _objects(value: ListNode | ObjectNode) -> Iterator[Node]:
    if isinstance(value, ListNode):
        yield from value.items
    elif _is_test(value):
        yield value
    else:
        yield from (entry.value for entry in value.entries)


def _is_test(node: Node) -> bool:
    return isinstance(node, ObjectNode) and node.get("test") is not None and node.get("variable") is not None


def _key(value: Node | None) -> StringNode | None:
    return to_plain_string(value) if isinstance(value, StringNode) else None


def _unknown_entry(at: Position) -> ObjectEntry:
    return ObjectEntry(unresolved("condition", at), unresolved("condition", at))
