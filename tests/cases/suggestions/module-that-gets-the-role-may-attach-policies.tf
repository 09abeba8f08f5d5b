# A module that is not downloaded may attach a policy to a role whose name it gets; an ARN is no use for that.
#> suggest | statement
resource "aws_iam_role" "by_name" {
  name               = "by_name"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "codebuild.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "by_name" {
  role   = aws_iam_role.by_name.id
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*" },  #> manual 002 medium (Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } })
    { Effect = "Allow", Action = ["lambda:CreateFunction"], Resource = "*" }] })
}
module "by_name" {  #> not evaluated: module
  source = "acme/name/aws"
  role   = aws_iam_role.by_name.name
}
resource "aws_iam_role" "by_id" {
  name               = "by_id"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "codebuild.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "by_id" {
  role   = aws_iam_role.by_id.id
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*" },  #> manual 002 medium (Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } })
    { Effect = "Allow", Action = ["lambda:CreateFunction"], Resource = "*" }] })
}
module "by_id" {  #> not evaluated: module
  source = "acme/id/aws"
  role   = aws_iam_role.by_id.id
}
resource "aws_iam_role" "by_arn" {
  name               = "by_arn"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "codebuild.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "by_arn" {
  role   = aws_iam_role.by_arn.id
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*" },  #> equivalent 002 medium ({ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*", Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } })
    { Effect = "Allow", Action = ["lambda:CreateFunction"], Resource = "*" }] })
}
module "by_arn" {  #> not evaluated: module
  source = "acme/arn/aws"
  role   = aws_iam_role.by_arn.arn
}
