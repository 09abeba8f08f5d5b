"""References to roles in a statement: never a cycle, nor a resource that may not exist.

Sources: Terraform language documentation, "References to Named Values"; AWS CloudFormation User Guide, "Conditions" and
"Troubleshooting CloudFormation" (circular dependencies).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import allow, only, policy, role, session, task

ACCOUNT = 'data "aws_caller_identity" "current" {}\n'
BY_ARN = '"arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/task"'
DEPLOY = """\
  Deploy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: iam:PassRole
            Resource: "*"
"""


def template(*, role_: str = "", deploy: str = DEPLOY, more: str = "", name: str = "orders-task") -> str:
    """A task and its role, with more lines, and a policy that lets every role be passed."""
    return f"""\
Conditions: {{Prod: !Equals [!Ref "AWS::Region", eu-central-1]}}
Resources:
  Role:
    Type: AWS::IAM::Role
{role_}    Properties:
{f"      RoleName: {name}" if name else "      Path: /"}
      AssumeRolePolicyDocument:
        Statement: [{{Effect: Allow, Principal: {{Service: ecs-tasks.amazonaws.com}}, Action: "sts:AssumeRole"}}]
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties: {{TaskRoleArn: !GetAtt Role.Arn}}
{more}{deploy}"""


def resource(folder: Path, files: dict[str, str]) -> str:
    """The Resource of the one statement that is suggested, on one line."""
    one = only(session(folder, files))
    assert one.edits != (), one.missing
    words = " ".join(one.statement.split())
    return words.partition("Resource")[2].lstrip(" =:").partition(" Condition")[0]


def missing(folder: Path, files: dict[str, str]) -> tuple[str, ...]:
    one = only(session(folder, files))
    assert one.edits == ()
    return one.missing


def test_a_role_of_the_same_template(tmp_path: Path) -> None:
    """In a template a role is called by its logical id."""
    assert resource(tmp_path, {"app.yaml": template()}) == "!GetAtt Role.Arn"


@pytest.mark.parametrize(
    "depends",
    [
        "    DependsOn: Deploy\n",
        "    DependsOn: [Task2, Key]\n",
        "    Metadata: {policy: !Ref Deploy}\n",
        '    Metadata: {policy: !Sub "x-${Deploy}"}\n',
        "    Metadata: {key: !GetAtt Key.Arn}\n",
    ],
)
def test_resource_reference_creates_no_cycle(tmp_path: Path, depends: str) -> None:
    """A role that depends on the policy, at whatever distance, is named by its ARN."""
    key = "  Key:\n    Type: AWS::KMS::Key\n    Properties: {Description: !Ref Deploy}\n"
    found = resource(tmp_path, {"app.yaml": template(role_=depends, more=key)})
    assert found == "!Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/orders-task"


def test_generated_name_is_written_as_a_prefix(tmp_path: Path) -> None:
    """If CloudFormation generates the name, the ARN ends in a wildcard after the stack name and the logical id."""
    found = resource(tmp_path, {"app.yaml": template(role_="    DependsOn: Deploy\n", name="")})
    assert found == "!Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${AWS::StackName}-Role-*"


def test_conditional_role_is_referenced_only_under_the_same_condition(tmp_path: Path) -> None:
    """A role with a condition is referenced only from resources with the same condition."""
    conditional = "    Condition: Prod\n"
    files = {"app.yaml": template(role_=conditional)}
    assert resource(tmp_path / "1", files) == "!Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/orders-task"
    same = DEPLOY.replace("    Properties", "    Condition: Prod\n    Properties", 1)
    assert resource(tmp_path / "2", {"app.yaml": template(role_=conditional, deploy=same)}) == "!GetAtt Role.Arn"


def test_block_reference_creates_no_cycle(tmp_path: Path) -> None:
    """In Terraform a circle may lead through locals and data sources."""
    around = "locals {\n  policy = data.aws_region.r.id\n}\n"
    around += 'data "aws_region" "r" {\n  depends_on = [aws_iam_user_policy.deploy]\n}\n'
    dependent = role("task", "ecs-tasks", description="local.policy") + task()
    files = {"main.tf": policy(allow()) + dependent + around + ACCOUNT}
    assert resource(tmp_path, files) == BY_ARN


def test_reference_of_the_role_consumer_is_reused(tmp_path: Path) -> None:
    """A role of another module, or one that is looked up, is called as the resource that is given it calls it."""
    module = role("this", "ecs-tasks").replace('"this"\n', "var.name\n", 1)
    module += 'variable "name" {}\noutput "arn" {\n  value = aws_iam_role.this.arn\n}\n'
    call = 'module "role" {\n  source = "./role"\n  name = "task"\n}\n'
    given = call + task().replace("aws_iam_role.task.arn", "module.role.arn")
    assert resource(tmp_path / "1", {"main.tf": policy(allow()) + given, "role/main.tf": module}) == "module.role.arn"
    looked_up = 'data "aws_iam_role" "task" {\n  name = "task"\n}\n'
    looked_up += task().replace("aws_iam_role.task", "data.aws_iam_role.task")
    assert resource(tmp_path / "2", {"main.tf": policy(allow()) + looked_up}) == "data.aws_iam_role.task.arn"


def test_reference_that_creates_a_cycle_is_not_used(tmp_path: Path) -> None:
    """A module that is given the policy cannot be asked for the role in it."""
    module = role("this", "ecs-tasks").replace('"this"\n', "var.name\n", 1)
    module += 'variable "name" {}\nvariable "x" {}\noutput "arn" {\n  value = aws_iam_role.this.arn\n}\n'
    call = 'module "role" {\n  source = "./role"\n  name = "task"\n  x = aws_iam_user_policy.deploy.id\n}\n'
    given = call + task().replace("aws_iam_role.task.arn", "module.role.arn") + ACCOUNT
    assert resource(tmp_path, {"main.tf": policy(allow()) + given, "role/main.tf": module}) == BY_ARN


def test_variable_is_not_treated_as_a_role(tmp_path: Path) -> None:
    """A value supplied from outside needs manual review."""
    files = {"main.tf": policy(allow()) + task().replace("aws_iam_role.task.arn", "var.r") + 'variable "r" {}\n'}
    assert missing(tmp_path, files) == ("how the statement can name var.r",)


def test_roles_already_named_are_kept(tmp_path: Path) -> None:
    """The statement names roles next to a wildcard; whether the wildcard covers other roles is unknown."""
    files = {"main.tf": policy(allow('["*", "arn:aws:iam::111122223333:role/x"]')) + role("task", "ecs-tasks") + task()}
    assert missing(tmp_path, files) == (
        "role ARNs passed in addition to arn:aws:iam::111122223333:role/x, which the statement names",
    )


def test_running_tasks_passes_their_roles(tmp_path: Path) -> None:
    """The principal that runs a task passes the task's role again, also if the principal is a workload's role."""
    own = policy(allow()).replace("aws_iam_user_policy", "aws_iam_role_policy")
    own = own.replace('user   = "bot"', "role   = aws_iam_role.runner.id")
    files = {"main.tf": own + role("task", "ecs-tasks") + task() + role("runner", "states")}
    assert resource(tmp_path, files) == "aws_iam_role.task.arn"


def test_roles_passed_by_cloudformation_are_unknown(tmp_path: Path) -> None:
    """A role that CloudFormation assumes passes the roles in its templates."""
    own = policy(allow()).replace("aws_iam_user_policy", "aws_iam_role_policy")
    own = own.replace('user   = "bot"', "role   = aws_iam_role.stacks.id")
    files = {"main.tf": own + role("task", "ecs-tasks") + task() + role("stacks", "cloudformation")}
    assert missing(tmp_path, files) == (
        "role ARNs: this code does not show which roles this principal passes",
        "which action needs iam:PassRole: aws_iam_role.stacks has no other permissions here",
    )
