# A reference would be a cycle.
#> suggest | statement
data "aws_caller_identity" "current" {}
resource "aws_iam_role" "task" {
  name               = "task"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }] })
  tags               = { policy = aws_iam_user_policy.p.id }
}
resource "aws_ecs_task_definition" "task" {
  task_role_arn = aws_iam_role.task.arn
}
resource "aws_iam_user_policy" "p" {
  user   = "p"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> narrowed 001 high ({ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/task", Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } } })
}
