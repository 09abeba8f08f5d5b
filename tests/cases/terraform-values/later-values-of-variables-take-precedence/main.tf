variable "a" {}
variable "b" {}
variable "c" {}
variable "d" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = [
    "arn:aws:iam::*:role/${var.a}", "arn:aws:iam::*:role/${var.b}", "arn:aws:iam::*:role/${var.c}", "arn:aws:iam::*:role/${var.d}"] } })
}
