# A boundary that a condition demands in one alternative counts; invalid JSON demands nothing.
#> grants
variable "u" {}
resource "aws_iam_policy" "c" {
  name = "c"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_user_policy" "odd" {
  user = "u"
  policy = "{\"iam:permissionsboundary\": "  #> unreadable
}
resource "aws_iam_policy" "b" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:CreateRole", Resource = "*", Condition = { StringEquals = { "iam:PermissionsBoundary" = var.u ? aws_iam_policy.c.arn : "x" } } } })
}
#> exit 2
