# A function that cannot be evaluated is unresolved, with the text of the call.
#> grants | scope
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = cidrsubnet("10.0.0.0/8",  8, 1) } })  #> allow ? -> ${cidrsubnet("10.0.0.0/8", 8, 1)} to any service (unresolved)
}
