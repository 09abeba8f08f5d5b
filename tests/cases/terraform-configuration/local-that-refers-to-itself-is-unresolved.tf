# A cycle is unresolved, with the reason.
#> grants | scope
locals {
  a = local.b
  b = local.a
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = local.a } })  #> allow ? -> ${local.a} to any service (unresolved)
}
