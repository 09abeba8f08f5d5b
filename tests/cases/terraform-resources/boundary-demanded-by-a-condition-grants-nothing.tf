# A managed policy that this configuration only names in a condition, by reference or ARN, grants nothing.
#> grants
resource "aws_iam_policy" "a" {
  name   = "limit-a"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_policy" "b" {
  name   = "limit-b"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_policy" "c" {
  name   = "limit-c"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_user_policy" "x" {
  user = "u"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:CreateRole", Resource = "*",
      Condition = { StringEquals = { "iam:PermissionsBoundary" = aws_iam_policy.a.arn } } },
    { Effect = "Allow", Action = "iam:CreateRole", Resource = "*",
      Condition = { ArnLike = { "iam:PermissionsBoundary" = ["arn:aws:iam::111122223333:policy/limit-b"] } } },
  ] })
}
data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["iam:CreateRole"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [aws_iam_policy.c.arn]
    }
  }
}
resource "aws_iam_user_policy" "y" {
  user   = "u"
  policy = data.aws_iam_policy_document.d.json
}
#> exit 0
