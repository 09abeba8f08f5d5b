# Clean: the default of a variable is taken, a role of this configuration is known, and the number of the account need
# not be: it is one account, whichever.

variable "task_role_name" {
  description = "The role that the pipeline may give to tasks."
  type        = string
  default     = "orders-task"
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

resource "aws_iam_role" "worker" {
  name = "orders-worker"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

locals {
  account       = data.aws_caller_identity.current.account_id
  task_role_arn = "arn:${data.aws_partition.current.partition}:iam::${local.account}:role/${var.task_role_name}"
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
        Resource  = [local.task_role_arn, aws_iam_role.worker.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        Sid      = "ReadTaskRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = [local.task_role_arn, aws_iam_role.worker.arn]
      },
    ]
  })
}
