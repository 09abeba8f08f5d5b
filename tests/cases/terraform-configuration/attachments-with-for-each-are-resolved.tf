# Policies attached with `for_each` over their ARNs are attached to that role.
#> grants
resource "aws_iam_policy" "a" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> allow worker -> * to any service
resource "aws_iam_role_policy_attachment" "x" {
  for_each   = toset([aws_iam_policy.a.arn, "arn:aws:iam::aws:policy/ReadOnlyAccess"])
  role       = "worker"
  policy_arn = each.value
}
