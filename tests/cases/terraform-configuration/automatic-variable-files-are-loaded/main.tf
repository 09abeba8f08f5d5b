variable "a" { default = "no" }
variable "b" { default = "no" }
variable "c" { default = "no" }
module "m" { source = "./child" }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = [var.a, var.b, var.c, module.m.a] }] })
}
