#> scan --account 111122223333 --check 008 | when
variable "on" {}
resource "aws_organizations_policy" "p" {
  content = jsonencode({ Statement = { Effect = "Deny", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_organizations_policy_attachment" "a" {
  count     = var.on ? 1 : 0
  policy_id = aws_organizations_policy.p.id
  target_id = "111122223333"
}
resource "aws_iam_user_policy" "p" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = ["iam:PassRole", "lambda:*"], Resource = "*" } })  #> 008 high (medium confidence, when var.on is false)
}
