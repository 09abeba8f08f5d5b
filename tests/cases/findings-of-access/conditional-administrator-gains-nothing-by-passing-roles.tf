# And neither by changing them.
variable "prod" { type = bool }
resource "aws_iam_user_policy" "pass" {
  user = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*",
    Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } } })
}
resource "aws_iam_user_policy_attachment" "admin" {
  count      = var.prod ? 1 : 0
  user       = "u"
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"  #> 013 high
}
