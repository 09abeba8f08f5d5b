variable "role" {}
variable "service" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = var.role,
    Condition = { StringEquals = { "iam:PassedToService" = var.service } } } })
}
