# PASSROLE_007 implicit-grant: nobody wrote iam:PassRole, and yet it is granted, by a wildcard in the action. A reader
# who searches for PassRole does not find these statements. The second one names no service either, and no condition
# on the service could be put there without shutting out its other actions: PASSROLE_002 as well.

data "aws_caller_identity" "current" {}

resource "aws_iam_policy" "release" {
  name = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassByAbbreviation"
        Effect    = "Allow"
        Action    = "iam:Pass*"
        Resource  = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/app-*"
        Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/app-*"
      },
    ]
  })
}

resource "aws_iam_group_policy" "sandbox_admins" {
  name  = "sandbox-admins"
  group = "sandbox-admins"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = {
      Sid      = "EverythingWithSandboxRoles"
      Effect   = "Allow"
      Action   = "iam:*"
      Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/sandbox/*"
    }
  })
}
