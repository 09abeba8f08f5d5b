# Clean: PassRole and its condition stand alone, the other actions in statements of their own. A condition on
# something that every request carries may be shared.

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
        Sid      = "PassOrdersRoles"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "arn:aws:iam::${local.account_id}:role/orders-*"
        Condition = {
          StringEquals = {
            "iam:PassedToService" = "lambda.amazonaws.com"
            "aws:PrincipalOrgID"  = "o-a1b2c3d4e5"
          }
        }
      },
      {
        Sid       = "ReadOrdersRoles"
        Effect    = "Allow"
        Action    = "iam:GetRole"
        Resource  = "arn:aws:iam::${local.account_id}:role/orders-*"
        Condition = { StringEquals = { "aws:PrincipalOrgID" = "o-a1b2c3d4e5" } }
      },
      {
        Sid      = "CreateOrdersFunctions"
        Effect   = "Allow"
        Action   = "lambda:CreateFunction"
        Resource = "arn:aws:lambda:*:${local.account_id}:function:orders-*"
      },
    ]
  })
}
