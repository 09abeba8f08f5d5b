# PASSROLE_005 cross-account: a role can only be passed within its own account. This configuration is deployed to
# 111122223333 (--account 111122223333), so the statement about a role of 444455556666 grants nothing. To use that
# role, assume a role in its account first.

resource "aws_iam_policy" "release" {
  name = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassSharedServicesRole"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::444455556666:role/shared-services-backup"
        Condition = { StringEquals = { "iam:PassedToService" = "backup.amazonaws.com" } }
      },
      {
        Sid      = "ReadSharedServicesRole"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::444455556666:role/shared-services-backup"
      },
    ]
  })
}
