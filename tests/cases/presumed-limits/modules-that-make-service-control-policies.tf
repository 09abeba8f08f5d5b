# Published modules that make SCPs grant nothing; a module that only a name presumes to is low.
#> scan --check 001
module "guardrails" {  #> not evaluated: module
  source                            = "cloudposse/service-control-policies/aws"
  service_control_policy_statements = [{ effect = "Allow", actions = ["*"], resources = ["*"] }]
}
module "git" {  #> not evaluated: module
  source                            = "git::https://github.com/cloudposse/terraform-aws-service-control-policies.git?ref=0.15.0"
  service_control_policy_statements = [{ effect = "Allow", actions = ["*"], resources = ["*"] }]
}
module "other" {  #> not evaluated: module
  source = "aws-ia/scp/aws"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}
module "typed" {  #> not evaluated: module
  source = "example/policies/aws"
  type   = "SERVICE_CONTROL_POLICY"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}
module "root_scp" {
  source = "example/policies/aws"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 low (low confidence)
}
module "internal" {  #> not evaluated: module
  source = "git::ssh://git@example.com/platform/policies.git//modules/scp?ref=v1"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 low (low confidence)
}
module "plain" {
  source = "example/policies/aws"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 high (medium confidence)
}
