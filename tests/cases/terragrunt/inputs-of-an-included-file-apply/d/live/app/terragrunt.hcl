include "x" { path = "../common.hcl" }
terraform { source = "../../../modules/app" }
inputs = { service = "lambda.amazonaws.com" }
