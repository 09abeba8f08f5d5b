# `a != b` has the opposite variants of `a == b`, about the same expression.
#> grants | when
variable "p" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [{  #> allow ? -> * to any service (when var.p = "x"); deny ? -> * to any service (when var.p is not "x")
    Effect = var.p != "x" ? "Deny" : "Allow", Action = "iam:PassRole", Resource = "*"
  }] })
}
