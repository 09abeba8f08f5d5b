# PASSROLE_008 privilege-escalation: two policies that are harmless apart. Whoever may pass a role to Lambda and write
# functions runs code with that role: of any role of the account that Lambda can assume (high), or of the one that is
# named, as which the operators could create users (high, and 009 besides, since they cannot do that themselves).

resource "aws_iam_role" "developer" {
  name = "developer"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "codebuild.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "pass" {
  name = "pass-roles"
  role = aws_iam_role.developer.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::111122223333:role/*"
        Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::111122223333:role/*"
      },
    ]
  })
}

resource "aws_iam_role_policy" "functions" {
  name = "functions"
  role = aws_iam_role.developer.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteFunctions"
        Effect   = "Allow"
        Action   = ["lambda:CreateFunction", "lambda:InvokeFunction", "lambda:UpdateFunctionCode"]
        Resource = "*"
      },
    ]
  })
}

resource "aws_iam_role" "admin" {
  name = "instance-admin"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "admin" {
  name = "manage-users"
  role = aws_iam_role.admin.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ManageUsers"
        Effect   = "Allow"
        Action   = ["iam:CreateUser", "iam:AttachUserPolicy"]
        Resource = "*"
      },
    ]
  })
}

resource "aws_iam_group_policy" "operators_pass" {
  name  = "pass-instance-role"
  group = "operators"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassInstanceRole"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::111122223333:role/instance-admin"
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::111122223333:role/instance-admin"
      },
    ]
  })
}

resource "aws_iam_group_policy" "operators_run" {
  name  = "run-instances"
  group = "operators"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "RunInstances"
        Effect   = "Allow"
        Action   = "ec2:RunInstances"
        Resource = "*"
      },
    ]
  })
}
