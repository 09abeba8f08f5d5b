#> grants
resource "aws_iam_user" "u" { name = "one" }
resource "aws_iam_group_policy" "b" {
  group  = aws_iam_user.u.name
  policy = jsonencode({ Statement = { Effect = "Deny", Action = "iam:PassRole", Resource = "*" } })  #> deny aws_iam_user.u (group) -> * to any service
}
resource "aws_iam_user_policy" "a" {
  user   = "one"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_user.u -> * to any service
}
