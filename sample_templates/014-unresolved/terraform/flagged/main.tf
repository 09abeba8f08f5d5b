# PASSROLE_014 unresolved: whether this is narrow or wide is decided by values that nobody can read here. "Cannot be
# told" is said aloud, at low confidence, with the expression that would have to be known.

variable "task_role_arns" {
  description = "The roles that the pipeline may give to tasks."
  type        = list(string)
}

variable "policy_json" {
  description = "A whole policy document from somewhere else."
  type        = string
}

resource "aws_iam_policy" "pipeline" {
  name = "pipeline"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassTaskRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = var.task_role_arns
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        Sid      = "ReadTaskRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = var.task_role_arns
      },
    ]
  })
}

resource "aws_iam_policy" "extra" {
  name   = "extra"
  policy = var.policy_json
}
