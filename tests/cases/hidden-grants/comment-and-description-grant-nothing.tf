resource "aws_iam_policy" "p" {
  description = "iam:PassRole on *"
  policy      = jsonencode({ Statement = { Effect = "Allow", Action = "s3:Get", Resource = "*" } }) # iam:PassRole
}
#> statements without finding: 0
