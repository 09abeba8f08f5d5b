"""Incomplete or ambiguous roles in a configuration need manual review.

Sources: Terraform language documentation, "The count Meta-Argument", "Input Variables" and "Conditional Expressions";
AWS CloudFormation Template Reference, AWS::CloudFormation::CustomResource; Service Authorization Reference.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import USED, USED_IN_TEMPLATE, allow, function, left_for_a_person, only, policy, role, session, task

from passrole_checks.suggest.edits import apply_edits

FUNCTION = role("function", "lambda") + function()
TEMPLATE = f"""\
Parameters:
  Given: {{Type: String, Default: "arn:aws:iam::111122223333:role/given"}}
Resources:
{USED_IN_TEMPLATE}"""


@pytest.mark.parametrize(
    ("name", "resource", "written"), [("app.yaml", '            Resource: "*"\n', "Resource: !Ref Given\n")]
)
def test_a_parameter_is_written_as_one(tmp_path: Path, name: str, resource: str, written: str) -> None:
    """A role that a parameter names is written as the parameter."""
    text = TEMPLATE.replace("!GetAtt Role.Arn", "!Ref Given") + (
        "  Policy:\n    Type: AWS::IAM::GroupPolicy\n    Properties:\n      GroupName: bots\n      PolicyName: bot\n"
        "      PolicyDocument:\n        Statement:\n          - Effect: Allow\n            Action: iam:PassRole\n"
        f"{resource}"
    )
    found = session(tmp_path, {name: text})
    one = only(found)
    assert written in apply_edits(found.texts(str(tmp_path / name)), one.edits)


def test_long_source_of_missing_module_is_shortened(tmp_path: Path) -> None:
    """A long source is truncated, and the problem with the module is reported."""
    source = f"github.com/acme/terraform-aws-cluster-with-a-long-name?ref={'0' * 40}"
    (asked,) = left_for_a_person(
        session(tmp_path, {"main.tf": policy(allow()) + USED + f'module "cluster" {{\n  source = "{source}"\n}}\n'})
    )
    assert asked.startswith("whether more roles are passed (module cluster (github.com/acme/terraform-aws-")
    assert asked.endswith("…) is not downloaded (run `terraform init`))")


def test_policy_of_a_custom_resource_has_unknown_principals(tmp_path: Path) -> None:
    """The principals of a policy passed to a custom resource, and the roles they pass, are unknown."""
    text = TEMPLATE + (
        "  Handler:\n    Type: Custom::Handler\n    Properties:\n      ServiceToken: !GetAtt Function.Arn\n"
        "      Policy:\n        Statement:\n          - Effect: Allow\n            Action: iam:PassRole\n"
        '            Resource: "*"\n'
    )
    assert left_for_a_person(session(tmp_path, {"app.yaml": text})) == (
        "the principals that get the policy handed to Handler, and the roles they pass",
    )


def test_an_installed_module_is_not_edited(tmp_path: Path) -> None:
    """Modules copied by terraform init are overwritten: they are changed at their source."""
    files = {
        "main.tf": 'module "deploy" {\n  source  = "acme/deploy/aws"\n  version = "1.0.0"\n}\n',
        ".terraform/modules/modules.json": (
            '{"Modules": [{"Key": "deploy", "Source": "registry.terraform.io/acme/deploy/aws", "Version": "1.0.0",'
            ' "Dir": ".terraform/modules/deploy"}]}'
        ),
        ".terraform/modules/deploy/main.tf": policy(allow()) + FUNCTION,
    }
    assert left_for_a_person(session(tmp_path, files)) == (
        "this is a downloaded copy of a module: change the module's source",
    )


def test_a_task_that_starts_its_own_kind(tmp_path: Path) -> None:
    """A task whose role may pass any role passes its own as well when it starts such a task again, so that naming only
    the other role of the task definition would be wrong either way."""
    held = policy(allow(), name="held").replace("aws_iam_user_policy", "aws_iam_role_policy")
    held = held.replace('user   = "bot"', "role   = aws_iam_role.task.id")
    both = task().replace("}\n", "  execution_role_arn = aws_iam_role.start.arn\n}\n", 1)
    more = role("task", "ecs-tasks") + role("start", "ecs-tasks") + both
    assert only(session(tmp_path, {"main.tf": held + more})).edits == ()


def test_pipeline_that_passes_another_role(tmp_path: Path) -> None:
    """The principal that creates a pipeline passes the pipeline's role; the pipeline passes the role of its action."""
    text = """\
Resources:
  Launch:
    Type: AWS::IAM::Role
    Properties:
      RoleName: launch
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: cloudformation.amazonaws.com}, Action: "sts:AssumeRole"}]
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      RoleArn: !GetAtt Role.Arn
      Stages:
        - Name: Deploy
          Actions:
            - Name: Deploy
              ActionTypeId: {Category: Deploy, Owner: AWS, Provider: CloudFormation, Version: "1"}
              Configuration: {ActionMode: CREATE_UPDATE, StackName: orders, RoleArn: !GetAtt Launch.Arn}
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: pipeline
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: codepipeline.amazonaws.com}, Action: "sts:AssumeRole"}]
      Policies:
        - PolicyName: pass
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: iam:PassRole
                Resource: "*"
"""
    one = only(session(tmp_path, {"app.yaml": text}))
    assert [line.strip() for line in one.statement.splitlines()] == [
        "Effect: Allow",
        "Action: iam:PassRole",
        "Resource: !GetAtt Launch.Arn",
        "Condition:",
        "StringEquals:",
        "iam:PassedToService: cloudformation.amazonaws.com",
    ]
