variable "b" { default = "main" }
locals {
  a = "main"
  c = "main"
}
module "m" { source = "./one" }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = [
    "arn:aws:iam::*:role/${local.a}/a", "arn:aws:iam::*:role/${var.b}/b", "arn:aws:iam::*:role/${local.c}/c", "arn:aws:iam::*:role/${module.m.d}/d"] } })
}
