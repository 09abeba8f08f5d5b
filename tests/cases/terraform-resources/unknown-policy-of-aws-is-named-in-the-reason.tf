# An unknown AWS managed policy is unresolved, and the reason names it.
#> grants | values
data "aws_iam_policy" "d" { arn = "arn:aws:iam::aws:policy/ComesTomorrow" }  #> not evaluated: defined_elsewhere
resource "aws_iam_user_policy" "x" {
  user = "u"
  policy = data.aws_iam_policy.d.policy  #> allow u -> ${data.aws_iam_policy.d.policy} to any service (unresolved)
}
