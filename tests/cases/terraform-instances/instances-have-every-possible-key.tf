# With all values that they may have.
#> grants
variable "x" {}
variable "y" {}
resource "aws_iam_user_policy" "map" {
  for_each = { a = "1", b = "2" }
  user     = "map-${each.key}"
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${each.value}" } })  #> allow map-a -> arn:aws:iam::*:role/1 to any service; allow map-b -> arn:aws:iam::*:role/2 to any service
}
resource "aws_iam_user_policy" "set" {
  for_each = toset(["a", "a", "b"])
  user     = "set-${each.key}"
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${each.value}" } })  #> allow set-a -> arn:aws:iam::*:role/a to any service; allow set-b -> arn:aws:iam::*:role/b to any service
}
resource "aws_iam_user_policy" "loop" {
  for_each = merge({ for k in ["a", "b"] : k => upper(k) }, tomap({ c = "1" }))
  user     = "loop-${each.key}"
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${each.value}" } })  #> allow loop-a -> arn:aws:iam::*:role/A to any service; allow loop-b -> arn:aws:iam::*:role/B to any service; allow loop-c -> arn:aws:iam::*:role/1 to any service
}
resource "aws_iam_user_policy" "same_key" {
  for_each = var.x ? { a = "1" } : var.y ? { a = "2" } : { a = "3" }
  user     = "same-${each.key}"
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${each.value}" } })  #> allow same-a -> arn:aws:iam::*:role/1 to any service; allow same-a -> arn:aws:iam::*:role/2 to any service; allow same-a -> arn:aws:iam::*:role/3 to any service
}
resource "aws_iam_user_policy" "other_key" {
  for_each = var.x ? { a = "1" } : { b = "2" }
  user     = "other-${each.key}"
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${each.value}" } })  #> allow other-a -> arn:aws:iam::*:role/1 to any service; allow other-b -> arn:aws:iam::*:role/2 to any service
}
resource "aws_iam_user_policy" "maybe" {
  for_each = toset(concat(["a"], var.x ? ["b"] : []))
  user     = "maybe-${each.key}"
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${each.value}" } })  #> allow maybe-a -> arn:aws:iam::*:role/a to any service; allow maybe-b -> arn:aws:iam::*:role/b to any service
}
resource "aws_iam_user_policy" "chosen" {
  for_each = toset([var.x ? "a" : "b"])
  user     = "chosen-${each.key}"
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${each.value}" } })  #> allow chosen-a -> arn:aws:iam::*:role/a to any service; allow chosen-b -> arn:aws:iam::*:role/b to any service
}
