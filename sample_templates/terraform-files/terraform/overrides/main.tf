# Override files are merged into this one: what they say of an attribute counts, and all else stays.

# Clean: override.tf says which roles, and to which service.
resource "aws_iam_role_policy" "deploy" {
  name = "deploy"
  role = "deployer"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}

# Flagged (001), in local_override.tf: somebody's shortcut, which was meant for one afternoon.
resource "aws_iam_role_policy" "build" {
  name   = "build"
  role   = "builder"
  policy = data.aws_iam_policy_document.build.json
}

data "aws_iam_policy_document" "build" {
  statement {
    sid       = "PassBuildRole"
    actions   = ["iam:GetRole", "iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/build"]
  }
}
