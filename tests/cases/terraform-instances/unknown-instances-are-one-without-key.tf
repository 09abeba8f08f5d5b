# Very many are, too.
#> grants | resource
variable "x" {}
resource "aws_iam_policy" "a" {
  for_each = var.x
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service (aws_iam_policy.a)
}
resource "aws_iam_policy" "b" {
  for_each = toset(var.x)
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service (aws_iam_policy.b)
}
resource "aws_iam_policy" "c" {
  count  = var.x
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service (aws_iam_policy.c)
}
resource "aws_iam_policy" "d" {
  for_each = toset([for n in range(5000) : tostring(n)])
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service (aws_iam_policy.d)
}
