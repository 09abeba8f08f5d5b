# A role whose name contains a variable is the one that a Resource names by the same variable; with another variable,
# with a value that changes for each instance, or with a wildcard it is not.
#> scan
variable "stage" {}
variable "other" {}
locals {
  ec2 = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
}
resource "aws_iam_role" "app" {
  name               = "app-${var.stage}"
  assume_role_policy = local.ec2
}
resource "aws_iam_role" "random" {
  name               = "random-${uuid()}"
  assume_role_policy = local.ec2
}
resource "aws_iam_user_policy" "deploy" {
  user = "deployer"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-${var.stage}"  #> 011 medium
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } },
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-${var.other}"
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } },
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-${var.stage}*"
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } },
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/random-${uuid()}"
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } },
  ] })
}
