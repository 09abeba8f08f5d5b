# PASSROLE_003 ineffective-condition: each statement tests iam:PassedToService, and none does what it seems to do.
# The first three leave (almost) every service open, the next three let no request through at all, and the last one is
# low: it also lets through every request that does not carry the key.

data "aws_caller_identity" "current" {}

locals {
  app_roles = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/app-*"
}

resource "aws_iam_policy" "release" {
  name = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "WildcardOverAllServices"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.app_roles
        Condition = { StringLike = { "iam:PassedToService" = "*" } }
      },
      {
        Sid       = "WildcardOverAllNames"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.app_roles
        Condition = { StringLike = { "iam:PassedToService" = "*.amazonaws.com" } }
      },
      {
        Sid       = "NegationOnly"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.app_roles
        Condition = { StringNotEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid       = "WildcardUnderAnExactOperator"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.app_roles
        Condition = { StringEquals = { "iam:PassedToService" = "ecs*" } }
      },
      {
        Sid       = "NoServicePrincipal"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.app_roles
        Condition = { StringEquals = { "iam:PassedToService" = "lambda" } }
      },
      {
        Sid       = "MisspelledServicePrincipal"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.app_roles
        Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazon.com" } }
      },
      {
        Sid       = "AlsoWithoutTheKey"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.app_roles
        Condition = { StringEqualsIfExists = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = local.app_roles
      },
    ]
  })
}
