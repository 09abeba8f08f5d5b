variable "roles" { default = ["arn:aws:iam::111122223333:role/app"] }
resource "aws_iam_policy" "p" {
  # passrole:skip=PASSROLE_001 ok
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = var.roles }] })
}
