"""CloudFormation templates as in a collection of solutions: YAML with short forms, and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from random import Random
from typing import Any

import yaml

MEDIAN, MEAN, MOST = 6279, 8980, 59_000  # bytes of a template
_IAM = 0.39  # of the templates

_WORDS = ("Orders", "Billing", "Search", "Audit", "Catalog", "Profile", "Ledger", "Media", "Alerts", "Export")


class Short(dict[str, Any]):
    """An intrinsic function, which is written in its short form in YAML."""


def templates() -> Iterator[tuple[str, str]]:
    """Names and texts of templates without end: first one of YAML, then one of JSON, and so on."""
    number = 0
    while True:
        random = Random(f"template {number}")
        template = _template(number, random)
        name = f"{_WORDS[number % len(_WORDS)].lower()}/stack-{number}"
        if number % 2:
            yield f"{name}.json", json.dumps(template, indent=2) + "\n"
        else:
            yield f"{name}.yaml", f"# Stack {number}, deployed once a stage.\n{_yaml(template)}"
        number += 1


def _template(number: int, random: Random) -> dict[str, Any]:
    drawn = random.lognormvariate(math.log(MEDIAN), math.sqrt(2 * math.log(MEAN / MEDIAN)))
    wanted = min(drawn, MOST) / 1.55  # without the blanks of the lines
    resources: dict[str, Any] = {}
    length = 700
    if random.random() < _IAM:
        resources |= _function(number) if number % 3 else _group(number)
        length += len(json.dumps(resources))
    while length < wanted:
        made = random.choice(_RESOURCES)(f"{random.choice(_WORDS)}{len(resources)}", random)
        length += len(json.dumps(made))
        resources |= made
    if not resources:
        resources = _topic("Topic", random)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Stack {number}: {random.choice(_WORDS)} and {random.choice(_WORDS)}",
        "Parameters": {
            "Stage": {"Type": "String", "Default": "test", "AllowedValues": ["test", "production"]},
            "VpcId": {"Type": "AWS::EC2::VPC::Id", "Description": "Where it is deployed to."},
        },
        "Mappings": {"Sizes": {"test": {"Instance": "t3.small"}, "production": {"Instance": "t3.large"}}},
        "Conditions": {"InProduction": Short({"Fn::Equals": [Short({"Ref": "Stage"}), "production"]})},
        "Resources": resources,
        "Outputs": {"First": {"Value": Short({"Ref": next(iter(resources))})}},
    }


def _trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _function(number: int) -> dict[str, Any]:
    """A function with its role, which may pass roles in every other template with one."""
    statements: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": Short({"Fn::Sub": "arn:${AWS::Partition}:s3:::${AWS::StackName}-data/*"}),
        }
    ]
    if number % 2:
        passing: dict[str, Any] = {"Sid": "Pass", "Effect": "Allow", "Action": "iam:PassRole"}
        passing["Resource"] = "*" if number % 5 == 0 else Short({"Fn::GetAtt": ["TaskRole", "Arn"]})
        if number % 7:
            passing["Condition"] = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
        statements.append(passing)
    return {
        "FunctionRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": _trust("lambda.amazonaws.com"),
                "ManagedPolicyArns": [
                    Short({"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"})
                ],
                "Policies": [
                    {"PolicyName": "work", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
                ],
            },
        },
        "TaskRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": _trust("ecs-tasks.amazonaws.com")},
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Handler": "index.handle",
                "Runtime": "python3.12",
                "Role": Short({"Fn::GetAtt": ["FunctionRole", "Arn"]}),
                "Timeout": Short({"Fn::If": ["InProduction", 60, 10]}),
                "Code": {"ZipFile": "def handle(event, context):\n    print(event)\n    return {'status': 200}\n"},
            },
        },
    }


def _group(number: int) -> dict[str, Any]:
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}]
    if number % 2:
        resource = Short({"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/ec2/*"})
        statements.append({"Effect": "Allow", "Action": ["iam:GetRole", "iam:PassRole"], "Resource": resource})
    document = {"Version": "2012-10-17", "Statement": statements}
    return {
        "Operators": {"Type": "AWS::IAM::Group", "Properties": {}},
        "Operate": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "operate", "Groups": [Short({"Ref": "Operators"})], "PolicyDocument": document,
            },
        },
    }  # fmt: skip


def _topic(name: str, random: Random) -> dict[str, Any]:
    display = Short({"Fn::Sub": f"{name} of ${{AWS::StackName}} ({random.randint(1, 99)})"})
    return {name: {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": display}}}


def _bucket(name: str, random: Random) -> dict[str, Any]:
    encryption = [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
    rule = {"Id": "old", "Status": "Enabled", "ExpirationInDays": random.choice((30, 90, 365))}
    return {
        name: {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "BucketEncryption": {"ServerSideEncryptionConfiguration": encryption},
                "LifecycleConfiguration": {"Rules": [rule]},
                "VersioningConfiguration": {"Status": Short({"Fn::If": ["InProduction", "Enabled", "Suspended"]})},
                "Tags": [{"Key": "Stage", "Value": Short({"Ref": "Stage"})}],
            },
        }
    }


def _security_group(name: str, random: Random) -> dict[str, Any]:
    ports = random.sample(range(80, 9000), 3)
    rules = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": "10.0.0.0/16"} for port in ports]
    return {
        name: {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": f"What reaches {name}",
                "VpcId": Short({"Ref": "VpcId"}),
                "SecurityGroupIngress": rules,
            },
        }
    }


def _alarm(name: str, random: Random) -> dict[str, Any]:
    return {
        name: {
            "Type": "AWS::CloudWatch::Alarm",
            "Condition": "InProduction",
            "Properties": {
                "AlarmDescription": Short({"Fn::Sub": "Too many errors in ${AWS::StackName} of ${Stage}"}),
                "Namespace": "AWS/Lambda",
                "MetricName": "Errors",
                "Statistic": "Sum",
                "Period": random.choice((60, 300)),
                "EvaluationPeriods": random.randint(1, 5),
                "Threshold": random.randint(1, 50),
                "ComparisonOperator": "GreaterThanThreshold",
            },
        }
    }


def _table(name: str, random: Random) -> dict[str, Any]:
    return {
        name: {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": random.choice("SN")}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            },
        }
    }


def _instance(name: str, random: Random) -> dict[str, Any]:
    start = f"systemctl start job-{random.randint(1, 99)}"
    script = f"#!/bin/bash\nset -euo pipefail\necho STAGE=${{Stage}} >> /etc/environment\n{start}\n"
    return {
        name: {
            "Type": "AWS::EC2::Instance",
            "Properties": {
                "ImageId": f"ami-{random.getrandbits(68):017x}",
                "InstanceType": Short({"Fn::FindInMap": ["Sizes", Short({"Ref": "Stage"}), "Instance"]}),
                "UserData": Short({"Fn::Base64": Short({"Fn::Sub": script})}),
                "Tags": [
                    {"Key": "Name", "Value": Short({"Fn::Join": ["-", [Short({"Ref": "AWS::StackName"}), name]]})}
                ],
            },
        }
    }


_RESOURCES = (_topic, _bucket, _security_group, _alarm, _table, _instance)


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _short(dumper: _Dumper, made: Short) -> yaml.Node:
    ((name, value),) = made.items()
    tag = "!" + name.removeprefix("Fn::")
    if name == "Fn::Base64":  # a short form in a short form is none
        return dumper.represent_mapping("tag:yaml.org,2002:map", {name: value})
    if isinstance(value, list):
        if name == "Fn::GetAtt":
            return dumper.represent_scalar(tag, ".".join(value))
        return dumper.represent_sequence(tag, value, flow_style=True)
    return dumper.represent_scalar(tag, value, style="|" if "\n" in value else None)


def _literal(dumper: _Dumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(Short, _short)
_Dumper.add_representer(str, _literal)


def _yaml(template: dict[str, Any]) -> str:
    text: str = yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=110)
    return text
