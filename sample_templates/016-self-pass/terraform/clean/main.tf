# Clean: the agent's own role is not among those that it may pass, and the operators change roles only within a
# permissions boundary.

resource "aws_iam_role" "builder" {
  name = "agent-of-builds"
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
  name = "pass-build-roles"
  role = aws_iam_role.builder.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassBuildRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::111122223333:role/build-job-*"
        Condition = { StringEquals = { "iam:PassedToService" = "codebuild.amazonaws.com" } }
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::111122223333:role/build-job-*"
      },
    ]
  })
}

resource "aws_iam_group_policy" "operators" {
  name  = "task-roles"
  group = "operators"
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
      {
        Sid       = "WriteTaskRoles"
        Effect    = "Allow"
        Action    = ["iam:PutRolePolicy"]
        Resource  = "arn:aws:iam::111122223333:role/tasks/*"
        Condition = { StringEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::111122223333:policy/task-boundary" } }
      },
    ]
  })
}
