# What all units have in common.

remote_state {
  backend = "s3"
  config  = { bucket = "state" }
}

generate "provider" {
  path      = "provider.tf"
  if_exists = "overwrite"
  contents  = <<-EOT
    provider "aws" {
      region = "eu-west-1"
    }
  EOT
}

# A note: this file may contain anything.
generate "extra" {
  path      = "extra.tf"
  if_exists = "overwrite"
  contents  = file("extra.tf.tmpl")
}

# A note: Terragrunt accepts one level of includes.
include "account" {
  path = find_in_parent_folders("account.hcl")
}

inputs = {
  service = "lambda.amazonaws.com"
}
