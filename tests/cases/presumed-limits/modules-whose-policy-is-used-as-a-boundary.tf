# A policy module whose outputs are used as a permissions boundary only makes one; of another module it is presumed;
# a use as anything else may attach it.
#> scan --check 001
locals {
  boundary = module.known.arn
}
module "known" {  #> not evaluated: module
  source = "terraform-aws-modules/iam/aws//modules/iam-policy"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}
module "unknown" {  #> not evaluated: module
  source = "example/policies/aws"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 low (low confidence)
}
module "developer_boundary" {
  source = "terraform-aws-modules/iam/aws//modules/iam-policy"
  name   = "developer-boundary"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 high (medium confidence)
}
resource "aws_iam_role" "a" {
  assume_role_policy   = "{}"
  permissions_boundary = local.boundary
}
resource "aws_iam_role" "b" {
  assume_role_policy   = "{}"
  permissions_boundary = module.unknown.arn
}
resource "aws_iam_role_policy_attachment" "c" {
  role       = "c"
  policy_arn = module.developer_boundary.arn
}
