# Clean: the role inside the instance profile. The profile beside it grants nothing, but the statement as a whole
# does.

data "aws_caller_identity" "current" {}

resource "aws_iam_policy" "launch" {
  name = "launch-instances"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "PassInstanceRole"
        Effect = "Allow"
        Action = "iam:PassRole"
        Resource = [
          "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/web-*",
          "arn:aws:iam::${data.aws_caller_identity.current.account_id}:instance-profile/web-*",
        ]
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid      = "ReadInstanceRole"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/web-*"
      },
    ]
  })
}
