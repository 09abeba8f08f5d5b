# The provider awscc: CloudFormation's resources with CloudFormation's properties.

resource "awscc_iam_role" "task" {
  role_name = "task"
  assume_role_policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
  policies = [
    {
      policy_name = "any"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [{
          Sid      = "PassAnyRole" # PASSROLE_001
          Effect   = "Allow"
          Action   = "iam:PassRole"
          Resource = "*"
        }]
      })
    },
    {
      policy_name = "one"
      policy_document = jsonencode({
        Version = "2012-10-17"
        Statement = [{
          Sid      = "PassOneRole"
          Effect   = "Allow"
          Action   = "iam:PassRole"
          Resource = "arn:aws:iam::111122223333:role/app"
          Condition = {
            StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" }
          }
        }]
      })
    },
  ]
}

resource "awscc_iam_managed_policy" "named" {
  managed_policy_name = "named"
  groups              = ["operators"]
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "PassTheTaskRole" # PASSROLE_002, info: the role trusts a single service
      Effect   = "Allow"
      Action   = ["iam:PassRole", "iam:GetRole"]
      Resource = awscc_iam_role.task.arn
    }]
  })
}

resource "awscc_iam_role_policy" "object" {
  role_name   = awscc_iam_role.task.role_name
  policy_name = "object"
  policy_document = {
    Version = "2012-10-17"
    Statement = jsonencode([{
      Sid      = "PassByPrefix" # PASSROLE_002
      Effect   = "Allow"
      Action   = ["iam:PassRole", "iam:GetRole"]
      Resource = "arn:aws:iam::111122223333:role/app-*"
    }])
  }
}

resource "awscc_sso_permission_set" "admin" {
  instance_arn = "arn:aws:sso:::instance/ssoins-1111222233334444"
  name         = "admin"
  inline_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Everything" # PASSROLE_001
      Effect   = "Allow"
      Action   = "*"
      Resource = "*"
    }]
  })
}
