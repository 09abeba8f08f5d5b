# For emergencies: would be flagged (001) if there were an instance of it.

resource "aws_iam_group_policy" "break_glass" {
  name  = "break-glass"
  group = "break-glass"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "PassAnyRole", Effect = "Allow", Action = ["iam:GetRole", "iam:PassRole"], Resource = "*" }]
  })
}
