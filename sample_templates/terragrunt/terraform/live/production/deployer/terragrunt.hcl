include "root" {
  path = find_in_parent_folders("root.hcl")
}

terraform {
  source = "../../../modules//deployer"
}

dependency "network" {
  config_path = "../network"
}

locals {
  every_role = "*"
}

inputs = {
  role_arns = [local.every_role]
  vpc_id    = dependency.network.outputs.vpc_id
}
