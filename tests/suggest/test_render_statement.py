"""Rendered statements in each language, and spans of a file for display."""

from __future__ import annotations

import json

import pytest
import yaml

from passrole_checks.iam.values.nodes import Position, text
from passrole_checks.suggest.render_statement import dedented_text, language_of, render_statement
from passrole_checks.suggest.suggestion import TargetRole

ROLE = "<role ARN>"
AT = Position("x", 1)


def rendered(language: str, sid: str | None, roles: tuple[str, ...], services: tuple[str, ...] | None) -> str:
    """Return a statement of Terraform for roles by their ARNs."""
    targets = [TargetRole("", text(arn, AT)) for arn in roles]
    return render_statement(language, sid, "iam:PassRole", targets, services, terraform=True)


@pytest.mark.parametrize(
    ("language", "terraform", "written"),
    [
        ("hcl", True, "aws_iam_role.app.arn"),
        ("json", True, '"${aws_iam_role.app.arn}"'),
        ("json", False, '{"Fn::GetAtt": ["module.m.aws_iam_role.app", "Arn"]}'),
        ("yaml", False, "!GetAtt module.m.aws_iam_role.app.Arn"),
    ],
)
def test_rendered_role_is_a_reference_of_its_language(language: str, terraform: bool, written: str) -> None:
    """A role of the same module or template is written as a reference."""
    role = TargetRole("module.m.aws_iam_role.app", text("arn:aws:iam::111122223333:role/app", AT))
    assert f" {written}" in render_statement(language, None, "iam:PassRole", [role], None, terraform=terraform)


@pytest.mark.parametrize(("services", "condition"), [(None, None), (("a",), "a"), (("a", "…"), ["a", "…"])])
@pytest.mark.parametrize("roles", [(ROLE,), ("arn:aws:iam::111122223333:role/x", ROLE)])
def test_rendered_statement_is_the_same_in_json_and_yaml(
    roles: tuple[str, ...], services: tuple[str, ...] | None, condition: object
) -> None:
    """JSON and YAML can be parsed, with placeholders too, and say the same."""
    resource = roles[0] if len(roles) == 1 else list(roles)
    expected: dict[str, object] = {"Sid": "Pass", "Effect": "Allow", "Action": "iam:PassRole", "Resource": resource}
    if condition is not None:
        expected["Condition"] = {"StringEquals": {"iam:PassedToService": condition}}
    assert json.loads(rendered("json", "Pass", roles, services)) == expected
    assert yaml.safe_load(rendered("yaml", "Pass", roles, services)) == [expected]


def test_rendered_statement_of_terraform_is_a_block_or_an_object() -> None:
    """A block is laid out as ``terraform fmt`` does, and so is an object."""
    block = rendered("block", "Pass", (ROLE,), ("a", "b"))
    assert block.splitlines() == [
        "statement {",
        '  sid       = "Pass"',
        '  actions   = ["iam:PassRole"]',
        '  resources = ["<role ARN>"]',
        "",
        "  condition {",
        '    test     = "StringEquals"',
        '    variable = "iam:PassedToService"',
        '    values   = ["a", "b"]',
        "  }",
        "}",
    ]
    hcl = rendered("hcl", None, (ROLE,), ("a",))
    assert hcl.splitlines()[-2] == '  Condition = { StringEquals = { "iam:PassedToService" = "a" } }'


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
    assert language_of(file, statement) == name


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("Statement:\n    - Sid: A\n      Effect: Allow\n", "Sid: A\nEffect: Allow"),
        (
            "Statement:\n    - Sid: A\n      Effect: Allow\n    - Sid: B\n      Effect: Allow\n",
            "- Sid: A\n  Effect: Allow\n- Sid: B\n  Effect: Allow",
        ),
        ("Statement: {Sid: A,\n  Effect: Allow}", "{Sid: A,\n  Effect: Allow}"),
    ],
)
def test_span_of_a_file_is_dedented(source: str, written: str) -> None:
    """A statement reads as it stands in its file; of several in a list of YAML each has its dash."""
    start = source.index("{" if "{" in source else "Sid")
    assert dedented_text(source, start, len(source.rstrip())) == written
