# Flagged, though the other file of the folder cannot be read.

resource "aws_iam_policy" "beside" {
  name = "beside"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}
