# The configuration that ../plan/plan.json was made from. The plan tells only which names a policy is made of; with
# --source the statements come from here, with the values that the plan has for the variables.

variable "services" {
  type = list(string)
}

variable "stage" {
  default = "test"
}

variable "tasks" {
  type = set(string)
}

locals {
  actions = ["iam:GetRole", "iam:PassRole"]
}

resource "aws_iam_role" "task" {
  for_each = var.tasks

  name = "${each.key}-${var.stage}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = {
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }
  })
}

resource "aws_iam_role_policy" "pass" {
  for_each = var.tasks

  name = "pass-${each.key}"
  role = "deployer"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassTask"
        Effect    = "Allow"
        Action    = local.actions
        Resource  = aws_iam_role.task[each.key].arn
        Condition = { StringEquals = { "iam:PassedToService" = var.services } }
      },
      {
        Sid      = "PassTaskToAnything"
        Effect   = "Allow"
        Action   = local.actions
        Resource = aws_iam_role.task[each.key].arn
      },
    ]
  })
}

# The plan has another name for it: it was made before this change, and nothing here speaks of it.
resource "aws_iam_role_policy" "renamed" {
  name = "later-name"
  role = "deployer"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = [for role in aws_iam_role.task : role.arn] }]
  })
}
