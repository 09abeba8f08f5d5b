#> suggest | statement
variable "on" { default = true }
resource "aws_iam_role" "task" {
  name               = "task"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }] })
  count              = var.on ? 1 : 0
}
resource "aws_ecs_task_definition" "task" {
  task_role_arn = aws_iam_role.task[0].arn
}
resource "aws_iam_user_policy" "always" {
  user   = "always"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> manual 001 high ({ Effect = "Allow", Action = "iam:PassRole", Resource = "<ARN of the role task>", Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } } })
}
resource "aws_iam_user_policy" "counted" {
  count  = var.on ? 1 : 0
  user   = "counted"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> narrowed 001 high ({ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.task[0].arn, Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } } })
}
