# PASSROLE_001 any-role: whoever holds one of these policies may pass every role of the account, an administrator's
# included. Four everyday spellings of the same set of roles; the last one is narrowed to one service, hence medium.

data "aws_caller_identity" "current" {}

# "*", because the roles did not exist yet when the policy was written.
resource "aws_iam_role_policy" "deploy" {
  name = "deploy"
  role = "ci-deployer"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Functions"
        Effect   = "Allow"
        Action   = ["lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"]
        Resource = "*"
      },
      {
        Sid      = "PassAnyRole"
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:PassRole"]
        Resource = "*"
      },
    ]
  })
}

# role/* of the own account is still every role.
data "aws_iam_policy_document" "launch" {
  statement {
    sid       = "PassEveryRoleOfTheAccount"
    actions   = ["iam:GetRole", "iam:PassRole"]
    resources = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/*"]
  }
}

resource "aws_iam_policy" "launch" {
  name   = "launch-instances"
  policy = data.aws_iam_policy_document.launch.json
}

# PassRole is not written here, but iam:* holds it.
resource "aws_iam_group_policy" "identity_admins" {
  name   = "identity-admins"
  group  = "identity-admins"
  policy = <<-JSON
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "EverythingInIam",
          "Effect": "Allow",
          "Action": "iam:*",
          "Resource": "*"
        }
      ]
    }
  JSON
}

# Any role, but to Lambda only: medium.
resource "aws_iam_user_policy" "functions" {
  name = "functions"
  user = "release-bot"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassAnyRoleToLambda"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::*:role/*"
        Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "*"
      },
    ]
  })
}
