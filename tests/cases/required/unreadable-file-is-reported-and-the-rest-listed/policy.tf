resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [{ Effect = "Maybe" }] })
}
