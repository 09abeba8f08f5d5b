# `arn:aws:iam::aws:policy/x` is never a policy of this configuration.
#> grants
resource "aws_iam_policy" "x" {
  name = "x"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service
}
resource "aws_iam_user_policy_attachment" "x" {
  user = "u"
  policy_arn = "arn:aws:iam::aws:policy/x"  #> not evaluated: defined_elsewhere
}
