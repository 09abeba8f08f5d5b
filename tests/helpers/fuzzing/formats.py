"""Small folders of the formats that few samples and tests are written in, each in the form that its tool writes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from fuzzing.corpus import ROOT, Tree

_PASS = {
    "Effect": "Allow",
    "Action": ["iam:PassRole", "iam:GetRole"],
    "Resource": "arn:aws:iam::111122223333:role/app-*",
}
_POLICY = {"Version": "2012-10-17", "Statement": [_PASS, {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}]}
_TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}
_ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": _TRUST}}
_USER_POLICY = {"PolicyName": "p", "UserName": "u", "PolicyDocument": _POLICY}
_STACK = {"Resources": {"Role": _ROLE, "Pass": {"Type": "AWS::IAM::UserPolicy", "Properties": _USER_POLICY}}}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode()


def _terraform(name: str) -> bytes:
    return (
        f'resource "aws_iam_user_policy" "{name}" {{\n  user   = "u"\n'
        f"  policy = jsonencode({json.dumps(_POLICY)})\n}}\n"
    ).encode()


_VALUES = {"user": "u", "name": "p", "policy": json.dumps(_POLICY)}
_STATE = {
    "version": 4,
    "terraform_version": "1.9.0",
    "serial": 3,
    "lineage": "0b0b0b0b-0000-0000-0000-000000000000",
    "outputs": {},
    "resources": [
        {
            "mode": "managed",
            "type": "aws_iam_user_policy",
            "name": "p",
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [{"schema_version": 0, "attributes": _VALUES}],
        }
    ],
}
_RESOURCE = {
    "address": "aws_iam_user_policy.p", "mode": "managed", "type": "aws_iam_user_policy", "name": "p",
    "provider_name": "registry.terraform.io/hashicorp/aws", "values": _VALUES,
}  # fmt: skip
_SHOWN_STATE = {
    "format_version": "1.0", "terraform_version": "1.9.0", "values": {"root_module": {"resources": [_RESOURCE]}},
}  # fmt: skip
_PLAN: dict[str, Any] = {
    "format_version": "1.2",
    "terraform_version": "1.9.0",
    "planned_values": {"root_module": {"resources": [_RESOURCE]}},
    "resource_changes": [
        {
            **{key: value for key, value in _RESOURCE.items() if key != "values"},
            "change": {"actions": ["create"], "before": None, "after": _VALUES, "after_unknown": {"id": True}},
        }
    ],
    "configuration": {"root_module": {"resources": []}},
}
_CHANGE = {
    "Action": "Modify", "LogicalResourceId": "Pass", "ResourceType": "AWS::IAM::UserPolicy", "Replacement": "False",
    "Scope": ["Properties"], "Details": [],
    "BeforeContext": json.dumps({"Properties": {**_USER_POLICY, "PolicyDocument": {"Statement": []}}}),
    "AfterContext": json.dumps({"Properties": _USER_POLICY}),
}  # fmt: skip
_CHANGE_SET = {
    "ChangeSetName": "c", "ChangeSetId": "arn:aws:cloudformation:us-east-1:111122223333:changeSet/c/1",
    "StackName": "s", "StackId": "arn:aws:cloudformation:us-east-1:111122223333:stack/s/1",
    "Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE", "Parameters": [],
    "Changes": [{"Type": "Resource", "ResourceChange": _CHANGE}],
}  # fmt: skip
_ASSEMBLY = {
    "version": "36.0.0",
    "artifacts": {
        "App": {
            "type": "aws:cloudformation:stack",
            "environment": "aws://111122223333/us-east-1",
            "properties": {"templateFile": "App.template.json"},
            "metadata": {"/App/Pass/Resource": [{"type": "aws:cdk:logicalId", "data": "Pass"}]},
        }
    },
}
_NESTED = {
    "Parameters": {"Roles": {"Type": "CommaDelimitedList"}},
    "Resources": {
        "Pass": {
            "Type": "AWS::IAM::UserPolicy",
            "Properties": {**_USER_POLICY, "PolicyDocument": {"Statement": [{**_PASS, "Resource": {"Ref": "Roles"}}]}},
        }
    },
}
_SAM = b"""\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Env: {Type: String, Default: dev}
Globals:
  Function: {Runtime: python3.12, Handler: a.b}
Resources:
  Inner:
    Type: AWS::Serverless::Application
    Properties: {Location: ./child.json, Parameters: {Roles: "*"}}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ./src
      Policies:
        - AWSLambdaBasicExecutionRole
        - StepFunctionsExecutionPolicy: {StateMachineName: !Ref Env}
        - Version: "2012-10-17"
          Statement:
            - {Effect: Allow, Action: "iam:PassRole", Resource: !Sub "arn:aws:iam::${AWS::AccountId}:role/${Env}-*"}
"""
_SERVERLESS = b"""\
service: orders
frameworkVersion: "4"
custom:
  stage: ${opt:stage, 'dev'}
  roles: {dev: "arn:aws:iam::111122223333:role/dev", prod: "${param:role, '*'}"}
  all: ${self:custom.roles}
params: {default: {role: "${env:ROLE, self:custom.roles.dev}"}, prod: {role: "*"}}
provider:
  name: aws
  stage: ${self:custom.stage}
  iam:
    role:
      name: orders-role
      statements:
        - {Effect: Allow, Action: "iam:PassRole", Resource: "arn:aws:iam::${aws:accountId}:role/*"}
        - {Effect: Allow, Action: "iam:PassRole", Resource: "${self:custom.roles.${self:custom.stage}}"}
      managedPolicies: ["arn:aws:iam::aws:policy/IAMFullAccess"]
  iamRoleStatements: ${file(./statements.yml)}
functions:
  hello:
    handler: handler.hello
    iamRoleStatements:
      - {Effect: Allow, Action: ["iam:*"], Resource: "*"}
  bye: {handler: handler.bye, role: Role}
resources:
  Resources:
    Role: {Type: AWS::IAM::Role, Properties: {RoleName: "${self:service}", AssumeRolePolicyDocument: {Statement: []}}}
  extensions: {IamRoleLambdaExecution: {Properties: {RoleName: "${file(names.${sls:stage}.json):role}"}}}
"""
_CONFIGURATION = b"""\
[tool.passrole_checks]
severity = "info"
confidence = "low"
check = ["001", "any-service", "008"]
skip_check = ["PASSROLE_014"]
format = ["json", "sarif"]
output = ["report.json", "report.sarif"]
var_file = ["x.tfvars"]
parameters = ["Env=a"]
baseline = "baseline.json"
account = "111122223333"
unchanged = true
exclude = ["vendor/", "*.jinja.tf"]
"""
_ENTRY = {
    "fingerprint": "0123456789abcdef" * 2, "check_id": "PASSROLE_001", "file": "main.tf",
    "resource": "aws_iam_user_policy.p", "severity": "medium", "reason": "x", "expires": "2027-01-31",
}  # fmt: skip

# Each format with a folder of it. The names are those that the summary of a run counts by.
BY_FORMAT: dict[str, Tree] = {
    "Terraform": {
        "main.tf": _terraform("p"),
        "m/main.tf": _terraform("q"),
        "calls.tf": b'module "m" {\n  source = "./m"\n}\n',
    },
    "OpenTofu": {"main.tofu": _terraform("p")},
    "Terraform JSON": {
        "main.tf.json": _json(
            {"resource": {"aws_iam_user_policy": {"p": {"user": "u", "policy": json.dumps(_POLICY)}}}}
        )
    },
    "tfvars": {
        "main.tf": b'variable "roles" {}\nvariable "env" {}\nresource "aws_iam_user_policy" "p" {\n  user = var.env\n'
        b"  policy = jsonencode({ Statement = [\n"
        b'    { Effect = "Allow", Action = "iam:PassRole", Resource = var.roles }\n'
        b"  ] })\n}\n",
        "terraform.tfvars": b'env = "a"\nroles = ["arn:aws:iam::111122223333:role/x", "*"]\n',
        "x.auto.tfvars.json": b'{"env": "b", "roles": ["*"]}',
    },
    "modules.json": {
        "main.tf": b'module "m" {\n  source  = "acme/roles/aws"\n  version = "1.2.0"\n}\n',
        ".terraform/modules/modules.json": _json(
            {
                "Modules": [
                    {"Key": "", "Source": "", "Dir": "."},
                    {
                        "Key": "m",
                        "Version": "1.2.0",
                        "Source": "registry.terraform.io/acme/roles/aws",
                        "Dir": ".terraform/modules/m",
                    },
                ]
            }
        ),
        ".terraform/modules/m/main.tf": _terraform("p"),
    },
    "plan": {"plan.json": _json(_PLAN)},
    "state": {"terraform.tfstate": _json(_STATE), "state.json": _json(_SHOWN_STATE)},
    "CloudFormation JSON": {"template.json": _json(_STACK)},
    "CloudFormation YAML": {
        "template.yaml": b"Parameters:\n  Roles: {Type: String, Default: '*'}\n"
        b"Conditions:\n  C: !Equals [!Ref Roles, '*']\n"
        b"Resources:\n  Pass:\n    Type: AWS::IAM::UserPolicy\n    Properties:\n      UserName: u\n"
        b"      PolicyName: p\n      PolicyDocument:\n        Statement:\n"
        b"          - Effect: Allow\n            Action: iam:PassRole\n"
        b"            Resource: !If [C, !Sub 'arn:aws:iam::${AWS::AccountId}:role/${Roles}', !Ref AWS::NoValue]\n"
    },
    "nested stack": {
        "parent.json": _json(
            {
                "Resources": {
                    "Child": {
                        "Type": "AWS::CloudFormation::Stack",
                        "Properties": {"TemplateURL": "child.json", "Parameters": {"Roles": "*"}},
                    }
                }
            }
        ),
        "child.json": _json(_NESTED),
    },
    "SAM": {"template.yaml": _SAM, "child.json": _json(_NESTED), "samconfig.toml": b"version = 0.1\n"},
    "Serverless Framework": {
        "serverless.yml": _SERVERLESS,
        "statements.yml": b"- {Effect: Allow, Action: '*', Resource: '*'}\n",
        "names.prod.json": b'{"role": "${self:service}"}',
    },
    "change set": {"change-set.json": _json(_CHANGE_SET)},
    "CDK": {"cdk.out/manifest.json": _json(_ASSEMBLY), "cdk.out/App.template.json": _json(_STACK)},
    "policy document": {
        "policy.json": _json(_POLICY),
        "main.tf": b'resource "aws_iam_user_policy" "p" {\n  user = "u"\n  policy = file("policy.json")\n}\n',
    },
    "configuration": {"pyproject.toml": _CONFIGURATION, "main.tf": _terraform("p"), "x.tfvars": b'env = "a"\n'},
    "baseline": {"baseline.json": _json({"version": 1, "entries": [_ENTRY]}), "main.tf": _terraform("p")},
}


@cache
def cloudtrail() -> Tree:
    """The logs of the sample of evidence, as CloudTrail delivers them."""
    top = ROOT / "sample_templates" / "evidence" / "logs"
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in sorted(top.rglob("*.json"))}


def names_of(tree: Tree) -> set[str]:
    """The file names that a tree uses, for links and options to name."""
    return {name for name in tree if not name.startswith("@") and Path(name).name}
