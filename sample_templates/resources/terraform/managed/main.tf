# Managed policies: who gets them is said by attachments; what only bounds a role grants nothing.

data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "pass_any" {
  statement {
    sid       = "PassAnyRole"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/*"]
  }
}

resource "aws_iam_policy" "attached" { # PASSROLE_001, held by the role, the user and the group below
  name   = "attached"
  policy = data.aws_iam_policy_document.pass_any.json
}

resource "aws_iam_role_policy_attachment" "by_reference" {
  role       = "ci"
  policy_arn = aws_iam_policy.attached.arn
}

resource "aws_iam_user_policy_attachment" "by_arn" {
  user       = "operator"
  policy_arn = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:policy/attached"
}

resource "aws_iam_group_policy_attachments_exclusive" "all_of_a_group" {
  group_name  = "operators"
  policy_arns = [aws_iam_policy.attached.arn, "arn:aws:iam::aws:policy/ReadOnlyAccess"]
}

# The same statement where it takes away: a permissions boundary, by reference and by its name.
resource "aws_iam_policy" "boundary" {
  name   = "boundary"
  policy = data.aws_iam_policy_document.pass_any.json
}

resource "aws_iam_user" "bounded" {
  name                 = "bounded"
  permissions_boundary = aws_iam_policy.boundary.arn
}

resource "aws_iam_policy" "team_boundary" {
  name   = "team-boundary"
  policy = data.aws_iam_policy_document.pass_any.json
}

# Whoever creates a role has to give it the boundary of the team.
resource "aws_iam_user_policy" "create_roles" {
  user = aws_iam_user.bounded.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "CreateBoundedRoles"
      Effect   = "Allow"
      Action   = "iam:CreateRole"
      Resource = "*"
      Condition = {
        StringEquals = { "iam:PermissionsBoundary" = aws_iam_policy.team_boundary.arn }
      }
    }]
  })
}
