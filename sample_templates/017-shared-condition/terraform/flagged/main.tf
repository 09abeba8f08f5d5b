# PASSROLE_017 shared-condition: iam:PassedToService belongs to PassRole alone. In these statements it stands beside
# other actions, whose requests never carry the key, so that those actions are not allowed at all.

data "aws_caller_identity" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
}

resource "aws_iam_policy" "release" {
  name = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "GetRoleIsShutOut"
        Effect    = "Allow"
        Action    = ["iam:GetRole", "iam:PassRole"]
        Resource  = "arn:aws:iam::${local.account_id}:role/app-*"
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid    = "CreateFunctionIsShutOut"
        Effect = "Allow"
        Action = ["iam:PassRole", "lambda:CreateFunction"]
        Resource = [
          "arn:aws:iam::${local.account_id}:role/orders-*",
          "arn:aws:lambda:*:${local.account_id}:function:orders-*",
        ]
        Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
    ]
  })
}
