# The module may attach other policies to its role.
#> suggest | statement
module "ci" {  #> not evaluated: module
  source = "acme/ci/aws"
}
resource "aws_iam_role_policy" "p" {
  role   = module.ci.role_name
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*" },  #> manual 002 medium (Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } })
    { Effect = "Allow", Action = ["lambda:CreateFunction"], Resource = "*" }] })
}
