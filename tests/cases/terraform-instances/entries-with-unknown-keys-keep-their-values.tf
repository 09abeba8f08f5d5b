# Each is an instance of its own; `each.key` keeps the known parts of a key.
#> grants | resource
variable "x" {}
variable "y" {}
resource "aws_iam_policy" "two" {
  for_each = { (var.x) = "1", (var.y) = "2" }
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${each.value}" } })  #> allow ? -> arn:aws:iam::*:role/1 to any service (aws_iam_policy.two["${var.x}"]); allow ? -> arn:aws:iam::*:role/2 to any service (aws_iam_policy.two["${var.y}"])
}
resource "aws_iam_policy" "same" {
  for_each = { "${var.x}-a" = "1", "${var.x}-a" = "2" }
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${each.value}" } })  #> allow ? -> arn:aws:iam::*:role/2 to any service (aws_iam_policy.same["${var.x}-a 2"]); allow ? -> arn:aws:iam::*:role/1 to any service (aws_iam_policy.same["${var.x}-a"])
}
resource "aws_iam_policy" "one" {
  for_each = merge({ a = "1" }, { (var.x) = "2" })
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${each.value}" } })  #> allow ? -> arn:aws:iam::*:role/2 to any service (aws_iam_policy.one["${var.x}"]); allow ? -> arn:aws:iam::*:role/1 to any service (aws_iam_policy.one["a"])
}
resource "aws_iam_policy" "set" {
  for_each = toset(concat(["a"], var.x, [for y in var.y : "app-${y}"]))
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${each.key}" } })  #> allow ? -> arn:aws:iam::*:role/${each.key} to any service (aws_iam_policy.set); allow ? -> arn:aws:iam::*:role/a to any service (aws_iam_policy.set["a"]); allow ? -> arn:aws:iam::*:role/${each.key} to any service (aws_iam_policy.set["app-${var.y[*]}"])
}
