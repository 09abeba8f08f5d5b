resource "aws_iam_policy" "b" {
  name = "limit"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_user" "x" { permissions_boundary = "arn:aws:iam::111122223333:policy/limit" }
