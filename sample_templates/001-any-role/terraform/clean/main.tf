# Clean: the roles are named by a prefix that is kept for them, and they can be passed to one service only.

data "aws_caller_identity" "current" {}

resource "aws_iam_role_policy" "deploy" {
  name = "deploy"
  role = "ci-deployer"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PassFunctionRoles"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/orders-*"
        Condition = {
          StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" }
        }
      },
      {
        Sid      = "ReadFunctionRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/orders-*"
      },
    ]
  })
}
