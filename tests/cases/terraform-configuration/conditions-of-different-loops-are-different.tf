# The same text in loops over different collections is two conditions, over the same collection one.
#> grants | when
variable "p" {}
variable "q" {}
locals {
  a = [{ on = var.p }]
  b = [{ on = var.q }]
}
resource "aws_iam_policy" "equal" {
  policy = jsonencode({ Statement = concat(
    [for s in local.a : { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } if s.on == "x"],  #> allow ? -> * to any service (when var.p = "x")
    [for s in local.b : { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } if s.on == "x"],  #> allow ? -> * to any service (when var.q = "x")
    [for s in local.a : { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } if s.on == "x"],  #> allow ? -> * to any service (when var.p = "x")
  ) })
}
resource "aws_iam_policy" "greater" {
  policy = jsonencode({ Statement = concat(
    [for s in local.a : { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } if s.on > 1],  #> allow ? -> * to any service (when s.on > 1 (s = local.a[0]) is true)
    [for s in local.b : { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } if s.on > 1],  #> allow ? -> * to any service (when s.on > 1 (s = local.b[0]) is true)
    [for s in local.a : { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } if s.on > 1],  #> allow ? -> * to any service (when s.on > 1 (s = local.a[0]) is true)
  ) })
}
resource "aws_iam_policy" "unequal" {
  policy = jsonencode({ Statement = concat(
    [for s in local.a : { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } if s.on != "x"],  #> allow ? -> * to any service (when var.p is not "x")
    [for s in local.b : { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } if s.on != "x"],  #> allow ? -> * to any service (when var.q is not "x")
    [for s in local.a : { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } if s.on != "x"],  #> allow ? -> * to any service (when var.p is not "x")
  ) })
}
