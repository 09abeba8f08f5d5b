#> suggest | statement
variable "on" { default = false }
resource "aws_iam_role" "function" {
  name               = "function"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}
resource "aws_lambda_function" "function" {
  role = aws_iam_role.function.arn
}
resource "aws_iam_role" "batch" {
  name               = "batch"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}
resource "aws_lambda_function" "batch" {
  count = var.on ? 1 : 0
  role = aws_iam_role.batch.arn
}
resource "aws_iam_user_policy" "p" {
  user   = "p"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> narrowed 001 high ({ Effect = "Allow", Action = "iam:PassRole", Resource = [aws_iam_role.batch.arn, aws_iam_role.function.arn], Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } })
}
