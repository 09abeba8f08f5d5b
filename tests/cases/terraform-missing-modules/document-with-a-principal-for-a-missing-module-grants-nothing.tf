# A document with a Principal is a trust or resource-based policy; one named boundary is a boundary.
#> grants
variable "x" {}
module "m" {  #> not evaluated: module
  source = "example.com/some/module"
  trust  = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "*" } }] })
  both = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "*" },
    { Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "*" } },
  ] })
  permissions_boundary_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
