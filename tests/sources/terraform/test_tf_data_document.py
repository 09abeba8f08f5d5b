"""``data "aws_iam_policy_document"`` as the provider builds it."""

from __future__ import annotations

from pathlib import Path

import pytest
from path_conditions_of_tests import pairs

from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.terraform import load

USE = '\nresource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'


def document(root: Path, text: str) -> ObjectNode:
    (root / "main.tf").write_text(text + USE, encoding="utf-8")
    found = load(root)
    assert not found.notes.unreadable
    node = found.policies[0].document
    assert isinstance(node, ObjectNode)
    return node


def statements(root: Path, text: str) -> tuple[Statement, ...]:
    found = parse_document(document(root, text))
    assert not found.problems
    return found.statements


def json(node: Node | None) -> object:
    """A node as plain data, unresolved values as ``${...}``."""
    if isinstance(node, ObjectNode):
        return {str(entry.key): json(entry.value) for entry in node.entries}
    if isinstance(node, ListNode):
        return [json(item) for item in node.items]
    return str(node) if isinstance(node, StringNode) else getattr(node, "value", node)


def data(body: str, name: str = "d") -> str:
    return f'data "aws_iam_policy_document" "{name}" {{\n{body}\n}}\n'


def statement(sid: str, action: str = "s3:Get*") -> str:
    return f'  statement {{\n    sid = "{sid}"\n    actions = ["{action}"]\n    resources = ["*"]\n  }}'


def test_attributes_become_iam_elements(tmp_path: Path) -> None:
    """Version and Effect have their defaults; every attribute becomes an IAM element."""
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


def test_statement_has_position_of_its_block(tmp_path: Path) -> None:
    """Each statement has the lines of its block."""
    found = statements(tmp_path, data(statement("A") + "\n" + statement("B")))
    assert [(one.sid, one.at.line, one.at.column, one.at.end_line) for one in found] == [
        ("A", 2, 3, 6),
        ("B", 7, 3, 11),
    ]


ALLOW = '{ Sid = "%s", Effect = "Allow", Action = "%s", Resource = "*" }'


def encoded_document(*sids_and_actions: tuple[str, str], head: str = "") -> str:
    listed = ", ".join(ALLOW % pair for pair in sids_and_actions)
    return f"jsonencode({{ {head}Statement = [{listed}] }})"


@pytest.mark.parametrize(
    ("own", "source", "version"),
    [
        ("", 'Version = "2012-10-17", ', "2012-10-17"),
        ('version = "2008-10-17"', 'Version = "2012-10-17", ', "2012-10-17"),
        ('version = "2008-10-17"', 'Version = "2008-10-17", ', "2008-10-17"),
        ('version = "2008-10-17"', "", "2008-10-17"),
        ("", 'Version = "2008-10-17", ', "2012-10-17"),
        ('version = "2008-10-17"', "Version = var.v, ", "${var.v}"),
    ],
)
def test_highest_version_is_used(tmp_path: Path, own: str, source: str, version: str) -> None:
    """Of the Versions of the document and its sources the highest is used."""
    body = f"  {own}\n  source_policy_documents = [{encoded_document(('A', 's3:1'), head=source)}]"
    assert json(document(tmp_path, 'variable "v" {}\n' + data(body)).get("Version")) == version


def test_null_and_empty_attributes_are_absent(tmp_path: Path) -> None:
    """null and empty lists are absent, also as one of two alternatives; the Effect is then Allow."""
    body = (
        '  statement {\n    sid = null\n    effect = var.x ? null : "Deny"\n'
        '    actions = var.x ? ["iam:PassRole"] : null\n'
        '    not_actions = var.x ? [] : ["s3:*"]\n    resources = ["*"]\n    not_resources = []\n  }'
    )
    found = statements(tmp_path, 'variable "x" {}\n' + data(body))
    assert [(pairs(one.when), one.effect, one.actions is None, one.not_actions is None) for one in found] == [
        ((("var.x", "true"),), "Allow", False, True),
        ((("var.x", "false"),), "Deny", True, False),
    ]


def test_policy_id(tmp_path: Path) -> None:
    """``policy_id`` becomes Id."""
    assert json(document(tmp_path, data('  policy_id = "x"\n' + statement("A"))).get("Id")) == "x"


def test_policy_variables_in_principals_and_conditions(tmp_path: Path) -> None:
    """``&{`` is converted in principals and condition values too, and nowhere else."""
    body = (
        '  statement {\n    actions = ["s3:&{x}"]\n    not_resources = ["a/&{aws:username}"]\n    principals {\n'
        '      type = "AWS"\n      identifiers = ["&{aws:userid}"]\n    }\n    condition {\n      test = "StringLike"\n'
        '      variable = "aws:x"\n      values = ["&{aws:y}", "z"]\n    }\n  }'
    )
    node = document(tmp_path, data(body)).get("Statement")
    assert isinstance(node, ListNode)
    assert json(node.items[0]) == {
        "Effect": "Allow",
        "Action": ["s3:&{x}"],
        "NotResource": ["a/${aws:username}"],
        "Principal": {"AWS": ["${aws:userid}"]},
        "Condition": {"StringLike": {"aws:x": ["${aws:y}", "z"]}},
    }
