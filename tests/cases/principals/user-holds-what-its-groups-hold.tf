# A group policy is held by the group, and by those of its users who hold something else as well.
#> scan --check 008 | principals
resource "aws_iam_user" "u" { name = "uma" }
resource "aws_iam_user" "v" { name = "vera" }
resource "aws_iam_group" "g" { name = "devs" }
resource "aws_iam_group_membership" "m" {
  name  = "m"
  group = aws_iam_group.g.name
  users = [aws_iam_user.u.name, aws_iam_user.v.name]
}
resource "aws_iam_group_policy" "g" {
  group  = aws_iam_group.g.name
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> 008 high (aws_iam_user.u)
}
resource "aws_iam_user_policy" "u" {
  user   = aws_iam_user.u.name
  policy = jsonencode({ Statement = { Effect = "Allow", Action = ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource = "*" } })
}
