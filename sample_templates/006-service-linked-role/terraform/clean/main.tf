# Clean: one service-linked role, named exactly, because the calls name it.

data "aws_caller_identity" "current" {}

locals {
  account_id   = data.aws_caller_identity.current.account_id
  scaling_path = "aws-service-role/autoscaling.amazonaws.com"
  scaling_role = "arn:aws:iam::${local.account_id}:role/${local.scaling_path}/AWSServiceRoleForAutoScaling"
}

resource "aws_iam_policy" "scaling" {
  name = "scaling"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassOneServiceLinkedRole"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.scaling_role
        Condition = { StringEquals = { "iam:PassedToService" = "autoscaling.amazonaws.com" } }
      },
      {
        Sid      = "ReadOneServiceLinkedRole"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = local.scaling_role
      },
    ]
  })
}
