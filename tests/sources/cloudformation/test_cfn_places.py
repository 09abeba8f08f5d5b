"""Positions of statements inside functions."""

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
ALLOW = "Effect: Allow, Action: iam:PassRole"
PROD, OTHER = (("Env", '"prod"'),), (("Env", 'not "prod"'),)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (  # the whole document
            f"""\
            !If
              - IsProd
              - Statement:
                  - {{{ALLOW}, Resource: a}}
              - Statement: {{{ALLOW}, Resource: b}}
            """,
            [("Statement/0", 4, 17, PROD), ("Statement", 5, 24, OTHER)],
        ),
        (  # the list of statements
            f"""\
            Version: "2012-10-17"
            Statement:
              Fn::If:
                - IsProd
                - - {{{ALLOW}, Resource: a}}
                  - {{{ALLOW}, Resource: b}}
                - {{{ALLOW}, Resource: c}}
            """,
            [("Statement/0", 5, 17, PROD), ("Statement/1", 6, 17, PROD), ("Statement", 7, 15, OTHER)],
        ),
        (  # one statement
            f"""\
            Statement:
              - Effect: Deny
                Action: iam:PassRole
                Resource: a
              - !If [IsProd, {{{ALLOW}, Resource: b}}, !Ref AWS::NoValue]
            """,
            [("Statement/0", 2, 13, ()), ("Statement/1", 5, 26, PROD)],
        ),
        (  # one element, one string, one value of a condition
            f"""\
            Statement:
              {ALLOW.split(", ")[0]}
              Action: !If [IsProd, ["iam:PassRole", "iam:GetRole"], iam:GetRole]
              Resource:
                - !If [IsProd, a, !Ref AWS::NoValue]
                - b
              Condition:
                StringEquals:
                  iam:PassedToService: !If [IsProd, c, !Sub "${{Env}}.x"]
            """,
            [("Statement", 2, 11, PROD), ("Statement", 2, 11, OTHER)],
        ),
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
        (  # a JSON text on one line, one mapping as its statement
            """\
            !Sub '{"Statement": {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "role/${Env}"}}'
            """,
            [("Statement", 1, 29, ())],
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
        (  # an object as text
            f"""\
            Fn::ToJsonString:
              Statement:
                - {{{ALLOW}, Resource: a}}
            """,
            [("Statement/0", 3, 15, ())],
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
