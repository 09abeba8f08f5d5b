# Clean: each statement names the services that the roles are made for.

data "aws_caller_identity" "current" {}

resource "aws_iam_policy" "release" {
  name = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PassApplicationRoles"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/app-*"
        Condition = {
          StringEquals = { "iam:PassedToService" = ["ecs-tasks.amazonaws.com", "lambda.amazonaws.com"] }
        }
      },
      {
        Sid      = "PassReportingRole"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/reporting"
        Condition = {
          StringEquals = { "iam:PassedToService" = "glue.amazonaws.com" }
        }
      },
      {
        Sid    = "ReadRoles"
        Effect = "Allow"
        Action = "iam:GetRole"
        Resource = [
          "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/app-*",
          "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/reporting",
        ]
      },
    ]
  })
}
