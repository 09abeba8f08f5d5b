# PASSROLE_002 any-service: the roles are limited, the services are not. A role that was made for one service can be
# handed to any other that it trusts. Medium for a pattern (roles that are yet to be made fall under it), low for one
# role that is named.

data "aws_caller_identity" "current" {}

resource "aws_iam_policy" "release" {
  name = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PassApplicationRoles"
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:PassRole"]
        Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/app-*"
      },
      {
        Sid      = "PassReportingRole"
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:PassRole"]
        Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/reporting"
      },
    ]
  })
}

# Multi-factor authentication says who asks, not which service receives the role: still any service.
resource "aws_iam_group_policy" "operators" {
  name  = "operators"
  group = "operators"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = {
      Sid      = "PassBatchRoles"
      Effect   = "Allow"
      Action   = ["iam:GetRole", "iam:PassRole"]
      Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/batch/*"
      Condition = {
        Bool = { "aws:MultiFactorAuthPresent" = "true" }
      }
    }
  })
}
