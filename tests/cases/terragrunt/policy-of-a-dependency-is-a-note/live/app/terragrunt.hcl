terraform { source = "../../modules/app" }
dependency "shared" { config_path = "../shared" }
inputs = { document = dependency.shared.outputs.policy }
