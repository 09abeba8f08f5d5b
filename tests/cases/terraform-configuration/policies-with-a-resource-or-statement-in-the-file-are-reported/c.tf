resource "aws_iam_policy" "c" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }
