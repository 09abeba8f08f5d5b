# A policy with an unknown name is not assumed to be the one that an ARN names.
#> grants
variable "n" {}
resource "aws_iam_policy" "b" {
  name = var.n
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service
}
resource "aws_iam_user" "x" { permissions_boundary = "arn:aws:iam::111122223333:policy/limit" }
