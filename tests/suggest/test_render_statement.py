"""Proposed statements in each language, complete and with placeholders."""

from __future__ import annotations

import json

import pytest
import yaml

from passrole_checks.iam.partial_values import Position, StringNode, Unresolved, UnresolvedKind, text
from passrole_checks.suggest.render_statement import (
    ROLE,
    SERVICE,
    StatementLanguage,
    dedented_text,
    language_of,
    render_statement,
)
from passrole_checks.suggest.suggestion import TargetRole

AT = Position("x", 1)
ACCOUNT = Unresolved("account", UnresolvedKind.ACCOUNT_ID)
APP = TargetRole(
    "App", StringNode(("arn:", Unresolved("partition", UnresolvedKind.PARTITION), ":iam::", ACCOUNT, ":role/app"), AT)
)
FROM = StringNode((Unresolved("Other.Arn", role="Other"),), AT)
BOTH = StringNode(("arn:aws:iam::", Unresolved("AWS::AccountId", UnresolvedKind.ACCOUNT_ID), ":role/x"), AT)
LITERAL = text("arn:aws:iam::111122223333:role/x", AT)


@pytest.mark.parametrize(
    ("roles", "services", "resource", "condition"),
    [
        ((), None, ROLE, None),
        ((), (), ROLE, SERVICE),
        ((LITERAL,), ("ec2.amazonaws.com",), str(LITERAL), "ec2.amazonaws.com"),
        ((APP, FROM), None, [{"Fn::GetAtt": ["App", "Arn"]}, {"Fn::GetAtt": ["Other", "Arn"]}], None),
        ((BOTH,), ("a", "b"), {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/x"}, ["a", "b"]),
    ],
)
def test_a_statement_of_a_template(
    roles: tuple[TargetRole | StringNode, ...], services: tuple[str, ...] | None, resource: object, condition: object
) -> None:
    """The JSON of a statement is JSON, and its YAML says the same."""
    written = render_statement(StatementLanguage("json", False), "Pass", "iam:PassRole", roles, services)
    expected: dict[str, object] = {"Sid": "Pass", "Effect": "Allow", "Action": "iam:PassRole", "Resource": resource}
    if condition is not None:
        expected["Condition"] = {"StringEquals": {"iam:PassedToService": condition}}
    assert json.loads(written) == expected
    shown = render_statement(StatementLanguage("yaml", False), None, "iam:PassRole", roles, services)
    for short in ("!GetAtt ", "!Sub "):
        shown = shown.replace(short, "")
    (found,) = yaml.safe_load(shown)
    assert set(found) == set(expected) - {"Sid"}


def test_a_statement_of_terraform() -> None:
    """A block, an object of HCL and a text of JSON name a role as each of them can."""
    roles = (TargetRole("module.m.aws_iam_role.app", APP.arn), BOTH, StringNode((Unresolved("module.m.var.role"),), AT))
    block = render_statement(StatementLanguage("block", True, "module.m."), "Pass", "iam:PassRole", roles, None)
    assert block.splitlines() == [
        "statement {",
        '  sid       = "Pass"',
        '  actions   = ["iam:PassRole"]',
        '  resources = [aws_iam_role.app.arn, "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/x", '
        "var.role]",
        "}",
    ]
    hcl = render_statement(StatementLanguage("hcl", True), None, "iam:PassRole", (), ("a",))
    assert hcl.splitlines()[-2] == '  Condition = { StringEquals = { "iam:PassedToService" = "a" } }'
    in_json = json.loads(render_statement(StatementLanguage("json", True), None, "iam:PassRole", roles[:1], None))
    assert in_json["Resource"] == "${aws_iam_role.app.arn}"


@pytest.mark.parametrize(
    ("file", "statement", "name"),
    [
        ("a.tf", "statement {", "block"),
        ("a.tf", '{ Effect = "Allow"', "hcl"),
        ("a.tf", '{"Effect": "Allow"}', "json"),
        ("a.json", "{}", "json"),
        ("a.yaml", '{"Effect": "Allow"}', "json"),
        ("a.yaml", "Effect: Allow", "yaml"),
    ],
)
def test_the_language_of_a_statement(file: str, statement: str, name: str) -> None:
    """The name of a file and the words of a statement tell how it is written."""
    assert language_of(file, statement).name == name


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Statement:\n    - Sid: A\n      Effect: Allow\n", "Sid: A\nEffect: Allow"),
        (
            "Statement:\n    - Sid: A\n      Effect: Allow\n    - Sid: B\n      Effect: Allow\n",
            "- Sid: A\n  Effect: Allow\n- Sid: B\n  Effect: Allow",
        ),
        ("Statement: {Sid: A,\n  Effect: Allow}", "{Sid: A,\n  Effect: Allow}"),
    ],
)
def test_span_of_a_file_is_dedented(text: str, written: str) -> None:
    """A statement reads as it stands in its file; of several in a list of YAML each has its dash."""
    start = text.index("{" if "{" in text else "Sid")
    line = text.count("\n", 0, start) + 1
    at = Position("t.yaml", line, start - text.rfind("\n", 0, start))
    assert dedented_text(at, text, start, len(text.rstrip())) == written
