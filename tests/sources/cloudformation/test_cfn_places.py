"""Columns of statements in JSON texts inside functions: reports in JSON have lines only."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from path_conditions_of_tests import pairs

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.sources.cloudformation import load

TEMPLATE = """\
Parameters: {Env: {Type: String}}
Conditions: {IsProd: !Equals [!Ref Env, prod]}
Resources:
  P:
    Type: AWS::IAM::Policy
    Properties:
      PolicyDocument:
"""
LINES = TEMPLATE.count("\n")
PROD, OTHER = (("Env", '"prod"'),), (("Env", 'not "prod"'),)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (  # a JSON text, with a function's values in it
            """\
            !Sub
              - |
                {"Version": "2012-10-17",
                 "Statement": [
                   {"Effect": "Allow", "Action": "s3:*", "Resource": "${A}"},
                   {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "role/${Env}"}
                 ]}
              - A: !If [IsProd, x, y]
            """,
            [(f"Statement/{number}", 5 + number, 16, when) for when in (PROD, OTHER) for number in (0, 1)],
        ),
        (  # an alternative that is a JSON text
            """\
            Fn::If:
              - IsProd
              - '{"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "a"}]}'
              - !Ref AWS::NoValue
            """,
            [("Statement/0", 3, 29, PROD)],
        ),
    ],
)
def test_statement_positions(document: str, expected: list[tuple[str, int, int, tuple[tuple[str, str], ...]]]) -> None:
    """Path, line (below the key), column, and path condition."""
    text = TEMPLATE + textwrap.indent(textwrap.dedent(document), " " * 8)
    found = [
        one for policy in load(Path("t.yaml"), text).policies for one in parse_document(policy.document).statements
    ]
    assert [(one.path, one.at.line - LINES, one.at.column, pairs(one.when)) for one in found] == expected
