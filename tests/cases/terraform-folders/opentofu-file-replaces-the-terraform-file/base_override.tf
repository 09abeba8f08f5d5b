resource "aws_iam_policy" "base" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/override" } }) }
