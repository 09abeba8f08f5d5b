"""JSON policy texts with unresolved parts: their values, their positions, their errors."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.values.nodes import Const, ListNode, Node, ObjectNode, Position, StringNode, Unresolved

AT = Position("policy.tf", 7, 12)


def plain(node: Node) -> object:
    """The Python value of a tree without unresolved parts."""
    if isinstance(node, StringNode):
        return node.literal
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    if isinstance(node, ObjectNode):
        return {entry.key.literal: plain(entry.value) for entry in node.entries}
    assert isinstance(node, Const)
    return node.value


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values, st.sampled_from([None, 2]), st.booleans())
def test_parser_agrees_with_the_standard_library(value: object, indent: int | None, ascii_only: bool) -> None:
    """Without unresolved parts the tree holds what json.loads gives."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).replace("\ue000", "?")
    assert plain(parse_json(StringNode((text,), AT))) == json.loads(text)


def test_positions_follow_the_file() -> None:
    """In a text that stands letter for letter in its file, an unresolved part in it shifts nothing."""
    hole = Unresolved("aws_iam_role.app.arn")
    document = StringNode(
        ('{\n  "Resource": "', hole, '",\n  "Action": ["a"]\n}\n'), AT, starts=((8, 1), (9, 16), (9, 39)), indent=0
    )
    tree = parse_json(document)
    assert isinstance(tree, ObjectNode)
    assert (tree.at.line, tree.at.column, tree.at.end_line, tree.at.end_column) == (8, 1, 11, 2)
    resource, action = tree.get("Resource"), tree.get("Action")
    assert isinstance(resource, StringNode) and resource.only_unresolved is hole
    assert (resource.at.line, resource.at.column) == (9, 15)
    assert isinstance(action, ListNode) and (action.at.line, action.at.column) == (10, 13)


def test_indented_text_counts_its_indentation() -> None:
    """Columns of continued lines include the indentation that the format strips."""
    tree = parse_json(StringNode(('{\n"Action": "a"}',), AT, starts=((8, 5),), indent=4))
    assert isinstance(tree, ObjectNode)
    action = tree.get("Action")
    assert action is not None and (action.at.line, action.at.column) == (9, 15)


@pytest.mark.parametrize(
    "parts",
    [
        ('{"Statement": [', Unresolved("local.statements"), "]}"),
        ('{"Statement": [{"a": 1}, ', Unresolved("local.more"), "]}"),
        ('{"Statement": [', Unresolved("each"), ' {"a": 1}]}'),
        ('{"Statement": ', Unresolved("jsonencode(local.x)"), "}"),
        ("{", Unresolved("local.version"), ' "Statement": []}'),
    ],
)
def test_unresolved_value_may_replace_elements(parts: tuple[str | Unresolved, ...]) -> None:
    """An unresolved part may bring a value, a key with its value, or a run of elements with their commas."""
    tree = parse_json(StringNode(parts, AT))
    assert isinstance(tree, ObjectNode) and tree.entries


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "unexpected end of text"),
        ('{"a": 1', "unexpected end of text before '}'"),
        ('{"a" 1}', "expected a colon"),
        ("{a: 1}", "a key in double quotes"),
        ('{"a": 1,}', "trailing comma before '}'"),
        ("[1 2]", "a comma or ']'"),
        ('{"a": tru}', "'tru' is not a JSON value"),
        ('{"a": "b', "closing quote"),
        ('["\\x"]', "escape sequence"),
        ("{} {}", "text after the end"),
        ("[" * 100, "nested more than"),
    ],
)
def test_syntax_error_has_a_position(text: str, reason: str) -> None:
    """A malformed text is an error of ours that says what is wrong and where."""
    with pytest.raises(MalformedDocument, match=reason.replace("[", r"\[")) as error:
        parse_json(StringNode((text,), AT))
    assert error.value.at.file == "policy.tf"


@given(st.text('{}[]",:ab\\ 1\n\ue000', max_size=30))
def test_any_text_gives_a_tree_or_malformed_document(text: str) -> None:
    """Nothing but MalformedDocument comes out of any text."""
    with contextlib.suppress(MalformedDocument):
        parse_json(StringNode((text,), AT, starts=((1, 1),)))
