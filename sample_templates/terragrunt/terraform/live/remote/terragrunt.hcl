# A note: this module is in a registry.

terraform {
  source = "tfr:///terraform-aws-modules/iam/aws//modules/iam-policy?version=5.0.0"
}

inputs = {
  name = "remote"
}
