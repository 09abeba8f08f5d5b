variable "roles" { default = ["arn:aws:iam::111122223333:role/app"] }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = var.roles }] })
}
