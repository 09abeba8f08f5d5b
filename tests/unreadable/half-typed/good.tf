# A good file beside a broken one: it is judged all the same.

resource "aws_iam_policy" "beside" {
  name = "beside"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}
