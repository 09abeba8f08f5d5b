variable "roles" { default = ["arn:aws:iam::111122223333:role/app"] }
variable "services" { default = ["lambda.amazonaws.com"] }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = var.roles
    Condition = { StringLike = { "iam:PassedToService" = var.services } } }] })
}
