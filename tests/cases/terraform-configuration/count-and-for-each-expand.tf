# Known counts and keys give one policy per instance, zero gives none, an unknown count one without index.
#> grants
variable "n" {}
variable "on" {}
resource "aws_iam_user_policy" "none" {  #> not evaluated: no_instance
  count  = 0
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_user_policy" "two" {
  count  = 2
  user   = "u${count.index}"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow u0 -> * to any service; allow u1 -> * to any service
}
resource "aws_iam_user_policy" "each" {
  for_each = { a = "x", b = "y" }
  user     = "${each.key}-${each.value}"
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow a-x -> * to any service; allow b-y -> * to any service
}
resource "aws_iam_user_policy" "unknown" {
  count  = var.n
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow u -> * to any service
}
resource "aws_iam_user_policy" "maybe" {
  count  = var.on ? 1 : 0
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow u -> * to any service
}
