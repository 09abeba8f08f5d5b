#> scan
resource "aws_iam_policy" "b" {
  name   = "ci-boundary"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/app-*" },  #> 002 low (low confidence); 008 low (low confidence)
    { Effect = "Allow", Action = "lambda:*", Resource = "*" },
  ] })
}
