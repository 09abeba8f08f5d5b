locals { base = "./ch" }
module "m" { source = "${local.base}ild" }
module "unknown" { source = var.x }
variable "x" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = module.m.arn } })
}
