variable "trust" {}
resource "aws_iam_role" "it" {
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = var.trust }] })
}
resource "aws_iam_role_policy" "it" {
  role   = aws_iam_role.it.name
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
