#> scan --check 001 | when
variable "a" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "*" },  #> 001 high (medium confidence, when var.a is false)
    var.a ? { Effect = "Deny", Action = "iam:PassRole", Resource = "*" } : null,
  ] })
}
