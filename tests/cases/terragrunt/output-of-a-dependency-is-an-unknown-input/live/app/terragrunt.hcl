terraform { source = "../../modules/app" }
dependency "shared" { config_path = "../shared" }
inputs = { role = dependency.shared.outputs.arn }
