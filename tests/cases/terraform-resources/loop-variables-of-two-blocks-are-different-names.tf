# `each.key` has a different value in every block.
#> grants
variable "a" {}
variable "b" {}
resource "aws_iam_policy" "b" {
  for_each = var.a
  name = "${each.key}-x"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service
}
resource "aws_iam_user" "x" {
  for_each = var.b
  permissions_boundary = "arn:aws:iam::1:policy/${each.key}-x"
}
