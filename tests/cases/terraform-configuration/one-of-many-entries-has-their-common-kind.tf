# Of more entries than are followed: one of account ids is an account id, one of names a name, and a wildcard remains.
#> grants | scope
variable "k" {}
locals {
  numbers = range(40)
  ids     = { for n in local.numbers : "k${n}" => "${111122223333 + n}" }
  names   = { for n in local.numbers : "k${n}" => "x${n}-${n}" }
  mixed   = { for n in local.numbers : "k${n}" => n == 7 ? "*" : "x${n}" }
}
resource "aws_iam_policy" "id" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::${local.ids[var.k]}:role/a" } })  #> allow ? -> arn:aws:iam::${local.ids[var.k]}:role/a to any service (exact)
}
resource "aws_iam_policy" "name" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${local.names[var.k]}" } })  #> allow ? -> arn:aws:iam::*:role/${local.names[var.k]} to any service (exact)
}
resource "aws_iam_policy" "mixed" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${local.mixed[var.k]}" } })  #> allow ? -> arn:aws:iam::*:role/${local.mixed[var.k]} to any service (unresolved)
}
