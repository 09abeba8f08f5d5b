resource "aws_iam_user" "ann" {
  name = "ann"
}
resource "aws_iam_user_policy" "ann" {
  user   = aws_iam_user.ann.name
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-admin", Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } }] })
}
