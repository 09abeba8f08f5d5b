# `concat` with a conditional list does not make the other statements conditional.
#> grants | when
variable "x" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = concat(
    [{ Effect = "Allow", Action = "s3:*", Resource = "*" }],
    var.x ? [{ Effect = "Allow", Action = "iam:*", Resource = "*" }] : [],  #> allow ? -> * to any service (when var.x is true)
  ) })
}
