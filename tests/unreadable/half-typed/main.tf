# One block is not finished. The blocks around it are judged, and its place is named.

resource "aws_iam_policy" "above" {
  name = "above"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}

resource "aws_iam_policy" "half_typed" {
  name = "half-typed"
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action =
}

resource "aws_iam_policy" "below" {
  name = "below"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:*", Resource = "*" }]
  })
}
