# What must stay silent or low, and what is silenced on purpose.

# A Deny that members of the group can remove with iam:PutGroupPolicy: PASSROLE_001 is low.
resource "aws_iam_group_policy" "identity_team" {
  name  = "identity-team"
  group = "identity-team"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "EverythingInIam"
        Effect   = "Allow"
        Action   = "iam:*"
        Resource = "*"
      },
      {
        Sid      = "ButNoRoleIsPassed"
        Effect   = "Deny"
        Action   = "iam:PassRole"
        Resource = "*"
      },
    ]
  })
}

# A Deny that names the services does what a condition on the Allow would do.
resource "aws_iam_group_policy" "operators" {
  name  = "operators"
  group = "operators"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PassOperationsRoles"
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:PassRole"]
        Resource = "${local.role_prefix}/operations/*"
      },
      {
        Sid       = "ToSystemsManagerOnly"
        Effect    = "Deny"
        Action    = "iam:PassRole"
        Resource  = "*"
        Condition = { StringNotEquals = { "iam:PassedToService" = "ssm.amazonaws.com" } }
      },
    ]
  })
}

# A Deny on some roles leaves the others: still any role.
resource "aws_iam_group_policy" "break_glass" {
  name  = "break-glass"
  group = "break-glass"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PassAnyRole"
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:PassRole"]
        Resource = "*"
      },
      {
        Sid      = "ButNotTheAuditRoles"
        Effect   = "Deny"
        Action   = "iam:PassRole"
        Resource = "${local.role_prefix}/audit/*"
      },
    ]
  })
}

# Resource-based policies grant no PassRole.
resource "aws_s3_bucket_policy" "artifacts" {
  bucket = "orders-artifacts-111122223333"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "NotAnIdentityPolicy"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.deployer.arn }
      Action    = ["s3:*", "iam:PassRole"]
      Resource  = "*"
    }]
  })
}

# Only a permissions boundary: it limits, and grants nothing.
resource "aws_iam_policy" "boundary" {
  name = "developer-boundary"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "UpperLimit", Effect = "Allow", Action = "*", Resource = "*" }]
  })
}

resource "aws_iam_user" "developer" {
  name                 = "developer"
  permissions_boundary = aws_iam_policy.boundary.arn
}

# Suppressed, in our notation and in checkov's, each with its reason.
resource "aws_iam_group_policy" "account_owners" {
  # passrole:skip=PASSROLE_001 the owners of the account are its administrators
  name  = "account-owners"
  group = "account-owners"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Administrator", Effect = "Allow", Action = "*", Resource = "*" }]
  })
}

resource "aws_iam_role_policy" "migration" {
  # checkov:skip=PASSROLE_002:the migration ends in June, and this role with it
  name = "migration"
  role = "migration"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "PassMigrationRoles"
      Effect   = "Allow"
      Action   = ["iam:GetRole", "iam:PassRole"]
      Resource = "${local.role_prefix}/migration-*"
    }]
  })
}
