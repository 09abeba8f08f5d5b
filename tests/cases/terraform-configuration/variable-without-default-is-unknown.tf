# Nothing is known but its name.
#> grants | scope
variable "role" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = var.role } })  #> allow ? -> ${var.role} to any service (unresolved)
}
