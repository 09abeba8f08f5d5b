"""Pseudo parameters with values given on the command line.

Source: AWS CloudFormation User Guide, "Get AWS values using pseudo parameters".
"""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.cli import main
from passrole_checks.errors import ConfigurationError
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import scan_paths
from passrole_checks.sources.cloudformation.parameter_values import Pairs, parse_parameter_options
from passrole_checks.sources.model.configuration import Inputs

HEAD = """\
Conditions:
  IsChina: !Equals [!Ref AWS::Partition, aws-cn]
Mappings:
  Roles:
    aws: {Pattern: app}
    aws-cn: {Pattern: "*"}
Resources:
"""
POLICY = """\
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: iam:PassRole
            Resource: {resource}
            Condition: {{StringEquals: {{"iam:PassedToService": !Sub "ec2.${{AWS::URLSuffix}}"}}}}
"""
BRANCHES = (
    '!If [IsChina, "*", "arn:aws:iam::111122223333:role/app"]',
    '!Sub ["arn:aws:iam::111122223333:role/${N}", {N: !FindInMap [Roles, !Ref AWS::Partition, Pattern]}]',
)


def checks_of(path: Path, parameters: Pairs) -> list[str]:
    """Return the findings of a template with parameter values."""
    options = ScanOptions(inputs=Inputs(parameters=parameters))
    return [finding.check_id for finding in scan_paths([path], options).findings]


@pytest.mark.parametrize("resource", BRANCHES)
def test_given_partition_decides_what_depends_on_it(resource: str, tmp_path: Path) -> None:
    """A branch on the partition has one outcome, and no finding names the other one."""
    path = tmp_path / "t.yaml"
    path.write_text(HEAD + POLICY.format(resource=resource))
    assert checks_of(path, ()) == ["PASSROLE_001"]
    assert checks_of(path, (("AWS::Partition", "aws"),)) == []
    assert checks_of(path, (("AWS::Partition", "aws-cn"),)) == ["PASSROLE_001"]


def test_url_suffix_follows_from_the_partition(tmp_path: Path) -> None:
    """In China the services have names that end in amazonaws.com.cn; the suffix is then no default."""
    path = tmp_path / "t.yaml"
    path.write_text(HEAD + POLICY.format(resource='"arn:aws-cn:iam::111122223333:role/app"'))
    grants = [
        located.grant.services.values
        for given in ((), (("AWS::Partition", "aws-cn"),))
        for located in scan_paths([path], ScanOptions(inputs=Inputs(parameters=given))).grants
    ]
    assert grants == [("ec2.amazonaws.com",), ("ec2.amazonaws.com.cn",)]


@pytest.mark.parametrize(
    ("name", "value", "in_nested", "in_set"),
    [
        ("AWS::Partition", "aws", True, True),
        ("AWS::Region", "eu-west-1", True, False),
        ("AWS::AccountId", "111122223333", True, False),
        ("AWS::StackName", "app", False, False),
    ],
)
def test_values_that_hold_in_other_stacks(name: str, value: str, in_nested: bool, in_set: bool, tmp_path: Path) -> None:
    """A nested stack shares account, Region and partition; a stack set only the partition."""
    inner = f'Conditions: {{Here: !Equals [!Ref "{name}", {value}]}}\nResources:\n' + POLICY.format(
        resource='!If [Here, "arn:aws:iam::111122223333:role/app", "*"]'
    )
    (tmp_path / "inner.yaml").write_text(inner)
    nested = tmp_path / "nested.yaml"
    nested.write_text("Resources:\n  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./inner.yaml}}\n")
    body = inner.replace("\n", "\n        ")
    stack_set = tmp_path / "set.yaml"
    stack_set.write_text(
        "Resources:\n  S:\n    Type: AWS::CloudFormation::StackSet\n"
        f"    Properties:\n      TemplateBody: |\n        {body}"
    )
    given = ((name, value),)
    expected = {True: [], False: ["PASSROLE_001"]}
    assert checks_of(nested, given) == expected[in_nested]
    assert checks_of(stack_set, given) == expected[in_set]


@pytest.mark.parametrize(
    "argument",
    ["AWS::Partition=aws", "ParameterKey=AWS::Region,ParameterValue=eu-west-1", "AWS::AccountId=111122223333"],
)
def test_pseudo_parameter_is_accepted(argument: str) -> None:
    """Both forms take pseudo parameters, whatever the templates declare."""
    assert len(parse_parameter_options([argument])) == 1
    assert (
        main(["scan", "sample_templates/parameters", "--no-cache", "--fail-on", "never", "--parameters", argument]) == 0
    )


@pytest.mark.parametrize(
    "argument",
    ["AWS::Partition=gcp", "AWS::Region=Frankfurt", "AWS::AccountId=12", "AWS::URLSuffix=x", "AWS::NoValue=1"],
)
def test_impossible_value_of_a_pseudo_parameter_is_an_error(argument: str) -> None:
    """AWS::NoValue has no value, AWS::URLSuffix follows from the partition."""
    with pytest.raises(ConfigurationError):
        parse_parameter_options([argument])
