#> scan --check 016 | when, values
variable "prod" { type = bool }
resource "aws_iam_user_policy" "pass" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*" } })  #> 016 medium (medium confidence, when var.prod is true, arn:aws:iam::111122223333:role/app-* iam:PutRolePolicy)
}
resource "aws_iam_user_policy" "change" {
  count  = var.prod ? 1 : 0
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PutRolePolicy", Resource = "*" } })
}
