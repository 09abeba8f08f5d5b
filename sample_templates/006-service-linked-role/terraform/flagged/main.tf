# PASSROLE_006 service-linked-role: service-linked roles need no PassRole unless a call names one explicitly, and a
# wildcard over them lets roles be passed that services keep for themselves.

data "aws_caller_identity" "current" {}

resource "aws_iam_policy" "scaling" {
  name = "scaling"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassEveryServiceLinkedRole"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/aws-service-role/*"
        Condition = { StringEquals = { "iam:PassedToService" = "autoscaling.amazonaws.com" } }
      },
      {
        Sid       = "PassServiceLinkedRolesOfOneService"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::*:role/aws-service-role/batch.amazonaws.com/AWSServiceRole*"
        Condition = { StringEquals = { "iam:PassedToService" = "batch.amazonaws.com" } }
      },
      {
        Sid      = "ReadServiceLinkedRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::*:role/aws-service-role/*"
      },
    ]
  })
}
