# Example 2 of AWS's page "Grant a user permissions to pass a role to an AWS service", as it is printed there: the
# role for RDS Enhanced Monitoring, and the user who may list roles and pass this one. One PASSROLE_002, info only:
# the role stands here and trusts a single service, so its trust policy already decides. (And PASSROLE_012, info: no
# iam:GetRole.)

resource "aws_iam_role" "monitoring" {
  name = "RDS-Monitoring-Role"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_iam_user" "dba" {
  name = "dba"
}

resource "aws_iam_user_policy" "monitoring" {
  name = "enhanced-monitoring"
  user = aws_iam_user.dba.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PolicyStatementToAllowUserToListRoles"
        Effect   = "Allow"
        Action   = ["iam:ListRoles"]
        Resource = "*"
      },
      {
        Sid      = "PolicyStatementToAllowUserToPassOneSpecificRole"
        Effect   = "Allow"
        Action   = ["iam:PassRole"]
        Resource = "arn:aws:iam::111122223333:role/RDS-Monitoring-Role"
      },
    ]
  })
}
