# The ARN of one instance identifies its policy, in every syntax.
#> grants
variable "x" {}
resource "aws_iam_policy" "p" {
  count = 1
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow u & u2 & u3 & u4 & u5 & u6 -> * to any service
}
resource "aws_iam_user_policy_attachment" "x" {
  user = "u"
  policy_arn = aws_iam_policy.p[0].arn
}
resource "aws_iam_user_policy_attachment" "x2" {
  user = "u2"
  policy_arn = one(aws_iam_policy.p[*].arn)
}
resource "aws_iam_user_policy_attachment" "x3" {
  user = "u3"
  policy_arn = join("", aws_iam_policy.p.*.arn)
}
resource "aws_iam_user_policy_attachment" "x4" {
  user = "u4"
  policy_arn = try(aws_iam_policy.p[0].arn, null)
}
resource "aws_iam_user_policy_attachment" "x5" {
  user = "u5"
  policy_arn = var.x ? aws_iam_policy.p[0].arn : null
}
resource "aws_iam_user_policy_attachment" "x6" {
  user = "u6"
  policy_arn = "${aws_iam_policy.p[0].arn}"
}
