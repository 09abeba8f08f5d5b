# Permission sets of IAM Identity Center.

resource "aws_ssoadmin_permission_set" "deploy" {
  name         = "deploy"
  instance_arn = "arn:aws:sso:::instance/ssoins-1111222233334444"
}

resource "aws_ssoadmin_permission_set_inline_policy" "deploy" {
  instance_arn       = aws_ssoadmin_permission_set.deploy.instance_arn
  permission_set_arn = aws_ssoadmin_permission_set.deploy.arn
  inline_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PassAnyRole" # PASSROLE_001
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "*"
      },
      {
        Sid      = "PassOneRole" # in whichever account the permission set is provisioned
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "arn:aws:iam::*:role/app"
        Condition = {
          StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" }
        }
      },
    ]
  })
}

resource "aws_iam_policy" "shared" { # PASSROLE_001, held by the permission set, which names it
  name = "shared"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "PassAnyRole"
      Effect   = "Allow"
      Action   = "iam:PassRole"
      Resource = "*"
    }]
  })
}

resource "aws_ssoadmin_customer_managed_policy_attachment" "shared" {
  instance_arn       = aws_ssoadmin_permission_set.deploy.instance_arn
  permission_set_arn = aws_ssoadmin_permission_set.deploy.arn
  customer_managed_policy_reference {
    name = aws_iam_policy.shared.name
  }
}

resource "aws_iam_policy" "limit" { # bounds the permission set, and grants nothing
  name = "limit"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }]
  })
}

resource "aws_ssoadmin_permissions_boundary_attachment" "limit" {
  instance_arn       = aws_ssoadmin_permission_set.deploy.instance_arn
  permission_set_arn = aws_ssoadmin_permission_set.deploy.arn
  permissions_boundary {
    customer_managed_policy_reference {
      name = aws_iam_policy.limit.name
    }
  }
}
