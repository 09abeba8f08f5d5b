# A change of the same pattern covers the same roles for every value.
#> scan --check 016
variable "env" { type = string }
resource "aws_iam_role" "a" {
  name               = "deployer"
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } } })
  inline_policy { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${var.env}*" } }) }
}
resource "aws_iam_role" "b" {
  name               = "${var.env}-app"
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } } })
  inline_policy { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-${var.env}*" } }) }
}
resource "aws_iam_user_policy" "pattern" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = ["iam:PassRole", "iam:PutRolePolicy"], Resource = "arn:aws:iam::111122223333:role/${var.env}*" } })  #> 016 medium (medium confidence)
}
resource "aws_iam_user_policy" "whole" {
  user   = "v"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = ["iam:PassRole", "iam:PutRolePolicy"], Resource = var.env } })  #> 016 medium (medium confidence)
}
