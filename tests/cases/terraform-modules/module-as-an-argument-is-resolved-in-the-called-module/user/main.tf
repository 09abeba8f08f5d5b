variable "roles" { type = any }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = [for r in var.roles : r.arn] } })
}
