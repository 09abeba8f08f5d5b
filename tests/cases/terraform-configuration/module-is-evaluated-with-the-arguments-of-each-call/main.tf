module "role" {
  source   = "./role"
  for_each = toset(["a", "b"])
  name     = "app-${each.key}"
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = module.role["a"].arn },
    { Effect = "Allow", Action = "iam:PassRole", Resource = module.role["b"].arn },
    { Effect = "Deny", Action = "iam:PassRole", Resource = "arn:*:iam::*:role/app-b" },
  ] })
}
