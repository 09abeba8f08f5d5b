# It is chosen at run time, but does not turn one role into any role.
#> grants | scope
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-${terraform.workspace}" } })  #> allow ? -> arn:aws:iam::111122223333:role/app-${terraform.workspace} to any service (exact)
}
