# Of several ways to act as the same roles those count that are open under the fewest conditions.
#> scan --check 008 | when, values
variable "prod" { type = bool }
resource "aws_iam_user_policy" "pass" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> 008 high (lambda.amazonaws.com lambda:CreateFunction lambda:InvokeFunction)
}
resource "aws_iam_user_policy" "lambda" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource = "*" } })
}
resource "aws_iam_user_policy" "ec2" {
  count  = var.prod ? 1 : 0
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "ec2:RunInstances", Resource = "*" } })
}
