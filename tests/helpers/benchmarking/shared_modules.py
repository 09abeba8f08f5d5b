"""Terraform files of many roots that describe what they need in large maps, and hand these to the same few modules."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarking.terraform_files import filled

COPIES, OWN = 4, 12  # files of a root: those that all roots have, and others
_STAGES = ("development", "test", "preproduction", "production")
_PARTS = ("web", "database", "batch", "jump", "report", "cache")


def roots() -> Iterator[tuple[str, str]]:
    """Names and texts of files, without end: first those of the modules, then those of each root."""
    yield from ((f"modules/{name}", text) for name, text in _MODULES.items())
    number = 0
    while True:
        yield from _root(number, Random(f"root {number}"))
        number += 1


def files(count: int) -> int:
    """How many files so many roots have, with their modules."""
    return len(_MODULES) + count * (COPIES + OWN)


def _root(number: int, random: Random) -> Iterator[tuple[str, str]]:
    folder = f"environments/app-{number}"
    for name, text in _COPIES.items():
        yield f"{folder}/{name}", text
    yield f"{folder}/main.tf", _MAIN
    yield f"{folder}/locals.tf", _locals(number)
    for stage in _STAGES:
        yield f"{folder}/locals_{stage}.tf", _stage(stage, random)
    yield f"{folder}/iam.tf", _iam(number)
    for name in ("network", "storage", "monitoring", "database", "records"):
        yield f"{folder}/{name}.tf", filled(random)


def _locals(number: int) -> str:
    return f"""locals {{
  name             = "app-{number}"
  environment      = terraform.workspace
  tags             = {{ application = local.name, owner = "team-{number % 7}" }}
  by_environment   = {{ {", ".join(f"{stage} = local.{stage}" for stage in _STAGES)} }}
  this_environment = local.by_environment[local.environment]

  all_environments = {{
    instances = {{}}
    policies = {{
      Application = {{
        description = "What all instances need"
        statements = [
          {{
            effect    = "Allow"
            actions   = ["s3:GetObject", "s3:ListBucket"]
            resources = ["arn:aws:s3:::{"${local.name}"}-artifacts", "arn:aws:s3:::{"${local.name}"}-artifacts/*"]
          }},
        ]
      }}
    }}
  }}
}}
"""


def _stage(stage: str, random: Random) -> str:
    """The maps of one environment: instances and groups, merged with what they have in common, policies and alarms."""
    instances = "\n".join(_instance(stage, number, random) for number in range(random.randint(2, 9)))
    return f'''locals {{
  {stage} = {{
    instances = {{
{instances}
    }}
    policies = {{
      Ec2{stage.title()}Policy = {{
        description = "For the instances of {stage}"
        statements = concat(module.presets.statements.logs, [
          {{
            effect    = "Allow"
            actions   = ["secretsmanager:GetSecretValue"]
            resources = [for name in ["db", "app"] : "arn:aws:secretsmanager:*:*:secret:/{stage}/{"${name}"}-*"]
          }},
        ])
      }}
    }}
    buckets = {{ "{"${local.name}"}-{stage}" = {{ versions = {random.randint(1, 90)}, tags = local.tags }} }}
    alarms  = merge(module.presets.alarms.instance, {{ "cpu-{stage}" = {{ threshold = {random.randint(50, 99)} }} }})
  }}
}}
'''


def _instance(stage: str, number: int, random: Random) -> str:
    part = random.choice(_PARTS)
    disks = "".join(
        f'\n          "/dev/sd{letter}" = {{ label = "data", size = {random.randint(10, 500)}, type = "gp3" }}'
        for letter in "bcdef"[: random.randint(1, 5)]
    )
    return f'''      {stage}-{part}-{number} = merge(module.presets.instances.{part}, {{
        config = merge(module.presets.instances.{part}.config, {{
          image             = "image-{random.getrandbits(20):05x}"
          availability_zone = "eu-central-1{random.choice("abc")}"
          policies          = ["Application", "Ec2{stage.title()}Policy"]
        }})
        disks = {{{disks}
        }}
        instance = merge(module.presets.instances.{part}.instance, {{
          instance_type           = "m6i.{random.choice(("large", "xlarge"))}"
          disable_api_termination = {random.choice(("true", "false"))}
        }})
        tags = merge(local.tags, {{ component = "{part}", description = "{part} {number} of {stage}" }})
      }})'''


_PASSING = """
  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/${local.name}-*"]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com"]
    }
  }
"""


def _iam(number: int) -> str:
    passing = _PASSING if number % 10 == 0 else ""
    return f"""data "aws_iam_policy_document" "pipeline" {{
  statement {{
    actions   = ["ec2:Describe*", "ssm:StartSession"]
    resources = ["*"]
  }}
{passing}}}

resource "aws_iam_role" "pipeline" {{
  name               = "${{local.name}}-pipeline"
  assume_role_policy = module.environment.trust
}}

resource "aws_iam_role_policy" "pipeline" {{
  role   = aws_iam_role.pipeline.id
  policy = data.aws_iam_policy_document.pipeline.json
}}
"""


_MAIN = """module "environment" {
  source      = "../../modules/environment"
  name        = local.name
  environment = local.environment
}

module "presets" {
  source      = "../../modules/presets"
  environment = module.environment
  options     = { log_retention = 30, regions = ["eu-central-1", "eu-west-1"] }
}

module "baseline" {
  source      = "../../modules/baseline"
  environment = module.environment

  instances = merge(
    lookup(local.all_environments, "instances", {}),
    lookup(local.this_environment, "instances", {}),
  )
  policies = merge(
    module.presets.policies,
    lookup(local.all_environments, "policies", {}),
    lookup(local.this_environment, "policies", {}),
  )
  buckets = lookup(local.this_environment, "buckets", {})
  alarms  = lookup(local.this_environment, "alarms", {})
  tags    = local.tags
}
"""
_COPIES = {
    "platform_providers.tf": "".join(
        f'provider "aws" {{\n  alias  = "{region}"\n  region = "{region}"\n\n  assume_role {{\n'
        f'    role_arn = "arn:aws:iam::${{module.environment.account}}:role/deploy-{region}"\n  }}\n}}\n\n'
        for region in ("eu-central-1", "eu-west-1", "us-east-1")
    ),
    "platform_data.tf": 'data "aws_caller_identity" "current" {}\n\ndata "aws_region" "current" {}\n\n' + "".join(
        f'data "aws_subnet" "{kind}_{zone}" {{\n  vpc_id = module.environment.vpc\n'
        f'  tags = {{\n    Name = "${{module.environment.name}}-{kind}-{zone}"\n  }}\n}}\n\n'
        for kind in ("public", "private", "data") for zone in "abc"
    ),
    "platform_variables.tf": 'variable "networking" {\n  type = list(object({ name = string, range = string }))\n'
    '  default = [{ name = "general", range = "10.0.0.0/16" }]\n}\n',
    "versions.tf": 'terraform {\n  required_version = ">= 1.5"\n  required_providers {\n    aws = {\n'
    '      source  = "hashicorp/aws"\n      version = "~> 5.0"\n    }\n  }\n}\n',
}  # fmt: skip
_PRESETS = "\n".join(
    f'''    {part} = {{
      config = {{
        image             = "image-{part}"
        owner             = "self"
        availability_zone = "eu-central-1a"
        policies          = []
      }}
      instance = {{
        instance_type           = "t3.{size}"
        disable_api_termination = false
        monitoring              = true
        security_groups         = ["{part}", "ssh"]
      }}
      disks = {{}}
      tags  = {{ preset = "{part}" }}
    }}'''
    for part, size in zip(_PARTS, ("small", "medium", "large") * 2, strict=True)
)
_MODULES = {
    "environment/main.tf": """variable "name" {
  type = string
}

variable "environment" {
  type = string
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["codebuild.amazonaws.com"]
    }
  }
}

output "name" {
  value = "${var.name}-${var.environment}"
}

output "account" {
  value = var.environment == "production" ? "111122223333" : "444455556666"
}

output "vpc" {
  value = "vpc-${var.environment}"
}

output "trust" {
  value = data.aws_iam_policy_document.trust.json
}
""",
    "presets/main.tf": f"""variable "environment" {{
  type = any
}}

variable "options" {{
  type = object({{
    log_retention = optional(number, 7)
    regions       = list(string)
  }})
}}

locals {{
  instances = {{
{_PRESETS}
  }}

  alarms = {{
    instance = {{
      for name in ["status", "memory", "disk"] : "${{name}}-${{var.environment.name}}" => {{ threshold = 1 }}
    }}
  }}

  statements = {{
    logs = [
      {{
        effect    = "Allow"
        actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        resources = [
          for region in var.options.regions : "arn:aws:logs:${{region}}:*:log-group:${{var.environment.name}}*"
        ]
      }},
    ]
  }}
}}
""",
    "presets/outputs.tf": """output "instances" {
  value = local.instances
}

output "alarms" {
  value = local.alarms
}

output "statements" {
  value = local.statements
}

output "policies" {
  value = {
    Presets = {
      description = "What the presets need"
      statements  = local.statements.logs
    }
  }
}
""",
    "baseline/variables.tf": """variable "environment" {
  type = any
}

variable "tags" {
  type    = map(string)
  default = {}
}

variable "instances" {
  type = map(object({
    config = object({
      image             = string
      owner             = optional(string, "self")
      availability_zone = string
      policies          = optional(list(string), [])
    })
    instance = object({
      instance_type           = string
      disable_api_termination = optional(bool, false)
      monitoring              = optional(bool, true)
      security_groups         = optional(list(string), [])
    })
    disks = optional(map(object({
      label = optional(string)
      size  = number
      type  = optional(string, "gp3")
    })), {})
    tags = optional(map(string), {})
  }))
  default = {}
}

variable "policies" {
  type = map(object({
    description = optional(string, "")
    statements = list(object({
      effect    = string
      actions   = list(string)
      resources = list(string)
    }))
  }))
  default = {}
}

variable "buckets" {
  type    = any
  default = {}
}

variable "alarms" {
  type    = any
  default = {}
}
""",
    "baseline/instances.tf": """module "instance" {
  source            = "../instance"
  for_each          = var.instances
  name              = "${var.environment.name}-${each.key}"
  config            = each.value.config
  disks             = each.value.disks
  instance          = each.value.instance
  policies          = [for name in each.value.config.policies : aws_iam_policy.this[name].arn]
  availability_zone = each.value.config.availability_zone
  tags              = merge(var.tags, each.value.tags)
}
""",
    "baseline/iam.tf": """data "aws_iam_policy_document" "this" {
  for_each = var.policies

  dynamic "statement" {
    for_each = each.value.statements
    content {
      effect    = statement.value.effect
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}

resource "aws_iam_policy" "this" {
  for_each    = var.policies
  name        = "${var.environment.name}-${each.key}"
  description = each.value.description
  policy      = data.aws_iam_policy_document.this[each.key].json
  tags        = var.tags
}
""",
    "baseline/storage.tf": """resource "aws_s3_bucket" "this" {
  for_each = var.buckets
  bucket   = each.key
  tags     = merge(var.tags, each.value.tags)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each    = var.alarms
  alarm_name  = each.key
  threshold   = each.value.threshold
  namespace   = "AWS/EC2"
  metric_name = "Status"
}
""",
    "instance/main.tf": """resource "aws_iam_role" "this" {
  name = "${var.name}-instance"
  tags = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "this" {
  count      = length(var.policies)
  role       = aws_iam_role.this.name
  policy_arn = var.policies[count.index]
}

resource "aws_iam_instance_profile" "this" {
  name = aws_iam_role.this.name
  role = aws_iam_role.this.name
}

resource "aws_instance" "this" {
  ami                     = var.config.image
  instance_type           = var.instance.instance_type
  disable_api_termination = var.instance.disable_api_termination
  availability_zone       = var.availability_zone
  iam_instance_profile    = aws_iam_instance_profile.this.name
  tags                    = merge(var.tags, { Name = var.name })
}

resource "aws_ebs_volume" "this" {
  for_each          = var.disks
  availability_zone = var.availability_zone
  size              = each.value.size
  type              = each.value.type
  tags              = merge(var.tags, { Name = "${var.name}${each.key}" })
}
""",
    "instance/variables.tf": "\n".join(
        f'variable "{name}" {{\n  type = {type_}\n}}\n'
        for name, type_ in (
            ("name", "string"),
            ("config", "any"),
            ("disks", "map(object({ label = optional(string), size = number, type = optional(string) }))"),
            ("instance", "any"),
            ("policies", "list(string)"),
            ("availability_zone", "string"),
            ("tags", "map(string)"),
        )
    ),
}  # fmt: skip
