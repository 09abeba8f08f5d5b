resource "aws_iam_policy" "b" {
  name   = "limit"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_user" "x" { permissions_boundary = aws_iam_policy.b.arn }
locals { limit = aws_iam_policy.b.arn }
import {
  to = aws_iam_policy.b
  id = 1
}
data "aws_iam_policy_document" "x" {
  statement { resources = [aws_iam_policy.b.arn] }
}
module "m" {
  source = "./child"
  limit  = aws_iam_policy.b.arn
  passed = aws_iam_policy.b.arn
}
