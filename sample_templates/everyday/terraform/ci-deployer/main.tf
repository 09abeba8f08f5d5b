# A pipeline that releases an application from GitHub: the usual mixture of ways to write a policy in one
# configuration. Only what is wrong is found: PASSROLE_002 on the quoted JSON of the legacy bot, PASSROLE_001 on the
# break-glass group; the rest is limited by a Resource and a condition, taken away by a Deny, or grants nothing at
# all.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  role_prefix = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role"

  # The three roles of the application, in one place.
  application_roles = [
    aws_iam_role.task.arn,
    aws_iam_role.execution.arn,
    "${local.role_prefix}/${var.application}/*",
  ]

  to_ecs = {
    StringEquals = {
      "iam:PassedToService" = "ecs-tasks.amazonaws.com"
    }
  }
}

# Inline, jsonencode, with locals: the pipeline's own role.
resource "aws_iam_role" "deployer" {
  name               = "${var.application}-deployer"
  assume_role_policy = data.aws_iam_policy_document.github.json

  inline_policy {
    name = "release"
    policy = jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "RegisterTasks"
          Effect   = "Allow"
          Action   = ["ecs:RegisterTaskDefinition", "ecs:UpdateService"]
          Resource = "*"
        },
        {
          Sid       = "PassApplicationRoles"
          Effect    = "Allow"
          Action    = "iam:PassRole"
          Resource  = local.application_roles
          Condition = local.to_ecs
        },
        {
          Sid      = "ReadApplicationRoles"
          Effect   = "Allow"
          Action   = "iam:GetRole"
          Resource = local.application_roles
        },
      ]
    })
  }
}

# A data document, for the scheduled jobs.
data "aws_iam_policy_document" "scheduler" {
  statement {
    sid       = "PassSchedulerRole"
    actions   = ["iam:PassRole"]
    resources = ["${local.role_prefix}/${var.application}-scheduler"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = var.scheduler_services
    }
  }

  statement {
    sid       = "ReadSchedulerRole"
    actions   = ["iam:GetRole"]
    resources = ["${local.role_prefix}/${var.application}-scheduler"]
  }
}

resource "aws_iam_policy" "scheduler" {
  name   = "${var.application}-scheduler"
  policy = data.aws_iam_policy_document.scheduler.json
}

# A heredoc. The role stands in roles.tf and trusts Lambda alone: PASSROLE_002 is info here, and not shown.
resource "aws_iam_role_policy" "reports" {
  name   = "reports"
  role   = aws_iam_role.deployer.id
  policy = <<-POLICY
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "PassReportRole",
          "Effect": "Allow",
          "Action": ["iam:GetRole", "iam:PassRole"],
          "Resource": "${aws_iam_role.report.arn}"
        }
      ]
    }
  POLICY
}

# Quoted JSON, as an older generator left it: any service.
resource "aws_iam_user_policy" "legacy_bot" {
  name   = "legacy-bot"
  user   = "legacy-bot"
  policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"PassLegacyRoles\",\"Effect\":\"Allow\",\"Action\":[\"iam:GetRole\",\"iam:PassRole\"],\"Resource\":\"arn:aws:iam::111122223333:role/legacy-*\"}]}"
}
