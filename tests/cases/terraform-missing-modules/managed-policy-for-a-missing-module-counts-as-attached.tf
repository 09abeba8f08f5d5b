# Unless it is a permissions boundary.
#> scan --check 013 | resource, when
variable "x" {}
data "aws_partition" "p" {}
module "list" {  #> not evaluated: module
  source      = "example.com/some/module"
  policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess"]  #> 013 high (medium confidence, module.list)
}
module "nested" {
  source = "example.com/some/module"
  sets   = { admin = { attach = ["arn:aws:iam::aws:policy/AdministratorAccess"] } }  #> 013 high (medium confidence, module.nested)
}
module "conditional" {
  source      = "example.com/some/module"
  policy_arns = var.x ? ["arn:aws:iam::aws:policy/AdministratorAccess"] : []  #> 013 high (medium confidence, module.conditional, when var.x is true)
}
module "partition" {
  source = "example.com/some/module"
  arn    = "arn:${data.aws_partition.p.partition}:iam::aws:policy/AdministratorAccess"  #> 013 high (medium confidence, module.partition)
}
module "none" {
  source               = "example.com/some/module"
  permissions_boundary = "arn:aws:iam::aws:policy/AdministratorAccess"
  limits               = { boundary = "arn:aws:iam::aws:policy/AdministratorAccess" }
  policy_arns          = ["arn:aws:iam::111122223333:policy/own"]
}
