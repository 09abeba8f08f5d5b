# An attachment of a policy of AWS that a data source looks up by its name is none of the boundary.
#> grants
data "aws_iam_policy" "read_only" { name = "ReadOnlyAccess" }
resource "aws_iam_policy" "b" {
  name   = "limit"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_role" "r" { permissions_boundary = aws_iam_policy.b.arn }
resource "aws_iam_role_policy_attachment" "x" {
  role       = "x"
  policy_arn = data.aws_iam_policy.read_only.arn
}
#> exit 0
