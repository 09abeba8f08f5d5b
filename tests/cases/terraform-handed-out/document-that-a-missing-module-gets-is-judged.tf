#> scan --check 001 | resource
module "r" {  #> not evaluated: module
  source = "acme/role/aws"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> 001 high (medium confidence, module.r)
}
