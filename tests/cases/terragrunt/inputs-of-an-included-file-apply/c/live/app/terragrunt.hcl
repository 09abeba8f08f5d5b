include "x" { path = find_in_parent_folders() }
terraform { source = "../../../modules/app" }
inputs = { service = "lambda.amazonaws.com" }
