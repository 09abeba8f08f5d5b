locals { arns = ["arn:aws:iam::aws:policy/AdministratorAccess"] }
variable "arns" { default = ["arn:aws:iam::aws:policy/IAMFullAccess"] }
module "here" {
  for_each = { a = local.arns }
  source   = "./here"
  given    = each.value
}
module "variable" {
  source = "example.com/some/module"
  arns   = var.arns
}
module "loop" {
  source = "example.com/some/module"
  arns   = [for arn in local.arns : arn]
}
module "one" {
  source = "./here"
  given  = ["arn:aws:iam::aws:policy/AWSLambda_FullAccess"]
}
module "output" {
  source = "example.com/some/module"
  arns   = module.one.given
}
