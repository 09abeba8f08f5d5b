# Denials that a deployment removes. A note names each.

data "aws_caller_identity" "current" {}

locals {
  pass_any = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
  pass_none = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Deny", Action = "iam:PassRole", Resource = "*" }]
  })
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = data.aws_caller_identity.current.account_id }
    }]
  })
}

# The Deny is listed: nothing is found.
resource "aws_iam_role" "kept" {
  name               = "kept"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "kept_allow" {
  name   = "allow"
  role   = aws_iam_role.kept.name
  policy = local.pass_any
}

resource "aws_iam_role_policy" "kept_deny" {
  name   = "deny"
  role   = aws_iam_role.kept.name
  policy = local.pass_none
}

resource "aws_iam_role_policies_exclusive" "kept" {
  role_name    = aws_iam_role.kept.name
  policy_names = [aws_iam_role_policy.kept_allow.name, aws_iam_role_policy.kept_deny.name]
}

# The Deny is not listed, so the deployment removes it: PASSROLE_001.
resource "aws_iam_role" "lost" {
  name               = "lost"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "lost_allow" {
  name   = "allow"
  role   = aws_iam_role.lost.name
  policy = local.pass_any
}

resource "aws_iam_role_policy" "lost_deny" {
  name   = "deny"
  role   = aws_iam_role.lost.name
  policy = local.pass_none
}

resource "aws_iam_role_policies_exclusive" "lost" {
  role_name    = aws_iam_role.lost.name
  policy_names = [aws_iam_role_policy.lost_allow.name]
}

# The same for managed policies: PASSROLE_001.
resource "aws_iam_policy" "deny" {
  name   = "deny"
  policy = local.pass_none
}

resource "aws_iam_user_policy_attachment" "deny" {
  user       = "release"
  policy_arn = aws_iam_policy.deny.arn
}

resource "aws_iam_user_policy_attachments_exclusive" "release" {
  user_name   = "release"
  policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
}

resource "aws_iam_user_policy" "release" {
  user   = "release"
  policy = local.pass_any
}

# Two resources fight over the Deny: the role removes inline policies that it does not list. PASSROLE_001.
resource "aws_iam_role" "fought" {
  name               = "fought"
  assume_role_policy = local.trust

  inline_policy {
    name   = "allow"
    policy = local.pass_any
  }
}

resource "aws_iam_role_policy" "fought_deny" {
  name   = "deny"
  role   = aws_iam_role.fought.name
  policy = local.pass_none
}

# The attachment of a policy detaches it from all other principals: PASSROLE_001.
resource "aws_iam_policy" "exclusive" {
  name   = "exclusive"
  policy = local.pass_none
}

resource "aws_iam_policy_attachment" "exclusive" {
  name       = "exclusive"
  policy_arn = aws_iam_policy.exclusive.arn
  groups     = ["developers"]
}

resource "aws_iam_user_policy_attachment" "exclusive" {
  user       = "deploy"
  policy_arn = aws_iam_policy.exclusive.arn
}

resource "aws_iam_user_policy" "deploy" {
  user   = "deploy"
  policy = local.pass_any
}
