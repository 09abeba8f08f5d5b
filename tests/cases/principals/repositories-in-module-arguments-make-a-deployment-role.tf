# The role of a published module that is not downloaded is rated as one with the same trust policy in this code.
#> scan --check 013
module "subjects" {  #> not evaluated: module
  source   = "terraform-aws-modules/iam/aws//modules/iam-github-oidc-role"
  subjects = ["octo/app:*"]
  policies = { Admin = "arn:aws:iam::aws:policy/AdministratorAccess" }  #> 013 medium (medium confidence)
}
module "prefix" {
  source   = "terraform-aws-modules/iam/aws//modules/iam-github-oidc-role"
  subjects = ["repo:octo/${var.name}:*"]
  policies = { Admin = "arn:aws:iam::aws:policy/AdministratorAccess" }  #> 013 medium (medium confidence)
}
module "repositories" {  #> not evaluated: module
  source              = "unfunco/oidc-github/aws"
  github_repositories = ["octo/app", "octo/web:ref:refs/heads/main"]
  policies            = { Admin = "arn:aws:iam::aws:policy/AdministratorAccess" }  #> 013 medium (medium confidence)
}
module "organization" {
  source   = "terraform-aws-modules/iam/aws//modules/iam-github-oidc-role"
  subjects = ["octo/*"]
  policies = { Admin = "arn:aws:iam::aws:policy/AdministratorAccess" }  #> 013 high (medium confidence)
}
module "unknown" {
  source   = "terraform-aws-modules/iam/aws//modules/iam-github-oidc-role"
  subjects = var.subjects
  policies = { Admin = "arn:aws:iam::aws:policy/AdministratorAccess" }  #> 013 high (medium confidence)
}
module "other" {  #> not evaluated: module
  source   = "terraform-aws-modules/iam/aws//modules/iam-role"
  subjects = ["octo/app:*"]
  policies = { Admin = "arn:aws:iam::aws:policy/AdministratorAccess" }  #> 013 high (medium confidence)
}
