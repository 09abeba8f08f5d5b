# Clean: PassRole by its name, in a statement of its own. A wildcard that does not reach it grants nothing of the
# kind, and neither does a NotAction that leaves IAM out.

data "aws_caller_identity" "current" {}

resource "aws_iam_policy" "release" {
  name = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassApplicationRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/app-*"
        Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
      {
        Sid      = "ReadIam"
        Effect   = "Allow"
        Action   = ["iam:Get*", "iam:List*"]
        Resource = "*"
      },
      {
        Sid       = "EverythingOnReleases"
        Effect    = "Allow"
        NotAction = ["iam:*", "organizations:*"]
        Resource  = "arn:aws:s3:::releases/*"
      },
    ]
  })
}
