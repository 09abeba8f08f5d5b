"""Terraform files as in a repository of many systems, of which most are about anything but IAM."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

FILES = 12  # of a system
MEDIAN, MEAN, MOST = 1165, 2448, 31_000  # bytes of a file

_SERVICES = ("lambda", "ec2", "ecs-tasks", "states", "codebuild", "glue")
_WORDS = ("orders", "billing", "search", "audit", "catalog", "profile", "ledger", "media", "alerts", "export")


def systems() -> Iterator[tuple[str, str]]:
    """Names and texts of files, without end: twelve of each system, a root of nine and a module of three.

    Of the twelve, three name types of IAM: the root's ``iam.tf``, ``main.tf`` of its module and, in every other system,
    a function's file. In every fourth system somebody may pass roles. Two files of each root call modules.
    """
    number = 0
    while True:
        yield from _system(number, Random(f"terraform {number}"))
        number += 1


def _system(number: int, random: Random) -> Iterator[tuple[str, str]]:
    name = f"{_WORDS[number % len(_WORDS)]}-{number}"
    root, module = f"systems/{name}", f"modules/{name}"
    yield f"{root}/main.tf", _main(number, name) + filled(random)
    yield f"{root}/iam.tf", _iam(number, name) + filled(random, share=0.3)
    yield f"{root}/network.tf", filled(random)
    yield f"{root}/storage.tf", filled(random)
    yield f"{root}/monitoring.tf", filled(random)
    yield f"{root}/function.tf", _function(name, own_role=number % 2 == 0) + filled(random, share=0.5)
    yield f"{root}/variables.tf", _VARIABLES
    yield f"{root}/outputs.tf", _OUTPUTS
    yield f"{root}/versions.tf", _VERSIONS
    yield f"{module}/main.tf", _module(name) + filled(random, share=0.3)
    yield f"{module}/variables.tf", _MODULE_VARIABLES
    yield f"{module}/outputs.tf", 'output "role_arn" {\n  value = aws_iam_role.service.arn\n}\n'


def _main(number: int, name: str) -> str:
    neighbour = max(number - 1, 0)
    shared = f"{_WORDS[neighbour % len(_WORDS)]}-{neighbour}"  # a module that the system before uses as well
    return f'''locals {{
  name = "${{var.environment}}-{name}"
  tags = merge(var.tags, {{
    System      = "{name}"
    Environment = var.environment
  }})
}}

module "service" {{
  source   = "../../modules/{name}"
  name     = local.name
  services = ["{_SERVICES[number % len(_SERVICES)]}.amazonaws.com"]
  tags     = local.tags
}}

module "worker" {{
  source   = "../../modules/{shared}"
  for_each = toset(["blue", "green"])
  name     = "${{local.name}}-${{each.key}}"
  tags     = local.tags
}}

'''


def _iam(number: int, name: str) -> str:
    service = _SERVICES[number % len(_SERVICES)]
    passing = ""
    if number % 4 == 0:
        resource = ('"*"', "module.service.role_arn", '"arn:aws:iam::111122223333:role/${local.name}-*"')
        condition = (
            f'\n        Condition = {{ StringEquals = {{ "iam:PassedToService" = "{service}.amazonaws.com" }} }}'
        )
        passing = f"""
      {{
        Sid       = "Pass"
        Effect    = "Allow"
        Action    = ["iam:GetRole", "iam:PassRole"]
        Resource  = {resource[number // 4 % 3]}{condition if number % 8 == 0 else ""}
      }},"""
    return f'''data "aws_iam_policy_document" "deploy" {{
  statement {{
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:aws:logs:*:*:log-group:/${{local.name}}/*"]
  }}

  dynamic "statement" {{
    for_each = var.buckets
    content {{
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["arn:aws:s3:::${{statement.value}}/*"]
    }}
  }}
}}

resource "aws_iam_policy" "deploy" {{
  name   = "${{local.name}}-deploy"
  policy = data.aws_iam_policy_document.deploy.json
}}

resource "aws_iam_role" "deployer" {{
  name               = "${{local.name}}-deployer"
  assume_role_policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = {{ Service = "{service}.amazonaws.com" }}
    }}]
  }})
}}

resource "aws_iam_role_policy_attachment" "deployer" {{
  role       = aws_iam_role.deployer.name
  policy_arn = aws_iam_policy.deploy.arn
}}

resource "aws_iam_role_policy" "release" {{
  name   = "release"
  role   = aws_iam_role.deployer.id
  policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{passing}
      {{
        Effect   = "Allow"
        Action   = ["{service}:Describe*", "{service}:List*"]
        Resource = "*"
      }},
    ]
  }})
}}

'''


def _function(name: str, *, own_role: bool) -> str:
    role = """resource "aws_iam_role" "function" {
  name = "${local.name}-function"
  assume_role_policy = <<-EOT
    {
      "Version": "2012-10-17",
      "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
      ]
    }
  EOT
}

"""
    arn = "aws_iam_role.function.arn" if own_role else "module.service.role_arn"
    return f'''{role if own_role else ""}resource "aws_lambda_function" "handler" {{
  function_name = "${{local.name}}-handler"
  handler       = "{name.partition("-")[0]}.handle"
  runtime       = "python3.12"
  role          = {arn}
  filename      = "build/handler.zip"
  timeout       = var.environment == "production" ? 60 : 10
  tags          = local.tags

  environment {{
    variables = {{ LEVEL = "info", NAME = local.name }}
  }}
}}

'''


def _module(name: str) -> str:
    return f"""# The role that a service of {name} runs with.
resource "aws_iam_role" "service" {{
  name = var.name
  tags = var.tags

  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [for service in var.services : {{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = {{ Service = service }}
    }}]
  }})
}}

resource "aws_iam_role_policy_attachment" "basic" {{
  role       = aws_iam_role.service.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}}

"""


def filled(random: Random, share: float = 1.0) -> str:
    """Blocks that have nothing to do with IAM, up to a length that is drawn."""
    drawn = random.lognormvariate(math.log(MEDIAN * _MORE), math.sqrt(2 * math.log(MEAN / MEDIAN)))
    wanted, blocks, length = min(drawn, MOST) * share, [], 0
    while length < wanted:
        blocks.append(random.choice(_BLOCKS)(random, len(blocks)))
        length += len(blocks[-1])
    return "\n".join(blocks)


_MORE = 1.9  # the files of variables, outputs and versions are short, so the others are longer


def _bucket(random: Random, number: int) -> str:
    return f"""resource "aws_s3_bucket" "b{number}" {{
  bucket        = "${{local.name}}-{random.choice(_WORDS)}-{number}"
  force_destroy = var.environment != "production"
  tags          = local.tags
}}

resource "aws_s3_bucket_versioning" "b{number}" {{
  bucket = aws_s3_bucket.b{number}.id
  versioning_configuration {{
    status = "Enabled"
  }}
}}
"""


def _alarm(random: Random, number: int) -> str:
    return f"""resource "aws_cloudwatch_metric_alarm" "a{number}" {{
  alarm_name          = "${{local.name}}-{random.choice(_WORDS)}-errors"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = {random.randint(1, 5)}
  metric_name         = "Errors"
  namespace           = "AWS/Lambda"
  period              = {random.choice((60, 300))}
  statistic           = "Sum"
  threshold           = {random.randint(1, 50)}
  alarm_description   = "Too many errors; see the runbook of ${{var.environment}}."
  dimensions          = {{ FunctionName = "${{local.name}}-handler" }}
}}
"""


def _group(random: Random, number: int) -> str:
    ports = random.sample(range(80, 9000), 3)
    return f"""resource "aws_security_group" "g{number}" {{
  name_prefix = "${{local.name}}-"
  vpc_id      = var.vpc_id

  dynamic "ingress" {{
    for_each = {ports}
    content {{
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = [for subnet in var.subnets : subnet if subnet != ""]
    }}
  }}

  egress {{
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["10.{random.randint(0, 255)}.0.0/16"] # no internet
  }}
}}
"""


def _instance(random: Random, number: int) -> str:
    return f"""resource "aws_instance" "i{number}" {{
  count         = var.environment == "production" ? 2 : 1
  ami           = "ami-{random.getrandbits(68):017x}"
  instance_type = "t3.{random.choice(("small", "medium", "large"))}"
  subnet_id     = element(var.subnets, count.index)
  tags          = merge(local.tags, {{ Name = "${{local.name}}-${{count.index}}" }})

  user_data = <<-EOT
    #!/bin/bash
    set -euo pipefail
    echo "ENVIRONMENT=${{var.environment}}" >> /etc/environment
    systemctl enable --now {random.choice(_WORDS)}.service
  EOT

  root_block_device {{
    volume_size = {random.choice((20, 50, 100))}
    encrypted   = true
  }}
}}
"""


def _database(random: Random, number: int) -> str:
    return f'''resource "aws_db_instance" "d{number}" {{
  identifier              = "${{local.name}}-{number}"
  engine                  = "postgres"
  engine_version          = "{random.randint(13, 17)}"
  instance_class          = lookup({{ production = "db.r6g.large" }}, var.environment, "db.t4g.micro")
  allocated_storage       = {random.choice((20, 100, 500))}
  backup_retention_period = var.environment == "production" ? 30 : 1
  storage_encrypted       = true
  username                = "owner"
  tags                    = local.tags
}}
'''


def _record(random: Random, number: int) -> str:
    return f'''resource "aws_route53_record" "r{number}" {{
  for_each = {{ for name in ["www", "api", "{random.choice(_WORDS)}"] : name => "${{name}}.${{var.domain}}" }}
  zone_id  = data.aws_route53_zone.z{number}.zone_id
  name     = each.value
  type     = "CNAME"
  ttl      = {random.choice((60, 300, 3600))}
  records  = ["${{local.name}}.${{var.domain}}"]
}}

data "aws_route53_zone" "z{number}" {{
  name = var.domain
}}
'''


def _table(random: Random, number: int) -> str:
    return f'''resource "aws_dynamodb_table" "t{number}" {{
  name         = join("-", [local.name, "{random.choice(_WORDS)}", "{number}"])
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"
  tags         = local.tags

  attribute {{
    name = "id"
    type = "S"
  }}

  point_in_time_recovery {{
    enabled = true
  }}
}}
'''


def _values(random: Random, number: int) -> str:
    lines = [f'    {word} = {{ size = {random.randint(1, 9)}, zone = "${{var.region}}a" }}' for word in _WORDS[:6]]
    return (
        f"locals {{\n  # what each part of the system needs\n  sizes_{number} = {{\n" + "\n".join(lines) + "\n  }\n}\n"
    )


_BLOCKS = (_bucket, _alarm, _group, _instance, _database, _record, _table, _values)

_VARIABLES = """variable "environment" {
  description = "The stage that this is deployed to."
  type        = string
  default     = "test"

  validation {
    condition     = contains(["test", "staging", "production"], var.environment)
    error_message = "No such stage."
  }
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "tags" {
  type    = map(string)
  default = {}
}

variable "buckets" {
  type    = list(string)
  default = ["artifacts", "uploads"]
}

variable "subnets" {
  type = list(string)
}

variable "vpc_id" {
  type = string
}

variable "domain" {
  type    = string
  default = "example.com"
}
"""

_OUTPUTS = """output "name" {
  value = local.name
}

output "service_role" {
  description = "What the service runs with."
  value       = module.service.role_arn
}
"""

_VERSIONS = """terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {
  region = var.region
}
"""

_MODULE_VARIABLES = """variable "name" {
  type = string
}

variable "services" {
  type    = list(string)
  default = ["lambda.amazonaws.com"]
}

variable "tags" {
  type    = map(string)
  default = {}
}
"""
