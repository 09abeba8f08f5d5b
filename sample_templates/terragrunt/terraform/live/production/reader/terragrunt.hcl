terraform {
  source = "../../../modules//reader"
}

# A note: the policy is an output of another unit.
dependency "policies" {
  config_path = "../policies"
}

inputs = {
  policy   = dependency.policies.outputs.reader
  role_arn = dependency.policies.outputs.role_arn # PASSROLE_014, where the module passes it
}
