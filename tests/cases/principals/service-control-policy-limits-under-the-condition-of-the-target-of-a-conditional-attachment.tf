#> scan --account 111122223333 --check 008 | when
variable "on" {}
resource "aws_organizations_policy" "p" {
  content = jsonencode({ Statement = { Effect = "Deny", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_organizations_policy_attachment" "a" {
  policy_id = aws_organizations_policy.p.id
  target_id = var.on ? "111122223333" : "444455556666"
}
resource "aws_iam_user_policy" "p" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = ["iam:PassRole", "lambda:*"], Resource = "*" } })  #> 008 high (medium confidence, when var.on is false)
}
