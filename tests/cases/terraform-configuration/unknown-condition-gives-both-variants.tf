# Also where it is negated.
#> grants | when
variable "x" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = var.x ? "arn:aws:iam::*:role/a" : "arn:aws:iam::*:role/b" },  #> allow ? -> arn:aws:iam::*:role/a to any service (when var.x is true); allow ? -> arn:aws:iam::*:role/b to any service (when var.x is false)
    { Effect = "Allow", Action = "iam:PassRole", Resource = !var.x ? "arn:aws:iam::*:role/b" : "arn:aws:iam::*:role/a" },  #> allow ? -> arn:aws:iam::*:role/a to any service (when var.x is true); allow ? -> arn:aws:iam::*:role/b to any service (when var.x is false)
  ] })
}
