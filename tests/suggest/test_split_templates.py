"""iam:PassRole in a statement of its own in less common forms of templates.

Sources: AWS CloudFormation Template Reference, "Fn::If" and "AWS::NoValue"; Serverless Framework, "IAM permissions".
"""

from __future__ import annotations

from pathlib import Path

import pytest
from edits_of_tests import Workshop
from suggesting import session

from passrole_checks.scan.result import LocatedGrant
from passrole_checks.suggest.edits import apply_edits, edits_for
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.split_statement import split_off_actions
from passrole_checks.suggest.suggestion import StatementChange

CHANGE = StatementChange(services=("lambda.amazonaws.com",), only_roles=True)
TEMPLATE = """\
Conditions:
  Live: !Equals [!Ref AWS::Region, eu-west-1]
Resources:
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
"""


def split(folder: Path, name: str, text: str, located: LocatedGrant | None = None) -> str:
    """The text of a file after its split, or the reason why there is none."""
    workshop = Workshop(folder)
    workshop.write(name, text)
    located = located or workshop.located()
    inner = edits_for(located, CHANGE, workshop.read)
    assert not isinstance(inner, str), inner
    try:
        return apply_edits(text, split_off_actions(located, inner, text, passing=CHANGE.services))
    except NotEditableError as reason:
        return str(reason)


def in_template(folder: Path, statements: str) -> str:
    """The statements of a template after the split."""
    return split(folder, "app.yaml", TEMPLATE + statements).removeprefix(TEMPLATE)


def test_conditional_statement_is_split_into_two_conditional_ones(tmp_path: Path) -> None:
    """Each part stays a branch of Fn::If with AWS::NoValue as the other branch."""
    before = """\
          - !If
            - Live
            - Effect: Allow
              Action:
                - iam:PassRole
                - lambda:CreateFunction
              Resource: '*'
            - !Ref AWS::NoValue # none
          - Effect: Allow
            Action: s3:GetObject
            Resource: '*'
"""
    after = """\
          - !If
            - Live
            - Effect: Allow
              Action:
                - lambda:CreateFunction
              Resource: '*'
            - !Ref AWS::NoValue # none
          - !If
            - Live
            - Effect: Allow
              Action:
                - iam:PassRole
              Resource: '*'
              Condition:
                StringEquals:
                  iam:PassedToService: lambda.amazonaws.com
            - !Ref AWS::NoValue
          - Effect: Allow
            Action: s3:GetObject
            Resource: '*'
"""
    assert in_template(tmp_path, before) == after


def test_conditional_statement_after_no_value_is_split(tmp_path: Path) -> None:
    """In the long form, and as the second branch."""
    before = """\
          - Fn::If:
              - Live
              - Ref: AWS::NoValue
              - {Sid: Deploy, Effect: Allow, Action: ['iam:PassRole', 'lambda:*'], Resource: '*'}
"""
    after = """\
          - Fn::If:
              - Live
              - Ref: AWS::NoValue
              - {Sid: Deploy, Effect: Allow, Action: ['lambda:*'], Resource: '*'}
          - Fn::If:
              - Live
              - Ref: AWS::NoValue
              - {Sid: PassRolesToLambda, Effect: Allow, Action: ['iam:PassRole'], Resource: '*', \
Condition: {StringEquals: {iam:PassedToService: lambda.amazonaws.com}}}
"""
    assert in_template(tmp_path, before) == after


def test_conditional_list_gets_another_statement(tmp_path: Path) -> None:
    """The branch is a list of statements already."""
    before = """\
          Fn::If:
            - Live
            - - Effect: Allow
                Action: [iam:PassRole, lambda:*]
                Resource: '*'
            - - Effect: Allow
                Action: s3:GetObject
                Resource: '*'
"""
    after = """\
          Fn::If:
            - Live
            - - Effect: Allow
                Action: [lambda:*]
                Resource: '*'
              - Effect: Allow
                Action: [iam:PassRole]
                Resource: '*'
                Condition:
                  StringEquals:
                    iam:PassedToService: lambda.amazonaws.com
            - - Effect: Allow
                Action: s3:GetObject
                Resource: '*'
"""
    assert in_template(tmp_path, before) == after


@pytest.mark.parametrize("other", ["{Effect: Allow, Action: s3:GetObject, Resource: '*'}", "!If [Live, {}, {}]"])
def test_statement_with_an_alternative_is_left_alone(other: str, tmp_path: Path) -> None:
    """A second Fn::If would have to repeat or leave out the alternative."""
    before = f"          - !If [Live, {{Effect: Allow, Action: [iam:PassRole, lambda:*], Resource: '*'}}, {other}]\n"
    reason = in_template(tmp_path, before)
    assert reason.startswith("the statement is a branch of Fn::If: ")


def test_conditional_statement_of_json_is_split(tmp_path: Path) -> None:
    """The copy of Fn::If follows it, separated by a comma."""
    statement = '{"Effect": "Allow", "Action": %s, "Resource": "*"%s}'
    element = '            {"Fn::If": ["Live", %s, {"Ref": "AWS::NoValue"}]}'
    text = """\
{
  "Conditions": {"Live": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}},
  "Resources": {
    "Policy": {
      "Type": "AWS::IAM::ManagedPolicy",
      "Properties": {
        "PolicyDocument": {
          "Statement": [
@@@
          ]
        }
      }
    }
  }
}
"""
    condition = ', "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}'
    before = element % (statement % ('["iam:PassRole", "lambda:*"]', ""))
    others, passing = (
        element % (statement % ('["lambda:*"]', "")),
        element % (statement % ('["iam:PassRole"]', condition)),
    )
    out = split(tmp_path, "app.json", text.replace("@@@", before))
    assert out == text.replace("@@@", f"{others},\n{passing}")


def test_statement_for_passrole_names_roles_only(tmp_path: Path) -> None:
    """Resources that no role can match are not repeated."""
    before = """\
          - Effect: Allow
            Action: ["lambda:CreateFunction",
                     "iam:PassRole"]
            Resource:
              - arn:aws:lambda:*:*:function:* # functions
              - arn:aws:iam::111122223333:role/app
"""
    after = """\
          - Effect: Allow
            Action: ["lambda:CreateFunction"]
            Resource:
              - arn:aws:lambda:*:*:function:* # functions
              - arn:aws:iam::111122223333:role/app
          - Effect: Allow
            Action: ["iam:PassRole"]
            Resource:
              - arn:aws:iam::111122223333:role/app
            Condition:
              StringEquals:
                iam:PassedToService: lambda.amazonaws.com
"""
    assert in_template(tmp_path, before) == after


def test_dash_above_an_action_goes_with_it(tmp_path: Path) -> None:
    """No empty list element remains, and the new statement has no trailing blanks."""
    before = """\
          -
            Effect: Allow
            Action:\x20\x20
            -
              lambda:CreateFunction
            -
              iam:PassRole
            Resource: '*'
"""
    after = """\
          -
            Effect: Allow
            Action:\x20\x20
            -
              lambda:CreateFunction
            Resource: '*'
          -
            Effect: Allow
            Action:
            -
              iam:PassRole
            Resource: '*'
            Condition:
              StringEquals:
                iam:PassedToService: lambda.amazonaws.com
"""
    assert in_template(tmp_path, before) == after


def test_minified_json_stays_minified(tmp_path: Path) -> None:
    """No blank follows the comma between the statements."""
    frame = '{"Resources":{"P":{"Type":"AWS::IAM::ManagedPolicy","Properties":{"PolicyDocument":{"Statement":[@@@]}}}}}'
    before = '{"Effect":"Allow","Action":["lambda:*","iam:PassRole"],"Resource":"*"}'
    after = (
        '{"Effect":"Allow","Action":["lambda:*"],"Resource":"*"},{"Effect":"Allow","Action":["iam:PassRole"],'
        '"Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}}'
    )
    assert split(tmp_path, "app.json", frame.replace("@@@", before)) == frame.replace("@@@", after)


def test_included_list_of_statements_is_split(tmp_path: Path) -> None:
    """A file that Serverless includes is a list, not a template."""
    workshop = Workshop(tmp_path)
    workshop.write(
        "serverless.yml",
        "service: app\nprovider:\n  name: aws\n  iamRoleStatements: ${file(iam.yml)}\nfunctions: {a: {handler: a.b}}\n",
    )
    text = "- Effect: Allow\n  Action:\n    - iam:PassRole\n    - lambda:*\n  Resource: '*'\n"
    workshop.write("iam.yml", text)
    assert split(tmp_path, "iam.yml", text, workshop.located()) == (
        "- Effect: Allow\n  Action:\n    - lambda:*\n  Resource: '*'\n"
        "- Effect: Allow\n  Action:\n    - iam:PassRole\n  Resource: '*'\n"
        "  Condition:\n    StringEquals:\n      iam:PassedToService: lambda.amazonaws.com\n"
    )


def test_draft_for_a_statement_with_an_alternative(tmp_path: Path) -> None:
    """It is shown for manual review, also if it cannot be split."""
    before = """\
          - !If
            - Live
            - {Effect: Allow, Action: [iam:PassRole, lambda:*], Resource: '*'}
            - {Effect: Allow, Action: [iam:PassRole, ecs:*], Resource: '*'}
"""
    found = session(tmp_path, {"app.yaml": TEMPLATE + before})
    assert found.faults == []
    assert found.suggestions != ()
