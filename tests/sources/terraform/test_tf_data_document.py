"""``data "aws_iam_policy_document"`` as the provider builds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.iam.policy import Statement, parse_document
from passrole_checks.iam.values import Items, Mapping, Node, Text
from passrole_checks.sources.terraform import load

USE = '\nresource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'


def document(root: Path, text: str) -> Mapping:
    (root / "main.tf").write_text(text + USE, encoding="utf-8")
    found = load(root)
    assert not found.unreadable
    node = found.policies[0].document
    assert isinstance(node, Mapping)
    return node


def statements(root: Path, text: str) -> tuple[Statement, ...]:
    found = parse_document(document(root, text))
    assert not found.problems
    return found.statements


def json(node: Node | None) -> object:
    """A node as plain data, holes as ``${...}``."""
    if isinstance(node, Mapping):
        return {str(entry.key): json(entry.value) for entry in node.entries}
    if isinstance(node, Items):
        return [json(item) for item in node.items]
    return str(node) if isinstance(node, Text) else getattr(node, "value", node)


def data(body: str, name: str = "d") -> str:
    return f'data "aws_iam_policy_document" "{name}" {{\n{body}\n}}\n'


def statement(sid: str, action: str = "s3:Get*") -> str:
    return f'  statement {{\n    sid = "{sid}"\n    actions = ["{action}"]\n    resources = ["*"]\n  }}'


def test_a_statement_in_the_form_of_iam(tmp_path: Path) -> None:
    """Version and Effect have their defaults; every attribute becomes IAM's element."""
    text = data(
        '  statement {\n    sid = "Pass"\n    actions = ["iam:PassRole"]\n    resources = ["*"]\n'
        '    principals {\n      type = "AWS"\n      identifiers = ["arn:aws:iam::111122223333:root"]\n    }\n'
        '    condition {\n      test = "StringEquals"\n      variable = "iam:PassedToService"\n'
        '      values = ["ec2.amazonaws.com"]\n    }\n  }\n'
        '  statement {\n    effect = "Deny"\n    not_actions = ["iam:*"]\n    not_resources = ["a"]\n  }'
    )
    assert json(document(tmp_path, text)) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Pass",
                "Effect": "Allow",
                "Action": ["iam:PassRole"],
                "Resource": ["*"],
                "Principal": {"AWS": ["arn:aws:iam::111122223333:root"]},
                "Condition": {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com"]}},
            },
            {"Effect": "Deny", "NotAction": ["iam:*"], "NotResource": ["a"]},
        ],
    }


def test_statements_stand_at_their_blocks(tmp_path: Path) -> None:
    """Each statement has the lines of its block."""
    found = statements(tmp_path, data(statement("A") + "\n" + statement("B")))
    assert [(one.sid, one.at.line, one.at.column, one.at.end_line) for one in found] == [
        ("A", 2, 3, 6),
        ("B", 7, 3, 11),
    ]


def test_conditions_of_the_same_test_and_key_add_up(tmp_path: Path) -> None:
    """Values of several condition blocks are joined, as the provider joins them."""
    block = '    condition {{\n      test = "{}"\n      variable = "{}"\n      values = ["{}"]\n    }}\n'
    blocks = "".join(
        block.format(*each)
        for each in (
            ("StringEquals", "k", "a"),
            ("StringEquals", "k", "b"),
            ("StringEquals", "l", "c"),
            ("Bool", "k", "true"),
        )
    )
    body = f'  statement {{\n    actions = ["iam:PassRole"]\n    resources = ["*"]\n{blocks}  }}'
    node = document(tmp_path, data(body)).get("Statement")
    assert isinstance(node, Items)
    assert isinstance(node.items[0], Mapping)
    assert json(node.items[0].get("Condition")) == {
        "StringEquals": {"k": ["a", "b"], "l": ["c"]},
        "Bool": {"k": ["true"]},
    }


def test_policy_variables(tmp_path: Path) -> None:
    """``&{`` is how the data source writes ``${`` of IAM."""
    body = '  statement {\n    actions = ["iam:PassRole"]\n    resources = ["arn:aws:iam::*:role/&{aws:username}"]\n  }'
    found = statements(tmp_path, data(body))
    assert [text.literal for text in found[0].resources or ()] == ["arn:aws:iam::*:role/${aws:username}"]


def test_dynamic_statements(tmp_path: Path) -> None:
    """One statement for every known element; for unknown elements one with holes, under a condition."""
    content = '    content {\n      actions = ["iam:PassRole"]\n      resources = ["role/${it.value}"]\n    }\n  }'
    known = f'  dynamic "statement" {{\n    for_each = toset(["a", "b"])\n    iterator = it\n{content}'
    assert [str((one.resources or ())[0]) for one in statements(tmp_path, data(known))] == ["role/a", "role/b"]
    unknown = f'  dynamic "statement" {{\n    for_each = var.x\n    iterator = it\n{content}'
    found = statements(tmp_path, 'variable "x" {}\n' + data(unknown))
    assert [(str((one.resources or ())[0]), one.when) for one in found] == [
        ("role/${var.x[*]}", (("var.x is not empty", "true"),))
    ]


def test_a_dynamic_statement_under_a_condition(tmp_path: Path) -> None:
    """``for_each = cond ? [1] : []`` gives a statement under that condition."""
    body = (
        '  dynamic "statement" {\n    for_each = var.x ? [1] : []\n    content {\n'
        '      actions = ["iam:PassRole"]\n      resources = ["*"]\n    }\n  }'
    )
    found = statements(tmp_path, 'variable "x" {}\n' + data(body))
    assert [one.when for one in found] == [(("var.x", "true"),)]


def test_dynamic_conditions_that_are_not_known_are_not_forgotten(tmp_path: Path) -> None:
    """A statement whose conditions are not known holds a hole in its Condition."""
    body = (
        '  statement {\n    actions = ["iam:PassRole"]\n    resources = ["*"]\n    dynamic "condition" {\n'
        "      for_each = var.x\n      content {\n        test = condition.value.test\n"
        "        variable = condition.value.variable\n        values = condition.value.values\n      }\n    }\n  }"
    )
    found = statements(tmp_path, 'variable "x" {}\n' + data(body))
    assert found[0].condition is not None
    assert found[0].holes


def test_source_documents_come_first_and_give_way(tmp_path: Path) -> None:
    """Statements of a source document come first; an own statement of the same Sid takes the place."""
    text = data(statement("A", "s3:A") + "\n" + statement("B", "s3:B"), "base") + data(
        "  source_policy_documents = [data.aws_iam_policy_document.base.json]\n" + statement("B", "s3:Mine")
    )
    found = statements(tmp_path, text)
    assert [(one.sid, str((one.actions or ())[0])) for one in found] == [("A", "s3:A"), ("B", "s3:Mine")]


def test_override_documents_replace_by_sid(tmp_path: Path) -> None:
    """An overriding statement of the same Sid takes the place, others are added."""
    text = data(statement("B", "s3:Over") + "\n" + statement("C", "s3:C"), "over") + data(
        "  override_policy_documents = [data.aws_iam_policy_document.over.json]\n"
        + statement("A", "s3:A")
        + "\n"
        + statement("B", "s3:B")
    )
    found = statements(tmp_path, text)
    assert [(one.sid, str((one.actions or ())[0])) for one in found] == [("A", "s3:A"), ("B", "s3:Over"), ("C", "s3:C")]


def test_a_source_document_as_json(tmp_path: Path) -> None:
    """JSON text and ``jsonencode`` are read as documents too, in their own places."""
    text = data(
        '  source_policy_documents = [<<EOT\n{"Statement": [\n'
        '  {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}\nEOT\n'
        '  , jsonencode({ Statement = { Effect = "Deny", Action = "*", Resource = "*" } })]\n'
    )
    assert [(one.effect, one.at.line) for one in statements(tmp_path, text)] == [("Allow", 4), ("Deny", 6)]


def test_a_source_document_that_is_not_known_is_a_hole(tmp_path: Path) -> None:
    """Unknown source documents leave a hole among the statements; the others are kept."""
    text = 'variable "x" {}\n' + data("  source_policy_documents = var.x\n" + statement("A"))
    found = statements(tmp_path, text)
    assert [(one.sid, one.whole) for one in found] == [(None, False), ("A", True)]
    assert found[0].holes[0].expression == "var.x"


def test_a_document_that_names_itself_ends(tmp_path: Path) -> None:
    """A document that is its own source holds a hole in that place."""
    text = data("  source_policy_documents = [data.aws_iam_policy_document.d.json]\n" + statement("A"))
    assert [one.whole for one in statements(tmp_path, text)] == [False, True]


def test_counted_documents(tmp_path: Path) -> None:
    """Documents that are left out (``count = 0``) add nothing to a list of all of them."""
    text = (
        data(f"  count = 0\n{statement('A')}", "a")
        + data(f"  count = 1\n{statement('B')}", "b")
        + data(
            "  source_policy_documents = concat(data.aws_iam_policy_document.a[*].json, "
            "data.aws_iam_policy_document.b[*].json)\n"
        )
    )
    assert [one.sid for one in statements(tmp_path, text)] == ["B"]


JSON_A = 'jsonencode({ Statement = [{ Sid = %s, Effect = "Allow", Action = "s3:Get*", Resource = "*" }] })'


@pytest.mark.parametrize(
    "override",
    [
        "override_policy_documents = [var.x]",
        "override_policy_documents = var.x",
        "override_json = data.http.x.body",
        "override_policy_documents = var.x ? [" + JSON_A % '"A"' + "] : []",
        "override_policy_documents = [" + JSON_A % "var.x" + "]",
    ],
)
def test_what_an_override_may_replace_is_there_under_a_condition(tmp_path: Path, override: str) -> None:
    """A statement whose Sid an unknown or conditional override may take is not counted on."""
    deny = '  statement {\n    sid = "A"\n    effect = "Deny"\n    actions = ["s3:*"]\n    resources = ["*"]\n  }\n'
    found = statements(tmp_path, 'variable "x" {}\n' + data(deny + "  " + override))
    assert [bool(one.when) for one in found if one.effect == "Deny"] == [True]
    other = "  override_policy_documents = [" + JSON_A % '"B"' + "]"
    found = statements(tmp_path, data(deny + other))
    assert [one.when for one in found if one.effect == "Deny"] == [()]
