#> suggest | statement
resource "aws_iam_role" "function" {
  name               = "function"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}
resource "aws_lambda_function" "function" {
  role = aws_iam_role.function.arn
}
module "a" {  #> not evaluated: module
  source = "terraform-aws-modules/ssm-parameter/aws"
}
module "b" {  #> not evaluated: module
  source = "terraform-aws-modules/sns/aws"
}
resource "aws_iam_user_policy" "condition" {
  user   = "condition"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "*", Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } },  #> narrowed 001 medium & 008 high ({ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.function.arn, Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } })
    { Effect = "Allow", Action = ["lambda:*"], Resource = "*" }] })
}
resource "aws_iam_user_policy" "actions" {
  user   = "actions"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "*" },  #> equivalent (less severe: 001 high) ({ Effect = "Allow", Action = "iam:PassRole", Resource = "*", Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } }); narrowed 001 high & 008 high ({ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.function.arn, Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } })
    { Effect = "Allow", Action = ["lambda:*"], Resource = "*" }] })
}
