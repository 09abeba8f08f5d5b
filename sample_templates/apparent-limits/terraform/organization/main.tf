# Service control policies: they do not restrict the management account, which is the account that attaches them.

data "aws_caller_identity" "current" {}

resource "aws_organizations_policy" "no_passing" {
  name = "no-passing"
  content = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Deny", Action = "iam:PassRole", Resource = "*" }]
  })
}

resource "aws_organizations_policy_attachment" "here" {
  policy_id = aws_organizations_policy.no_passing.id
  target_id = data.aws_caller_identity.current.account_id
}

# PASSROLE_001: the SCP does not deny it.
resource "aws_iam_user_policy" "release" {
  user = "release"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}
