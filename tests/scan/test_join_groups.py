"""Findings of one cause at several positions are one item of the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from command_runs import run_command
from role_templates import ACCOUNT, BUILD, CLOUDFORMATION, allow, groups, role, write

DEPLOY = allow(["iam:PassRole", "cloudformation:CreateStack"], {"Fn::GetAtt": ["Execution", "Arn"]})
STACKS = allow("cloudformation:*")


def test_execution_role_is_listed_with_the_principal_that_passes_it(tmp_path: Path) -> None:
    """An administrator that only CloudFormation can use is in the item of the principal that passes the role to it."""
    execution = role(CLOUDFORMATION, managed="AdministratorAccess")
    write(tmp_path / "t.json", Deployer=role(BUILD, DEPLOY, STACKS), Execution=execution)
    assert groups(tmp_path) == [["008 Deployer", "013 Execution"]]
    text = run_command("scan", ".", cwd=tmp_path).stdout
    assert "+ PASSROLE_013 managed-policy (medium) at t.json:" in text and "Execution can pass any role" in text
    assert run_command("scan", ".", "--format", "markdown", cwd=tmp_path).stdout.count("<br>+ ") == 1


def test_execution_role_of_a_template_of_its_own_is_an_item(tmp_path: Path) -> None:
    """Without a finding on a principal that passes it, or where others can assume the role, it stands alone."""
    write(tmp_path / "a.json", Execution=role(CLOUDFORMATION, managed="AdministratorAccess"))
    services = {"Service": ["cloudformation.amazonaws.com", "lambda.amazonaws.com"]}
    execution = role(services, managed="AdministratorAccess")
    write(tmp_path / "b.json", Deployer=role(BUILD, DEPLOY, STACKS), Execution=execution)
    assert groups(tmp_path) == [["008 Deployer"], ["013 Execution"], ["013 Execution"]]


def test_suppressed_item_hides_no_execution_role(tmp_path: Path) -> None:
    """If the finding on the principal is suppressed, that on the role is an item."""
    deployer = role(BUILD, DEPLOY, STACKS)
    deployer["Metadata"] = {"checkov": {"skip": [{"id": "PASSROLE_008", "comment": "reviewed"}]}}
    write(tmp_path / "t.json", Deployer=deployer, Execution=role(CLOUDFORMATION, managed="AdministratorAccess"))
    assert ["013 Execution"] in groups(tmp_path)


def test_one_statement_that_reaches_one_role_is_one_item(tmp_path: Path) -> None:
    """Two principals that have a statement reach the same role by it: one can start a stack, the other cannot."""
    passes = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "Roles": [{"Ref": "Deployer"}, {"Ref": "Planner"}],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [DEPLOY | {"Action": "iam:PassRole"}]},
        },
    }
    execution = role(CLOUDFORMATION, allow("iam:AttachRolePolicy"))
    planner = role(BUILD, allow("s3:GetObject", "arn:aws:s3:::plans/*"))
    write(tmp_path / "t.json", Passes=passes, Deployer=role(BUILD, STACKS), Planner=planner, Execution=execution)
    assert groups(tmp_path) == [["008 Passes", "009 Passes"]]
    text = run_command("scan", ".", cwd=tmp_path).stdout
    assert "+ PASSROLE_009 stronger-role (high): Planner can pass" in text


def statements(*services: str) -> list[dict[str, Any]]:
    return [allow("iam:PassRole", f"{ACCOUNT}:role/{name}-*") for name in services]


def test_principal_that_changes_what_several_statements_pass_is_one_item(tmp_path: Path) -> None:
    """The item is at the first statement, whatever the conditions of the others and the changes that they allow."""
    change = allow(["iam:PutRolePolicy"], f"{ACCOUNT}:role/a-*")
    more = allow(["iam:PutRolePolicy", "iam:AttachRolePolicy"], f"{ACCOUNT}:role/b-*")
    first, second = statements("a", "b")
    first["Condition"] = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    write(tmp_path / "t.json", Deployer=role(BUILD, first, second, change, more))
    assert groups(tmp_path) == [["016 Deployer", "002 Deployer", "016 Deployer"]]
    text = run_command("scan", ".", cwd=tmp_path).stdout
    assert "It can also pass and change the roles in t.json:" in " ".join(text.split())


def test_principal_that_starts_workloads_by_several_statements_is_one_item(tmp_path: Path) -> None:
    """Unknown roles that several statements let one principal start the same workloads with are one cause."""
    write(tmp_path / "t.json", Deployer=role(BUILD, *statements("a", "b"), allow("ec2:RunInstances")))
    (group,) = groups(tmp_path)
    assert group == ["008 Deployer", "002 Deployer", "002 Deployer", "008 Deployer"]


def test_copies_of_a_template_are_one_item(tmp_path: Path) -> None:
    """The same statement at the same line of files with other names is named once, with all files."""
    for folder in ("build", "source"):
        write(tmp_path / folder / "t.json", Worker=role(BUILD, allow("iam:PassRole")))
    assert groups(tmp_path) == [["001 Worker", "001 Worker"]]
    text = run_command("scan", ".", cwd=tmp_path).stdout
    assert text.count("PASSROLE_001 any-role\n") == 1 and "Also in source/t.json:" in " ".join(text.split())


BOOTSTRAP = {
    "Parameters": {"Trusted": {"Type": "CommaDelimitedList", "Default": ""}},
    "Conditions": {"HasTrusted": {"Fn::Not": [{"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "Trusted"}]}]}]}},
}


def bootstrap(*more: object) -> dict[str, Any]:
    """The deployment role of a bootstrap template, which its own account and ``more`` can assume."""
    deployer = role({"AWS": {"Ref": "AWS::AccountId"}}, DEPLOY, STACKS)
    version = {"Fn::Sub": "arn:${AWS::Partition}:ssm:*:${AWS::AccountId}:parameter${CdkBootstrapVersion}"}
    policy = deployer["Properties"]["Policies"][0]["PolicyDocument"]
    policy["Statement"].append(allow("ssm:GetParameter", version))
    deployer["Properties"]["AssumeRolePolicyDocument"]["Statement"].extend(more)
    return deployer


def test_bootstrap_template_is_one_item_about_its_parameters(tmp_path: Path) -> None:
    """It is medium if only its own account can assume the role that passes the execution role, else high."""
    execution = role(CLOUDFORMATION, managed="AdministratorAccess")
    version = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "25"}}
    others = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": {"Ref": "Trusted"}}}
    given = {"Fn::If": ["HasTrusted", others, {"Ref": "AWS::NoValue"}]}
    default = role(CLOUDFORMATION)
    default["Properties"]["ManagedPolicyArns"] = {
        "Fn::If": ["HasTrusted", {"Ref": "AWS::NoValue"}, ["arn:aws:iam::aws:policy/AdministratorAccess"]]
    }
    severities = {}
    cases = {
        "own": (execution, ()),
        "others": (execution, (others,)),
        "given": (execution, (given,)),
        "default": (default, (given,)),
    }
    for name, (executes, more) in cases.items():
        (tmp_path / name).mkdir()
        resources = {"Deployer": bootstrap(*more), "Execution": executes, "CdkBootstrapVersion": version}
        template = {**BOOTSTRAP, "Resources": resources}
        (tmp_path / name / "t.json").write_text(json.dumps(template))
        (primary,) = primaries(tmp_path / name)
        assert primary["resource"] == "Deployer" and "--cloudformation-execution-policies" in primary["remediation"]
        severities[name] = primary["severity"]
    assert severities == {"own": "medium", "others": "high", "given": "high", "default": "medium"}


def primaries(folder: Path) -> list[dict[str, Any]]:
    findings = json.loads(run_command("scan", ".", "--format", "json", cwd=folder).stdout)["findings"]
    return [one for one in findings if one["primary"]]


def test_one_statement_of_principals_with_different_findings_is_one_item(tmp_path: Path) -> None:
    """Each of them can pass another role by it, and only one can start a workload."""
    module = """
        variable "more" {}
        resource "aws_iam_role" "target" {
          assume_role_policy = jsonencode({ Statement = [
            { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "glue.amazonaws.com" } }
          ] })
          inline_policy {
            policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "dynamodb:*", Resource = "*" }] })
          }
        }
        resource "aws_iam_user" "it" {}
        resource "aws_iam_user_policy" "pass" {
          user   = aws_iam_user.it.name
          policy = jsonencode({ Statement = [
            { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.target.arn },
            { Effect = "Allow", Action = var.more, Resource = "*" }
          ] })
        }
    """
    (tmp_path / "user").mkdir()
    (tmp_path / "user/main.tf").write_text(module)
    calls = {"a": "glue:CreateDevEndpoint", "b": "s3:ListBucket"}
    (tmp_path / "main.tf").write_text(
        "\n".join(f'module "{name}" {{\n  source = "./user"\n  more = "{more}"\n}}' for name, more in calls.items())
    )
    (primary,) = primaries(tmp_path)
    assert primary["severity"] == "medium"
