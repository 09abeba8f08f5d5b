module "up" { source = "./up" }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = [module.up.whole.arn, module.up.all["a"].arn] } })
}
