module "x" {
  source   = "./child"
  for_each = toset(["a", "b"])
}
module "one" { source = "./child" }
module "n" {
  source = "./child"
  count  = 2
}
locals {
  whole = module.one
  all   = module.x
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = module.x["a"].arn },
    { Effect = "Allow", Action = "iam:PassRole", Resource = module.x["b"]["arn"] },
    { Effect = "Allow", Action = "iam:PassRole", Resource = values(module.x)[*].arn },
    { Effect = "Allow", Action = "iam:PassRole", Resource = [for m in module.x : m.arn] },
    { Effect = "Allow", Action = "iam:PassRole", Resource = [for k, m in module.x : m.arn if k == "b"] },
    { Effect = "Allow", Action = "iam:PassRole", Resource = values({ for k, m in module.x : k => m.arn }) },
    { Effect = "Allow", Action = "iam:PassRole", Resource = [for k in ["a"] : module.x[k].arn] },
    { Effect = "Allow", Action = "iam:PassRole", Resource = module.n[*].arn },
    { Effect = "Allow", Action = "iam:PassRole", Resource = module.n.*.arn },
    { Effect = "Allow", Action = "iam:PassRole", Resource = module.n[1].arn },
    { Effect = "Allow", Action = "iam:PassRole", Resource = module.n[length(module.n) - 1].arn },
    { Effect = "Allow", Action = "iam:PassRole", Resource = module.one.arn },
    { Effect = "Allow", Action = "iam:PassRole", Resource = module.one["arn"] },
    { Effect = "Allow", Action = "iam:PassRole", Resource = module.one[*].arn },
    { Effect = "Allow", Action = "iam:PassRole", Resource = one(module.one[*].arn) },
    { Effect = "Allow", Action = "iam:PassRole", Resource = local.whole.arn },
    { Effect = "Allow", Action = "iam:PassRole", Resource = local.all["b"].arn },
    { Effect = "Allow", Action = "iam:PassRole", Resource = try(module.one[0].arn, module.one.arn) },
    { Effect = "Allow", Action = "iam:PassRole", Resource = try(module.x["c"].arn, module.x["a"].arn) },
    { Effect = "Allow", Action = "iam:PassRole", Resource = try(module.one.nothing, module.one.arn) },
  ] })
}
