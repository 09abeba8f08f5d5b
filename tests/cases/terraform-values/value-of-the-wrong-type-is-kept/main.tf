variable "list" { type = list(string) }
variable "number" { type = number }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = var.list },
    { Effect = "Allow", Action = "iam:PassRole", Resource = var.number },
  ] })
}
