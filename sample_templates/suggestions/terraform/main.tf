# What `passrole-checks suggest` can tell of statements that are too wide, and what it leaves to a person. The roles that
# resources of this configuration are given say which ones are passed to which service.

data "aws_caller_identity" "current" {}

resource "aws_iam_role" "task" {
  name               = "orders-task"
  assume_role_policy = data.aws_iam_policy_document.trust["ecs-tasks"].json
}

resource "aws_iam_role" "function" {
  name               = "orders-function"
  assume_role_policy = data.aws_iam_policy_document.trust["lambda"].json
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["ecs-tasks", "lambda"])

  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }
  }
}

resource "aws_ecs_task_definition" "orders" {
  family                = "orders"
  container_definitions = "[]"
  task_role_arn         = aws_iam_role.task.arn
}

resource "aws_lambda_function" "orders" {
  function_name = "orders"
  package_type  = "Image"
  image_uri     = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/orders:1"
  role          = aws_iam_role.function.arn
}

# Fixed: the roles that are handed to services here, and these services.
resource "aws_iam_user_policy" "deploy" {
  name = "deploy"
  user = "release-bot"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PassAnyRole" # the roles came later
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "*"
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "*"
      },
    ]
  })
}

# Fixed: iam:PassRole in a statement of its own, since the condition would switch the other action off.
data "aws_iam_policy_document" "operate" {
  statement {
    sid       = "RunTasks"
    actions   = ["iam:GetRole", "iam:PassRole"]
    resources = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/orders-task*"]
  }
}

resource "aws_iam_group_policy" "operate" {
  name   = "operate"
  group  = "operators"
  policy = data.aws_iam_policy_document.operate.json
}

# Fixed: the service by its whole name.
resource "aws_iam_user_policy" "functions" {
  name   = "functions"
  user   = "function-bot"
  policy = <<-JSON
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Action": "iam:PassRole",
          "Resource": "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/orders-*",
          "Condition": {"StringEquals": {"iam:PassedToService": "lambda"}}
        },
        {
          "Effect": "Allow",
          "Action": "iam:GetRole",
          "Resource": "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/orders-*"
        }
      ]
    }
  JSON
}

# Left for a person: no resource here is given a role for this service.
resource "aws_iam_user_policy" "schedules" {
  name = "schedules"
  user = "schedule-bot"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassScheduleRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "*"
        Condition = { StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "*"
      },
    ]
  })
}
