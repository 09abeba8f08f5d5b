#> suggest | statement
resource "aws_iam_role" "function" {
  name               = "function"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}
resource "aws_lambda_function" "function" {
  role = aws_iam_role.function.arn
}
module "a" {  #> not evaluated: module
  source = "terraform-aws-modules/lambda/aws"
}
resource "aws_iam_user_policy" "p" {
  user   = "p"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*", Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } }] })  #> manual 001 medium ({ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.function.arn, Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } })
}
