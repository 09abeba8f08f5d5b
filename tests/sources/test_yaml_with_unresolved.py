"""YAML inside texts: unresolved parts keep their places."""

from __future__ import annotations

import pytest
from path_conditions_of_tests import choice

from passrole_checks.iam.values.nodes import (
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
    text,
)
from passrole_checks.sources.files.yaml_with_unresolved import (
    insert_placeholders,
    parse_yaml,
    placeholder,
    restore_placeholders,
)

AT, THERE = Position("a.yaml", 1), Position("b.yaml", 7)
ROLE = Unresolved("Role.Arn", role="Role")


def shown(node: Node | None) -> object:
    if isinstance(node, ObjectNode):
        return {str(entry.key): shown(entry.value) for entry in node.entries}
    if isinstance(node, ListNode):
        return [shown(item) for item in node.items]
    if isinstance(node, Choice):
        return (node.condition, *(shown(option) for _, option in node.options))
    return node.value if isinstance(node, Const) else str(node) if node is not None else None


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("a: ", ROLE, "\nb: [x, ", ROLE, "-y]"), {"a": "${Role.Arn}", "b": ["x", "${Role.Arn}-y"]}),
        ((ROLE, ": 1"), {"${Role.Arn}": "1"}),
        (("[a, b]",), ["a", "b"]),
        (("a: &x {b: c}\nd: *x",), {"a": {"b": "c"}, "d": {"b": "c"}}),
        (("? [a]\n: b\nc: d",), {"c": "d"}),
        (("just words",), None),
        (("a: [",), None),
        (("[" * 70 + "]" * 70,), None),
    ],
)
def test_parse_yaml_keeps_unresolved_parts(parts: tuple[str | Unresolved, ...], expected: object) -> None:
    """Anything but a list or an object, or too much, is None."""
    assert shown(parse_yaml(StringNode(parts, AT))) == expected


def test_placeholder_characters_in_a_text_are_replaced() -> None:
    """A placeholder without an original stays."""
    written, meant = insert_placeholders(StringNode(("\ue000\ue001", ROLE), AT))
    assert (written, meant) == ("\ufffd\ufffd" + placeholder(0), [ROLE])
    assert str(restore_placeholders(text(placeholder(5), AT), meant)) == placeholder(5)


def test_placeholder_alone_becomes_its_value() -> None:
    """With the position of the placeholder; among other text it is an unresolved part."""
    variants = choice("IsProd", (("true", text("a", AT)), ("false", text("b", AT))), AT)
    meant = [variants, text("c", THERE), Const(5, THERE), ListNode((text("d", THERE),), THERE)]
    assert restore_placeholders(text(placeholder(0), AT), meant) == variants
    found = restore_placeholders(text(placeholder(1), AT), meant)
    assert isinstance(found, StringNode) and found.at == AT
    assert shown(restore_placeholders(text(placeholder(2), AT), meant)) == 5
    assert (
        str(restore_placeholders(text(f"{placeholder(0)}-{placeholder(1)}-{placeholder(3)}", AT), meant))
        == "${IsProd}-${c}-${…}"
    )
    nested = choice("Other", (("true", text(placeholder(1), AT)), ("false", Const(1, AT))), AT)
    assert shown(restore_placeholders(nested, meant)) == ("Other", "c", 1)


def test_placeholders_in_expressions_are_restored() -> None:
    """Also in the expression of an unresolved part."""
    outer = StringNode((Unresolved(f"Fn::ImportValue {placeholder(0)} {placeholder(1)}"), "x"), AT)
    assert str(restore_placeholders(outer, [ROLE, text("c", AT)])) == "${Fn::ImportValue Role.Arn c}x"
