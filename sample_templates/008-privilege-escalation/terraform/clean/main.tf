# Clean: the developer writes functions and passes roles, but to another service; the operators start instances with a
# role that can do no more than they can themselves.

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
        Sid       = "PassTaskRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::111122223333:role/tasks/*"
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::111122223333:role/tasks/*"
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

resource "aws_iam_role" "reader" {
  name = "instance-reader"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "reader" {
  name = "read"
  role = aws_iam_role.reader.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadReleases"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "arn:aws:s3:::releases/*"
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
        Resource  = "arn:aws:iam::111122223333:role/instance-reader"
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::111122223333:role/instance-reader"
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
      {
        Sid      = "ReadReleases"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = "arn:aws:s3:::releases/*"
      },
    ]
  })
}
