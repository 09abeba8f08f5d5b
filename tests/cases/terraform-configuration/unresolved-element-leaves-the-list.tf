# One unknown element does not change the others.
#> grants
variable "x" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = concat(["a"], var.x, ["b"]) }] })  #> allow ? -> a & ${var.x} & b to any service
}
