"""Roles to name where a condition names the service and nothing in the module passes a role to it.

Sources: IAM User Guide, "Grant a user permissions to pass a role to an AWS service"; Amazon SageMaker AI Developer
Guide, "How to use SageMaker AI execution roles" (a notebook instance passes its own role to its jobs).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import allow, checks, left_for_a_person, only, policy, role, session, task

from passrole_checks.suggest.grade import Grade

TO_TASKS = '{ StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }'
NOTEBOOK = """\
Resources:
  NotebookRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: {Effect: Allow, Principal: {Service: sagemaker.amazonaws.com}, Action: "sts:AssumeRole"}
      Policies:
        - PolicyName: pass
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: iam:PassRole
                Resource: '*'
                Condition:
                  StringEquals: {"iam:PassedToService": sagemaker.amazonaws.com}
  Notebook:
    Type: AWS::SageMaker::NotebookInstance
    Properties:
      InstanceType: ml.t3.medium
      RoleArn: !GetAtt NotebookRole.Arn
"""


def test_role_may_pass_itself_to_its_own_service(tmp_path: Path) -> None:
    """It is named by its generated name: a policy of the role cannot refer to it."""
    one = only(session(tmp_path, {"template.yml": NOTEBOOK}))
    assert one.grade is Grade.NARROWED and checks(one) == ["001"]
    assert "role/${AWS::StackName}-NotebookRole-*" in one.statement


@pytest.mark.parametrize(
    ("folder", "name"), [("", "var.name"), ("examples/", '"task"')], ids=["name by a variable", "example"]
)
def test_roles_of_other_modules_that_are_not_certain_need_manual_review(tmp_path: Path, folder: str, name: str) -> None:
    used = role("task", "ecs-tasks").replace('name = "task"', f"name = {name}")
    account = 'data "aws_caller_identity" "current" {}\n'
    files = {
        f"{folder}main.tf": 'variable "name" {\n  default = "task"\n}\n'
        'module "deploy" {\n  source = "./deploy"\n}\n' + used + task(),
        f"{folder}deploy/main.tf": account + policy(allow(condition=TO_TASKS)),
    }
    assert any("whether this statement is for" in phrase for phrase in left_for_a_person(session(tmp_path, files)))


def test_folder_around_the_checkout_is_no_example(tmp_path: Path) -> None:
    """Only folders of the repository count."""
    top = tmp_path / "test" / "checkout"
    (top / ".git").mkdir(parents=True)
    files = {
        "main.tf": 'module "deploy" {\n  source = "./deploy"\n}\n' + role("task", "ecs-tasks") + task(),
        "deploy/main.tf": 'data "aws_caller_identity" "current" {}\n' + policy(allow(condition=TO_TASKS)),
    }
    assert only(session(top, files)).grade is Grade.NARROWED
