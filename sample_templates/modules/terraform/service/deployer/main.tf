# A user group that may pass some roles to ECS.

variable "name" {
  type = string
}

variable "roles" {
  type = list(string)
}

resource "aws_iam_group" "this" {
  name = var.name
}

resource "aws_iam_group_policy" "pass" {
  name  = "pass-task-roles"
  group = aws_iam_group.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SeeTaskRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = var.roles
      },
      {
        Sid      = "PassTaskRoles"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = var.roles
        Condition = {
          StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" }
        }
      },
    ]
  })
}
