# Clean: the service principals are spelled out, under an operator that a missing key fails. Letter case does not
# count in the name of a key, nor in a value under StringEqualsIgnoreCase.

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
        Sid       = "OneService"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.app_roles
        Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
      {
        Sid       = "TwoServices"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.app_roles
        Condition = { StringLike = { "iam:passedtoservice" = ["ecs.amazonaws.com", "ecs-tasks.amazonaws.com"] } }
      },
      {
        Sid       = "OneServiceInCapitals"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.app_roles
        Condition = { StringEqualsIgnoreCase = { "iam:PassedToService" = "EC2.amazonaws.com" } }
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
