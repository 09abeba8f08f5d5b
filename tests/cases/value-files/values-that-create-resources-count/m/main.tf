variable "n" {}
resource "aws_iam_policy" "p" {
  count  = var.n
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
