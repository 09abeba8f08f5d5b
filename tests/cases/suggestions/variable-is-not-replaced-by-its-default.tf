# A role that a variable names is written as the variable, since its default is only one of its values.
#> suggest | statement
variable "given" { default = "arn:aws:iam::111122223333:role/given" }
resource "aws_iam_role" "function" {
  name               = "function"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}
resource "aws_lambda_function" "function" {
  role = var.given
}
resource "aws_iam_user_policy" "p" {
  user   = "p"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> narrowed 001 high ({ Effect = "Allow", Action = "iam:PassRole", Resource = var.given, Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } })
}
