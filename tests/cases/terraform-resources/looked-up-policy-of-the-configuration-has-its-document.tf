# A looked-up local policy has its document, with its own position.
#> grants
resource "aws_iam_policy" "m" {
  name = "m"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service; 3 x allow u -> * to any service
}
data "aws_iam_policy" "d" { arn = aws_iam_policy.m.arn }
resource "aws_iam_user_policy" "x" {
  user = "u"
  policy = data.aws_iam_policy.d.policy
}
data "aws_iam_policy" "d2" { name = aws_iam_policy.m.name }
resource "aws_iam_user_policy" "x2" {
  user = "u"
  policy = data.aws_iam_policy.d2.policy
}
data "aws_iam_policy" "d3" { arn = aws_iam_policy.m.id }
resource "aws_iam_user_policy" "x3" {
  user = "u"
  policy = data.aws_iam_policy.d3.policy
}
