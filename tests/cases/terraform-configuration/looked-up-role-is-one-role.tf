# `data.aws_iam_role` returns the ARN of one role outside this configuration.
#> grants | scope
data "aws_iam_role" "r" { name = "x" }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = data.aws_iam_role.r.arn } })  #> allow ? -> ${data.aws_iam_role.r.arn} to any service (exact)
}
