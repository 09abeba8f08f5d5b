# The role is named by its ARN if the account can be written, else not at all.
#> suggest | statement
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
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> manual 001 high ({ Effect = "Allow", Action = "iam:PassRole", Resource = "<ARN of the role task>", Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } } })
}
