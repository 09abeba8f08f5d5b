variable "x" {}
module "null" {
  source = "./child"
  r      = null
}
module "maybe" {
  source = "./child"
  r      = var.x ? "arn:aws:iam::*:role/given" : null
}
resource "aws_iam_policy" "null" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = module.null.r } }) }
resource "aws_iam_policy" "maybe" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = module.maybe.r } }) }
