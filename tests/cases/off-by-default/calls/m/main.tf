variable "create" { default = false }
resource "aws_iam_policy" "p" {
  count  = var.create ? 1 : 0
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
