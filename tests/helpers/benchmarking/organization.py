"""The repositories of an organization: many small ones, few large ones, most files no infrastructure code.

Each repository is drawn from a seed of its own, so an organization of twice the size begins with the same ones. Of each
:data:`BLOCK` the sizes are the quantiles of one distribution, so that halves are alike.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from statistics import NormalDist

from benchmarking import template_files, terraform_files

BLOCK = 250  # repositories
LEAST, MEDIAN, MOST = 5, 14, 5_000  # files of a repository
_SPREAD = 1.2  # of the logarithm of the number of files
_KINDS = (
    "terraform",
    "terraform",
    "terraform",
    "templates",
    "sam",
    "terraform",
    "templates",
    "cdk",
    "sam",
    "terraform",
)
_SHARE = {"terraform": 0.6, "templates": 0.3, "sam": 0.15, "cdk": 0.2}  # of the files that are infrastructure code


def write(folder: Path, repositories: int) -> Path:
    """Write so many repositories, each a folder with ``.git``."""
    for number in range(repositories):
        top = folder / f"repository-{number:05}"
        (top / ".git").mkdir(parents=True)
        for name, text in files(number):
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return folder


def size(number: int) -> int:
    """The number of files of a repository: of 500, one has the most."""
    if number % (2 * BLOCK) == 2 * BLOCK - 1:
        return MOST
    place = (number * 101) % BLOCK  # a permutation: the large ones are anywhere
    drawn = MEDIAN * math.exp(_SPREAD * NormalDist().inv_cdf((place + 0.5) / BLOCK))
    return max(LEAST, min(round(drawn), MOST))


def files(number: int) -> Iterator[tuple[str, str]]:
    """Names and texts of the files of a repository."""
    kind, count = _KINDS[number % len(_KINDS)], size(number)
    code = max(2, round(count * _SHARE[kind]))
    yield from islice(_CODE[kind](number), code)
    random = Random(f"organization {number}")
    for other in range(max(0, count - code)):
        yield (
            f"src/part{other % 40}/module_{other}.py",
            "def handler(event, context):\n    return event\n" * random.randint(1, 40),
        )


def _terraform(number: int) -> Iterator[tuple[str, str]]:
    """Systems as in one large repository; every fifth repository passes a role to the one after the next."""
    if number % 5 == 0:
        yield "platform.tf", _PARAMETER.format(number=number)
    if number % 5 == 2:
        yield "deploy.tf", _READS.format(number=number - 2)
    begin = number % 50 * terraform_files.FILES
    yield from islice(terraform_files.systems(), begin, None)


def _templates(number: int) -> Iterator[tuple[str, str]]:
    yield from islice(template_files.templates(), number % 60, None)


def _sam(number: int) -> Iterator[tuple[str, str]]:
    part = 0
    while True:
        random = Random(f"sam {number} {part}")
        yield f"services/service-{part}/template.yaml", _SAM.format(
            number=number, part=part, memory=random.choice((128, 256, 512)),
            action=random.choice(("states:StartExecution", "iam:PassRole", "sqs:SendMessage", "dynamodb:PutItem")),
            resource=random.choice(("'*'", "!Sub arn:aws:iam::${AWS::AccountId}:role/worker-*", "!GetAtt Role.Arn")),
        )  # fmt: skip
        part += 1


def _cdk(number: int) -> Iterator[tuple[str, str]]:
    """The output of ``cdk synth``: a manifest, and for each stack a template with metadata."""
    stacks = max(1, round(size(number) * _SHARE["cdk"]) - 1)
    names = [f"Stack{number}x{part}" for part in range(stacks)]
    artifacts = {
        name: {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
               "properties": {"templateFile": f"{name}.template.json"}}
        for name in names
    }  # fmt: skip
    yield "cdk.out/manifest.json", json.dumps({"version": "36.0.0", "artifacts": artifacts}, indent=1)
    made = (text for name, text in template_files.templates() if name.endswith(".json"))
    for name, text in zip(names, islice(made, number % 30, None), strict=False):
        template = json.loads(text)
        for logical, resource in template["Resources"].items():
            resource.setdefault("Metadata", {})["aws:cdk:path"] = f"{name}/{logical}/Resource"
        yield f"cdk.out/{name}.template.json", json.dumps(template, indent=1)
    while True:  # assets
        yield f"cdk.out/asset.{stacks}/index{stacks}.js", "exports.handler = async () => ({});\n"
        stacks += 1


_CODE = {"terraform": _terraform, "templates": _templates, "sam": _sam, "cdk": _cdk}

_PARAMETER = """\
resource "aws_ssm_parameter" "deployer" {{
  name  = "/platform/{number}/deployer"
  type  = "String"
  value = "arn:aws:iam::111122223333:role/platform-{number}-*"
}}
"""
_READS = """\
data "aws_ssm_parameter" "deployer" {{
  name = "/platform/{number}/deployer"
}}

resource "aws_iam_user_policy" "deploy" {{
  user   = "deploy"
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = "iam:PassRole", Resource = data.aws_ssm_parameter.deployer.value }}]
  }})
}}
"""
_SAM = """\
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {{Type: String, Default: dev}}
Globals:
  Function: {{Runtime: python3.12, MemorySize: {memory}}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {{StageName: !Ref Stage}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: sts:AssumeRole}}]
  Handler:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      CodeUri: src/
      Policies:
        - DynamoDBCrudPolicy: {{TableName: !Ref Table}}
        - Version: '2012-10-17'
          Statement:
            - Effect: Allow
              Action: {action}
              Resource: {resource}
  Table:
    Type: AWS::Serverless::SimpleTable
"""
