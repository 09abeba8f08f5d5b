# Elsewhere it needs manual review. In China, launching an instance sends another name of EC2.
#> suggest | missing, statement
resource "aws_iam_user_policy" "lambda" {
  user   = "lambda"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app", Condition = { StringEqualsIfExists = { "iam:PassedToService" = "lambda.amazonaws.com" } } }] })  #> narrowed 003 low ({ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app", Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } })
}
resource "aws_iam_user_policy" "codebuild" {
  user   = "codebuild"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app", Condition = { StringEqualsIfExists = { "iam:PassedToService" = "codebuild.amazonaws.com" } } }] })  #> narrowed 003 low ({ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app", Condition = { StringEquals = { "iam:PassedToService" = "codebuild.amazonaws.com" } } })
}
resource "aws_iam_user_policy" "cognito_idp" {
  user   = "cognito-idp"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app", Condition = { StringEqualsIfExists = { "iam:PassedToService" = "cognito-idp.amazonaws.com" } } }] })  #> manual 003 low (cognito-idp.amazonaws.com, { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app", Condition = { StringEquals = { "iam:PassedToService" = "cognito-idp.amazonaws.com" } } })
}
data "aws_partition" "current" {}
resource "aws_iam_user_policy" "china" {
  user   = "china"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:${data.aws_partition.current.partition}:iam::*:role/app", Condition = { StringEqualsIfExists = { "iam:PassedToService" = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"] } } }] })  #> narrowed 003 low ({ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:${data.aws_partition.current.partition}:iam::*:role/app", Condition = { StringEquals = { "iam:PassedToService" = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"] } } })
}
