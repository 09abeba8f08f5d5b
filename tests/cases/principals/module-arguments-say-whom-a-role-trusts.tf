# Of published modules that are not downloaded; others may trust anyone.
#> scan --check 013 | resource
variable "account" {}
module "people" {  #> not evaluated: module
  source              = "terraform-aws-modules/iam/aws//modules/iam-assumable-role"
  attach_admin_policy = true
  trusted_role_arns   = ["arn:aws:iam::${var.account}:root"]
  policy_arns         = ["arn:aws:iam::aws:policy/AdministratorAccess"]  #> 013 medium (medium confidence, module.people)
}
module "sets" {  #> not evaluated: module
  source          = "cloudposse/sso/aws//modules/permission-sets"
  permission_sets = [{ name = "Admin", policy_attachments = ["arn:aws:iam::aws:policy/AdministratorAccess"] }]  #> 013 low (medium confidence, module.sets)
}
module "role" {
  source              = "terraform-aws-modules/iam/aws//modules/iam-assumable-role"
  attach_admin_policy = true
  trusted_role_arns   = ["arn:aws:iam::111122223333:role/ci"]
  policy_arns         = ["arn:aws:iam::aws:policy/AdministratorAccess"]  #> 013 high (medium confidence, module.role)
}
module "services" {
  source                = "terraform-aws-modules/iam/aws//modules/iam-assumable-role"
  attach_admin_policy   = true
  trusted_role_arns     = ["arn:aws:iam::${var.account}:root"]
  policy_arns           = ["arn:aws:iam::aws:policy/AdministratorAccess"]  #> 013 high (medium confidence, module.services)
  trusted_role_services = ["ec2.amazonaws.com"]
}
