#> grants | resource
locals { roles = ["a", "b"] }
resource "aws_iam_policy" "count" {
  count  = length(local.roles)
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${local.roles[count.index]}" } })  #> allow ? -> arn:aws:iam::*:role/a to any service (aws_iam_policy.count[0]); allow ? -> arn:aws:iam::*:role/b to any service (aws_iam_policy.count[1])
}
resource "aws_iam_policy" "each" {
  for_each = { a = { arn = "arn:aws:iam::*:role/1" }, b = { arn = "arn:aws:iam::*:role/2" } }
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = each.value.arn } })  #> allow ? -> arn:aws:iam::*:role/1 to any service (aws_iam_policy.each["a"]); allow ? -> arn:aws:iam::*:role/2 to any service (aws_iam_policy.each["b"])
}
