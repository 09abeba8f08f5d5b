module "m" {
  source     = "acme/iam/aws"
  version    = "~> 1.0"
  statements = { pass = { actions = ["iam:PassRole"], resources = ["*"] } }
}
