# One that is never there, takes roles for another service, or is given none.
#> suggest | statement
variable "on" { default = false }
resource "aws_iam_role" "function" {
  name               = "function"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}
resource "aws_lambda_function" "function" {
  role = aws_iam_role.function.arn
}
resource "aws_iam_role" "idle" {
  name               = "idle"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }] })
}
resource "aws_iam_role" "never" {
  name               = "never"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }] })
}
resource "aws_ecs_task_definition" "idle" {
  count         = var.on ? 1 : 0
  task_role_arn = aws_iam_role.idle.arn
}
resource "aws_ecs_task_definition" "never" {
  count         = 0
  task_role_arn = aws_iam_role.never.arn
}
resource "aws_instance" "one" {
  count = var.on ? 1 : 0
}
resource "aws_iam_user_policy" "p" {
  user   = "p"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*", Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } }] })  #> narrowed 001 medium ({ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.function.arn, Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } })
}
