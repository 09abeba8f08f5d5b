# Limits that their holders can remove: the findings stay, at low severity.

locals {
  pass_none = { Effect = "Deny", Action = "iam:PassRole", Resource = "*" }
}

# PASSROLE_001, low: iam:PutUserPolicy replaces the policy.
resource "aws_iam_user_policy" "same" {
  name = "same"
  user = "same"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:*", Resource = "*" }, local.pass_none]
  })
}

# PASSROLE_001, low: iam:DetachUserPolicy removes the managed policy with the Deny.
resource "aws_iam_user_policy" "managed" {
  name = "managed"
  user = "managed"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = ["iam:PassRole", "iam:DetachUserPolicy"], Resource = "*"
    }]
  })
}

resource "aws_iam_policy" "deny" {
  name   = "deny"
  policy = jsonencode({ Version = "2012-10-17", Statement = [local.pass_none] })
}

resource "aws_iam_user_policy_attachment" "managed" {
  user       = "managed"
  policy_arn = aws_iam_policy.deny.arn
}

# The Deny covers the actions that remove it: nothing is found.
resource "aws_iam_user_policy" "kept" {
  name = "kept"
  user = "kept"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "iam:*", Resource = "*" },
      { Effect = "Deny", Action = ["iam:PassRole", "iam:PutUserPolicy", "iam:DeleteUserPolicy"], Resource = "*" },
    ]
  })
}
